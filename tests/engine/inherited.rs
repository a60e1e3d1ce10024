//! What a command is started with: the signals and descriptors vrift was started with itself.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::bench::{Bench, Way, guarded};
use crate::kit::run;

/// The signals of the terminal and of jobs, those vrift uses itself, and the one the language's
/// runtime changes.
const SIGNALS: [i32; 16] = [1, 2, 3, 10, 12, 13, 14, 15, 17, 18, 20, 21, 22, 26, 34, 64];

/// `command` started as the guest's plan says.
fn started(bench: &Bench, plan: &str, command: &Command) -> Command {
    let mut words = vec![bench.guest.clone().into_os_string(), plan.into()];
    words.push(command.get_program().to_owned());
    words.extend(command.get_args().map(OsString::from));
    bench.sandbox.natively(&words)
}

/// What a program finds that is started with `plan`, natively or under vrift.
#[track_caller]
fn found(bench: &Bench, plan: &str, way: Way) -> String {
    let file = bench.sandbox.path("report");
    let _ = fs::remove_file(&file);
    let report = [bench.guest.as_os_str(), "report".as_ref(), file.as_os_str()];
    let command = bench.command(way, &report.map(OsString::from));
    let ran = guarded(&mut started(bench, plan, &command));
    assert_eq!(ran.code(), Some(7), "{plan} {way:?}: {ran}");
    assert!(ran.stderr.is_empty(), "{plan} {way:?}: {ran}");
    bench.is_clean();
    fs::read_to_string(file).expect("the guest wrote it")
}

#[track_caller]
fn same_start(plans: &[String]) {
    let Some(bench) = Bench::new("start") else { return };
    let natively: Vec<_> = plans.iter().map(|plan| found(&bench, plan, Way::Native)).collect();
    for way in Way::VRIFT {
        for (plan, native) in plans.iter().zip(&natively) {
            assert_eq!(&found(&bench, plan, way), native, "{plan} {way:?}");
        }
    }
}

#[test]
fn c_016_signals_ignored_at_the_start_are_ignored() {
    let each = SIGNALS.map(|signo| format!("ignore:{signo}"));
    let all = each.join(",");
    same_start(&[String::from("-"), all, each[5].clone(), each[8].clone()]);
}

#[test]
fn c_016_signals_blocked_at_the_start_are_blocked() {
    let all = SIGNALS.map(|signo| format!("block:{signo}")).join(",");
    same_start(&[all]);
}

#[test]
fn c_091_standard_descriptors_closed_at_the_start_are_closed() {
    let plans = ["close:0", "close:1", "close:2", "close:0,close:2", "close:0,close:1,close:2"];
    same_start(&plans.map(String::from));
}

/// Nothing that vrift opens gets the number of a standard descriptor that was closed.
#[test]
fn c_091_what_vrift_says_goes_into_no_file_of_its_own() {
    let Some(bench) = Bench::new("start") else { return };
    let output = bench.sandbox.path("output");
    for plan in ["close:0,close:1,close:2", "close:2", "close:1,close:2"] {
        let quiet = bench.sandbox.vrift(["trace", "-e", "trace=all", "--", "sh", "-c", "exit 4"]);
        let mut to_file = bench.sandbox.vrift(["trace", "-e", "trace=none", "-o"]);
        to_file.arg(&output).args(["--tree", "--", "no-such-command-anywhere"]);
        assert_eq!(run(&mut started(&bench, plan, &quiet)).code(), Some(4), "{plan}");
        assert_eq!(run(&mut started(&bench, plan, &to_file)).code(), Some(127), "{plan}");
        let written = fs::read_to_string(&output).unwrap_or_default();
        assert!(!written.contains("no-such-command"), "{plan}: {written}");
    }
}
