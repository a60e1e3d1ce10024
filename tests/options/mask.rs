//! What two runs of the same program may differ in.

/// How much of a line is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mask {
    /// Addresses, and numbers of four digits and more: ids, inodes, ports.
    Ids,
    /// All numbers: times, too.
    Numbers,
}

/// A line without what may differ. Runs of blanks count as one: what stands before them may have
/// been hidden.
pub(crate) fn masked(line: &str, mask: Mask) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let run = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
        if let Some(bytes) = rest.strip_prefix("_port=\"") {
            // A port that the kernel chose, as it has it.
            text.push_str("_port=PORT");
            rest = &bytes[bytes.find('"').map_or(0, |end| end + 1)..];
        } else if let Some(hex) = rest.strip_prefix("0x") {
            let digits = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            let hidden = digits >= 6 || mask == Mask::Numbers;
            text.push_str(if hidden { "ADDR" } else { &rest[..2 + digits] });
            rest = &hex[digits..];
        } else if first == '[' && is_place(&rest[1..]) {
            text.push_str("[PLACE]");
            rest = &rest[18..];
        } else if first.is_ascii_digit() {
            let digits = run(|c| c.is_ascii_digit());
            let hidden = digits >= 4 || mask == Mask::Numbers || is_task(&text);
            text.push_str(if hidden { "N" } else { &rest[..digits] });
            rest = &rest[digits..];
        } else if first == ' ' {
            text.push(' ');
            rest = &rest[run(|c| c == ' ')..];
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text
}

/// Whether the id of a task comes after such a text: it has few digits where few tasks have been made, or so many
/// that the kernel began anew.
fn is_task(before: &str) -> bool {
    const CALLS: [&str; 5] = ["getpid(", "gettid(", "vfork(", "set_tid_address(", "wait4("];
    ["si_pid=", "tgkill(", "tgkill(N, "].iter().any(|text| before.ends_with(text))
        || before.ends_with(") = ") && CALLS.iter().any(|call| before.contains(call))
}

/// Whether a text starts with an instruction pointer and `]`.
fn is_place(text: &str) -> bool {
    text.as_bytes().get(16) == Some(&b']') && text.bytes().take(16).all(|b| b.is_ascii_hexdigit())
}

#[test]
fn only_what_may_differ_is_hidden() {
    for (line, ids, numbers) in [
        ("brk(NULL)   = 0x55aae5fe1000", "brk(NULL) = ADDR", "brk(NULL) = ADDR"),
        (r#"{sin_port="\x1f\x90", x=1}"#, "{sin_port=PORT, x=1}", "{sin_port=PORT, x=N}"),
        ("tgkill(7, 7, SIGWINCH) = 0", "tgkill(N, N, SIGWINCH) = 0", "tgkill(N, N, SIGWINCH) = N"),
        ("gettid()   = 300", "gettid() = N", "gettid() = N"),
        ("open(\"a\", 0x80) = 3", "open(\"a\", 0x80) = 3", "open(\"a\", ADDR) = N"),
        ("[00007f5c5672da07] getpid() = 17014", "[PLACE] getpid() = N", "[PLACE] getpid() = N"),
    ] {
        assert_eq!(masked(line, Mask::Ids), ids);
        assert_eq!(masked(line, Mask::Numbers), numbers);
    }
}
