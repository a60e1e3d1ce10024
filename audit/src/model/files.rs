//! What was done with one path.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vrift_record::{Access, Act, Left, Outcome, Text, Verdict, VersionId};

use super::processes::ProcessId;

/// Directories whose files the kernel makes up.
const MADE_UP: [&[u8]; 3] = [b"/dev", b"/proc", b"/sys"];

/// `ENOENT` and `ENOTDIR`: there is no such file.
const MISSING: [u16; 2] = [2, 20];

/// All that was done with one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileUse {
    /// How often it was the subject of what.
    pub acts: BTreeMap<Act, Counts>,
    /// How often it was the other path of a rename, exchange or link.
    pub as_other: BTreeMap<Act, Counts>,
    /// The versions that were read, executed or mapped.
    pub versions: BTreeSet<VersionId>,
    /// Those of them that were met before the tree changed the content: what it was given.
    pub given: BTreeSet<VersionId>,
    /// Whether it was read before its content was changed.
    pub order: Order,
    /// Who did it.
    pub by: BTreeSet<ProcessId>,
    /// On which grounds it was answered.
    pub verdicts: BTreeSet<Verdict>,
    /// What is known of it from before the run.
    pub before: Before,
    /// When it was first accessed.
    pub first: Option<Duration>,
    /// How it was at the end, if the tree wrote it and the record is complete.
    pub left: Option<Left>,
    /// How the tree's work came to this path.
    pub came: Came,
    /// Whether a directory above it that was there before has another name since.
    pub taken: bool,
    /// Where the symlink leads that the tree has put there last.
    pub target: Option<Text>,
}

/// How something came to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Came {
    /// By calls that name it, if at all.
    #[default]
    ByName,
    /// The tree made it under another name, and renamed a directory above it.
    WithDirectory,
}

/// Whether a path was there when the run started, as far as accesses tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Before {
    /// No access has told.
    #[default]
    Unknown,
    /// It was there.
    There,
    /// It was not: it was missing when first asked for, or the tree made it.
    Absent,
}

/// What happened to a content first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// It was neither read nor changed.
    #[default]
    Untouched,
    /// It was read.
    ReadFirst,
    /// It was changed: what is read afterwards is of the tree's own making.
    ChangedFirst,
}

/// How often something was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// With success.
    pub done: u64,
    /// In vain, because there is no such file.
    pub missing: u64,
    /// In vain for other reasons.
    pub failed: u64,
}

impl Counts {
    pub(super) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Done | Outcome::Never => self.done += 1,
            Outcome::Failed(errno) if MISSING.contains(&errno) => self.missing += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
    }
}

impl FileUse {
    /// What is known of memory: it never had a place among files.
    pub(super) fn memory() -> FileUse {
        FileUse { before: Before::Absent, left: Some(Left::Gone), ..FileUse::default() }
    }

    /// What is known of a path that nothing was found at, now that a directory above it was renamed; `before` is
    /// what is known of the path that it had before.
    pub(super) fn brought(self, before: Option<&FileUse>) -> FileUse {
        match before.is_some_and(FileUse::is_changed) {
            // What the tree has made is no input under any name.
            true => FileUse {
                came: Came::WithDirectory,
                before: Before::Absent,
                order: Order::ChangedFirst,
                ..self
            },
            false => FileUse { before: Before::Unknown, ..self },
        }
    }

    /// How often something was done, with success.
    pub fn done(&self, act: Act) -> u64 {
        self.acts.get(&act).map_or(0, |counts| counts.done)
    }

    fn did(&self, kind: impl Fn(Act) -> bool) -> bool {
        self.acts.iter().any(|(&act, counts)| kind(act) && counts.done > 0)
    }

    /// Whether what it held was given to anybody, or went on under another name.
    pub fn is_read(&self) -> bool {
        self.did(Act::reads) || !self.given.is_empty()
    }

    /// Whether the tree changed it, made it, removed it, or gave it the name of another.
    pub fn is_changed(&self) -> bool {
        self.did(Act::changes)
            || self.as_other.values().any(|counts| counts.done > 0)
            || self.came == Came::WithDirectory
    }

    /// Whether it was executed, or opened by the kernel for an execution, or mapped as code.
    pub fn is_code(&self) -> bool {
        self.did(|act| matches!(act, Act::Execute | Act::Load | Act::Map))
    }

    /// Whether somebody asked for it and it was never there.
    pub fn is_missing(&self) -> bool {
        let mut counts = self.acts.values().chain(self.as_other.values());
        let missing = self.acts.values().any(|counts| counts.missing > 0);
        let never = self.before == Before::Absent && self.came == Came::ByName;
        missing && counts.all(|counts| counts.done == 0) && never
    }

    /// Whether it is an input of the run: it was there before, and was read before it was changed.
    pub fn is_input(&self) -> bool {
        self.is_read() && self.before != Before::Absent && self.order != Order::ChangedFirst
    }

    /// Whether the tree made it and did not leave it: a temporary file.
    pub fn is_passing(&self) -> bool {
        let gone = match self.left {
            Some(state) => state == Left::Gone,
            None => self.did(Act::removes),
        };
        let made = self.is_changed() || self.left.is_some();
        self.before == Before::Absent && made && gone
    }

    /// Whether the tree left something there that was not there before, or other content.
    pub fn is_output(&self) -> bool {
        let renamed = self.as_other.values().any(|counts| counts.done > 0);
        let written = self.did(Act::writes) || renamed || self.came == Came::WithDirectory;
        let left = match self.left {
            Some(Left::File(_)) => true,
            // A device or FIFO that was there is as it was; a directory or symlink may be new.
            Some(Left::Other) => self.before == Before::Absent,
            Some(Left::Gone) => false,
            None => !self.did(Act::removes),
        };
        left && self.is_changed() && (written || self.did(Act::makes))
    }

    /// Whether it was there before, and the tree removed it.
    pub fn is_removed(&self) -> bool {
        let gone = self.left.is_none_or(|state| state == Left::Gone);
        self.before == Before::There && self.did(Act::removes) && gone
    }

    /// It was so at the end; `brought` says whether a directory above it got its name by a rename. Only what
    /// the tree has changed is told of.
    pub(super) fn left_as(&mut self, state: Left, brought: bool) {
        self.left = Some(state);
        if brought && state != Left::Gone && !self.is_changed() {
            self.came = Came::WithDirectory;
            self.was(true);
        }
    }

    /// Something was done with it; if a directory above it was `taken` away, what is missing may have been there.
    pub(super) fn add(
        &mut self,
        access: &Access<Text>,
        taken: bool,
        by: Option<ProcessId>,
        at: Duration,
    ) {
        self.seen(access, by, at);
        if matches!(access.outcome, Outcome::Done | Outcome::Never) {
            self.ordered(access);
        }
        self.acts.entry(access.act).or_default().add(access.outcome);
        self.versions.extend(access.version);
        if access.outcome == Outcome::Done && access.act.makes() {
            self.target = access.other.clone().filter(|_| access.act == Act::Symlink);
        }
        let absent = match access.outcome {
            Outcome::Done | Outcome::Never => access.act.makes(),
            Outcome::Failed(errno) if MISSING.contains(&errno) && !taken => true,
            Outcome::Failed(_) => return,
        };
        self.was(absent);
    }

    /// It became the other path of a link or a rename, which may have replaced it.
    pub(super) fn add_as_other(
        &mut self,
        access: &Access<Text>,
        by: Option<ProcessId>,
        at: Duration,
    ) {
        self.seen(access, by, at);
        self.as_other.entry(access.act).or_default().add(access.outcome);
        if access.outcome == Outcome::Done {
            self.was(access.act != Act::Exchange);
            if self.order == Order::Untouched {
                self.order = Order::ChangedFirst;
            }
        }
    }

    /// A file that is opened for both is read first.
    fn ordered(&mut self, access: &Access<Text>) {
        let fresh = self.order == Order::Untouched;
        match access.act {
            act if (act.reads() || access.version.is_some()) && fresh => {
                self.order = Order::ReadFirst
            }
            act if act.writes() && fresh => self.order = Order::ChangedFirst,
            _ => {}
        }
        if self.order == Order::ReadFirst && !self.did(Act::writes) {
            self.given.extend(access.version);
        }
    }

    fn seen(&mut self, access: &Access<Text>, by: Option<ProcessId>, at: Duration) {
        self.by.extend(by);
        self.verdicts.insert(access.verdict);
        self.first.get_or_insert(at);
    }

    fn was(&mut self, absent: bool) {
        if self.before == Before::Unknown {
            self.before = if absent { Before::Absent } else { Before::There };
        }
    }
}

/// Whether the kernel makes up what is at a path.
pub(crate) fn is_made_up(path: &Text) -> bool {
    MADE_UP.iter().any(|directory| is_below(path, directory))
}

/// Whether a path is that of a directory, or of something below it.
pub(crate) fn is_below(path: &Text, directory: &[u8]) -> bool {
    let rest = path.as_bytes().strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
