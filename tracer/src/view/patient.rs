//! A writer that waits for slow readers, and says what it writes to when it fails.
//!
//! Standard error is shared with the command, which may make it non-blocking; a pipe that is full
//! then answers `EAGAIN` instead of waiting.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A descriptor written to without ever giving up because it is full.
#[derive(Debug)]
pub struct Patient<W> {
    out: W,
    name: String,
}

impl<W> Patient<W> {
    /// A writer to what users know as `name`.
    pub fn new(out: W, name: impl Into<String>) -> Patient<W> {
        Patient { out, name: name.into() }
    }
}

impl Patient<File> {
    /// Another writer to the same file, at the same position.
    ///
    /// # Errors
    /// `EMFILE` if there are too many open files.
    pub fn try_clone(&self) -> io::Result<Patient<File>> {
        Ok(Patient { out: self.out.try_clone()?, name: self.name.clone() })
    }
}

/// An output that takes no more.
#[derive(Debug)]
pub struct Lost {
    /// What users know it as.
    pub name: String,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} takes no more of the trace, the command goes on without it", self.name)
    }
}

impl std::error::Error for Lost {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Lost {
    /// The error of writing to `name`.
    pub(super) fn of(name: &str, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Lost { name: name.to_owned(), source })
    }
}

impl<W: Write + AsFd> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.out.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut fds = [PollFd::new(self.out.as_fd(), PollFlags::POLLOUT)];
                    // A signal only makes us try again.
                    let _ = poll(&mut fds, PollTimeout::NONE);
                }
                // Those who call write_all() try again.
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => return Err(Lost::of(&self.name, error)),
                Ok(written) => return Ok(written),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| Lost::of(&self.name, error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_full_pipe_is_waited_for() {
        let (writer, mut reader) = UnixStream::pair().expect("a socket pair");
        writer.set_nonblocking(true).expect("a mode of sockets");
        let sent = vec![7; 1 << 20];
        let reading = std::thread::spawn(move || {
            let mut got = Vec::new();
            reader.read_to_end(&mut got).map(|_| got.len())
        });
        Patient::new(writer, "a pipe").write_all(&sent).expect("somebody reads");
        let got = reading.join().expect("it does not panic").expect("it reads");
        assert_eq!(got, sent.len());
    }
}
