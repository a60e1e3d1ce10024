//! Only calls that access certain paths (`-P`).
//!
//! As in strace, a call is taken if one of its path arguments, as the caller wrote it, is one of the
//! paths, or if one of its descriptors is open on one; each path counts also as what it resolves to.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use vrift_arch::syscall::{Kind, Shape};
use vrift_arch::{Arch, Model, Policy, Syscall};

use super::places::Seat;
use super::select::Selection;
use crate::call::{Abi, Call, Layer};
use crate::memory::GuestAddr;
use crate::procfs;

/// `PATH_MAX`
const PATH_MAX: usize = 4096;
/// More descriptors than this are not looked at in one call.
const DESCRIPTORS_MAX: u64 = 4096;

/// The paths of `-P`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFilter {
    paths: BTreeSet<PathBuf>,
}

impl PathFilter {
    /// A filter for these paths and what they resolve to now; `tell` hears of each that resolves to another.
    pub fn new(paths: &[PathBuf], tell: impl Fn(&Path, &Path)) -> PathFilter {
        let mut all: BTreeSet<PathBuf> = paths.iter().cloned().collect();
        for path in paths {
            let Ok(resolved) = path.canonicalize() else { continue };
            // Bytes: "/usr/" is not "/usr".
            if resolved.as_os_str() != path.as_os_str() {
                tell(path, &resolved);
            }
            all.insert(resolved);
        }
        PathFilter { paths: all }
    }

    /// The calls of `selection` that can access a path at all.
    pub(crate) fn restrict(&self, selection: Selection) -> Selection {
        selection.restricted(|row| row.args.iter().any(|&kind| names_file(kind)))
    }

    /// Whether a call accesses one of the paths.
    pub(crate) fn accepts<A: Arch>(&self, call: &Call, seat: &Seat<'_>) -> bool {
        let Some(syscall) = call.syscall else { return false };
        let kinds = match (call.abi, call.layer) {
            (Abi::Compat, Layer::Outer) => A::Compat::args(syscall),
            (Abi::Compat, Layer::Inner) => syscall.row().args,
            (Abi::Native | Abi::Foreign { .. }, _) => A::args(syscall),
        };
        let makes_link = syscall.row().policy == Policy::Model(Model::Symlink);
        let by_kind = kinds.iter().enumerate().any(|(at, &kind)| {
            let arg = call.args.get(at).copied().unwrap_or(0);
            match kind {
                // What a symlink is to hold is no path that is accessed.
                Kind::Path if at == 0 && makes_link => false,
                Kind::Path => self.has_text(seat, arg),
                Kind::Fd | Kind::DirFd => self.has_descriptor(seat, arg as i32),
                Kind::In(Shape::PollFds { count }) | Kind::InOut(Shape::PollFds { count }) => {
                    self.has_polled(seat, arg, call.args[usize::from(count)])
                }
                Kind::In(Shape::FdSet { count }) | Kind::InOut(Shape::FdSet { count }) => {
                    self.has_selected(seat, arg, call.args[usize::from(count)])
                }
                _ => false,
            }
        });
        // A file system need not come from a file, but may.
        by_kind || syscall == Syscall::Mount && self.has_text(seat, call.args[0])
    }

    fn has(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }

    fn has_text(&self, seat: &Seat<'_>, addr: u64) -> bool {
        let text = seat.memory.read_cstr(GuestAddr(addr), PATH_MAX);
        text.is_ok_and(|text| {
            // Bytes, not components: "a//b" is not "a/b" here.
            self.paths.iter().any(|path| path.as_os_str().as_bytes() == text)
        })
    }

    fn has_descriptor(&self, seat: &Seat<'_>, fd: i32) -> bool {
        if fd < 0 {
            return false;
        }
        match seat.places.mounted(seat.tid, fd) {
            Some(path) => self.has(&path),
            None => procfs::link(seat.tid, fd).is_some_and(|path| self.has(&path)),
        }
    }

    fn has_polled(&self, seat: &Seat<'_>, addr: u64, count: u64) -> bool {
        (0..count.min(DESCRIPTORS_MAX)).any(|index| {
            let fd = seat.memory.read_u32(GuestAddr(addr).offset(index * 8));
            fd.is_ok_and(|fd| self.has_descriptor(seat, fd as i32))
        })
    }

    fn has_selected(&self, seat: &Seat<'_>, addr: u64, count: u64) -> bool {
        // In parts of four bytes: a set has no more if its task has words of that size.
        let parts = count.min(DESCRIPTORS_MAX).div_ceil(32);
        addr != 0
            && (0..parts).any(|part| {
                let bits = seat.memory.read_u32(GuestAddr(addr).offset(part * 4)).unwrap_or(0);
                (0..32).any(|bit| {
                    bits >> bit & 1 == 1 && self.has_descriptor(seat, (part * 32 + bit) as i32)
                })
            })
    }
}

/// Whether an argument of this kind names a file.
fn names_file(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Path
            | Kind::Fd
            | Kind::DirFd
            | Kind::In(Shape::PollFds { .. } | Shape::FdSet { .. })
            | Kind::InOut(Shape::PollFds { .. } | Shape::FdSet { .. })
    )
}
