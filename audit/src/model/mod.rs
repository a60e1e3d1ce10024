//! What a record says as tables: processes, files, versions, connections, calls, findings.
//!
//! Deliberately absent: any opinion on it. Whether a build complied is for the report to say.

mod files;
mod findings;
mod processes;

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use crate::error::Damage;
use crate::event::{
    Content, Endpoint, Entry, Event, Left, NetworkAct, Origin, Outcome, Part, Verdict, VersionId,
};
use crate::header::{Header, Totals};
use crate::reader::Reader;
use crate::text::Text;

pub use files::{Before, Counts, FileUse, Order};
pub use findings::{Finding, What};
use processes::Processes;
pub use processes::{Process, ProcessId, Program};

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
        let mut model = Model { header: reader.header().clone(), ..Model::default() };
        for entry in reader.by_ref() {
            match entry {
                Ok(entry) => model.add(entry),
                Err(damage) => model.damage = Some(damage),
            }
        }
        model.totals = reader.totals().cloned();
        model.check = reader.check();
        model
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

    /// Adds what one entry tells.
    pub fn add(&mut self, entry: Entry) {
        let Entry { at, tid, event } = entry;
        self.events += 1;
        self.last = at;
        let process = self.processes.of(tid);
        match event {
            Event::Started { child, kin } => self.processes.started(at, tid, child, kin),
            Event::Executed(execution) => self.processes.executed(at, tid, execution),
            Event::Ended { how, used } => self.processes.ended(at, tid, how, used),
            Event::File(access) => {
                if access.part == Part::First {
                    let tally = self.calls.entry(access.call.clone()).or_default();
                    tally.add(access.verdict, access.outcome);
                }
                if let Some(other) = access.names_other() {
                    let file = self.files.entry(other.clone()).or_default();
                    file.add_as_other(&access, process, at);
                }
                let file = self.files.entry(access.path.clone()).or_default();
                file.add(&access, process, at);
            }
            Event::Network { call, act, endpoint, outcome } => {
                self.calls.entry(call).or_default().add(Verdict::Host, outcome);
                if let Some(process) = process {
                    let connection = Connection { endpoint, act, process };
                    self.connections.entry(connection).or_default().add(outcome);
                }
            }
            Event::Call { call, verdict, outcome } => {
                self.calls.entry(call).or_default().add(verdict, outcome);
            }
            Event::Escape { kind, call, detail, outcome } => {
                let what = What::Escape { kind, outcome };
                self.findings.push(Finding { at, process, call, subject: detail, what });
            }
            Event::Version { version, path, size, origin } => {
                let known = Version { path, size, origin, content: None };
                self.versions.insert(version, known);
            }
            Event::Content { version, content } => {
                if let Some(known) = self.versions.get_mut(&version) {
                    known.content = Some(content);
                }
            }
            Event::Left { path, state } => self.left(path, state),
            Event::Violation { class, rule, call, subject, response } => {
                let what = What::Violation { class, rule, response };
                self.findings.push(Finding { at, process, call, subject, what });
            }
        }
    }

    fn left(&mut self, path: Text, state: Left) {
        self.files.entry(path).or_default().left = Some(state);
    }
}
