//! From entries to tables: what is looked up for each entry is hashed, and sorted once at the end.

use std::collections::HashMap;

use vrift_record::{Entry, Event, Part, Text, Verdict};

use super::{Connection, FileUse, Finding, Model, Tally, Version, What};

/// Tables that are being made.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// All but files and calls.
    model: Model,
    files: HashMap<Text, FileUse>,
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
                self.files.entry(path).or_default().left = Some(state);
            }
            Event::Violation { class, rule, call, subject, response } => {
                let what = What::Violation { class, rule, response };
                self.model.findings.push(Finding { at, process, call, subject, what });
            }
        }
    }

    /// All of it, sorted.
    pub(super) fn finish(self) -> Model {
        let Fold { model, files, calls } = self;
        Model { files: files.into_iter().collect(), calls: calls.into_iter().collect(), ..model }
    }
}
