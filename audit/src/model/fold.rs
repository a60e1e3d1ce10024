//! From entries to tables: what is looked up for each entry is hashed, and sorted once at the end.

use std::collections::HashMap;

use vrift_record::{
    Access, Act, Endpoint, Entry, Event, NetworkAct, Outcome, Part, Text, names_memory,
};

use super::moves::Moves;
use super::{Before, Connection, FileUse, Finding, Model, Tally, Version, What};

/// Tables that are being made.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// All but files and calls.
    model: Model,
    files: HashMap<Text, FileUse>,
    moves: Moves,
    calls: HashMap<Text, Tally>,
}

impl Fold {
    /// Adds what one entry tells.
    pub(super) fn add(&mut self, entry: Entry) {
        let Entry { at, tid, event } = entry;
        self.model.events += 1;
        self.model.last = at;
        let process = self.model.processes.of(tid);
        match event {
            Event::Started { child, kin } => self.model.processes.started(at, tid, child, kin),
            Event::Executed(execution) => self.model.processes.executed(at, tid, execution),
            Event::Ended { how, used } => self.model.processes.ended(at, tid, how, used),
            Event::File(access) => {
                if access.part == Part::First {
                    let tally = self.calls.entry(access.call.clone()).or_default();
                    tally.add(access.verdict, access.outcome);
                }
                if let Some(other) = access.names_other() {
                    self.file(other).add_as_other(&access, process, at);
                }
                let taken = self.moves.have_taken(&access.path);
                self.file(&access.path).add(&access, taken, process, at);
                self.moved(&access);
            }
            Event::Network { call, act, endpoint, part, verdict, outcome } => {
                match (part, act, &endpoint) {
                    (Part::First, ..) => {
                        self.calls.entry(call).or_default().add(verdict, outcome);
                    }
                    (
                        Part::Further,
                        NetworkAct::Bind | NetworkAct::Listen,
                        Endpoint::Inet { port, .. },
                    ) => {
                        self.model.ports.insert(*port);
                    }
                    (Part::Further, ..) => {}
                }
                if let Some(process) = process {
                    let connection = Connection { endpoint, act, process };
                    self.model.connections.entry(connection).or_default().add(outcome);
                }
            }
            Event::Call { call, verdict, outcome } => {
                self.calls.entry(call).or_default().add(verdict, outcome);
            }
            Event::Escape { kind, call, detail, outcome } => {
                let what = What::Escape { kind, outcome };
                self.model.findings.push(Finding { at, process, call, subject: detail, what });
            }
            Event::Version { version, path, size, origin } => {
                let known = Version { path, size, origin, content: None };
                self.model.versions.insert(version, known);
            }
            Event::Content { version, content } => {
                if let Some(known) = self.model.versions.get_mut(&version) {
                    known.content = Some(content);
                }
            }
            Event::Left { path, state } => {
                let brought = self.moves.brought(&path);
                self.file(&path).left_as(state, brought);
            }
            Event::Violation { class, rule, call, subject, response } => {
                let what = What::Violation { class, rule, response };
                self.model.findings.push(Finding { at, process, call, subject, what });
            }
        }
    }

    /// What was done with a path.
    fn file(&mut self, path: &Text) -> &mut FileUse {
        let Fold { files, moves, .. } = self;
        if moves.brought(path) && files.get(path).is_none_or(FileUse::is_missing) {
            let earlier = moves.earlier(path);
            let asked = files.remove(path).unwrap_or_default();
            let file = asked.brought(earlier.iter().find_map(|earlier| files.get(earlier)));
            files.insert(path.clone(), file);
        }
        let unknown = || match names_memory(path.as_bytes()) {
            true => FileUse::memory(),
            false => FileUse::default(),
        };
        files.entry(path.clone()).or_insert_with(unknown)
    }

    /// Takes note of directories and symlinks with other names.
    fn moved(&mut self, access: &Access<Text>) {
        if access.outcome != Outcome::Done {
            return;
        }
        match (access.act, &access.other) {
            (Act::Rename, Some(other)) => {
                self.taken(&access.path);
                self.file(other).target = self.file(&access.path).target.take();
                self.moves.renamed(&access.path, other);
            }
            (Act::Exchange, Some(other)) => {
                self.taken(&access.path);
                self.taken(other);
                let targets = [&access.path, other].map(|path| self.file(path).target.take());
                for (path, target) in [other, &access.path].into_iter().zip(targets) {
                    self.file(path).target = target;
                }
                self.moves.exchanged(&access.path, other);
            }
            (Act::MakeDirectory, _) => self.moves.made(&access.path),
            _ => {}
        }
    }

    /// What is at a path gets another name.
    fn taken(&mut self, path: &Text) {
        if self.file(path).before == Before::There {
            self.moves.took(path);
        }
    }

    /// All of it, sorted.
    pub(super) fn finish(self) -> Model {
        let Fold { model, files, calls, moves } = self;
        let files = files.into_iter().map(|(path, file)| {
            let taken = moves.have_taken(&path);
            (path, FileUse { taken, ..file })
        });
        Model { files: files.collect(), calls: calls.into_iter().collect(), ..model }
    }
}
