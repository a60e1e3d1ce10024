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
        let mut out = Vec::new();
        if read_up_to_nul(self, at, &mut [0; 256][..max.min(256)], &mut out)? {
            return Ok(out);
        }
        let mut chunk = vec![0; PAGE as usize];
        while out.len() < max {
            let (from, room) = (at.offset(out.len() as u64), chunk.len().min(max - out.len()));
            if read_up_to_nul(self, from, &mut chunk[..room], &mut out)? {
                return Ok(out);
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

/// Reads through `chunk` up to a NUL, the end of the page, or that of `chunk`, and adds it to `out`; says whether it was
/// the NUL.
fn read_up_to_nul<M: Memory + ?Sized>(
    memory: &M,
    at: GuestAddr,
    chunk: &mut [u8],
    out: &mut Vec<u8>,
) -> Result<bool, Errno> {
    let to_page_end = (PAGE - at.0 % PAGE) as usize;
    let want = to_page_end.min(chunk.len());
    let count = memory.read(at, &mut chunk[..want])?;
    let got = &chunk[..count];
    let nul = got.iter().position(|&byte| byte == 0);
    if nul.is_none() && got.is_empty() {
        return Err(Errno::EFAULT);
    }
    out.extend_from_slice(&got[..nul.unwrap_or(count)]);
    Ok(nul.is_some())
}
