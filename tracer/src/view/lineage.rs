//! Which process a task belongs to, for sinks that show processes.
//!
//! Births tell it; of tasks that were there before, or whose birth came too late, `/proc` is asked.

use std::collections::HashMap;

use nix::unistd::Pid;

use super::event::{Event, Kin};
use crate::procfs;

/// The processes of living tasks.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    processes: HashMap<Pid, Pid>,
}

impl Lineage {
    /// The process of a task.
    pub(super) fn process(&mut self, tid: Pid) -> Pid {
        *self.processes.entry(tid).or_insert_with(|| procfs::process(tid).unwrap_or(tid))
    }

    /// How many tasks are known.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.processes.len()
    }

    /// Takes note of an event, before or after it is shown.
    pub(super) fn learn(&mut self, tid: Pid, event: &Event<'_>) {
        match event {
            Event::Born { child, kin } => {
                let process = match kin {
                    Kin::Thread => self.process(tid),
                    Kin::Process => *child,
                };
                self.processes.insert(*child, process);
            }
            Event::Superseded { by } => {
                self.processes.remove(by);
            }
            Event::Exited { .. } | Event::Killed { .. } => {
                self.processes.remove(&tid);
            }
            Event::Met
            | Event::Enter { .. }
            | Event::Leave { .. }
            | Event::Signal { .. }
            | Event::Stopped { .. }
            | Event::Executed
            | Event::Used { .. } => {}
        }
    }
}

/// The words of a process's command line, as a shell would take them; `(unknown)` if it is gone.
pub(super) fn command_line(process: Pid) -> String {
    let bytes = procfs::command_line(process);
    if bytes.is_empty() {
        return "(unknown)".to_owned();
    }
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes).split(|&byte| byte == 0);
    words.map(shell_word).collect::<Vec<_>>().join(" ")
}

/// A word that a shell takes as it is, or in quotes.
fn shell_word(word: &[u8]) -> String {
    let harmless = |&byte: &u8| {
        byte.is_ascii_alphanumeric() || b"_-./=:,+@%^~".contains(&byte) || byte >= 0x80
    };
    let text = String::from_utf8_lossy(word);
    match text.chars().any(char::is_control) {
        false if !word.is_empty() && word.iter().all(harmless) => text.into_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
        true => format!("$'{}'", word.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_be_pasted_into_a_shell() {
        for (word, expected) in [
            (&b"cc"[..], "cc"),
            (b"", "''"),
            (b"a b", "'a b'"),
            (b"it's", "'it'\\''s'"),
            (b"a\nb", "$'a\\nb'"),
        ] {
            assert_eq!(shell_word(word), expected);
        }
    }

    #[test]
    fn threads_belong_to_the_process_of_their_maker() {
        let mut lineage = Lineage::default();
        let pid = |n| Pid::from_raw(1_000_000_000 + n);
        lineage.learn(pid(1), &Event::Born { child: pid(2), kin: Kin::Thread });
        lineage.learn(pid(2), &Event::Born { child: pid(3), kin: Kin::Thread });
        lineage.learn(pid(3), &Event::Born { child: pid(4), kin: Kin::Process });
        assert_eq!([1, 2, 3, 4].map(|n| lineage.process(pid(n))), [1, 1, 1, 4].map(pid));
    }
}
