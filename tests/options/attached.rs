//! Processes that ran before vrift came.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use crate::kit::{Sandbox, skipped};

/// A `cat` that ends when its standard input is closed.
fn waiting() -> Child {
    let mut cat = Command::new("cat");
    cat.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat is everywhere")
}

/// Whether this process may trace what is no child of its own.
fn may_attach() -> bool {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    matches!(scope.trim(), "" | "0") || geteuid().is_root() && scope.trim() != "3"
}

/// Whether somebody traces a process.
fn traced(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    !status.contains("TracerPid:\t0\n")
}

#[test]
fn several_processes_in_one_list() {
    if !may_attach() {
        skipped("other processes cannot be traced here");
        return;
    }
    for separator in [" ", ",", "\n"] {
        let sandbox = Sandbox::new();
        let mut cats = [waiting(), waiting(), waiting()];
        let [first, second, third] = cats.each_ref().map(|cat| cat.id().to_string());
        let list = [first.as_str(), &second, &first].join(separator);
        let mut vrift = sandbox.vrift(["trace", "-e", "trace=close", "-p", &list, "-p", &third]);
        let vrift = vrift.stderr(Stdio::piped()).spawn().expect("vrift was built");
        let begin = Instant::now();
        while !cats.iter().all(traced) {
            assert!(begin.elapsed() < Duration::from_secs(60), "{list:?} is not traced");
            std::thread::yield_now();
        }
        for cat in &mut cats {
            drop(cat.stdin.take());
            assert!(cat.wait().expect("it is ours").success());
        }
        let ended = vrift.wait_with_output().expect("it is ours");
        let shown = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{shown}");
        // As soon as there is one line, there are three tasks.
        assert!(shown.starts_with(&format!("[pid {first:>5}] ")), "{shown}");
        assert_eq!(shown.matches("+++ exited with 0 +++").count(), 3, "{shown}");
    }
}

#[test]
fn what_is_no_process_id_is_refused() {
    let sandbox = Sandbox::new();
    for (list, reason) in
        [("12,x", "'x' is no process id"), ("0", "'0' is no process id"), (" ,", "no process id")]
    {
        let ran = crate::kit::run(&mut sandbox.vrift(["trace", "-p", list]));
        assert_eq!(ran.code(), Some(125), "{ran}");
        assert!(ran.err().contains(reason), "{list:?}: {ran}");
    }
}
