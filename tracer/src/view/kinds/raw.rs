//! Bytes read from a tracee, and native fields in them.

/// More than this is never read for one value.
pub(super) const BYTES_MAX: usize = 1 << 20;

/// Bytes of a tracee. A field beyond their end reads as zero; callers ask for the size they need.
#[derive(Debug, Clone)]
pub(super) struct Raw(Vec<u8>);

impl Raw {
    pub(super) fn new(bytes: Vec<u8>) -> Raw {
        Raw(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Up to `count` bytes from `at` on.
    pub(super) fn slice(&self, at: usize, count: usize) -> &[u8] {
        let rest = self.0.get(at..).unwrap_or_default();
        &rest[..rest.len().min(count)]
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }

    pub(super) fn u8(&self, at: usize) -> u8 {
        u8::from_ne_bytes(self.field(at))
    }

    pub(super) fn u16(&self, at: usize) -> u16 {
        u16::from_ne_bytes(self.field(at))
    }

    pub(super) fn i16(&self, at: usize) -> i16 {
        i16::from_ne_bytes(self.field(at))
    }

    /// A field in network byte order.
    pub(super) fn be16(&self, at: usize) -> u16 {
        u16::from_be_bytes(self.field(at))
    }

    /// A field in network byte order.
    pub(super) fn be32(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.field(at))
    }

    pub(super) fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.field(at))
    }

    pub(super) fn i32(&self, at: usize) -> i32 {
        i32::from_ne_bytes(self.field(at))
    }

    pub(super) fn u64(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.field(at))
    }

    pub(super) fn i64(&self, at: usize) -> i64 {
        i64::from_ne_bytes(self.field(at))
    }
}
