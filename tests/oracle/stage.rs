//! Where a seed is run twice, and what came of it is compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{Ran, Sandbox, fixture, have, root, run};

/// Who makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the test.
    Own,
    /// A user who owns little, with vrift as root.
    Nobody,
}

/// The compiled program.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Holds the program; every seed has a sandbox of its own.
    _home: Sandbox,
    program: PathBuf,
    oracle: Oracle,
}

/// What the real directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oracle {
    /// A file system of its own, read-only once the tree is made.
    ReadOnly,
    /// A directory like any other.
    Writable,
}

impl Stage {
    /// Compiles the program; `None` without a compiler.
    pub(crate) fn new() -> Option<Stage> {
        if !have("cc") {
            return None;
        }
        let home = Sandbox::new();
        let program = home.path("oracle");
        let mut cc = home.command("cc");
        cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]).arg(&program);
        for source in fs::read_dir(fixture("guests/oracle")).expect("the sources").flatten() {
            if source.path().extension().is_some_and(|extension| extension == "c") {
                cc.arg(source.path());
            }
        }
        let ran = run(&mut cc);
        assert!(ran.status.success(), "the program does not compile: {ran}");
        let mut mounts = home.command("unshare");
        let may_mount = root()
            && have("unshare")
            && run(mounts.args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]))
                .status
                .success();
        let oracle = if may_mount { Oracle::ReadOnly } else { Oracle::Writable };
        Some(Stage { _home: home, program, oracle })
    }

    /// Makes the calls of a seed twice; returns how many they were, or the first that differs.
    pub(crate) fn compare(&self, seed: u64, count: u32, user: User) -> Result<usize, String> {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.tree()).expect("the sandbox is empty");
        self.prepare(&sandbox);
        let (seed, count) = (seed.to_string(), count.to_string());
        let native = self.natively(&sandbox, &seed, &count, user);
        let words = self.words(&sandbox, &seed, &count, user);
        let words: Vec<&Path> = words.iter().map(Path::new).collect();
        let mounted = run(&mut sandbox.in_mount(&words));
        let lines = |ran: &Ran| ran.stdout.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        let (real, seen): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (lines(&native), lines(&mounted));
        assert!(native.out().contains("end of the run"), "seed {seed}: {}", native.err());
        if real == seen && native.status == mounted.status && mounted.stderr.is_empty() {
            return Ok(real.len().saturating_sub(2));
        }
        let at = real.iter().zip(&seen).take_while(|(a, b)| a == b).count();
        let show = |lines: &[Vec<u8>]| match lines.get(at) {
            Some(line) => String::from_utf8_lossy(line).into_owned(),
            None => "(the end)".into(),
        };
        let err = mounted.err();
        Err(format!("seed {seed}, line {at}:\n- {}\n+ {}\n{err}", show(&real), show(&seen)))
    }

    /// What the tree's neighbours on the host are.
    fn prepare(&self, sandbox: &Sandbox) {
        let mut outside = sandbox.command(&self.program);
        outside.arg("outside").arg(sandbox.path("site")).arg(sandbox.tree());
        run(&mut outside).fine();
    }

    /// Makes the tree, ingests it and runs the calls on it.
    fn natively(&self, sandbox: &Sandbox, seed: &str, count: &str, user: User) -> Ran {
        let words = self.words(sandbox, seed, count, user);
        let script = match self.oracle {
            Oracle::ReadOnly => {
                "mount -t tmpfs -o noatime,mode=755 tmpfs \"$T\" && \"$O\" make \"$SEED\" \"$T\" && \
                 \"$V\" ingest \"$T\" -o \"$M\" >/dev/null && \
                 mount -o remount,ro,noatime \"$T\" && exec \"$@\""
            }
            Oracle::Writable => {
                "\"$O\" make \"$SEED\" \"$T\" && \"$V\" ingest \"$T\" -o \"$M\" >/dev/null && \"$@\" && \
                 mv \"$T\" \"$T.away\" && mkdir \"$T\""
            }
        };
        let shell = ["sh", "-c", script, "sh"];
        let prefix: &[&str] = match self.oracle {
            Oracle::ReadOnly => &["unshare", "--mount"],
            Oracle::Writable => &[],
        };
        let mut command: Command = sandbox.natively(&[prefix, &shell].concat());
        command
            .args(words)
            .env("T", sandbox.tree())
            .env("O", &self.program)
            .env("V", env!("CARGO_BIN_EXE_vrift"))
            .env("M", sandbox.path("tree.vrift"))
            .env("SEED", seed);
        run(&mut command)
    }

    fn words(&self, sandbox: &Sandbox, seed: &str, count: &str, user: User) -> Vec<String> {
        let text = |path: &Path| path.to_str().expect("temporary paths are text").to_owned();
        let mut words: Vec<String> = match user {
            User::Own => Vec::new(),
            User::Nobody => ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
                .map(String::from)
                .to_vec(),
        };
        let tree = text(&sandbox.tree());
        words.extend([text(&self.program), "run".into(), seed.into(), tree, count.into()]);
        if self.oracle == Oracle::ReadOnly {
            words.push("ro".into());
        }
        words
    }
}
