//! The command that reads a trace: `-o '|COMMAND'`.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;

/// A shell command that reads from a pipe. It ends when the pipe does, or when it likes.
#[derive(Debug)]
pub(crate) struct Reader {
    child: Child,
}

impl Reader {
    /// Starts the command; returns the pipe's other end too.
    pub(crate) fn start(command: &OsStr) -> Result<(Reader, File), Failure> {
        let unstarted = |error| {
            Failure::new(format!("-o '|{}': the shell cannot be started", command.display()))
                .because(error)
        };
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).stdin(Stdio::piped());
        let mut child = shell.spawn().map_err(unstarted)?;
        let pipe = child.stdin.take().map(OwnedFd::from).map(File::from);
        Ok((Reader { child }, pipe.expect("its standard input was piped")))
    }

    /// Waits until it has read all and ended. The pipe must be closed by then.
    pub(crate) fn wait(mut self) {
        // One that ended while tracees were waited for has been waited for with them.
        let _ = self.child.wait();
    }
}
