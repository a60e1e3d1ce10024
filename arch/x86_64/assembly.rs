//! Machine code as it is written down: instruction by instruction, with names for places.
//!
//! Each instruction stands beside its text in the assembler's spelling, which a test compares with what
//! a disassembler reads.

use std::collections::HashMap;

/// Code in the making.
#[derive(Debug)]
pub(super) struct Assembly {
    at: u64,
    bytes: Vec<u8>,
    labels: HashMap<&'static str, usize>,
    /// Where the distance to a label is to be filled in, as the last four bytes of an instruction.
    open: Vec<(usize, &'static str)>,
    /// What was written down; a place is `@` and its name.
    #[cfg(test)]
    pub(super) text: Vec<(usize, String)>,
}

impl Assembly {
    /// Code that will lie at `at`.
    pub(super) fn at(at: u64) -> Assembly {
        Assembly {
            at,
            bytes: Vec::new(),
            labels: HashMap::new(),
            open: Vec::new(),
            #[cfg(test)]
            text: Vec::new(),
        }
    }

    fn note(&mut self, text: &str) {
        #[cfg(test)]
        self.text.push((self.bytes.len(), text.to_owned()));
        let _ = text;
    }

    /// An instruction.
    pub(super) fn op(&mut self, text: &str, bytes: &[u8]) {
        self.note(text);
        self.bytes.extend_from_slice(bytes);
    }

    /// An instruction that ends in a number of 32 bits.
    pub(super) fn op_with(&mut self, text: &str, bytes: &[u8], number: u32) {
        self.note(&text.replacen('%', &format!("${number:#x}"), 1));
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend(number.to_le_bytes());
    }

    /// An instruction that ends in the distance to a place.
    pub(super) fn op_to(&mut self, text: &str, bytes: &[u8], label: &'static str) {
        self.note(&text.replacen('%', &format!("@{label} "), 1));
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend([0; 4]);
        self.open.push((self.bytes.len(), label));
    }

    /// A jump to a place.
    pub(super) fn jump(&mut self, how: &str, label: &'static str) {
        let bytes: &[u8] = match how {
            "je" => &[0x0f, 0x84],
            "jne" => &[0x0f, 0x85],
            "jb" => &[0x0f, 0x82],
            "jae" => &[0x0f, 0x83],
            "jbe" => &[0x0f, 0x86],
            "ja" => &[0x0f, 0x87],
            "js" => &[0x0f, 0x88],
            "jns" => &[0x0f, 0x89],
            "jl" => &[0x0f, 0x8c],
            "call" => &[0xe8],
            _ => &[0xe9],
        };
        self.op_to(&format!("{how} %"), bytes, label);
    }

    /// Gives the next instruction a name.
    pub(super) fn label(&mut self, name: &'static str) {
        let known = self.labels.insert(name, self.bytes.len());
        debug_assert!(known.is_none(), "{name} is in two places");
    }

    /// Gives a place behind the code a name.
    pub(super) fn label_at(&mut self, name: &'static str, offset: usize) {
        self.labels.insert(name, offset);
    }

    /// Bytes that are no instruction.
    pub(super) fn data(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Goes on at a multiple of `to`.
    pub(super) fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    /// What has been written down, with distances still open.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn place(&self, label: &str) -> usize {
        *self.labels.get(label).expect("every place that is named in the code is in the code")
    }

    /// Where a place will lie.
    pub(super) fn address(&self, label: &str) -> u64 {
        self.at + self.place(label) as u64
    }

    /// The code with all distances.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for (end, label) in std::mem::take(&mut self.open) {
            let distance = self.place(label) as i32 - end as i32;
            self.bytes[end - 4..end].copy_from_slice(&distance.to_le_bytes());
        }
        self.bytes
    }
}
