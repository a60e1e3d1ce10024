//! The least a tracer can do: it waits, and lets go on.
//!
//! It stops each call twice, under the filter that vrift would install, reads nothing and writes
//! nothing. A tracer that shows results cannot take less time than this, unless it stops less often.
//! The bench runs itself for it.

use std::ffi::CString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;

use vrift_arch::seccomp::{Interest, Serving, policy_rules, program};
use vrift_arch::syscall::Classes;
use vrift_arch::{Native, Syscall};
use vrift_tracer::engine::{Ending, Resume, Stop};
use vrift_tracer::ptrace::{Measure, Patience, Program, Waited, launch, wait};

use super::lab::say;

/// The word that asks for it, and those that say which calls stop.
pub(crate) const ASKED: &str = "--bare";
pub(crate) const ALL: &str = "all";
pub(crate) const FILE: &str = "file";

/// Runs a command; `args` are what follows [`ASKED`].
pub(crate) fn run(mut args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let only_file = args.next().is_some_and(|which| which == FILE);
    let stops = |syscall: Option<Syscall>| {
        let named = syscall.is_some_and(|syscall| syscall.row().classes.meets(Classes::FILE));
        Interest::from(!only_file || named)
    };
    let rules = policy_rules::<Native>(Serving::Nothing, &stops);
    let text = |word: std::ffi::OsString| CString::new(word.into_vec()).ok();
    let argv: Vec<CString> = args.filter_map(text).collect();
    let Some(path) = argv.first().and_then(found) else {
        say("there is no such program\n");
        return ExitCode::FAILURE;
    };
    let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
    };
    let envp = std::env::vars_os().filter_map(variable).collect();
    let root = Program { path, argv, envp, ignored: 0, directory: None };
    match launch(&root, &program::<Native>(&rules)).map(|launched| follow(launched.pid)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&format!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// The file that a command's name means.
fn found(name: &CString) -> Option<CString> {
    if name.as_bytes().contains(&b'/') {
        return Some(name.clone());
    }
    let path = std::env::var_os("PATH")?;
    let name = std::ffi::OsStr::from_bytes(name.as_bytes());
    let file = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.exists())?;
    CString::new(file.into_os_string().into_vec()).ok()
}

/// Lets every tracee go on until none is left; returns how the first one ended.
fn follow(root: nix::unistd::Pid) -> u8 {
    let mut code = 1;
    loop {
        match wait(Patience::Block, Measure::Nothing) {
            Ok(Waited::Stopped { tracee, stop, .. }) => {
                let how = match stop {
                    Stop::Seccomp => Resume::ToSyscall { signo: 0 },
                    Stop::Signal { signo } => Resume::Run { signo },
                    Stop::Group { .. } => Resume::Listen,
                    _ => Resume::Run { signo: 0 },
                };
                if tracee.resume(how).is_err() {
                    return 1;
                }
            }
            Ok(Waited::Ended { tid, ending: Ending::Exited { code: with }, .. }) if tid == root => {
                code = u8::try_from(with).unwrap_or(1);
            }
            Ok(Waited::Ended { .. } | Waited::Nothing) => {}
            Ok(Waited::Nobody) | Err(_) => return code,
        }
    }
}
