//! A trace with process ids, taken apart into one list of lines per process.
//!
//! The two halves of a call that another process interrupted are put together again. A process is
//! named by its place in the tree: `1.2` is the second child of the first process, whatever number
//! the kernel gave it and whenever its first line came.
//!
//! **Invariant:** every physical line ends up in exactly one process.

use std::collections::{BTreeMap, HashMap};

/// The column in which results stand.
const COLUMN: usize = 40;

/// What one process did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) lines: Vec<Line>,
}

/// A call, a signal or an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Without the process id; halves are joined.
    pub(crate) text: String,
    /// Whether the result stood in its column.
    pub(crate) column: Column,
}

/// Where a result stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Right,
    Wrong,
}

/// All processes of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    /// By their place in the tree.
    pub(crate) processes: BTreeMap<String, Process>,
    /// The place of each process id.
    pub(crate) places: HashMap<String, String>,
}

impl Trace {
    /// Reads a whole trace.
    pub(crate) fn parse(text: &str) -> Trace {
        let mut streams = Streams::default();
        text.lines().for_each(|line| streams.take(line));
        streams.into_trace()
    }
}

/// Processes in order of appearance, while a trace is read.
#[derive(Debug, Default)]
struct Streams {
    all: Vec<(String, Process)>,
    /// The stream of each process that has not ended.
    alive: HashMap<String, usize>,
    /// First halves of calls.
    halves: HashMap<String, String>,
}

impl Streams {
    fn take(&mut self, line: &str) {
        let (pid, text) = match line.split_once(' ') {
            Some((pid, text)) if pid.bytes().all(|b| b.is_ascii_digit()) => {
                (pid, text.trim_start())
            }
            _ => ("?", line),
        };
        let column = column(line);
        if let Some(half) = text.strip_suffix("<unfinished ...>") {
            let half = half.strip_suffix(' ').unwrap_or(half);
            self.halves.insert(pid.to_owned(), half.to_owned());
            self.stream(pid);
            return;
        }
        let joined = match text.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"))
        {
            Some((_, second)) => self.halves.remove(pid).unwrap_or_default() + second,
            None => text.to_owned(),
        };
        if let Some((_, by)) = text.split_once("superseded by execve in pid ") {
            let by = by.trim_end_matches(" +++");
            if let Some(half) = self.halves.remove(by) {
                self.halves.insert(pid.to_owned(), half);
            }
        }
        let ends = joined.starts_with("+++ exited") || joined.starts_with("+++ killed");
        let stream = self.stream(pid);
        self.all[stream].1.lines.push(Line { text: joined, column });
        if ends {
            self.alive.remove(pid);
        }
    }

    fn stream(&mut self, pid: &str) -> usize {
        let next = self.all.len();
        let at = *self.alive.entry(pid.to_owned()).or_insert(next);
        if at == next {
            self.all.push((pid.to_owned(), Process::default()));
        }
        at
    }

    /// Names the processes, parents first.
    fn into_trace(self) -> Trace {
        let mut names: Vec<Option<String>> = vec![None; self.all.len()];
        let mut next = Vec::new();
        if let Some(root) = names.first_mut() {
            *root = Some("1".to_owned());
            next.push(0);
        }
        while let Some(parent) = next.pop() {
            let name = names[parent].clone().expect("only named ones are in the list");
            let born = self.all[parent].1.lines.iter().filter_map(|line| child_of(&line.text));
            for (index, pid) in born.enumerate() {
                let unnamed = |at: &usize| names[*at].is_none() && self.all[*at].0 == pid;
                if let Some(child) = (0..self.all.len()).find(unnamed) {
                    names[child] = Some(format!("{name}.{}", index + 1));
                    next.push(child);
                }
            }
        }
        let mut trace = Trace::default();
        for (at, (pid, process)) in self.all.into_iter().enumerate() {
            let name = names[at].take().unwrap_or_else(|| format!("?{at}"));
            trace.places.insert(pid, name.clone());
            trace.processes.insert(name, process);
        }
        trace
    }
}

/// The process id that a call returned, if the call makes processes.
fn child_of(text: &str) -> Option<&str> {
    let name = text.split_once('(')?.0;
    if !matches!(name, "clone" | "clone3" | "fork" | "vfork") {
        return None;
    }
    let result = text.rsplit_once("= ")?.1;
    let pid = result.split(' ').next()?;
    (pid != "0" && pid.bytes().all(|b| b.is_ascii_digit())).then_some(pid)
}

/// Where the result of a call starts and the parenthesis before it ends.
pub(crate) fn result_at(text: &str) -> Option<(usize, usize)> {
    let equals = text.match_indices(" = ").map(|(at, _)| at + 1);
    let mut found = None;
    for equals in equals {
        let before = text[..equals].trim_end_matches(' ');
        if before.ends_with(')') {
            found = Some((before.len(), equals));
        }
    }
    found
}

fn column(line: &str) -> Column {
    let Some((closed, equals)) = result_at(line) else { return Column::Right };
    if equals == COLUMN.max(closed + 1) { Column::Right } else { Column::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_meet_and_processes_get_their_place() {
        let trace = Trace::parse(
            "70    fork( <unfinished ...>\n\
             71    getpid()                          = 71\n\
             70    <... fork resumed>)               = 71\n\
             71    exit(0)                           = ?\n\
             71    +++ exited with 0 +++\n",
        );
        let lines = |name: &str| -> Vec<_> {
            trace.processes[name].lines.iter().map(|line| line.text.as_str()).collect()
        };
        assert_eq!(lines("1"), ["fork()               = 71"]);
        assert_eq!(lines("1.1").len(), 3);
        assert_eq!(trace.places["71"], "1.1");
        let all = trace.processes.values().flat_map(|process| &process.lines);
        assert!(all.into_iter().all(|line| line.column == Column::Right));
    }

    #[test]
    fn a_result_out_of_its_column_is_seen() {
        assert_eq!(column("70    getpid()                          = 71"), Column::Right);
        assert_eq!(column("70    getpid() = 71"), Column::Wrong);
    }

    #[test]
    fn the_result_is_found_behind_strings_that_look_like_one() {
        let text = "write(1, \") = 4\", 5) = 5";
        assert_eq!(result_at(text), Some((20, 21)));
    }
}
