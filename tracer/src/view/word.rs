//! Names of constants, with the numbers they stand for.

use std::borrow::Cow;
use std::fmt;

use super::style::Constants;

/// A number, in the base in which strace shows it if names are not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Hexadecimal, `0` for zero.
    Hex(u64),
    /// Signed decimal.
    Signed(i64),
    /// Unsigned decimal.
    Unsigned(u64),
    /// Octal with a leading zero.
    Octal(u64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Hex(0) | Number::Octal(0) => f.write_str("0"),
            Number::Hex(n) => write!(f, "{n:#x}"),
            Number::Signed(n) => write!(f, "{n}"),
            Number::Unsigned(n) => write!(f, "{n}"),
            Number::Octal(n) => write!(f, "0{n:o}"),
        }
    }
}

/// A name or several of them, and the number they stand for if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// `O_RDONLY|O_CLOEXEC`
    pub text: Cow<'static, str>,
    /// `0x80000`
    pub number: Option<Number>,
}

impl Word {
    /// A name of a number.
    pub fn new(text: impl Into<Cow<'static, str>>, number: Number) -> Word {
        Word { text: text.into(), number: Some(number) }
    }

    /// A name of a number that is otherwise shown in hexadecimal.
    pub fn hex(text: impl Into<Cow<'static, str>>, number: u64) -> Word {
        Word::new(text, Number::Hex(number))
    }

    /// Two words of one argument, each in the form the style wants.
    pub(super) fn beside(mut self, mut other: Word, constants: Constants) -> Word {
        self.dress(constants);
        other.dress(constants);
        format!("{self}|{other}").into()
    }

    /// Gives it the form the style wants.
    pub(super) fn dress(&mut self, constants: Constants) {
        let Some(number) = self.number else { return };
        // Numbers without a name are shown as they are in every style.
        let shown = number.to_string();
        let named = self.text.strip_prefix(&shown).is_none_or(|rest| {
            !rest.is_empty() && !rest.starts_with(" /*") && !rest.starts_with('|')
        });
        match constants {
            Constants::Abbrev => return,
            Constants::Raw => self.text = Cow::Owned(shown),
            Constants::Verbose if named => {
                self.text = Cow::Owned(format!("{shown} /* {} */", self.text));
            }
            Constants::Verbose => {}
        }
        // It is dressed once, however often it passes by.
        self.number = None;
    }
}

impl From<String> for Word {
    fn from(text: String) -> Word {
        Word { text: Cow::Owned(text), number: None }
    }
}

impl From<&'static str> for Word {
    fn from(text: &'static str) -> Word {
        Word { text: Cow::Borrowed(text), number: None }
    }
}

impl From<Word> for String {
    fn from(word: Word) -> String {
        word.text.into_owned()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_where_the_style_wants_them() {
        let dressed = |word: &Word, constants| {
            let mut word = word.clone();
            word.dress(constants);
            word.dress(constants);
            word.to_string()
        };
        let flags = Word::hex("O_RDWR|O_CLOEXEC", 0x80002);
        assert_eq!(dressed(&flags, Constants::Abbrev), "O_RDWR|O_CLOEXEC");
        assert_eq!(dressed(&flags, Constants::Raw), "0x80002");
        assert_eq!(dressed(&flags, Constants::Verbose), "0x80002 /* O_RDWR|O_CLOEXEC */");
        let unknown = Word::hex("0x99 /* X_??? */", 0x99);
        assert_eq!(dressed(&unknown, Constants::Raw), "0x99");
        assert_eq!(dressed(&unknown, Constants::Verbose), "0x99 /* X_??? */");
    }
}
