//! The command line of `vrift trace`: strace's, and what vrift has beyond it.
//!
//! Options of strace that vrift lacks are declared too, hidden, in [`Lacking`], so that they are
//! refused by name and never taken for something else.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum, value_parser};
use vrift_tracer::view::text::{Precision, Stamp, parse_duration};

use super::RootArgs;

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Watch a process that runs already, with all its threads and children; several may be given, in a list or each by its
    /// own -p
    #[arg(
        short = 'p',
        long,
        value_name = "PID",
        conflicts_with_all = ["manifest", "exit_with_root", "env"]
    )]
    pub(crate) attach: Vec<Pids>,
    /// Put VAR=VAL into the command's environment, or remove VAR from it
    #[arg(short = 'E', long, value_name = "VAR[=VAL]")]
    pub(crate) env: Vec<OsString>,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    #[command(flatten)]
    pub(crate) form: FormArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) summary: SummaryArgs,
    /// What ^C and the like do to vrift: `never`, the command alone decides
    #[arg(short = 'I', long, value_name = "WHEN", hide = true)]
    pub(crate) interruptible: Option<Interruptible>,
    #[command(flatten)]
    pub(crate) lacking: Lacking,
    /// The command and its arguments
    #[arg(
        trailing_var_arg = true,
        required_unless_present = "attach",
        conflicts_with = "attach",
        value_name = "CMD",
        help_heading = "Arguments"
    )]
    pub(crate) command: Vec<OsString>,
}

/// Ids of processes, as `pidof` prints them or with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pids(pub(crate) Vec<i32>);

impl FromStr for Pids {
    type Err = String;

    fn from_str(list: &str) -> Result<Pids, String> {
        let words = list.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
        let pid = |word: &str| match word.parse() {
            Ok(pid @ 1..) => Ok(pid),
            _ => Err(format!("'{word}' is no process id")),
        };
        let pids: Vec<_> = words.map(pid).collect::<Result<_, _>>()?;
        if pids.is_empty() {
            Err("there is no process id in it".to_owned())
        } else {
            Ok(Pids(pids))
        }
    }
}

/// When signals end the tracer, as strace names and numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Interruptible {
    #[value(alias = "1")]
    Anywhere,
    #[value(alias = "2")]
    Waiting,
    #[value(alias = "3")]
    Never,
    #[value(alias = "4")]
    NeverTstp,
}

/// What is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is shown")]
pub(crate) struct ChoiceArgs {
    /// `trace=`, `signal=`, `status=`, `quiet=`, `abbrev=`, `verbose=`, `raw=` or
    /// `decode-fds=` and a list; `!` inverts it; a list alone is one of calls: names, `%CLASS`, `/REGEX`
    #[arg(short = 'e', value_name = "EXPR")]
    pub(crate) expressions: Vec<String>,
    /// The same as -e trace=
    #[arg(long, value_name = "CALLS")]
    pub(crate) trace: Option<String>,
    /// The same as -e signal=
    #[arg(long, alias = "signals", value_name = "SIGNALS")]
    pub(crate) signal: Option<String>,
    /// The same as -e status=
    #[arg(long, value_name = "STATUSES")]
    pub(crate) status: Option<String>,
    /// The same as -e abbrev=
    #[arg(long = "abbrev", value_name = "CALLS")]
    pub(crate) shortened: Option<String>,
    /// The same as -e verbose=
    #[arg(long = "verbose", value_name = "CALLS")]
    pub(crate) looked_into: Option<String>,
    /// The same as -e raw=
    #[arg(long, value_name = "CALLS")]
    pub(crate) raw: Option<String>,
    /// The same as -e quiet=; alone the same as -q
    #[arg(
        long = "quiet",
        aliases = ["silent", "silence"],
        value_name = "MESSAGES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "attach,personality"
    )]
    pub(crate) messages: Option<String>,
    /// Only calls that access PATH, by name or through a descriptor
    #[arg(short = 'P', long = "trace-path", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only calls that succeeded
    #[arg(short = 'z', long = "successful-only", overrides_with = "failed")]
    pub(crate) successful: bool,
    /// Only calls that failed
    #[arg(short = 'Z', long = "failed-only", overrides_with = "successful")]
    pub(crate) failed: bool,
    /// Without messages about attaching (vrift has none); -qq: nor about exits; -qqq: no messages
    #[arg(short = 'q', action = ArgAction::Count)]
    pub(crate) quiet: u8,
    /// Follow children (always on; accepted for strace's sake); -ff: with -o, one FILE.PID each
    #[arg(short = 'f', long = "follow-forks", visible_short_alias = 'F', action = ArgAction::Count)]
    pub(crate) follow: u8,
    /// One output FILE.PID for each task
    #[arg(long)]
    pub(crate) output_separately: bool,
    /// Accepted for strace's sake: vrift always filters in the kernel
    #[arg(long, hide = true)]
    pub(crate) seccomp_bpf: bool,
}

/// The most that strace takes for `-s` and `-a`.
const STRING_MAX: i64 = u32::MAX as i64 / 4;
const COLUMN_MAX: i64 = i32::MAX as i64;

/// How it is spelled.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it is spelled")]
pub(crate) struct FormArgs {
    /// Show at most this many bytes of a string
    #[arg(
        short = 's',
        long = "string-limit",
        value_name = "BYTES",
        default_value_t = 32,
        value_parser = value_parser!(u32).range(..=STRING_MAX)
    )]
    pub(crate) string_max: u32,
    /// Put results in this column
    #[arg(
        short = 'a',
        long = "columns",
        value_name = "COLUMN",
        default_value_t = 40,
        value_parser = value_parser!(u32).range(..=COLUMN_MAX)
    )]
    pub(crate) column: u32,
    /// Time of day; -tt: with microseconds; -ttt: seconds since the epoch
    #[arg(short = 't', action = ArgAction::Count)]
    pub(crate) stamps: u8,
    /// The same by name: none, time or unix, and s, ms, us or ns; alone the same as -t
    #[arg(
        long = "absolute-timestamps",
        alias = "timestamps",
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "time",
        value_parser = Stamp::parse,
        conflicts_with = "stamps"
    )]
    pub(crate) stamp: Option<Stamp>,
    /// Time since the line before; in microseconds, if not in s, ms, us or ns
    #[arg(
        short = 'r',
        long = "relative-timestamps",
        value_name = "PRECISION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "us",
        value_parser = Precision::parse
    )]
    pub(crate) relative: Option<Precision>,
    /// Time spent in each call; in microseconds, if not in s, ms, us or ns
    #[arg(
        short = 'T',
        long = "syscall-times",
        value_name = "PRECISION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "us",
        value_parser = Precision::parse
    )]
    pub(crate) spent: Option<Precision>,
    /// Instruction pointer at the time of the call
    #[arg(short = 'i', long = "instruction-pointer")]
    pub(crate) ip: bool,
    /// Number of the call
    #[arg(short = 'n', long = "syscall-number")]
    pub(crate) number: bool,
    /// Paths of descriptors; -yy: all that is known of them
    #[arg(short = 'y', action = ArgAction::Count)]
    pub(crate) descriptors: u8,
    /// The same as -e decode-fds=: `path`, `dev`, `socket`, `pidfd`; alone the same as -y
    #[arg(
        long,
        value_name = "DETAILS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "path",
        conflicts_with = "descriptors"
    )]
    pub(crate) decode_fds: Option<String>,
    /// Strings that are not ASCII in hexadecimal; -xx: all strings
    #[arg(short = 'x', action = ArgAction::Count)]
    pub(crate) hex: u8,
    /// The same by name; alone the same as -xx
    #[arg(
        long,
        value_name = "WHICH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        conflicts_with = "hex"
    )]
    pub(crate) strings_in_hex: Option<StringsInHex>,
    /// Shorten no structure, no array, no environment
    #[arg(short = 'v', long = "no-abbrev")]
    pub(crate) verbose: bool,
    /// The form of named constants
    #[arg(short = 'X', long = "const-print-style", value_name = "FORM", default_value = "abbrev")]
    pub(crate) constants: Constants,
    /// Whether to say behind a result what vrift made of the call
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) annotate: Annotate,
}

/// Which strings are in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StringsInHex {
    /// none
    None,
    /// none, but escapes are
    NonAsciiChars,
    /// those that are not ASCII
    NonAscii,
    /// all
    All,
}

/// The form of named constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Constants {
    /// numbers
    Raw,
    /// names
    Abbrev,
    /// numbers, and names as comments
    Verbose,
}

/// When notes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Annotate {
    /// where a mount plays a part
    Auto,
    /// never: strace's own text and nothing else
    Never,
    /// always
    Always,
}

/// Where it goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where it goes")]
pub(crate) struct OutputArgs {
    /// Write the trace to FILE instead of standard error, or with '|COMMAND' to a shell command
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Append to the file of -o
    #[arg(short = 'A', long = "output-append-mode")]
    pub(crate) append: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the tree of processes at the end
    #[arg(long)]
    pub(crate) tree: bool,
    /// Write a timeline for Perfetto or chrome://tracing to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<PathBuf>,
}

/// The table of `-c`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Statistics")]
pub(crate) struct SummaryArgs {
    /// Count calls, errors and time per call, and print only a table at the end
    #[arg(short = 'c', long = "summary-only", conflicts_with_all = ["json", "with_lines"])]
    pub(crate) only: bool,
    /// The same, beside the lines
    #[arg(short = 'C', long = "summary", conflicts_with = "json")]
    pub(crate) with_lines: bool,
    /// Sort the table by time, min-time, max-time, avg-time, calls, errors, name or nothing
    #[arg(short = 'S', long = "summary-sort-by", value_name = "BY", default_value = "time")]
    pub(crate) sort: String,
    /// The table's columns
    #[arg(
        short = 'U',
        long = "summary-columns",
        value_name = "COLUMNS",
        default_value = "time-percent,total-time,avg-time,calls,errors,name"
    )]
    pub(crate) columns: String,
    /// Take so much off the time of each call: a number of microseconds, or of s, ms, us or ns
    #[arg(
        short = 'O',
        long = "summary-syscall-overhead",
        value_name = "TIME",
        default_value = "0",
        value_parser = parse_duration
    )]
    pub(crate) overhead: Duration,
    /// Sum up wall clock time instead of processor time
    #[arg(short = 'w', long = "summary-wall-clock")]
    pub(crate) wall: bool,
}

/// Options of strace that vrift lacks.
#[derive(Debug, Args)]
pub(crate) struct Lacking {
    #[arg(short = 'D', long, hide = true, action = ArgAction::Count)]
    daemonize: u8,
    #[arg(short = 'b', long, hide = true)]
    detach_on: Option<OsString>,
    #[arg(short = 'u', long, hide = true)]
    user: Option<OsString>,
    #[arg(short = 'k', long, hide = true)]
    stack_traces: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    tips: Option<Option<OsString>>,
    #[arg(short = 'Y', hide = true)]
    names_of_pids: bool,
    #[arg(short = 'd', long, hide = true)]
    debug: bool,
    #[arg(long, hide = true)]
    inject: Option<OsString>,
    #[arg(long, hide = true)]
    fault: Option<OsString>,
    #[arg(long, hide = true)]
    kvm: Option<OsString>,
    #[arg(long, hide = true)]
    read: Option<OsString>,
    #[arg(long, hide = true)]
    write: Option<OsString>,
    #[arg(long, hide = true)]
    decode_pids: Option<OsString>,
}

impl Lacking {
    /// The first of them that was given, and what to use instead or why it is not there.
    pub(crate) fn given(&self) -> Option<(&'static str, &'static str)> {
        const CHANGES: &str = "vrift shows what a program does and does not tamper with it";
        const DUMPS: &str = "-s shows longer strings";
        const PIDS: &str = "--tree tells which command a process runs";
        [
            (self.daemonize > 0, "-D/--daemonize", "vrift is always the command's parent"),
            (
                self.detach_on.is_some(),
                "-b/--detach-on",
                "whose calls vrift's filter stops cannot be let go; -e trace= limits what is shown",
            ),
            (self.user.is_some(), "-u/--user", "run vrift itself as that user"),
            (self.stack_traces, "-k/--stack-traces", "-i shows the instruction pointer"),
            (self.tips.is_some(), "--tips", "strace has them"),
            (self.names_of_pids, "-Y", PIDS),
            (self.debug, "-d/--debug", "`vrift doctor` checks the machine"),
            (self.inject.is_some(), "--inject", CHANGES),
            (self.fault.is_some(), "--fault", CHANGES),
            (self.kvm.is_some(), "--kvm", "it is not built"),
            (self.read.is_some(), "--read", DUMPS),
            (self.write.is_some(), "--write", DUMPS),
            (self.decode_pids.is_some(), "--decode-pids", PIDS),
        ]
        .into_iter()
        .find_map(|(given, name, instead)| given.then_some((name, instead)))
    }
}
