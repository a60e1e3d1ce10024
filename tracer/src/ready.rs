//! Which tasks want to run.
//!
//! That is asked often, of few tasks: their files of `/proc` stay open, so that an answer is one read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::os::unix::fs::FileExt;

use nix::unistd::Pid;

/// The state of tasks.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    stat: HashMap<Pid, File>,
}

impl Ready {
    /// Whether a task is running or ready to.
    pub(crate) fn is(&mut self, tid: Pid) -> bool {
        let file = match self.stat.entry(tid) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(closed) => match File::open(format!("/proc/{tid}/stat")) {
                Ok(file) => closed.insert(file),
                Err(_) => return false,
            },
        };
        // The state follows the name, which is in parentheses and may hold any character; it is in the first
        // bytes, and the rest is numbers.
        let mut stat = [0; 128];
        let read = file.read_at(&mut stat, 0);
        let stat = &stat[..read.unwrap_or(0)];
        let after = stat.iter().rposition(|&b| b == b')').map_or(0, |at| at + 2);
        stat.get(after) == Some(&b'R')
    }

    /// Whether one of `tasks` other than `tid` is.
    pub(crate) fn is_another(&mut self, tid: Pid, mut tasks: impl Iterator<Item = Pid>) -> bool {
        tasks.any(|task| task != tid && self.is(task))
    }

    /// Takes note of a task's end.
    pub(crate) fn ended(&mut self, tid: Pid) {
        self.stat.remove(&tid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_thread_is_ready_while_it_asks() {
        let (mut ready, own) = (Ready::default(), nix::unistd::gettid());
        assert!(ready.is(own) && ready.is(own));
        assert!(ready.is_another(Pid::from_raw(-1), [own].into_iter()));
        assert!(!ready.is_another(own, [own, Pid::from_raw(-1)].into_iter()));
        assert_eq!(ready.stat.len(), 1);
        ready.ended(own);
        assert!(ready.stat.is_empty());
    }

    /// The number of a task that is gone may be another's by now.
    #[test]
    fn who_is_gone_is_not_ready() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a process");
        let (mut ready, pid) = (Ready::default(), Pid::from_raw(child.id() as i32));
        // It may be ready or not; its file is open.
        ready.is(pid);
        child.kill().and_then(|()| child.wait()).expect("it is ours");
        assert!(!ready.is(pid) && ready.stat.len() == 1);
    }
}
