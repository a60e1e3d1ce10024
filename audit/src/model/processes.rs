//! The processes of a record. A number that the kernel uses again is another process.

use std::collections::HashMap;
use std::time::Duration;

use vrift_record::{Ending, Execution, How, Kin, Text, Tid, Usage};

/// A process of a record: its place among [`super::Model::processes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub usize);

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The kernel's number for it.
    pub pid: Tid,
    /// Who made it; `None` for the first.
    pub parent: Option<ProcessId>,
    /// When it was made.
    pub started: Duration,
    /// When it ended, if the record tells.
    pub ended: Option<Duration>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// What it had used, with those of its children it waited for.
    pub used: Usage,
    /// What it executed, one after the other. Empty: it only ran what its parent had executed.
    pub programs: Vec<Program>,
    /// How many threads it had besides the first.
    pub threads: u32,
}

/// An execution, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The time since the start.
    pub at: Duration,
    /// What was executed.
    pub execution: Execution<Text>,
}

/// All of them, and which of them live.
#[derive(Debug, Default)]
pub(super) struct Processes {
    all: Vec<Process>,
    living: HashMap<Tid, ProcessId>,
}

impl Processes {
    pub(super) fn all(&self) -> &[Process] {
        &self.all
    }

    /// The process a living thread belongs to.
    pub(super) fn of(&self, tid: Tid) -> Option<ProcessId> {
        self.living.get(&tid).copied()
    }

    pub(super) fn started(&mut self, at: Duration, by: Tid, child: Tid, kin: Kin) {
        let parent = self.of(by);
        if let (Kin::Thread, Some(parent)) = (kin, parent) {
            self.living.insert(child, parent);
            self.all[parent.0].threads += 1;
            return;
        }
        let parent = if kin == Kin::Root { None } else { parent };
        self.living.insert(child, ProcessId(self.all.len()));
        self.all.push(Process {
            pid: child,
            parent,
            started: at,
            ended: None,
            ending: None,
            used: Usage::default(),
            programs: Vec::new(),
            threads: 0,
        });
    }

    pub(super) fn executed(&mut self, at: Duration, tid: Tid, execution: Execution<Text>) {
        if let Some(ProcessId(index)) = self.of(tid) {
            self.all[index].programs.push(Program { at, execution });
        }
    }

    /// A process ends with its first thread.
    pub(super) fn ended(&mut self, at: Duration, tid: Tid, how: How, used: Usage) {
        let Some(ProcessId(index)) = self.living.remove(&tid) else { return };
        let process = &mut self.all[index];
        match how {
            How::Ended(ending) if process.pid == tid => {
                process.ended = Some(at);
                process.ending = Some(ending);
                process.used = used;
            }
            // The leader's number now is that of the thread that executed a program.
            How::Superseded if process.pid == tid => {
                self.living.insert(tid, ProcessId(index));
            }
            How::Ended(_) | How::Superseded => {}
        }
    }
}
