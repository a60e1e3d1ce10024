//! The first line of a script: `#!`, an interpreter, perhaps one argument.
//!
//! It is cut as `load_script` in the kernel's fs/binfmt_script.c cuts it, from the first 256 bytes
//! of the file with NULs behind a shorter one. A line the kernel would not take is no script here
//! either, so that its own answer is the caller's.

/// How much of a file the kernel looks at (`BINPRM_BUF_SIZE`).
pub const HEAD_BYTES: usize = 256;

/// What the first line of a script says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The interpreter, as written.
    pub(crate) interpreter: Vec<u8>,
    /// Everything after it, as one argument.
    pub(crate) argument: Option<Vec<u8>>,
}

/// The interpreter that the head of a file names; `None` if the kernel would not run it as a script.
pub fn interpreter(head: &[u8]) -> Option<Vec<u8>> {
    parse(head).map(|line| line.interpreter)
}

/// Reads the line from the head of a file; `None` if the kernel would not run it as a script.
pub(crate) fn parse(head: &[u8]) -> Option<Line> {
    let mut buffer = [0; HEAD_BYTES];
    let known = head.len().min(HEAD_BYTES);
    buffer[..known].copy_from_slice(&head[..known]);
    let text = buffer.strip_prefix(b"#!")?;
    let line = trimmed(whole_line(text)?);
    let begin = line.iter().position(|&b| !is_blank(b))?;
    let line = &line[begin..];
    let end = line.iter().position(|&b| ends_name(b)).unwrap_or(line.len());
    let argument = match line.get(end) {
        Some(&b) if is_blank(b) => {
            let rest = &line[end..];
            rest.iter().position(|&b| !is_blank(b)).map(|at| up_to_nul(&rest[at..]).to_vec())
        }
        _ => None,
    };
    Some(Line { interpreter: line[..end].to_vec(), argument })
}

/// The line without its end. One that does not end in the buffer will do if the interpreter in it
/// does; the last byte of the buffer is not part of it.
fn whole_line(text: &[u8]) -> Option<&[u8]> {
    // `strnchr` looks no further than a NUL.
    let newline = up_to_nul(text).iter().position(|&b| b == b'\n');
    if let Some(end) = newline {
        return Some(&text[..end]);
    }
    let begin = text.iter().position(|&b| !is_blank(b))?;
    text[begin..].iter().any(|&b| ends_name(b)).then_some(&text[..text.len() - 1])
}

fn trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|&b| !is_blank(b)).map_or(0, |at| at + 1);
    &line[..end]
}

fn up_to_nul(text: &[u8]) -> &[u8] {
    text.split(|&b| b == 0).next().unwrap_or(text)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn ends_name(byte: u8) -> bool {
    is_blank(byte) || byte == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &[u8]) -> Option<(String, Option<String>)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the test wrote text");
        parse(head).map(|line| (text(line.interpreter), line.argument.map(text)))
    }

    fn plain(interpreter: &str) -> Option<(String, Option<String>)> {
        Some((interpreter.to_owned(), None))
    }

    fn with(interpreter: &str, argument: &str) -> Option<(String, Option<String>)> {
        Some((interpreter.to_owned(), Some(argument.to_owned())))
    }

    #[test]
    fn one_argument_keeps_its_inner_blanks() {
        assert_eq!(read(b"#!/bin/sh\n"), plain("/bin/sh"));
        assert_eq!(read(b"#!/bin/sh"), plain("/bin/sh"));
        assert_eq!(read(b"#! \t/bin/sh \t\nrest"), plain("/bin/sh"));
        assert_eq!(read(b"#!/bin/sh -e  -u \n"), with("/bin/sh", "-e  -u"));
        assert_eq!(read(b"#!sh\t-e\r\n"), with("sh", "-e\r"));
        assert_eq!(read(b"#!/bin/sh\r\n"), plain("/bin/sh\r"));
    }

    #[test]
    fn what_names_no_interpreter_is_no_script() {
        for head in [&b""[..], b"#", b"x", b"#!", b"#!\n", b"#! \t \n/bin/sh\n", b" #!/bin/sh\n"] {
            assert_eq!(read(head).filter(|(name, _)| !name.is_empty()), None, "{head:?}");
        }
    }

    #[test]
    fn a_name_that_may_be_cut_short_is_refused_and_an_argument_is_cut() {
        let long = |text: &str| {
            let mut head = format!("#!{text}").into_bytes();
            head.resize(HEAD_BYTES, b'x');
            head
        };
        assert_eq!(read(&long("/bin/")), None);
        assert_eq!(read(&long(&" ".repeat(300))[..HEAD_BYTES]), None);
        let (name, argument) = read(&long("/bin/sh ")).expect("the name is whole");
        assert_eq!((name.as_str(), argument.map(|a| a.len())), ("/bin/sh", Some(245)));
    }
}
