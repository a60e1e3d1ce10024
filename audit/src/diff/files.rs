//! Files of two runs: what was given to one and not to the other, and what they left.

use std::collections::{BTreeMap, BTreeSet};

use vrift_record::{Content, Left, Outcome, Text, VersionId};

use super::names::{Names, Numbers};
use super::{Both, FileChange, Side};
use crate::model::{Before, FileUse, Model, is_made_up};
use crate::report::quoted;

/// What a run says of one name.
#[derive(Debug, Default)]
struct Facts {
    given: Option<BTreeSet<String>>,
    left: Option<BTreeSet<String>>,
    removed: bool,
    missing: bool,
    there: bool,
}

/// How the files differ.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) inputs: Vec<FileChange>,
    pub(super) existence: Vec<FileChange>,
    pub(super) outputs: Vec<FileChange>,
}

/// Compares what was read, found and left.
pub(super) fn compare(models: Both<&Model>, names: &Both<Names<'_>>) -> Differences {
    let a = facts(models.a, &names.a);
    let mut b = facts(models.b, &names.b);
    let mut found = Differences::default();
    for (name, left) in a {
        let right = b.remove(&name).unwrap_or_default();
        found.add(name, &left, &right);
    }
    for (name, right) in b {
        found.add(name, &Facts::default(), &right);
    }
    found.inputs.sort_by(|a, b| a.path.cmp(&b.path));
    found.existence.sort_by(|a, b| a.path.cmp(&b.path));
    found.outputs.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn facts(model: &Model, names: &Names<'_>) -> BTreeMap<Text, Facts> {
    let mut all: BTreeMap<Text, Facts> = BTreeMap::new();
    for (path, file) in &model.files {
        let Some(name) = names.path(path) else { continue };
        // Anew each time they are read.
        let made_up = is_made_up(path);
        let facts = all.entry(name).or_default();
        if file.is_input() {
            let versions = file.given.iter().filter(|_| !made_up);
            let given = facts.given.get_or_insert_default();
            given.extend(versions.map(|&version| content(model, version)));
        }
        if file.is_output() && !made_up {
            let left = facts.left.get_or_insert_default();
            left.insert(match file.left {
                Some(Left::File(version)) => content(model, version),
                Some(Left::Other) => match &file.target {
                    Some(target) => {
                        let target = names.word(target, None, &mut Numbers::default());
                        format!("a symlink to {}", quoted(target.as_bytes()))
                    }
                    None => "no regular file".to_owned(),
                },
                Some(Left::Gone) | None => "not known".to_owned(),
            });
        }
        facts.removed |= file.is_removed();
        facts.missing |= file.is_missing() || file.before == Before::Absent && was_asked_for(file);
        facts.there |= file.before == Before::There;
    }
    all
}

/// Whether somebody found that it is not there.
fn was_asked_for(file: &FileUse) -> bool {
    file.acts.values().any(|counts| counts.missing > 0)
}

/// A digest, or what else is known.
fn content(model: &Model, version: VersionId) -> String {
    let Some(version) = model.versions.get(&version) else { return "not known".to_owned() };
    match version.content {
        Some(Content::Whole(digest)) => digest.to_string(),
        Some(Content::Changing(digest)) => format!("{digest} (changing)"),
        Some(Content::Unreadable(errno)) => format!("unreadable: {}", Outcome::Failed(errno)),
        None => format!("{} bytes, not hashed", version.size),
    }
}

impl Differences {
    fn add(&mut self, path: Text, a: &Facts, b: &Facts) {
        if a.given != b.given {
            let (a, b) = (given(a), given(b));
            self.inputs.push(FileChange { path: path.clone(), side: Both { a, b } });
        } else if a.given.is_none() && a.left.is_none() && b.left.is_none() {
            let differ = a.missing && b.there && !b.missing || b.missing && a.there && !a.missing;
            if differ && !a.removed && !b.removed {
                let side = |facts: &Facts| if facts.there { Side::There } else { Side::Missing };
                let side = Both { a: side(a), b: side(b) };
                self.existence.push(FileChange { path: path.clone(), side });
            }
        }
        if a.left != b.left || a.removed != b.removed {
            let (a, b) = (left(a), left(b));
            self.outputs.push(FileChange { path, side: Both { a, b } });
        }
    }
}

fn given(facts: &Facts) -> Side {
    match &facts.given {
        Some(contents) => Side::Content(contents.iter().cloned().collect()),
        None if facts.missing => Side::Missing,
        None => Side::Unused,
    }
}

fn left(facts: &Facts) -> Side {
    match &facts.left {
        Some(contents) => Side::Content(contents.iter().cloned().collect()),
        None if facts.removed => Side::Removed,
        None => Side::Unused,
    }
}
