//! What differs between two runs, and what of it is a cause: why is this build not reproducible?
//!
//! Left out is what differs from one run to the next of the same build: times, process ids, the order of
//! processes, names of temporary files (see `names.rs`), the contents of what the kernel makes up, and names
//! that are missing in one run and not asked for in the other.

mod files;
mod names;
mod runs;
mod show;

use std::collections::BTreeSet;

use vrift_record::{Header, Text};

use crate::model::{Model, What};
use crate::report::quoted;
use names::{Names, Numbers};
pub use runs::Setting;

/// Something of either run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Both<T> {
    /// Of the first.
    pub a: T,
    /// Of the second.
    pub b: T,
}

/// A file of which the runs tell different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its path.
    pub path: Text,
    /// What they tell.
    pub side: Both<Side>,
}

/// What a run tells of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// It had these contents: digests, or why there is none.
    Content(Vec<String>),
    /// It was there.
    There,
    /// It was asked for and not there.
    Missing,
    /// It was removed.
    Removed,
    /// The run had nothing to do with it.
    Unused,
}

/// A variable that differs in the environments of the same processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableChange {
    /// Its name.
    pub name: Text,
    /// What it was.
    pub value: Both<Setting>,
    /// In how many executions.
    pub processes: u64,
}

/// The words and the directory of an execution.
pub type Words = (Vec<Text>, Text);

/// A program that was executed in one run only, or with other words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionChange {
    /// The program.
    pub program: Text,
    /// Its words and directory, where there is an execution.
    pub run: Both<Option<Words>>,
}

/// One word that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstance {
    /// What it is about.
    pub what: &'static str,
    /// What it was.
    pub value: Both<String>,
}

/// Something that only one run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlyIn {
    /// The first run's.
    pub a: BTreeSet<String>,
    /// The second run's.
    pub b: BTreeSet<String>,
}

/// All that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Host, kernel, user, mounts, directory.
    pub circumstances: Vec<Circumstance>,
    /// Variables of environments.
    pub variables: Vec<VariableChange>,
    /// Executions.
    pub executions: Vec<ExecutionChange>,
    /// What was given to the runs.
    pub inputs: Vec<FileChange>,
    /// What was there for one run and not for the other.
    pub existence: Vec<FileChange>,
    /// With whom they spoke.
    pub network: OnlyIn,
    /// Possible escapes.
    pub escapes: OnlyIn,
    /// What they left.
    pub outputs: Vec<FileChange>,
    /// How they ended.
    pub ending: Option<Both<String>>,
}

impl Diff {
    /// Compares two runs.
    pub fn of(a: &Model, b: &Model) -> Diff {
        let models = Both { a, b };
        let names = Both { a: Names::of(a, b), b: Names::of(b, a) };
        let (variables, executions) = runs::compare(models, &names);
        let files = files::compare(models, &names);
        let ending = Both { a: ending(a), b: ending(b) };
        Diff {
            circumstances: circumstances(&a.header, &b.header),
            variables,
            executions,
            inputs: files.inputs,
            existence: files.existence,
            network: only_in(spoken(a, &names.a), spoken(b, &names.b)),
            escapes: only_in(escapes(a, &names.a), escapes(b, &names.b)),
            outputs: files.outputs,
            ending: (ending.a != ending.b).then_some(ending),
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.causes() == 0 && self.results() == 0
    }

    /// How many things differ that may be a reason for others.
    pub fn causes(&self) -> usize {
        let network = self.network.a.len() + self.network.b.len();
        let escapes = self.escapes.a.len() + self.escapes.b.len();
        let files = self.inputs.len() + self.existence.len();
        let runs = self.variables.len() + self.executions.len();
        self.circumstances.len() + runs + files + network + escapes
    }

    /// How many things differ in what came out.
    pub fn results(&self) -> usize {
        self.outputs.len() + usize::from(self.ending.is_some())
    }
}

fn ending(model: &Model) -> String {
    let ending = model.totals.as_ref().map(|totals| totals.ending.to_string());
    ending.unwrap_or_else(|| "not in the record".to_owned())
}

fn circumstances(a: &Header, b: &Header) -> Vec<Circumstance> {
    let mounts = |header: &Header| {
        let told = header.mounts.iter().map(|mount| {
            let point = Text::from(&mount.point[..]);
            match &mount.manifest {
                Some(id) => format!("{point} {}", crate::report::hex(id)),
                None => format!("{point} over {}", Text::from(&mount.file[..])),
            }
        });
        told.collect::<Vec<_>>().join(", ")
    };
    let directory = |header: &Header| quoted(&header.cwd);
    let told = |header: &Header| {
        [
            ("host", header.host.clone()),
            ("kernel", header.kernel.clone()),
            ("machine", header.machine.clone()),
            ("user", header.uid.to_string()),
            ("directory", directory(header)),
            ("mounts", mounts(header)),
        ]
    };
    let pairs = told(a).into_iter().zip(told(b));
    pairs
        .filter(|(left, right)| left.1 != right.1)
        .map(|((what, a), (_, b))| Circumstance { what, value: Both { a, b } })
        .collect()
}

fn only_in(a: BTreeSet<String>, b: BTreeSet<String>) -> OnlyIn {
    OnlyIn { a: a.difference(&b).cloned().collect(), b: b.difference(&a).cloned().collect() }
}

/// Endpoints, without the ports that the kernel hands out.
fn spoken(model: &Model, names: &Names<'_>) -> BTreeSet<String> {
    use vrift_record::{Endpoint, NetworkAct};
    let told = model.connections.keys().filter_map(|connection| {
        let act = connection.act;
        let endpoint = match (&connection.endpoint, act) {
            (Endpoint::Inet { ip, .. }, NetworkAct::Accept) => ip.to_string(),
            (Endpoint::Inet { ip, port }, _) if model.ports.contains(port) => {
                format!("{ip}, a port of the run's own")
            }
            (Endpoint::Netlink { .. }, _) => "netlink".to_owned(),
            (Endpoint::Unix(path), _) => format!("unix:{}", names.path(path)?),
            (other, _) => other.to_string(),
        };
        Some(format!("{} {endpoint}", act.word()))
    });
    told.collect()
}

fn escapes(model: &Model, names: &Names<'_>) -> BTreeSet<String> {
    let told = model.findings.iter().filter_map(|finding| match &finding.what {
        What::Escape { kind, .. } => {
            let subject = names.word(&finding.subject, None, &mut Numbers::default());
            Some(format!("{} {subject}", kind.word()))
        }
        What::Violation { .. } => None,
    });
    told.collect()
}
