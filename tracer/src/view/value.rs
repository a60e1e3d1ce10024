//! One argument or field, between the tracee's memory and its written form.
//!
//! `Display` is strace's spelling; `json.rs` writes the same tree as JSON.

use std::borrow::Cow;
use std::fmt;

use super::names::signal_name;
pub use super::quote::Quoting;
use super::quote::{write_bracketed, write_quoted};
use super::style::{Constants, Style};
use super::word::{Number, Word};

/// Whether a string is shown in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// All bytes are here.
    Whole,
    /// More bytes followed; shown as `"…"...`.
    Short,
}

/// Bytes of a tracee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The bytes, without a terminator.
    pub bytes: Vec<u8>,
    /// Whether more followed.
    pub cut: Cut,
    /// How they are escaped.
    pub quoting: Quoting,
}

/// A field of a structure. An empty name is not printed.
pub type Field = (Cow<'static, str>, Value);

/// A value with a spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A signed number.
    Int(i64),
    /// An unsigned number.
    UInt(u64),
    /// A number in hexadecimal, `0` for zero.
    Hex(u64),
    /// An address, `NULL` for zero.
    Addr(u64),
    /// A number in octal with at least three digits.
    Octal(u64),
    /// Bytes of the tracee.
    Str(Text),
    /// A set of flags, spelled `A|B|0x10`.
    Flags(Word),
    /// A symbolic constant.
    Name(Word),
    /// A file descriptor.
    Fd(i32),
    /// A descriptor with what it is open on.
    Open {
        /// The descriptor, or `AT_FDCWD`.
        fd: Box<Value>,
        /// What is behind it.
        on: Box<Opened>,
    },
    /// A structure.
    Struct(Vec<Field>),
    /// An array.
    Array(Vec<Value>),
    /// Names of members, `[CHLD]`; of those absent if `complement`, `~[CHLD]`.
    Set {
        /// Whether the members are those that are missing.
        complement: bool,
        /// The names.
        members: Vec<Word>,
    },
    /// An expression like `makedev(0x8, 0x1)`.
    Call {
        /// What is called.
        name: &'static str,
        /// With what.
        args: Vec<Value>,
    },
    /// An argument printed with a name, `flags=SIGCHLD`.
    Named {
        /// The name.
        name: &'static str,
        /// The value.
        value: Box<Value>,
    },
    /// A value with a remark behind it, `0x7ffc… /* 27 vars */`.
    Remarked {
        /// The value.
        value: Box<Value>,
        /// The remark.
        remark: String,
    },
    /// What the caller gave and what the kernel made of it, `[128 => 16]`.
    Changed {
        /// At entry.
        before: Box<Value>,
        /// At exit.
        after: Box<Value>,
    },
    /// What names and numbers of another kind stand for, `htons(80)`; where numbers are wanted, they are
    /// shown instead or before it.
    Coded {
        /// As the kernel has it.
        code: Box<Value>,
        /// As it is read.
        meaning: Box<Value>,
        /// The name of the field, if only the meaning tells it.
        field: Option<&'static str>,
    },
    /// A name that is no path, `@"…"`.
    Abstract(Box<Value>),
    /// Elements or fields left out, `...`.
    More,
    /// The kernel will fill this in.
    Pending,
    /// Text that is printed as it is.
    Verbatim(String),
}

/// What a descriptor is open on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// A path, or what the kernel says instead; or, without quoting, words of vrift's own.
    pub name: Vec<u8>,
    /// How the name is escaped; not at all if it is made of vrift's words.
    pub quoting: Option<Quoting>,
    /// The device behind the path, `char 1:3`.
    pub device: Option<String>,
    /// Whether the name is gone.
    pub deleted: bool,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<")?;
        match self.quoting {
            Some(quoting) => write_bracketed(f, &self.name, quoting)?,
            None => f.write_str(&String::from_utf8_lossy(&self.name))?,
        }
        if let Some(device) = &self.device {
            write!(f, "<{device}>")?;
        }
        f.write_str(if self.deleted { ">(deleted)" } else { ">" })
    }
}

impl Value {
    /// A symbolic constant.
    pub fn name(name: impl Into<Word>) -> Value {
        Value::Name(name.into())
    }

    /// A set of flags.
    pub fn flags(flags: impl Into<Word>) -> Value {
        Value::Flags(flags.into())
    }

    /// A signal.
    pub fn signal(signo: i32) -> Value {
        Value::Name(Word::new(signal_name(signo), Number::Signed(signo.into())))
    }

    /// Gives strings and constants the form the style wants.
    pub(super) fn dress(&mut self, style: &Style) {
        match self {
            Value::Str(text) => text.quoting = style.quoting(text.quoting, &text.bytes),
            Value::Flags(word) | Value::Name(word) => word.dress(style.constants),
            Value::Struct(fields) => fields.iter_mut().for_each(|field| dress_field(field, style)),
            Value::Coded { code, meaning, .. } => {
                meaning.dress(&Style { constants: Constants::Abbrev, ..style.clone() });
                let shown = match style.constants {
                    Constants::Abbrev => return,
                    Constants::Raw => std::mem::replace(&mut **code, Value::More),
                    // The code stands before its remark already.
                    Constants::Verbose if matches!(**meaning, Value::Remarked { .. }) => return,
                    Constants::Verbose => code.clone().remarked(meaning.to_string()),
                };
                *self = shown;
            }
            Value::Call { name: "makedev", args } if style.constants != Constants::Abbrev => {
                *self = dressed_device(args, style.constants);
            }
            Value::Set { members, .. } => {
                members.iter_mut().for_each(|word| word.dress(style.constants));
            }
            Value::Array(values) | Value::Call { args: values, .. } => {
                values.iter_mut().for_each(|value| value.dress(style));
            }
            Value::Abstract(value)
            | Value::Open { fd: value, .. }
            | Value::Named { value, .. }
            | Value::Remarked { value, .. } => value.dress(style),
            Value::Changed { before, after } => {
                before.dress(style);
                after.dress(style);
            }
            Value::Int(_)
            | Value::UInt(_)
            | Value::Hex(_)
            | Value::Addr(_)
            | Value::Octal(_)
            | Value::Fd(_)
            | Value::More
            | Value::Pending
            | Value::Verbatim(_) => {}
        }
    }

    /// An expression.
    pub fn call(name: &'static str, args: impl Into<Vec<Value>>) -> Value {
        Value::Call { name, args: args.into() }
    }

    /// What a code stands for.
    pub fn coded(code: Value, meaning: Value) -> Value {
        Value::Coded { code: Box::new(code), meaning: Box::new(meaning), field: None }
    }

    /// This value, printed with a name.
    pub fn named(self, name: &'static str) -> Value {
        Value::Named { name, value: Box::new(self) }
    }

    /// This value with a remark.
    pub fn remarked(self, remark: impl Into<String>) -> Value {
        Value::Remarked { value: Box::new(self), remark: remark.into() }
    }

    /// This value, and `after` if that differs.
    pub fn changed_to(self, after: Value) -> Value {
        if self == after {
            return self;
        }
        Value::Changed { before: Box::new(self), after: Box::new(after) }
    }

    /// Whether the kernel has yet to fill it in.
    pub fn is_pending(&self) -> bool {
        match self {
            Value::Pending => true,
            Value::Named { value, .. } => value.is_pending(),
            _ => false,
        }
    }
}

/// Dresses a field; one that only its value names gets its name if that is not shown.
fn dress_field((name, value): &mut Field, style: &Style) {
    if let Value::Coded { meaning, field: Some(field), .. } = value
        && style.constants != Constants::Abbrev
    {
        *name = Cow::Borrowed(field);
        if let Value::Call { args, .. } = &mut **meaning {
            // Where it is stored is said by the name now.
            args.pop();
        }
    }
    value.dress(style);
}

/// A device as the kernel's one number, with its two parts as a comment.
fn dressed_device(parts: &[Value], constants: Constants) -> Value {
    let (Some(Value::Hex(major)), Some(Value::Hex(minor))) = (parts.first(), parts.get(1)) else {
        return Value::More;
    };
    let low = minor & 0xff | (major & 0xfff) << 8;
    let device = Value::Hex(low | (minor & !0xff) << 12 | (major & !0xfff) << 32);
    match constants {
        Constants::Verbose => device.remarked(format!("makedev({}, {})", parts[0], parts[1])),
        Constants::Abbrev | Constants::Raw => device,
    }
}

/// Makes the fields of a [`Value::Struct`].
macro_rules! fields {
    ($($name:ident: $value:expr),* $(,)?) => {
        vec![$((::std::borrow::Cow::Borrowed(stringify!($name)), $value)),*]
    };
}
pub(crate) use fields;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(n) => write!(f, "{n}"),
            Value::UInt(n) => write!(f, "{n}"),
            Value::Fd(fd) => write!(f, "{fd}"),
            Value::Open { fd, on } => write!(f, "{fd}{on}"),
            Value::Addr(0) => f.write_str("NULL"),
            Value::Hex(0) => f.write_str("0"),
            Value::Addr(n) | Value::Hex(n) => write!(f, "{n:#x}"),
            Value::Octal(n) => write_octal(f, *n),
            Value::Str(text) => write_text(f, text),
            Value::Flags(word) | Value::Name(word) => f.write_str(&word.text),
            Value::Verbatim(text) => f.write_str(text),
            Value::Struct(fields) => write_struct(f, fields),
            Value::Array(elements) => write_list(f, "[", elements, "]"),
            Value::Set { complement, members } => {
                let tilde = if *complement { "~" } else { "" };
                write!(f, "{tilde}[")?;
                for (at, member) in members.iter().enumerate() {
                    let space = if at == 0 { "" } else { " " };
                    write!(f, "{space}{member}")?;
                }
                f.write_str("]")
            }
            Value::Call { name, args } => {
                f.write_str(name)?;
                write_list(f, "(", args, ")")
            }
            Value::Named { name, value } => write!(f, "{name}={value}"),
            Value::Remarked { value, remark } => write!(f, "{value} /* {remark} */"),
            Value::Changed { before, after } => write!(f, "{before} => {after}"),
            Value::Coded { meaning, .. } => meaning.fmt(f),
            Value::Abstract(name) => write!(f, "@{name}"),
            Value::More => f.write_str("..."),
            Value::Pending => Ok(()),
        }
    }
}

/// Octal with a leading zero and at least three digits, as modes are written.
fn write_octal(f: &mut fmt::Formatter<'_>, n: u64) -> fmt::Result {
    if n < 0o100 { write!(f, "{n:03o}") } else { write!(f, "0{n:o}") }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &Text) -> fmt::Result {
    write_quoted(f, &text.bytes, text.quoting)?;
    match text.cut {
        Cut::Whole => Ok(()),
        Cut::Short => f.write_str("..."),
    }
}

fn write_struct(f: &mut fmt::Formatter<'_>, fields: &[Field]) -> fmt::Result {
    f.write_str("{")?;
    for (at, (name, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let equals = if name.is_empty() { "" } else { "=" };
        write!(f, "{comma}{name}{equals}{value}")?;
    }
    f.write_str("}")
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    elements: &[Value],
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (at, element) in elements.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{element}")?;
    }
    f.write_str(close)
}
