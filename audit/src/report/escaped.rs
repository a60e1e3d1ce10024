//! Text of programs in markup: no character of it means anything there.

use std::fmt;

/// Writes `text` with what `spelled` makes of each of its characters; `None` is the character itself.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    text: &dyn fmt::Display,
    spelled: impl Fn(char) -> Option<String>,
) -> fmt::Result {
    for c in text.to_string().chars() {
        match spelled(c) {
            Some(spelled) => f.write_str(&spelled)?,
            None => fmt::Write::write_char(f, c)?,
        }
    }
    Ok(())
}

/// What HTML calls a character that could start markup.
pub(super) fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}
