//! A difference for people and for programs.

use std::fmt;

use serde_json::{Value, json};
use vrift_record::Text;

use super::{
    Both, Diff, ExecutionChange, FileChange, OnlyIn, Setting, Side, VariableChange, Words,
};
use crate::report::{json_bytes, quoted};

/// The version of the fields' meaning. New fields do not change it.
const SCHEMA_VERSION: u32 = 1;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "the runs do not differ");
        }
        writeln!(f, "the runs differ in {}", self.in_short())?;
        for change in &self.circumstances {
            sides(f, change.what, &change.value.a, &change.value.b)?;
        }
        for VariableChange { name, value, processes } in &self.variables {
            let title = format!("variable {name} (executions: {processes})");
            sides(f, &title, &value.a.to_string(), &value.b.to_string())?;
        }
        for change in &self.executions {
            change.fmt(f)?;
        }
        files(f, "input", &self.inputs)?;
        files(f, "existence", &self.existence)?;
        only_in(f, "network", &self.network)?;
        only_in(f, "escape", &self.escapes)?;
        files(f, "output", &self.outputs)?;
        if let Some(Both { a, b }) = &self.ending {
            sides(f, "end", a, b)?;
        }
        Ok(())
    }
}

impl Diff {
    /// What differs, in numbers.
    fn in_short(&self) -> String {
        let counts = [
            (self.circumstances.len(), "circumstance"),
            (self.variables.len(), "variable"),
            (self.executions.len(), "execution"),
            (self.inputs.len(), "input"),
            (self.existence.len(), "existence"),
            (self.network.a.len() + self.network.b.len(), "endpoint"),
            (self.escapes.a.len() + self.escapes.b.len(), "escape"),
            (self.outputs.len(), "output"),
            (usize::from(self.ending.is_some()), "end"),
        ];
        let told = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {what}{plural}")
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// All of it as one object.
    pub fn json(&self) -> Value {
        let files = |changes: &[FileChange]| -> Value {
            let object = |change: &FileChange| {
                json!({
                    "path": json_bytes(change.path.as_bytes()),
                    "a": side(&change.side.a),
                    "b": side(&change.side.b),
                })
            };
            changes.iter().map(object).collect()
        };
        let circumstances = self
            .circumstances
            .iter()
            .map(|change| json!({ "what": change.what, "a": change.value.a, "b": change.value.b }));
        let variables = self.variables.iter().map(|change| {
            json!({
                "name": json_bytes(change.name.as_bytes()),
                "a": setting(&change.value.a),
                "b": setting(&change.value.b),
                "executions": change.processes,
            })
        });
        let executions = self.executions.iter().map(|change| {
            json!({
                "program": json_bytes(change.program.as_bytes()),
                "a": change.run.a.as_ref().map(words),
                "b": change.run.b.as_ref().map(words),
            })
        });
        let only = |set: &OnlyIn| json!({ "a": set.a, "b": set.b });
        json!({
            "schema": "vrift-audit-diff",
            "version": SCHEMA_VERSION,
            "alike": self.is_empty(),
            "circumstances": circumstances.collect::<Vec<_>>(),
            "variables": variables.collect::<Vec<_>>(),
            "executions": executions.collect::<Vec<_>>(),
            "inputs": files(&self.inputs),
            "existence": files(&self.existence),
            "network": only(&self.network),
            "escapes": only(&self.escapes),
            "outputs": files(&self.outputs),
            "ending": self.ending.as_ref().map(|Both { a, b }| json!({ "a": a, "b": b })),
        })
    }
}

fn side(side: &Side) -> Value {
    match side {
        Side::Content(contents) => json!({ "contents": contents }),
        Side::There => json!("there"),
        Side::Missing => json!("missing"),
        Side::Removed => json!("removed"),
        Side::Unused => Value::Null,
    }
}

fn setting(setting: &Setting) -> Value {
    match setting {
        Setting::Unset => Value::Null,
        Setting::Redacted => json!({ "redacted": true }),
        Setting::Set(value) => json_bytes(value.as_bytes()),
    }
}

fn words((argv, cwd): &Words) -> Value {
    let argv: Vec<Value> = argv.iter().map(|word| json_bytes(word.as_bytes())).collect();
    json!({ "argv": argv, "cwd": json_bytes(cwd.as_bytes()) })
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Unset => f.write_str("(not set)"),
            Setting::Redacted => f.write_str("(kept out of the record)"),
            Setting::Set(value) => value.fmt(f),
        }
    }
}

/// The words that differ, if both have as many; else all.
impl fmt::Display for ExecutionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |words: &[Text]| {
            words.iter().map(|word| quoted(word.as_bytes())).collect::<Vec<_>>().join(" ")
        };
        let Both { a, b } = &self.run;
        let program = &self.program;
        match (a, b) {
            (Some((left, at_left)), Some((right, at_right))) => {
                if at_left != at_right {
                    let title = format!("directory of {program}");
                    sides(f, &title, &at_left.to_string(), &at_right.to_string())?;
                }
                let differ = |(left, right): &(&Text, &Text)| left != right;
                let (left, right): (Vec<_>, Vec<_>) = if left.len() == right.len() {
                    let differing = left.iter().zip(right).filter(differ);
                    differing.map(|(left, right)| (left.clone(), right.clone())).unzip()
                } else {
                    (left.clone(), right.clone())
                };
                if left.is_empty() && right.is_empty() {
                    return Ok(());
                }
                sides(f, &format!("words of {program}"), &line(&left), &line(&right))
            }
            (Some((words, _)), None) => {
                sides(f, &format!("execution of {program}"), &line(words), "-")
            }
            (None, Some((words, _))) => {
                sides(f, &format!("execution of {program}"), "-", &line(words))
            }
            (None, None) => Ok(()),
        }
    }
}

fn sides(f: &mut fmt::Formatter<'_>, title: &str, a: &str, b: &str) -> fmt::Result {
    writeln!(f, "{title}\n  a  {a}\n  b  {b}")
}

fn files(f: &mut fmt::Formatter<'_>, what: &str, changes: &[FileChange]) -> fmt::Result {
    let word = |side: &Side| match side {
        Side::Content(contents) if contents.is_empty() => "read".to_owned(),
        Side::Content(contents) => contents.join(", "),
        Side::There => "there".to_owned(),
        Side::Missing => "asked for and not there".to_owned(),
        Side::Removed => "removed".to_owned(),
        Side::Unused => "-".to_owned(),
    };
    for FileChange { path, side } in changes {
        sides(f, &format!("{what} {path}"), &word(&side.a), &word(&side.b))?;
    }
    Ok(())
}

fn only_in(f: &mut fmt::Formatter<'_>, what: &str, set: &OnlyIn) -> fmt::Result {
    for one in &set.a {
        sides(f, what, one, "-")?;
    }
    for one in &set.b {
        sides(f, what, "-", one)?;
    }
    Ok(())
}
