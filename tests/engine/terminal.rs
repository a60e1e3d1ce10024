//! Shells at a terminal: jobs under vrift, and shells under vrift with jobs of their own.

use std::ffi::OsString;
use std::process::Command;

use crate::bench::{Bench, Way, guarded};
use crate::kit::{Ran, have};

const SHELLS: [&[&str]; 2] = [&["bash", "--norc", "--noprofile", "-i"], &["sh", "-i"]];

/// Runs a session of the guest with a shell; `jobs` is put before each of its jobs.
#[track_caller]
fn session(bench: &Bench, name: &str, shell: &[OsString], jobs: &[OsString]) -> Ran {
    let jobs: Vec<_> = jobs.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut command = bench.sandbox.natively(&[bench.guest.as_os_str()]);
    command.arg(name).args(shell).env("V", jobs.join(" ")).env("G", &bench.guest);
    let ran = guarded(&mut command);
    bench.is_clean();
    ran
}

fn words(command: &Command) -> Vec<OsString> {
    let mut words = vec![command.get_program().to_owned()];
    words.extend(command.get_args().map(OsString::from));
    words
}

fn shells() -> impl Iterator<Item = Vec<OsString>> {
    let installed = SHELLS.into_iter().filter(|shell| have(shell[0]));
    installed.map(|shell| shell.iter().map(OsString::from).collect())
}

/// A session with vrift as the job of a shell, which is to look as without vrift.
#[track_caller]
fn same_jobs(name: &str) {
    let Some(bench) = Bench::new("terminal") else { return };
    for shell in shells() {
        let native = session(&bench, name, &shell, &[]);
        assert!(native.out().ends_with("the shell exited 5\n"), "{shell:?}: {native}");
        for verb in [&["run", "--"][..], &["trace", "-o", "/dev/null", "--"]] {
            let vrift = words(&bench.sandbox.vrift(verb));
            let ran = session(&bench, name, &shell, &vrift);
            assert_eq!(ran, native, "{shell:?} {verb:?}: {ran}");
        }
    }
}

#[test]
fn c_003_a_shell_at_a_terminal() {
    let Some(bench) = Bench::new("terminal") else { return };
    for shell in shells() {
        let native = session(&bench, "jobs", &shell, &[]);
        assert_eq!(native.out(), "the shell exited 5\n", "{native}");
        for way in Way::VRIFT {
            let inner = words(&bench.command(way, &shell));
            let ran = session(&bench, "jobs", &inner, &[]);
            assert_eq!(ran, native, "{shell:?} {way:?}: {ran}");
        }
    }
}

#[test]
fn c_003_vrift_as_the_job_of_a_shell_at_a_terminal() {
    same_jobs("jobs");
}

#[test]
fn c_003_a_job_stops_before_the_shell_is_back() {
    same_jobs("order");
}

#[test]
fn c_003_a_job_that_stops_itself_gives_the_terminal_back() {
    same_jobs("itself");
}
