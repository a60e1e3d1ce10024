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
        let mut out = Vec::new();
        let mut chunk = [0u8; PAGE as usize];
        while out.len() < max {
            let from = at.offset(out.len() as u64);
            let to_page_end = (PAGE - from.0 % PAGE) as usize;
            // Most paths are short: the first read stays small, later ones go to the page's end.
            let want =
                to_page_end.min(max - out.len()).min(if out.is_empty() { 256 } else { 4096 });
            let got = self.read(from, &mut chunk[..want])?;
            match chunk[..got].iter().position(|&b| b == 0) {
                Some(nul) => {
                    out.extend_from_slice(&chunk[..nul]);
                    return Ok(out);
                }
                None if got == 0 => return Err(Errno::EFAULT),
                None => out.extend_from_slice(&chunk[..got]),
            }
        }
        Err(Errno::ENAMETOOLONG)
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
