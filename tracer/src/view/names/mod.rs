//! Names of the kernel's constants: tables, and the three ways to look one up.
//!
//! The tables hold numbers of the UAPI that all architectures share; `kinds` adjusts the few
//! `O_*` bits that differ. Their order is the order in which strace prints the members of a set.

pub(crate) mod choices;
pub(crate) mod devconf;
pub(crate) mod files;
pub(crate) mod ioctls;
pub(crate) mod netlink;
pub(crate) mod protocols;
pub(crate) mod sockdiag;
pub(crate) mod sockets;
pub(crate) mod sockopts;
pub(crate) mod tasks;
pub(crate) mod terminal;

mod devices;
mod errno;
mod signals;

pub(crate) use signals::{signal_name, signal_short};

use super::word::{Number, Word};

/// Names of the bits of a set.
#[derive(Debug)]
pub(crate) struct Set {
    /// What the empty set is called.
    pub(crate) zero: &'static str,
    /// The remark on a set of which no member has a name; may be empty.
    pub(crate) unknown: &'static str,
    /// Members, in printing order.
    pub(crate) names: &'static [(u64, &'static str)],
}

impl Set {
    /// The members of `bits`, `A|B|0x40`.
    pub(crate) fn spell(&self, bits: u64) -> Word {
        if bits == 0 {
            return Word::hex(self.zero, 0);
        }
        let (mut parts, rest) = self.split(bits);
        if rest != 0 {
            let bare = parts.is_empty() && !self.unknown.is_empty();
            parts.push(if bare {
                format!("{rest:#x} /* {} */", self.unknown)
            } else {
                format!("{rest:#x}")
            });
        }
        Word::hex(parts.join("|"), bits)
    }

    /// The members with a name, and the bits without.
    pub(crate) fn split(&self, bits: u64) -> (Vec<String>, u64) {
        let mut rest = bits;
        let mut parts = Vec::new();
        for &(bit, name) in self.names {
            if bit != 0 && rest & bit == bit {
                parts.push(name.to_owned());
                rest &= !bit;
            }
        }
        (parts, rest)
    }
}

/// Names of single values.
#[derive(Debug)]
pub(crate) struct Menu {
    /// The remark on a value without a name; may be empty.
    pub(crate) unknown: &'static str,
    /// Values and their names.
    pub(crate) names: &'static [(u64, &'static str)],
}

impl Menu {
    /// The name of `value`, if it has one.
    pub(crate) fn name(&self, value: u64) -> Option<&'static str> {
        self.names.iter().find(|&&(known, _)| known == value).map(|&(_, name)| name)
    }

    /// The name of `value`, or the number with a remark.
    pub(crate) fn spell(&self, value: u64) -> Word {
        match self.name(value) {
            Some(name) => Word::hex(name, value),
            None if self.unknown.is_empty() => Word::hex(Number::Hex(value).to_string(), value),
            None => Word::hex(format!("{} /* {} */", Number::Hex(value), self.unknown), value),
        }
    }
}

/// The name of an error number, `ENOENT`.
pub(crate) fn errno_name(number: i32) -> String {
    match errno_row(number) {
        Some((_, name, _)) => (*name).to_owned(),
        None => format!("(errno {number})"),
    }
}

/// What an error number means, `No such file or directory`.
pub(crate) fn errno_text(number: i32) -> Option<&'static str> {
    errno_row(number).map(|&(_, _, text)| text)
}

fn errno_row(number: i32) -> Option<&'static (i32, &'static str, &'static str)> {
    errno::ERRNO.iter().find(|(known, _, _)| *known == number)
}
