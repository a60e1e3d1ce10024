//! Bytes read from a tracee, and native fields in them.

/// More than this is never read for one value.
pub(super) const BYTES_MAX: usize = 1 << 20;

/// How many bytes the kernel takes for what has no width of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Widths {
    /// A pointer or a `long`.
    pub(super) word: usize,
    /// A time in seconds, and what is counted beside it.
    pub(super) time: usize,
}

impl Widths {
    /// Those of the 64-bit ABIs.
    pub(super) const WIDE: Widths = Widths { word: 8, time: 8 };
}

/// Bytes of a tracee. A field beyond their end reads as zero; callers ask for the size they need.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    bytes: Vec<u8>,
    widths: Widths,
}

impl Raw {
    pub(super) fn new(bytes: Vec<u8>, widths: Widths) -> Raw {
        Raw { bytes, widths }
    }

    /// The same for bytes of a structure within this one.
    pub(super) fn part(&self, at: usize, count: usize) -> Raw {
        Raw::new(self.slice(at, count).to_vec(), self.widths)
    }

    /// The same with zeroes behind it, up to a size.
    pub(super) fn padded(&self, count: usize) -> Raw {
        let mut bytes = self.bytes.clone();
        bytes.resize(count.max(bytes.len()), 0);
        Raw::new(bytes, self.widths)
    }

    /// The bytes of a word.
    pub(super) fn word(&self) -> usize {
        self.widths.word
    }

    /// The bytes of each part of a time.
    pub(super) fn time(&self) -> usize {
        self.widths.time
    }

    /// A word.
    pub(super) fn uword(&self, at: usize) -> u64 {
        self.uint(at, self.widths.word)
    }

    /// A word with a sign.
    pub(super) fn iword(&self, at: usize) -> i64 {
        self.int(at, self.widths.word)
    }

    /// A number of eight bytes, or of four.
    pub(super) fn uint(&self, at: usize, width: usize) -> u64 {
        if width == 8 { self.u64(at) } else { self.u32(at).into() }
    }

    /// The same with a sign.
    pub(super) fn int(&self, at: usize, width: usize) -> i64 {
        if width == 8 { self.i64(at) } else { self.i32(at).into() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Up to `count` bytes from `at` on.
    pub(super) fn slice(&self, at: usize, count: usize) -> &[u8] {
        let rest = self.bytes.get(at..).unwrap_or_default();
        &rest[..rest.len().min(count)]
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
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
