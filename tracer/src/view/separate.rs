//! One file for each task (`-ff`).
//!
//! Files are open only while something is written to them, so that a thousand tasks need no thousand
//! descriptors. A thread that replaces its process by execve goes on in the process's file.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use nix::unistd::Pid;

use super::event::{Event, Sink, Wants};
use super::patient::Lost;
use super::text::{Flush, Layout, Text};

/// Whether a file that is there already is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is emptied.
    Truncate,
    /// Lines go behind what it holds (`-A`).
    Append,
}

/// A sink that writes the lines of each task to a file of its own.
#[derive(Debug)]
pub struct Separate {
    path: PathBuf,
    layout: Layout,
    existing: Existing,
    tasks: HashMap<Pid, Text<Chapter>>,
}

/// A file that is opened for each write.
#[derive(Debug)]
struct Chapter {
    path: PathBuf,
    existing: Existing,
}

impl Chapter {
    fn lost(&self, error: io::Error) -> io::Error {
        Lost::of(&self.path.display().to_string(), error)
    }
}

impl Write for Chapter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let truncate = self.existing == Existing::Truncate;
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(!truncate).truncate(truncate);
        let mut file = options.open(&self.path).map_err(|error| self.lost(error))?;
        let written = file.write(bytes).map_err(|error| self.lost(error))?;
        self.existing = Existing::Append;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Separate {
    /// Files `path.PID` with lines of this layout.
    pub fn new(path: PathBuf, layout: Layout, existing: Existing) -> Separate {
        Separate { path, layout, existing, tasks: HashMap::new() }
    }

    fn open(&self, tid: Pid) -> Text<Chapter> {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{tid}"));
        let chapter = Chapter { path: path.into(), existing: self.existing };
        Text::new(chapter, self.layout.clone(), Flush::WhenFull)
    }
}

impl Sink for Separate {
    fn event(&mut self, tid: Pid, at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        if let Event::Born { .. } | Event::Executed | Event::Used { .. } = event {
            return Ok(());
        }
        if !self.tasks.contains_key(&tid) {
            let text = self.open(tid);
            self.tasks.insert(tid, text);
        }
        let Some(text) = self.tasks.get_mut(&tid) else { return Ok(()) };
        text.event(tid, at, event)?;
        let over = match event {
            Event::Exited { .. } | Event::Killed { .. } => tid,
            Event::Superseded { by } => *by,
            _ => return Ok(()),
        };
        match self.tasks.remove(&over) {
            Some(mut text) => text.finish(),
            None => Ok(()),
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.tasks.values_mut().try_for_each(Text::pass_on)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.tasks.drain().try_for_each(|(_, mut text)| text.finish())
    }

    fn wants(&self) -> Wants {
        self.open(Pid::from_raw(0)).wants()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::text::Prefix;

    #[test]
    fn each_task_has_its_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out");
        std::fs::write(directory.path().join("out.7"), "old\n").expect("a file");
        for (existing, expected) in [
            (Existing::Append, "old\n+++ exited with 3 +++\n"),
            (Existing::Truncate, "+++ exited with 3 +++\n"),
        ] {
            let layout = Layout::new(Prefix::Never, 40);
            let mut separate = Separate::new(path.clone(), layout, existing);
            let exited = Event::Exited { code: 3 };
            let now = SystemTime::UNIX_EPOCH;
            separate.event(Pid::from_raw(7), now, &exited).expect("a directory to write to");
            separate.event(Pid::from_raw(8), now, &exited).expect("a directory to write to");
            separate.finish().expect("nothing is left");
            let read = |name| std::fs::read_to_string(directory.path().join(name));
            assert_eq!(read("out.7").expect("it was made"), expected);
        }
        assert!(directory.path().join("out.8").exists());
    }
}
