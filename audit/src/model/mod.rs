//! What a record says as tables: processes, files, versions, connections, calls, findings.
//!
//! Deliberately absent: any opinion on it. Whether a build complied is for the report to say.

mod files;
mod findings;
mod fold;
mod moves;
mod processes;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::Duration;

pub use files::{Before, Came, Counts, FileUse, Order};
pub(crate) use files::{is_below, is_made_up};
pub use findings::{Finding, What};
use fold::Fold;
use processes::Processes;
pub use processes::{Process, ProcessId, Program};
use vrift_record::{
    Content, Damage, Endpoint, Header, NetworkAct, Origin, Outcome, Reader, Text, Totals, Verdict,
    VersionId,
};

/// All that a record tells, folded.
#[derive(Debug, Default)]
pub struct Model {
    /// Where and how the record was made.
    pub header: Header,
    /// Its end, if it has one.
    pub totals: Option<Totals>,
    /// Where it stops being readable; all else is about what comes before.
    pub damage: Option<Damage>,
    /// The check of its last whole frame, which stands for all of it.
    pub check: [u8; 32],
    /// How many entries there are.
    pub events: u64,
    /// The time of the last entry.
    pub last: Duration,
    processes: Processes,
    /// Every path that was accessed, and how.
    pub files: BTreeMap<Text, FileUse>,
    /// The versions of files' contents.
    pub versions: BTreeMap<VersionId, Version>,
    /// With whom the tree spoke, and how often.
    pub connections: BTreeMap<Connection, Counts>,
    /// The ports that the kernel has handed out to sockets of the tree.
    pub ports: BTreeSet<u16>,
    /// How often each system call was answered on which grounds.
    pub calls: BTreeMap<Text, Tally>,
    /// Possible escapes and violations, in their order.
    pub findings: Vec<Finding>,
}

/// One version of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// A path under which it was met.
    pub path: Text,
    /// Its length.
    pub size: u64,
    /// Where it was.
    pub origin: Origin,
    /// What it held; `None` if the record ends before that was known.
    pub content: Option<Content>,
}

/// Something a process did with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// With whom.
    pub endpoint: Endpoint<Text>,
    /// What.
    pub act: NetworkAct,
    /// Who.
    pub process: ProcessId,
}

/// How calls of one name were answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// How often on which grounds.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// How many of them failed.
    pub failed: u64,
}

impl Tally {
    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.verdicts.values().sum()
    }

    fn add(&mut self, verdict: Verdict, outcome: Outcome) {
        *self.verdicts.entry(verdict).or_default() += 1;
        self.failed += u64::from(matches!(outcome, Outcome::Failed(_)));
    }
}

impl Model {
    /// Reads a record to its end, or as far as it is whole.
    pub fn read<R: Read>(reader: &mut Reader<R>) -> Model {
        let mut fold = Fold::default();
        let mut damage = None;
        for entry in reader.by_ref() {
            match entry {
                Ok(entry) => fold.add(entry),
                Err(found) => damage = Some(found),
            }
        }
        let (header, totals) = (reader.header().clone(), reader.totals().cloned());
        Model { header, totals, damage, check: reader.check(), ..fold.finish() }
    }

    /// The processes, in the order of their starts.
    pub fn processes(&self) -> &[Process] {
        self.processes.all()
    }

    /// A process.
    pub fn process(&self, id: ProcessId) -> Option<&Process> {
        self.processes.all().get(id.0)
    }

    /// What a version held, if that is known.
    pub fn content(&self, version: VersionId) -> Option<Content> {
        self.versions.get(&version)?.content
    }
}
