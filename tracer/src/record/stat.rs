//! Attributes of files, whoever has asked the kernel for them: vrift now, or the tracee when it opened one.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use vrift_arch::abi;

/// A file by device and inode number.
pub(super) type Inode = (u64, u64);

/// What tells whether a file still has the content it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) inode: Inode,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) nlink: u64,
    owner: (u32, u32),
    /// Seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    pub(super) changed: (i64, i64),
}

impl Stat {
    pub(super) fn is_file(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFREG
    }

    pub(super) fn is_dir(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// Whether a file with these attributes has the content it had with those `before`. Only other changes of
    /// attributes explain that the time of the last change is another and that of the content is not.
    pub(super) fn has_content_of(&self, before: &Stat) -> bool {
        let content = |stat: &Stat| (stat.size, stat.modified);
        let others = |stat: &Stat| (stat.nlink, stat.mode, stat.owner);
        content(before) == content(self)
            && (before.changed == self.changed || others(before) != others(self))
    }
}

impl From<Metadata> for Stat {
    fn from(meta: Metadata) -> Stat {
        Stat {
            inode: (meta.dev(), meta.ino()),
            size: meta.size(),
            mode: meta.mode(),
            nlink: meta.nlink(),
            owner: (meta.uid(), meta.gid()),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl From<abi::Stat> for Stat {
    fn from(stat: abi::Stat) -> Stat {
        Stat {
            inode: (stat.dev, stat.ino),
            size: stat.size.cast_unsigned(),
            mode: stat.mode,
            nlink: stat.nlink,
            owner: (stat.uid, stat.gid),
            modified: (stat.mtime.sec, stat.mtime.nsec),
            changed: (stat.ctime.sec, stat.ctime.nsec),
        }
    }
}
