//! RFC-0047's table: how each system call was answered, and whether that complies.

use std::fmt;

use serde_json::{Map, Value, json};
use vrift_record::{Text, Verdict};

use crate::model::{Model, Tally};

/// What calls do, in RFC-0047's order. A call that is in no group is in the last one.
const GROUPS: &[(&str, &[&str])] = &[
    ("open", &["open", "openat", "openat2", "creat", "open_by_handle_at"]),
    (
        "stat",
        &[
            "stat",
            "lstat",
            "fstat",
            "newfstatat",
            "fstatat64",
            "stat64",
            "lstat64",
            "fstat64",
            "statx",
        ],
    ),
    ("access", &["access", "faccessat", "faccessat2"]),
    ("links", &["readlink", "readlinkat", "symlink", "symlinkat", "link", "linkat"]),
    ("directories", &["getdents", "getdents64", "readdir"]),
    ("namespace", &["getcwd", "chdir", "fchdir", "chroot"]),
    (
        "mutation",
        &["mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2"],
    ),
    (
        "attributes",
        &[
            "chmod",
            "fchmod",
            "fchmodat",
            "fchmodat2",
            "chown",
            "lchown",
            "fchown",
            "fchownat",
            "utime",
            "utimes",
            "futimesat",
            "utimensat",
        ],
    ),
    (
        "xattr",
        &[
            "getxattr",
            "lgetxattr",
            "fgetxattr",
            "getxattrat",
            "setxattr",
            "lsetxattr",
            "fsetxattr",
            "setxattrat",
            "listxattr",
            "llistxattr",
            "flistxattr",
            "listxattrat",
            "removexattr",
            "lremovexattr",
            "fremovexattr",
            "removexattrat",
        ],
    ),
    ("size", &["truncate", "truncate64", "ftruncate", "ftruncate64", "fallocate"]),
    ("nodes", &["mknod", "mknodat", "bind", "connect"]),
    ("execution", &["execve", "execveat", "fork", "vfork", "clone", "clone3"]),
    ("memory", &["mmap", "mmap2", "munmap", "mprotect", "mremap", "msync"]),
    ("fs-info", &["statfs", "statfs64", "fstatfs", "fstatfs64"]),
    ("other", &[]),
];

/// Whether a call was answered as RFC-0047 wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complies {
    /// Each time it concerned a mount.
    Yes,
    /// Some of them were refused, or not modelled.
    No,
    /// No mount was concerned, or asked.
    NotConcerned,
}

impl Complies {
    /// The answer in a word.
    pub fn word(self) -> &'static str {
        match self {
            Complies::Yes => "yes",
            Complies::No => "no",
            Complies::NotConcerned => "-",
        }
    }
}

/// A system call's row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// What the call does.
    pub group: &'static str,
    /// Its name.
    pub call: &'a Text,
    /// How often it was answered on which grounds.
    pub tally: &'a Tally,
    /// Whether that is well.
    pub complies: Complies,
}

impl Row<'_> {
    /// How often the call was answered on these grounds.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.tally.verdicts.get(&verdict).copied().unwrap_or(0)
    }
}

/// RFC-0047's table of a run.
#[derive(Debug)]
pub struct Compliance<'a> {
    /// A row for each call that was made, by group and name.
    pub rows: Vec<Row<'a>>,
}

impl<'a> Compliance<'a> {
    /// The table of a record.
    pub fn of(model: &'a Model) -> Compliance<'a> {
        let mut rows: Vec<(usize, Row<'a>)> = model
            .calls
            .iter()
            .map(|(call, tally)| {
                let (place, group) = group(call);
                (place, Row { group, call, tally, complies: complies(tally) })
            })
            .collect();
        rows.sort_by_key(|&(place, row)| (place, row.call));
        Compliance { rows: rows.into_iter().map(|(_, row)| row).collect() }
    }

    /// Whether no call was refused or not modelled.
    pub fn complies(&self) -> bool {
        self.rows.iter().all(|row| row.complies != Complies::No)
    }

    /// A verdict's number of calls, for each verdict there was.
    pub fn totals(&self) -> Vec<(Verdict, u64)> {
        let count = |verdict| self.rows.iter().map(|row| row.count(verdict)).sum();
        Verdict::ALL
            .map(|verdict| (verdict, count(verdict)))
            .into_iter()
            .filter(|t| t.1 > 0)
            .collect()
    }

    /// The rows as JSON objects.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let verdicts: Map<String, Value> =
                row.tally.verdicts.iter().map(|(v, n)| (v.word().to_owned(), json!(n))).collect();
            let compliant = match row.complies {
                Complies::Yes => json!(true),
                Complies::No => json!(false),
                Complies::NotConcerned => Value::Null,
            };
            json!({
                "call": row.call.to_string(),
                "group": row.group,
                "count": row.tally.calls(),
                "failed": row.tally.failed,
                "verdicts": verdicts,
                "compliant": compliant,
            })
        });
        rows.collect()
    }
}

fn group(call: &Text) -> (usize, &'static str) {
    let name = call.as_bytes();
    let found = GROUPS.iter().position(|(_, calls)| calls.iter().any(|c| c.as_bytes() == name));
    let place = found.unwrap_or(GROUPS.len() - 1);
    (place, GROUPS[place].0)
}

fn complies(tally: &Tally) -> Complies {
    use Verdict::{Denied, Host, Refused, Unmodelled};
    let has = |verdict| tally.verdicts.contains_key(&verdict);
    if has(Refused) || has(Unmodelled) {
        Complies::No
    } else if tally.verdicts.keys().all(|verdict| matches!(verdict, Host | Denied)) {
        Complies::NotConcerned
    } else {
        Complies::Yes
    }
}

/// The table for a terminal.
impl fmt::Display for Compliance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12}{:<18}{:>9}", "group", "call", "calls")?;
        for verdict in Verdict::ALL {
            write!(f, "{:>15}", verdict.word())?;
        }
        writeln!(f, "{:>9}  compliant", "failed")?;
        for row in &self.rows {
            write!(f, "{:<12}{:<18}{:>9}", row.group, row.call.to_string(), row.tally.calls())?;
            for verdict in Verdict::ALL {
                write!(f, "{:>15}", blank_if_zero(row.count(verdict)))?;
            }
            writeln!(f, "{:>9}  {}", blank_if_zero(row.tally.failed), row.complies.word())?;
        }
        let of = |complies| self.rows.iter().filter(|row| row.complies == complies).count();
        writeln!(
            f,
            "{} calls compliant, {} not, {} did not concern a mount",
            of(Complies::Yes),
            of(Complies::No),
            of(Complies::NotConcerned)
        )?;
        writeln!(
            f,
            "calls that are not stopped (read, write, close and their like) pass by design and are \
             not counted"
        )
    }
}

fn blank_if_zero(count: u64) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}
