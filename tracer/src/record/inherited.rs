//! Descriptors that the command was given when it started.
//!
//! What is done through them is not recorded. Standard input and output are the caller's business, whatever
//! file they lead to, and so are pipes and terminals; anything else is a way out of the tree that nothing
//! on the command line explains: a directory to start paths from, a socket to somebody, an open file.
//! But a file that is standard input may be what it is all about (`patch < changes`), so it is told of as read. And
//! one that is written to by standard output changes by what the tree does, if it reads it besides.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::sys::stat::major;
use vrift_record::{Act, Escape, Event as Told, Outcome, Part};

use super::Recorder;
use super::contents::Written;
use super::noted::Ended;
use super::opened::OpenFile;
use crate::fdinfo;
use crate::view::places::Seat;

/// Major numbers of terminals (Documentation/admin-guide/devices.txt), and of `/dev/null` and its like.
const TERMINALS: [u64; 2] = [4, 5];
const PSEUDO_TERMINALS: std::ops::RangeInclusive<u64> = 136..=143;
const MEMORY: u64 = 1;

impl Recorder {
    /// Tells which descriptors the command was given that are more than its standard ones, and of the files that it is
    /// given by these.
    pub(super) fn tell_inherited(&mut self, ended: &Ended, seat: &Seat<'_>) {
        let command = seat.tid;
        let directory = format!("/proc/{command}/fd");
        let Ok(entries) = fs::read_dir(&directory) else { return };
        let mut numbers: Vec<u32> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        for number in numbers {
            let link = format!("{directory}/{number}");
            let (Ok(target), Ok(meta)) = (fs::read_link(&link), fs::metadata(&link)) else {
                continue;
            };
            if !is_expected(number, &meta) {
                let detail = named(target.as_os_str());
                let (kind, call, outcome) = (Escape::Descriptor, &b""[..], Outcome::Done);
                self.out.tell(command, Told::Escape { kind, call, detail, outcome });
            } else if meta.is_file() {
                self.given(number.cast_signed(), ended, seat);
            }
        }
    }

    /// The command was given a file as its standard input or output. One that has no name is nowhere to be found.
    fn given(&mut self, fd: i32, ended: &Ended, seat: &Seat<'_>) {
        let file = OpenFile::of(fd, seat).filter(|file| file.stat.nlink > 0);
        let info = fdinfo::OpenFile::of(seat.tid, fd);
        let (Some(file), Some(info)) = (file, info) else { return };
        let mode = info.flags.cast_signed() & libc::O_ACCMODE;
        if mode != libc::O_WRONLY {
            let version = self.held_by(&file, seat);
            self.access(Act::Read, &file.path, None, version, Part::Further, ended, seat);
        }
        if mode != libc::O_RDONLY {
            self.contents.before_writing(file.stat.inode, Written::Content);
        }
    }
}

fn is_expected(number: u32, meta: &Metadata) -> bool {
    let kind = meta.file_type();
    let device = major(meta.rdev());
    kind.is_fifo()
        || kind.is_char_device()
            && (TERMINALS.contains(&device)
                || PSEUDO_TERMINALS.contains(&device)
                || device == MEMORY)
        || number <= 2 && kind.is_file()
}

/// A path, or what the kernel calls a thing without one; the number of a socket says nothing.
fn named(target: &OsStr) -> &[u8] {
    match target.as_bytes() {
        bytes if bytes.starts_with(b"socket:") => b"socket",
        bytes => bytes,
    }
}
