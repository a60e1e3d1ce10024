//! Which tasks want to run.
//!
//! That is asked often, of few tasks: their files of `/proc` stay open, so that an answer is one read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use nix::unistd::Pid;

/// What the kernel says of a task that runs or is ready to (`proc_pid_syscall` in fs/proc/base.c). It says so in a fifth of
/// the time that it takes for `stat`.
const RUNNING: &[u8; 7] = b"running";

/// The state of tasks.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    syscall: HashMap<Pid, File>,
}

impl Ready {
    /// Whether a task is running or ready to. Not of use for the one that asks.
    pub(crate) fn is(&mut self, tid: Pid) -> bool {
        let open = match self.syscall.entry(tid) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(closed) => {
                File::open(format!("/proc/{tid}/syscall")).map(|file| closed.insert(file))
            }
        };
        let mut told = [0; RUNNING.len()];
        match open.and_then(|file| file.read_at(&mut told, 0)) {
            Ok(_) => told == *RUNNING,
            // It is gone, or gives nobody its memory to read.
            Err(_) => is_by_stat(tid),
        }
    }

    /// Whether one of `tasks` other than `tid` is.
    pub(crate) fn is_another(&mut self, tid: Pid, mut tasks: impl Iterator<Item = Pid>) -> bool {
        tasks.any(|task| task != tid && self.is(task))
    }

    /// Takes note of a task's end.
    pub(crate) fn ended(&mut self, tid: Pid) {
        self.syscall.remove(&tid);
    }
}

/// Whether a task is running or ready to, as who may not look into it can ask too.
fn is_by_stat(tid: Pid) -> bool {
    let stat = fs::read(format!("/proc/{tid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses and may hold any character; the rest is numbers.
    let after = stat.iter().rposition(|&b| b == b')').map_or(0, |at| at + 2);
    stat.get(after) == Some(&b'R')
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// Starts a shell; it has told that it runs.
    fn start(script: &str) -> (Child, Pid) {
        let mut shell = Command::new("sh");
        let mut child = shell.args(["-c", script]).stdout(Stdio::piped()).spawn().expect("a shell");
        let told = child.stdout.as_mut().expect("it is a pipe").read_exact(&mut [0]);
        told.expect("it runs");
        let pid = Pid::from_raw(child.id() as i32);
        (child, pid)
    }

    #[test]
    fn who_computes_is_ready_and_who_waits_is_not() {
        let (mut busy, computes) = start("echo; while :; do :; done");
        let (mut idle, waits) = start("echo; kill -STOP $$");
        let mut ready = Ready::default();
        while ready.is(waits) || is_by_stat(waits) {
            std::thread::yield_now();
        }
        let all = [computes, waits];
        let told = all.map(|tid| (ready.is(tid), is_by_stat(tid)));
        let others = all.map(|own| ready.is_another(own, all.into_iter()));
        for child in [&mut busy, &mut idle] {
            child.kill().and_then(|()| child.wait()).expect("it is ours");
        }
        assert_eq!((told, others), ([(true, true), (false, false)], [false, true]));
        assert_eq!(ready.syscall.len(), 2);
        ready.ended(waits);
        assert_eq!(ready.syscall.len(), 1);
    }

    /// The number of a task that is gone may be another's by now.
    #[test]
    fn who_is_gone_is_not_ready() {
        let (mut child, pid) = start("echo; while :; do :; done");
        let mut ready = Ready::default();
        ready.is(pid);
        child.kill().and_then(|()| child.wait()).expect("it is ours");
        assert!(!ready.is(pid) && ready.syscall.len() == 1);
    }
}
