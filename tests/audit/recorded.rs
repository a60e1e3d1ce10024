//! Recording a command, and what its record says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use vrift_audit::{Access, Act, Entry, Event, Model, Outcome, Reader, Text};
use vrift_cas::Digest;

use crate::kit::{Ran, Sandbox, run};

/// A command in a sandbox that was recorded.
pub(crate) struct Recorded {
    pub(crate) ran: Ran,
    pub(crate) path: PathBuf,
    pub(crate) entries: Vec<Entry>,
    pub(crate) model: Model,
}

/// Records a command with options before it.
pub(crate) fn recorded_with(sandbox: &Sandbox, options: &[&str], words: &[&str]) -> Recorded {
    let path = sandbox.path("rec");
    let mut vrift = sandbox.vrift(["audit", "-o"]);
    vrift.arg(&path).args(options).arg("--").args(words);
    let ran = run(&mut vrift);
    Recorded::at(path, ran)
}

/// Records a command.
pub(crate) fn recorded(sandbox: &Sandbox, words: &[&str]) -> Recorded {
    recorded_with(sandbox, &[], words)
}

/// A shell script in a sandbox.
pub(crate) fn script(sandbox: &Sandbox, script: &str) -> Recorded {
    let recorded = recorded(sandbox, &["sh", "-c", script]);
    assert!(recorded.ran.status.success() && recorded.ran.stderr.is_empty(), "{}", recorded.ran);
    recorded
}

pub(crate) fn entries(path: &Path) -> Vec<Entry> {
    Reader::open(path).expect("a record").map_while(Result::ok).collect()
}

pub(crate) fn model(path: &Path) -> Model {
    Model::read(&mut Reader::open(path).expect("a record"))
}

impl Recorded {
    /// A record that a run has made.
    pub(crate) fn at(path: PathBuf, ran: Ran) -> Recorded {
        let (entries, model) = (entries(&path), model(&path));
        assert_eq!(model.damage, None, "{ran}");
        Recorded { ran, path, entries, model }
    }

    /// What was done to files with success, in order.
    pub(crate) fn accesses(&self) -> impl Iterator<Item = &Access<Text>> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::File(access) if access.outcome == Outcome::Done => Some(access),
            _ => None,
        })
    }

    /// The paths on which one of these was done.
    pub(crate) fn paths(&self, acts: &[Act]) -> BTreeSet<String> {
        let of_these = self.accesses().filter(|access| acts.contains(&access.act));
        of_these.map(|access| access.path.to_string()).collect()
    }

    /// The digests of what was read of a path, in order.
    pub(crate) fn read(&self, path: &Path) -> Vec<Digest> {
        let reads = self.accesses().filter(|access| {
            matches!(access.act, Act::Read | Act::ReadWrite) && access.path.as_path() == path
        });
        reads.map(|access| self.digest(access)).collect()
    }

    /// The digest of the version an access is about.
    #[track_caller]
    pub(crate) fn digest(&self, access: &Access<Text>) -> Digest {
        let version = access.version.unwrap_or_else(|| panic!("no version: {access:?}"));
        let content = self.model.content(version).and_then(vrift_audit::Content::digest);
        content.unwrap_or_else(|| panic!("no digest: {access:?}"))
    }
}

/// `vrift audit verify` on a record.
pub(crate) fn verify(sandbox: &Sandbox, record: &Path) -> Command {
    let mut vrift = sandbox.vrift(["audit", "verify"]);
    vrift.arg(record);
    vrift
}
