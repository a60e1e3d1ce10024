//! What acts do to files.

use crate::event::{Access, Act};
use crate::text::Text;

impl Act {
    /// Whether it gives the caller what the file held.
    pub fn reads(self) -> bool {
        matches!(self, Act::Read | Act::ReadWrite | Act::Execute | Act::Load | Act::Map)
    }

    /// Whether it changes the file, or which names it has.
    pub fn changes(self) -> bool {
        self.makes() || self.removes() || {
            use Act::{Attribute, Exchange, ReadWrite, Replace, Truncate, Write};
            matches!(self, Write | ReadWrite | Replace | Truncate | Attribute | Exchange)
        }
    }

    /// What it does to the other path of a link, rename or exchange.
    pub fn to_other(self) -> Act {
        match self {
            Act::Exchange => Act::Exchange,
            _ => Act::Create,
        }
    }

    /// Whether it changes what the file holds.
    pub fn writes(self) -> bool {
        use Act::{Create, Exchange, ReadWrite, Replace, Truncate, Write};
        matches!(self, Create | Write | ReadWrite | Replace | Truncate | Exchange)
    }

    /// Whether there is no such file before.
    pub fn makes(self) -> bool {
        matches!(self, Act::Create | Act::MakeNode | Act::MakeDirectory | Act::Symlink)
    }

    /// Whether there is no such file afterwards.
    pub fn removes(self) -> bool {
        matches!(self, Act::Remove | Act::RemoveDirectory | Act::Rename)
    }
}

impl Access<Text> {
    /// The other path, if it names a file that the call changes.
    pub fn names_other(&self) -> Option<&Text> {
        match self.act {
            Act::Link | Act::Rename | Act::Exchange => self.other.as_ref(),
            _ => None,
        }
    }
}
