//! What a record says before its first event and after its last.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Where and how a record was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Header {
    /// The version of the vrift that wrote it.
    pub vrift: String,
    /// `sysname release version` as `uname` tells them.
    pub kernel: String,
    /// The machine's architecture, as `uname` tells it.
    pub machine: String,
    /// The name of the host.
    pub host: String,
    /// The user that ran it, by number.
    pub uid: u32,
    /// Nanoseconds from 1970 to the start.
    pub start_ns: u64,
    /// The command's words.
    pub command: Vec<Vec<u8>>,
    /// The directory it was run in.
    pub cwd: Vec<u8>,
    /// The mounts it was given.
    pub mounts: Vec<Mount>,
    /// The digest of the policy it was held to.
    pub policy: Option<[u8; 32]>,
    /// The system calls that were stopped, by name, sorted; others went to the kernel unseen.
    pub watched: Vec<String>,
    /// Those of them that were not stopped where the fast lane made them.
    pub unstopped: Unstopped,
}

/// Which calls programs may have made without a stop and told of themselves. One that knows could leave some out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Unstopped {
    /// None: all is told by the kernel.
    #[default]
    Nothing,
    /// Those that look for files.
    Lookups,
    /// These, and those that open files to read them.
    Opens,
}

impl Unstopped {
    /// Its name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Unstopped::Nothing => "nothing",
            Unstopped::Lookups => "lookups",
            Unstopped::Opens => "opens",
        }
    }

    /// What it means, for a reader; `None` if there is nothing to say.
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Unstopped::Nothing => None,
            Unstopped::Lookups => Some(
                "lookups of files, by the programs themselves (--fast-lane=never: by the kernel)",
            ),
            Unstopped::Opens => Some(
                "lookups of files and opens for reading, by the programs themselves (--fast-lane=never: by the kernel)",
            ),
        }
    }
}

impl Header {
    /// When the run started.
    pub fn start(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.start_ns)
    }
}

/// A tree seen at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where.
    pub point: Vec<u8>,
    /// The manifest's id; `None` if it is a directory of the host (`--overlay`).
    pub manifest: Option<[u8; 32]>,
    /// The manifest's file, or that directory.
    pub file: Vec<u8>,
    /// Whether it could be written to.
    pub access: MountAccess,
}

/// What can be done in a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountAccess {
    /// Reading.
    ReadOnly,
    /// Writing too, into a session.
    Writable,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It exited with this status.
    Exited(i32),
    /// A signal killed it.
    Killed {
        /// Its number.
        signo: i32,
        /// Whether a core was dumped.
        core: bool,
    },
    /// It never ran, or how it ended is not known.
    Unknown,
}

/// The end of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many events there are; the writer counts.
    pub events: u64,
    /// How the command ended.
    pub ending: Ending,
    /// Nanoseconds from the start to the end.
    pub wall_ns: u64,
    /// How many events could not be recorded in full.
    pub incomplete: u64,
    /// How many violations of the policy there were.
    pub violations: u64,
}
