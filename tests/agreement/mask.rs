//! What two runs of the same program cannot have in common, and nothing else.
//!
//! Hidden are: process ids (their place in the tree instead), what clocks and the accounting of the
//! kernel said, free space, random bytes, generated file names, and what was read from `/proc` and `/sys`. Only
//! those arguments are touched that the kernel filled in; what a program passes is compared as it
//! is, and of what is hidden, only digits or the content of a string disappear.
//!
//! Deliberately absent: addresses. They are compared in `compare`, which knows both sides.

use std::collections::{HashMap, HashSet};

use super::trace::{Line, Process, result_at};

/// Arguments, counted from 0, in which the digits come from a clock or from accounting.
const CLOCKED: &[(&str, usize)] = &[
    ("adjtimex", 0),
    ("clock_adjtime", 1),
    ("clock_gettime", 1),
    ("clock_nanosleep", 3),
    ("getcpu", 0),
    ("getcpu", 1),
    ("getitimer", 1),
    ("getrusage", 1),
    ("gettimeofday", 0),
    ("msgctl", 0),
    ("msgrcv", 0),
    ("msgsnd", 0),
    ("nanosleep", 1),
    ("recvmmsg", 4),
    ("semctl", 0),
    ("semop", 0),
    ("setitimer", 2),
    ("shmat", 0),
    ("shmctl", 0),
    ("shmctl", 2),
    ("sysinfo", 0),
    ("time", 0),
    ("timer_gettime", 1),
    ("timer_settime", 3),
    ("timerfd_gettime", 1),
    ("timerfd_settime", 3),
    ("times", 0),
    ("wait4", 3),
    ("waitid", 4),
];

/// Calls whose result does.
const CLOCKED_RESULTS: &[&str] =
    &["adjtimex", "clock_adjtime", "msgget", "semget", "shmget", "time", "times"];

/// Calls whose result may tell how much of a timeout was left.
const TIMEOUTS: &[&str] = &["pselect6", "ppoll", "recvmmsg", "select"];

/// The name under which a call with wider arguments is listed here.
fn common(name: &str) -> &str {
    let name = name.strip_prefix("_new").unwrap_or(name);
    name.strip_suffix("_time64").or(name.strip_suffix("64")).unwrap_or(name)
}

/// Files that are different each time they are read.
const VOLATILE: &[&str] = &["\"/proc/", "\"/sys/", "\"/dev/urandom", "\"/dev/random"];

/// A call as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) args: Vec<&'a str>,
    pub(crate) result: &'a str,
}

impl<'a> Call<'a> {
    /// Takes a line apart; `None` for signals and ends.
    pub(crate) fn parse(text: &'a str) -> Option<Call<'a>> {
        let (closed, equals) = result_at(text)?;
        let (name, _) = text.split_once('(')?;
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        let inside = text.get(name.len() + 1..closed - 1)?;
        Some(Call { name, args: split_args(inside), result: text[equals + 1..].trim_start() })
    }
}

/// Splits at the commas that stand in no string, comment or bracket.
fn split_args(text: &str) -> Vec<&str> {
    let (mut args, mut start, mut depth) = (Vec::new(), 0, 0usize);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                args.push(text[start..at].trim_start());
                start = at + 1;
            }
            _ => {}
        }
    }
    args.push(text[start..].trim_start());
    args
}

/// The lines of a process with everything hidden that this module hides, one space before results.
pub(crate) fn masked(process: &Process, places: &HashMap<String, String>) -> Vec<String> {
    let mut volatile = HashSet::new();
    process.lines.iter().map(|line| mask_line(line, places, &mut volatile)).collect()
}

fn mask_line(
    line: &Line,
    places: &HashMap<String, String>,
    volatile: &mut HashSet<String>,
) -> String {
    let text = match Call::parse(&line.text) {
        Some(call) => mask_call(&call, volatile),
        None if line.text.starts_with("--- ") => mask_signal(&line.text),
        None => line.text.clone(),
    };
    let text = opened(&text);
    let text = words(&text, |word| places.get(word).map(|place| format!("<{place}>")));
    // The parent of the first process is the tracer, which has no place.
    match text.strip_prefix("getppid() = ") {
        Some(pid) if pid.bytes().all(|b| b.is_ascii_digit()) => "getppid() = <tracer>".to_owned(),
        _ => text,
    }
}

fn mask_call(call: &Call<'_>, volatile: &mut HashSet<String>) -> String {
    let mut args: Vec<String> =
        call.args.iter().map(|arg| given_name(&generated_names(arg))).collect();
    let (mut result, name) = (call.result.to_owned(), common(call.name));
    for (at, arg) in args.iter_mut().enumerate() {
        if CLOCKED.contains(&(name, at)) {
            *arg = numbers(arg);
        }
    }
    if CLOCKED_RESULTS.contains(&name) {
        result = numbers(&result);
    }
    if let (true, Some((before, left))) = (TIMEOUTS.contains(&name), result.split_once("left {")) {
        result = format!("{before}left {{{}", numbers(left));
    }
    if let ("statfs" | "fstatfs", Some(last)) = (name, args.last_mut()) {
        *last = free_space(last);
    }
    if call.name == "getrandom" {
        args[0] = content(&args[0]);
    }
    args.iter_mut().for_each(|arg| *arg = dumped(arg));
    note_volatile(call, volatile);
    let reads = matches!(call.name, "read" | "pread64");
    if reads && args.len() > 1 && volatile.contains(call.args[0]) {
        args[1] = content(&args[1]);
        if result.bytes().all(|b| b.is_ascii_digit()) && result != "0" {
            result = "#".to_owned();
        }
    }
    format!("{}({}) = {result}", call.name, args.join(", "))
}

/// Remembers descriptors whose content differs each time.
fn note_volatile(call: &Call<'_>, volatile: &mut HashSet<String>) {
    let path = match call.name {
        "open" => call.args.first(),
        "openat" => call.args.get(1),
        // What is read from it has the sender's process id in it.
        "signalfd4" => {
            volatile.insert(call.result.to_owned());
            return;
        }
        _ => return,
    };
    if path.is_some_and(|path| VOLATILE.iter().any(|start| path.starts_with(start))) {
        volatile.insert(call.result.to_owned());
    } else {
        volatile.remove(call.result);
    }
}

/// The processor time of a dead child.
fn mask_signal(text: &str) -> String {
    let mut masked = text.to_owned();
    for field in ["si_utime=", "si_stime="] {
        if let Some((before, after)) = masked.clone().split_once(field) {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let mut rest = &after[digits..];
            // More than nothing is also shown in seconds.
            if let Some((seconds, after)) = rest.split_once(" s */")
                && digits > 0
                && seconds.strip_prefix(" /* ").is_some_and(|number| number.parse::<f64>().is_ok())
            {
                rest = after;
            }
            masked = format!("{before}{field}#{rest}");
        }
    }
    masked
}

/// Replaces decimal numbers, except in names, by one mark.
fn numbers(text: &str) -> String {
    words(text, |word| word.bytes().all(|b| b.is_ascii_digit()).then(|| "#".to_owned()))
        .replace("-#", "#")
}

/// Replaces what other programs may change in a file system meanwhile.
fn free_space(arg: &str) -> String {
    let mut free = false;
    words(arg, |word| {
        let hide = free && word.bytes().all(|b| b.is_ascii_digit());
        free = matches!(word, "f_bfree" | "f_bavail" | "f_ffree") || free && !hide && word == "=";
        hide.then(|| "#".to_owned())
    })
}

/// Replaces the name that the kernel gives to a UNIX socket without one.
fn given_name(arg: &str) -> String {
    let Some((before, name)) = arg.split_once("sun_path=@\"") else { return arg.to_owned() };
    // In hexadecimal each digit has four characters.
    let digits = match name.starts_with("\\x") {
        true => name.find('"').filter(|&end| end == 20).unwrap_or(0),
        false => name.bytes().take_while(u8::is_ascii_hexdigit).count(),
    };
    match name[digits..].starts_with('"') && matches!(digits, 5 | 20) {
        true => format!("{before}sun_path=@\"#{}", &name[digits..]),
        false => arg.to_owned(),
    }
}

/// Replaces what the kernel counts of network interfaces and addresses, and the number of a request, which
/// the C library takes from a clock.
fn dumped(arg: &str) -> String {
    if !arg.contains("nlmsg_seq=") {
        return arg.to_owned();
    }
    let counts = ["NEWLINK, nlmsg_flags=NLM_F_MULTI", "NEWADDR, nlmsg_flags=NLM_F_MULTI"];
    if counts.iter().any(|dump| arg.contains(dump)) {
        return numbers(arg);
    }
    let mut counted = false;
    words(arg, |word| {
        let hide = counted && word.bytes().all(|b| b.is_ascii_digit());
        counted = word == "nlmsg_seq" || counted && word == "=";
        hide.then(|| "#".to_owned())
    })
}

/// Replaces the numbers and the ports of sockets, in what `-y` and `-yy` tell of descriptors. A number of its own
/// has few digits where few have been given; of an address only ports are hidden, and those the kernel chooses.
fn opened(text: &str) -> String {
    const PORT: usize = 5;
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(":[")
        && let Some((inside, behind)) = after.split_once(']')
    {
        let least = if inside.contains(['.', '[']) { PORT } else { 1 };
        let hidden = words(inside, |word| {
            let number = word.len() >= least && word.bytes().all(|b| b.is_ascii_digit());
            number.then(|| "#".to_owned())
        });
        shown.push_str(&format!("{before}:[{hidden}]"));
        rest = behind;
    }
    shown + rest
}

/// Replaces the content of a string.
fn content(arg: &str) -> String {
    if arg.starts_with('"') { "\"#\"".to_owned() } else { arg.to_owned() }
}

/// Replaces names such as the C compiler generates: `/ccAb12Cd.s`.
fn generated_names(text: &str) -> String {
    const RANDOM: usize = 6;
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/cc") {
        let (before, name) = rest.split_at(at + 3);
        masked.push_str(before);
        let random = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
        rest = name;
        if random == RANDOM {
            masked.push_str("######");
            rest = &name[RANDOM..];
        }
    }
    masked + rest
}

/// Rewrites the words of a text: the longest runs of letters, digits and underscores.
pub(crate) fn words(text: &str, mut rewrite: impl FnMut(&str) -> Option<String>) -> String {
    let mut rewritten = String::with_capacity(text.len());
    for word in split_words(text) {
        match rewrite(word) {
            Some(other) => rewritten.push_str(&other),
            None => rewritten.push_str(word),
        }
    }
    rewritten
}

/// A text as words and single other characters.
pub(crate) fn split_words(text: &str) -> Vec<&str> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match in_word(first) {
            true => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::trace::Column;
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let places = HashMap::from([("4711".to_owned(), "1.2".to_owned())]);
        let line = Line { text: text.to_owned(), column: Column::Right };
        let mut volatile = HashSet::from(["9".to_owned()]);
        assert_eq!(mask_line(&line, &places, &mut volatile), wanted);
    }

    #[test]
    fn only_what_differs_by_nature_is_hidden() {
        check("kill(4711, SIGTERM)  = 0", "kill(<1.2>, SIGTERM) = 0");
        check("close(47110)    = 0", "close(47110) = 0");
        check(
            "nanosleep({tv_sec=5, tv_nsec=0}, {tv_sec=4, tv_nsec=98}) = ? ERESTART_RESTARTBLOCK (x)",
            "nanosleep({tv_sec=5, tv_nsec=0}, {tv_sec=#, tv_nsec=#}) = ? ERESTART_RESTARTBLOCK (x)",
        );
        check(
            "getrandom(\"\\x01\\xf7\", 2, GRND_NONBLOCK) = 2",
            "getrandom(\"#\", 2, GRND_NONBLOCK) = 2",
        );
        check(
            "getrandom(0x4, 2, 0) = -1 EFAULT (Bad address)",
            "getrandom(0x4, 2, 0) = -1 EFAULT (Bad address)",
        );
        check("unlink(\"/tmp/ccAb12Cd.s\") = 0", "unlink(\"/tmp/cc######.s\") = 0");
        check("unlink(\"/tmp/cclonger7\") = 0", "unlink(\"/tmp/cclonger7\") = 0");
        check("read(9, \"a, b\", 20) = 4", "read(9, \"#\", 20) = #");
        check("read(8, \"a, b\", 20) = 4", "read(8, \"a, b\", 20) = 4");
        check(
            "statfs(\"/\", {f_bsize=4096, f_bfree=12, f_namelen=255}) = 0",
            "statfs(\"/\", {f_bsize=4096, f_bfree=#, f_namelen=255}) = 0",
        );
        check("close(3<socket:[812]>) = 0", "close(3<socket:[#]>) = 0");
        check("close(3<UNIX-STREAM:[812->1044]>) = 0", "close(3<UNIX-STREAM:[#->#]>) = 0");
        check(
            "close(3<TCP:[127.0.0.1:40112->127.0.0.1:80]>) = 0",
            "close(3<TCP:[127.0.0.1:#->127.0.0.1:80]>) = 0",
        );
        check("bind(3, {sun_path=@\"0c2f1\"}, 8) = 0", "bind(3, {sun_path=@\"#\"}, 8) = 0");
        check(
            "--- SIGCHLD {si_utime=3 /* 0.03 s */, si_stime=0} ---",
            "--- SIGCHLD {si_utime=#, si_stime=#} ---",
        );
        check(
            "--- SIGCHLD {si_signo=SIGCHLD, si_pid=4711, si_status=3, si_utime=12, si_stime=0} ---",
            "--- SIGCHLD {si_signo=SIGCHLD, si_pid=<1.2>, si_status=3, si_utime=#, si_stime=#} ---",
        );
    }

    #[test]
    fn arguments_are_split_outside_of_strings_and_brackets() {
        let call = Call::parse("f(\"a, \\\" b\", {x=1, y=[2, 3]}, 4 /* a */) = -1 E (F)");
        let wanted = ["\"a, \\\" b\"", "{x=1, y=[2, 3]}", "4 /* a */"];
        assert_eq!(call.map(|call| call.args), Some(wanted.to_vec()));
    }
}
