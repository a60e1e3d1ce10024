//! A tracee's memory, as bytes at guest addresses. No reference to it ever exists on our side.

use nix::errno::Errno;

/// An address in a tracee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestAddr(pub u64);

impl GuestAddr {
    /// Whether it is the null pointer.
    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `bytes` further on; wraps as the tracee's own arithmetic would.
    pub fn offset(self, bytes: u64) -> GuestAddr {
        GuestAddr(self.0.wrapping_add(bytes))
    }
}

/// The smallest page size of the supported architectures: no mapping starts or ends inside one.
pub(crate) const PAGE: u64 = 4096;

/// Access to a tracee's memory.
pub trait Memory {
    /// Reads up to `buf.len()` bytes; fewer if the mapping ends. `EFAULT` if not even one.
    fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno>;

    /// Writes all of `bytes` as the tracee itself could; `EFAULT` if any byte is not writable.
    fn write(&self, at: GuestAddr, bytes: &[u8]) -> Result<(), Errno>;

    /// Reads exactly `buf.len()` bytes.
    fn read_exact(&self, at: GuestAddr, buf: &mut [u8]) -> Result<(), Errno> {
        let mut done = 0;
        while done < buf.len() {
            match self.read(at.offset(done as u64), &mut buf[done..])? {
                0 => return Err(Errno::EFAULT),
                n => done += n,
            }
        }
        Ok(())
    }

    /// Reads a NUL-terminated string of at most `max` bytes without the NUL. `ENAMETOOLONG` if no
    /// NUL comes within `max` bytes, `EFAULT` if the mapping ends before it.
    fn read_cstr(&self, at: GuestAddr, max: usize) -> Result<Vec<u8>, Errno> {
        // Most paths are short: the first read stays small, later ones go to the page's end.
        let mut begin = [0; 256];
        let (mut out, is_whole) = self.read_part(at, &mut begin[..max.min(256)])?;
        if is_whole {
            return Ok(out);
        }
        let mut chunk = vec![0; PAGE as usize];
        while out.len() < max {
            let room = chunk.len().min(max - out.len());
            let from = at.offset(out.len() as u64);
            let (part, is_whole) = self.read_part(from, &mut chunk[..room])?;
            out.extend(part);
            if is_whole {
                return Ok(out);
            }
        }
        Err(Errno::ENAMETOOLONG)
    }

    /// Reads up to a NUL, the end of the page, or that of `chunk`; says whether it was the NUL.
    fn read_part(&self, at: GuestAddr, chunk: &mut [u8]) -> Result<(Vec<u8>, bool), Errno> {
        let to_page_end = (PAGE - at.0 % PAGE) as usize;
        let want = to_page_end.min(chunk.len());
        let count = self.read(at, &mut chunk[..want])?;
        let got = &chunk[..count];
        match got.iter().position(|&byte| byte == 0) {
            Some(nul) => Ok((got[..nul].to_vec(), true)),
            None if got.is_empty() => Err(Errno::EFAULT),
            None => Ok((got.to_vec(), false)),
        }
    }

    /// Reads a native 64-bit word.
    fn read_u64(&self, at: GuestAddr) -> Result<u64, Errno> {
        let mut word = [0; 8];
        self.read_exact(at, &mut word)?;
        Ok(u64::from_ne_bytes(word))
    }

    /// Reads a native 32-bit word.
    fn read_u32(&self, at: GuestAddr) -> Result<u32, Errno> {
        let mut word = [0; 4];
        self.read_exact(at, &mut word)?;
        Ok(u32::from_ne_bytes(word))
    }
}
