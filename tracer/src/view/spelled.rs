//! From a call and the tracee's memory to values.
//!
//! What the caller gave is read at entry, because the caller's threads may change it later; what
//! the kernel fills in stays [`Value::Pending`] until exit.

use std::borrow::Cow;

use vrift_arch::Arch;

use super::inside;
use super::kinds::{self, Cx, siginfo};
use super::places::Seat;
use super::style::Style;
use super::value::{Opened, Value};
use crate::call::{Abi, Call, Outcome};

/// How the number a call returned is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// Signed decimal.
    #[default]
    Decimal,
    /// Hexadecimal, `0` for zero (addresses, flag words).
    Hex,
    /// Octal with at least three digits (umask).
    Octal,
}

/// The form of a result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultForm {
    /// The base of the number.
    pub base: Base,
    /// The number that is meant, if it was stored and what was returned says only that.
    pub stored: Option<i64>,
    /// What stands in parentheses behind it: `Timeout`, `flags O_RDWR`.
    pub remark: Option<String>,
    /// What the descriptor that was returned is open on.
    pub opened: Option<Box<Opened>>,
}

impl ResultForm {
    /// An octal result with three digits.
    pub(crate) fn octal() -> ResultForm {
        ResultForm { base: Base::Octal, ..ResultForm::default() }
    }

    /// A hexadecimal result.
    pub(crate) fn hex() -> ResultForm {
        ResultForm { base: Base::Hex, ..ResultForm::default() }
    }

    /// A decimal result with a remark.
    pub(crate) fn remarked(remark: impl Into<String>) -> ResultForm {
        ResultForm { remark: Some(remark.into()), ..ResultForm::default() }
    }

    /// A hexadecimal result with a remark.
    pub(crate) fn hex_remarked(remark: impl Into<String>) -> ResultForm {
        ResultForm { remark: Some(remark.into()), ..ResultForm::hex() }
    }
}

/// What of a call was printed when it was entered, should another task's line cut in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    /// Everything before the first pending argument.
    Pending(Comma),
    /// The first `n` arguments; the comma comes with the rest.
    After(usize),
    /// All arguments; what was found stands behind the result.
    Result,
}

/// A call with a value for every argument that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled {
    /// The number of the call.
    pub number: u64,
    /// Where the task continues after it.
    pub ip: u64,
    /// The call's name; `syscall_0x1d7` for a number no table knows.
    pub name: Cow<'static, str>,
    /// The arguments, in order.
    pub args: Vec<Value>,
    /// The form of the result, final after [`Speller::leave`].
    pub result: ResultForm,
    /// Where the line divides between entry and exit.
    pub(crate) split: Split,
    /// A number read at entry that exit compares with (the room for a peer's address).
    pub(crate) kept: u64,
    /// Through which ABI it was made.
    pub(crate) abi: Abi,
    /// The call that is shown, if the one that was made only holds it.
    pub(crate) meant: Option<Box<Call>>,
}

impl Spelled {
    /// Says which call restart_syscall goes on with.
    pub(crate) fn resumes(&mut self, name: &str) {
        self.args = vec![Value::Verbatim(format!("<... resuming interrupted {name} ...>"))];
    }

    /// Whether the call is one of a table.
    pub(crate) fn has_name(&self) -> bool {
        matches!(self.name, Cow::Borrowed(_))
    }

    /// How many arguments are known at entry and whether a comma follows them.
    pub(crate) fn known_at_entry(&self) -> (usize, Comma) {
        let (count, comma) = match self.split {
            Split::After(count) => (count, Comma::Later),
            Split::Result => (self.args.len(), Comma::Later),
            Split::Pending(comma) => match self.args.iter().position(Value::is_pending) {
                Some(at) => (at, comma),
                None => (self.args.len(), Comma::Later),
            },
        };
        (count.min(self.args.len()), if count == 0 { Comma::Later } else { comma })
    }
}

/// Whether the comma behind the known arguments is printed with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comma {
    /// Together with the arguments known at entry.
    Now,
    /// With the rest, at exit.
    Later,
}

/// Spells calls in one style.
#[derive(Debug, Clone, Default)]
pub struct Speller {
    style: Style,
}

impl Speller {
    /// A speller for a style.
    pub fn new(style: Style) -> Speller {
        Speller { style }
    }

    /// Whether anything is asked about a call's task but its memory.
    pub(crate) fn looks_up(&self) -> bool {
        self.style.descriptors.tell()
    }

    /// Spells what is known when a call is entered.
    pub fn enter<A: Arch>(&self, call: &Call, seat: &Seat<'_>) -> Spelled {
        let meant = inside::meant::<A>(call, seat.memory).map(Box::new);
        let shown = meant.as_deref().unwrap_or(call);
        let mut spelled = match (shown.abi, shown.syscall) {
            (Abi::Native | Abi::Compat, Some(syscall)) => {
                kinds::enter(&Cx::new::<A>(shown, seat, &self.style), syscall.row())
            }
            (Abi::Native | Abi::Compat, None) | (Abi::Foreign { .. }, _) => unknown(shown),
        };
        self.dress(&mut spelled);
        Spelled { meant, ..spelled }
    }

    /// Fills in what the kernel answered.
    pub fn leave<A: Arch>(
        &self,
        spelled: &mut Spelled,
        call: &Call,
        outcome: Outcome,
        seat: &Seat<'_>,
    ) {
        let meant = spelled.meant.take();
        let shown = meant.as_deref().unwrap_or(call);
        if let (Abi::Native | Abi::Compat, Some(syscall)) = (shown.abi, shown.syscall) {
            let cx = Cx::new::<A>(shown, seat, &self.style);
            kinds::leave(&cx, syscall.row(), spelled, outcome);
            self.dress(spelled);
        }
        spelled.meant = meant;
    }

    /// Spells what a signal comes with.
    pub(crate) fn signal(&self, info: &[u8; siginfo::BYTES], seat: &Seat<'_>) -> Value {
        siginfo::spell(info, seat, &self.style)
    }

    /// Only styles other than the default cost a second look at the values.
    fn dress(&self, spelled: &mut Spelled) {
        if self.style.dresses() {
            spelled.args.iter_mut().for_each(|value| value.dress(&self.style));
        }
    }
}

/// A call no table knows: its number and all six registers.
fn unknown(call: &Call) -> Spelled {
    Spelled {
        number: call.nr,
        ip: call.ip,
        name: Cow::Owned(format!("syscall_{:#x}", call.nr)),
        args: call.args.iter().map(|&arg| Value::Hex(arg)).collect(),
        result: ResultForm::default(),
        split: Split::Pending(Comma::Now),
        kept: 0,
        abi: call.abi,
        meant: None,
    }
}
