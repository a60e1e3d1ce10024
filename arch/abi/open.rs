//! `O_*` bits with one value on both architectures (`asm-generic/fcntl.h`), and `struct open_how`.
//!
//! Deliberately absent: `O_DIRECTORY`, `O_NOFOLLOW`, `O_DIRECT` and `O_LARGEFILE`, whose values
//! differ and which are in [`Arch::OPEN`](crate::Arch::OPEN).

use crate::bytes::get_u64;

/// The bits that hold the access mode.
pub const O_ACCMODE: u32 = 0o3;
/// Read only.
pub const O_RDONLY: u32 = 0o0;
/// Write only.
pub const O_WRONLY: u32 = 0o1;
/// Read and write.
pub const O_RDWR: u32 = 0o2;
/// Makes the file if the name is free.
pub const O_CREAT: u32 = 0o100;
/// Fails if the name is taken.
pub const O_EXCL: u32 = 0o200;
/// A terminal does not become the controlling one.
pub const O_NOCTTY: u32 = 0o400;
/// Cuts a regular file to nothing.
pub const O_TRUNC: u32 = 0o1_000;
/// Writes go to the end.
pub const O_APPEND: u32 = 0o2_000;
/// Operations do not wait.
pub const O_NONBLOCK: u32 = 0o4_000;
/// Writes reach the medium with what is needed to read them back.
pub const O_DSYNC: u32 = 0o10_000;
/// Readiness sends a signal; the kernel's other name is `FASYNC`.
pub const O_ASYNC: u32 = 0o20_000;
/// Reading leaves the access time alone.
pub const O_NOATIME: u32 = 0o1_000_000;
/// The descriptor is closed by exec.
pub const O_CLOEXEC: u32 = 0o2_000_000;
/// What `O_SYNC` adds to [`O_DSYNC`].
pub const __O_SYNC: u32 = 0o4_000_000;
/// Writes reach the medium with all attributes.
pub const O_SYNC: u32 = __O_SYNC | O_DSYNC;
/// The descriptor only names the file.
pub const O_PATH: u32 = 0o10_000_000;
/// What `O_TMPFILE` adds to the architecture's `O_DIRECTORY`: a file without a name.
pub const __O_TMPFILE: u32 = 0o20_000_000;

/// `struct open_how` of openat2 (`linux/openat2.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenHow {
    /// `O_*`; unlike openat, the kernel refuses bits it does not know.
    pub flags: u64,
    /// The mode of a file that is made.
    pub mode: u64,
    /// `RESOLVE_*`
    pub resolve: u64,
}

impl OpenHow {
    /// The size of the first and so far only version.
    pub const SIZE: usize = 24;

    /// Reads the structure; `None` if `bytes` is too short.
    ///
    /// A longer structure is accepted by the kernel if the rest is zero; the caller looks at it.
    pub fn decode(bytes: &[u8]) -> Option<OpenHow> {
        Some(OpenHow {
            flags: get_u64(bytes, 0)?,
            mode: get_u64(bytes, 8)?,
            resolve: get_u64(bytes, 16)?,
        })
    }

    /// The structure as the kernel reads it.
    pub fn encode(&self) -> [u8; OpenHow::SIZE] {
        let mut bytes = [0; OpenHow::SIZE];
        for (i, word) in [self.flags, self.mode, self.resolve].into_iter().enumerate() {
            crate::bytes::put(&mut bytes, 8 * i, word.to_le_bytes());
        }
        bytes
    }
}
