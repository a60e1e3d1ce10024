//! What `/proc/<tid>/fdinfo` tells of an open file: enough to open another one in its place.

use nix::unistd::Pid;

use crate::procfs;

/// An open file as a descriptor shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenFile {
    /// Where it reads on.
    pub(crate) position: u64,
    /// `O_*`, with the descriptor's own `O_CLOEXEC`.
    pub(crate) flags: u32,
    /// The locks that were taken through it by the table's owner.
    pub(crate) locks: Vec<Lock>,
}

/// A lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) owner: Owner,
    pub(crate) kind: Kind,
    /// The first byte.
    pub(crate) start: u64,
    /// How many; 0 is all that follow.
    pub(crate) length: u64,
}

/// Whose a lock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// flock(2): the open file's, and it covers all of it.
    Whole,
    /// `F_OFD_SETLK`: the open file's.
    OpenFile,
    /// `F_SETLK`: the process's.
    Process,
}

/// Whom a lock keeps out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl Kind {
    /// The operation of flock(2).
    pub(crate) fn flock(self) -> i32 {
        match self {
            Kind::Read => libc::LOCK_SH,
            Kind::Write => libc::LOCK_EX,
        }
    }

    /// The type in `struct flock`.
    pub(crate) fn fcntl(self) -> i32 {
        match self {
            Kind::Read => libc::F_RDLCK,
            Kind::Write => libc::F_WRLCK,
        }
    }
}

impl OpenFile {
    /// What is behind a task's descriptor.
    pub(crate) fn of(tid: Pid, fd: i32) -> Option<OpenFile> {
        OpenFile::parse(&procfs::text(&format!("/proc/{tid}/fdinfo/{fd}")).ok()?)
    }

    fn parse(info: &str) -> Option<OpenFile> {
        let field =
            |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Some(OpenFile {
            position: field("pos:")?.parse().ok()?,
            flags: u32::from_str_radix(field("flags:")?, 8).ok()?,
            locks: info.lines().filter_map(lock).collect(),
        })
    }
}

/// A line as `lock_get_status` in fs/locks.c writes it.
fn lock(line: &str) -> Option<Lock> {
    let words: Vec<&str> = line.strip_prefix("lock:")?.split_whitespace().collect();
    let &[_, owner, _, kind, _, _, start, end] = &words[..] else { return None };
    let owner = match owner {
        "FLOCK" => Owner::Whole,
        "OFDLCK" => Owner::OpenFile,
        "POSIX" => Owner::Process,
        // A lease is for who wants to know, and is not waited for.
        _ => return None,
    };
    let kind = match kind {
        "READ" => Kind::Read,
        "WRITE" => Kind::Write,
        _ => return None,
    };
    let start: u64 = start.parse().ok()?;
    let length = match end {
        "EOF" => 0,
        end => end.parse::<u64>().ok()?.checked_sub(start)? + 1,
    };
    Some(Lock { owner, kind, start, length })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};

    use super::*;

    #[test]
    fn an_open_file_is_told_with_its_locks() {
        let file = tempfile::tempfile().expect("a file");
        let (tid, fd) = (nix::unistd::gettid(), file.as_raw_fd());
        nix::unistd::lseek(&file, 7, nix::unistd::Whence::SeekSet).expect("a position");
        let range = libc::flock {
            l_type: libc::F_RDLCK as i16,
            l_whence: libc::SEEK_SET as i16,
            l_start: 3,
            l_len: 4,
            l_pid: 0,
        };
        fcntl(&file, FcntlArg::F_SETLK(&range)).expect("a lock");
        let file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
        let file = file.expect("another lock");
        let open = OpenFile::of(tid, fd).expect("it is open");
        assert_eq!((open.position, open.flags as i32 & libc::O_ACCMODE), (7, libc::O_RDWR));
        assert_ne!(open.flags as i32 & libc::O_CLOEXEC, 0);
        let whole = Lock { owner: Owner::Whole, kind: Kind::Write, start: 0, length: 0 };
        let bytes = Lock { owner: Owner::Process, kind: Kind::Read, start: 3, length: 4 };
        assert_eq!(open.locks.len(), 2, "{open:?}");
        assert!(open.locks.contains(&whole) && open.locks.contains(&bytes), "{open:?}");
        drop(file);
        assert_eq!(OpenFile::of(tid, -1), None);
    }

    #[test]
    fn locks_up_to_the_end_and_of_open_files_are_read() {
        let text = "pos:\t0\nflags:\t0100000\nlock:\t1: OFDLCK ADVISORY  WRITE -1 fe:00:12 5 EOF\n";
        let open = OpenFile::parse(text).expect("it is whole");
        let lock = Lock { owner: Owner::OpenFile, kind: Kind::Write, start: 5, length: 0 };
        assert_eq!(open, OpenFile { position: 0, flags: 0o100000, locks: vec![lock] });
    }
}
