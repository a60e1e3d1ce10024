//! A tracee's memory made of a few regions.

use std::collections::BTreeMap;

use nix::errno::Errno;

use crate::memory::{GuestAddr, Memory};

/// Regions by address; between them nothing is mapped.
#[derive(Debug, Default)]
pub(super) struct Regions(pub(super) BTreeMap<u64, Vec<u8>>);

impl Memory for Regions {
    fn read(&self, at: GuestAddr, buf: &mut [u8]) -> Result<usize, Errno> {
        let (start, bytes) = self.0.range(..=at.0).next_back().ok_or(Errno::EFAULT)?;
        let from = usize::try_from(at.0 - start).map_err(|_| Errno::EFAULT)?;
        let rest = bytes.get(from..).filter(|rest| !rest.is_empty()).ok_or(Errno::EFAULT)?;
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write(&self, _: GuestAddr, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::EFAULT)
    }
}
