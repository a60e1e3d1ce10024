//! Programs whose memory is closed to a vrift without privilege: those that may be executed but not
//! read, and those that the kernel has made not dumpable (`would_dump` in fs/exec.c, `commit_creds` in
//! kernel/cred.c). What follows from that is said once of each program.
//!
//! Deliberately absent: programs that ask for it themselves, which [`super::answered`] sees to.

use std::fmt;

use nix::unistd::Pid;
use vrift_arch::Arch;

use super::{Engine, Sight};
use crate::procfs;

/// A program whose memory vrift may not read.
#[derive(Debug)]
struct ClosedProgram {
    name: String,
    consequence: &'static str,
}

impl fmt::Display for ClosedProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClosedProgram { name, consequence } = self;
        write!(
            f,
            "{name}: vrift may not look into the memory of this program, because its file may be \
             executed but not read, or its user has changed; so {consequence}; let the file be read, \
             or run vrift with CAP_SYS_PTRACE"
        )
    }
}

impl std::error::Error for ClosedProgram {}

impl<A: Arch> Engine<A> {
    /// Complains if the program a task runs is closed.
    pub(super) fn complain_if_closed(&mut self, tid: Pid) {
        if self.sight == Sight::OfAll {
            return;
        }
        let consequence = match self.served {
            Some(_) => "its calls with paths fail with EACCES, on the host as in a mount",
            None if self.observer.watches_anything() => {
                "a trace shows addresses for its arguments, and a record lacks its paths"
            }
            None => return,
        };
        if procfs::is_closed(tid) {
            let name = procfs::name(tid);
            self.observer.complain(&ClosedProgram { name, consequence });
        }
    }
}
