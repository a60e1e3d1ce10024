//! The directories that `bench/mount.rs` shows in mounts.

use std::fs;
use std::path::Path;

use super::kit::{Sandbox, run};
use super::lab::projects;

/// Files of the repository.
const FILES: usize = 10_000;

/// Makes the tree of a name. *Errors:* what this machine lacks for it.
pub(crate) fn make(sandbox: &Sandbox, name: &str, at: &Path) -> Result<(), String> {
    match name {
        "lua" | "tiny" => projects::make(name, at)?,
        "headers" => script(sandbox, at, "cp -a /usr/include \"$1\"")?,
        "repository" => repository(sandbox, at)?,
        "modules" => script(sandbox, at, MODULES)?,
        "programs" => script(sandbox, at, "mkdir \"$1\" && cp /bin/true \"$1\"")?,
        other => unreachable!("no program needs a tree named {other}"),
    }
    Ok(())
}

/// The modules of Python that others import, as they are installed.
const MODULES: &str = "library=$(python3 -c 'import json; print(json.__path__[0])') && \
    cp -a \"$(dirname \"$library\")\" \"$1\" && \
    rm -rf \"$1\"/site-packages \"$1\"/dist-packages \"$1\"/test \"$1\"/config-*";

fn script(sandbox: &Sandbox, at: &Path, script: &str) -> Result<(), String> {
    let mut shell = sandbox.command("sh");
    let ran = run(shell.args(["-c", script, "sh"]).arg(at));
    if ran.status.success() { Ok(()) } else { Err(ran.err()) }
}

/// A repository with everything committed. That inode numbers and change times differ in a mount says
/// nothing about contents, so git is told to go by sizes and times of contents alone.
fn repository(sandbox: &Sandbox, at: &Path) -> Result<(), String> {
    for n in 0..FILES {
        let path = at.join(format!("{:02}/{:02}/{n}.txt", n % 10, n / 10 % 10));
        fs::create_dir_all(path.parent().expect("it is below the repository"))
            .and_then(|()| fs::write(path, format!("file {n}\n")))
            .map_err(|error| error.to_string())?;
    }
    let git = "cd \"$1\" && git init -q && git config core.checkStat minimal && git config gc.auto 0 && \
               git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all && \
               git gc -q && git status >/dev/null";
    script(sandbox, at, git)
}
