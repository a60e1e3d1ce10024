//! The tree of processes, printed at the end.
//!
//! Processor time is the kernel's: what a process used with all its threads and with the children
//! it waited for, as `time` tells it.
//!
//! Every process is kept until the end, because the tree needs it: with some hundred bytes and its
//! command line, which is cut at [`COMMAND_BYTES_MAX`] and shared with children that execute nothing.
//! Nothing else grows with the processes there were.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use nix::unistd::Pid;

use super::event::{Core, Event, Kin, Sink, Wants};
use super::lineage::{Lineage, command_line};
use super::names::signal_name;
use super::stamp::{Precision, Seconds};

/// Longer command lines are cut: a linker's may have a megabyte, and there may be thousands of them.
const COMMAND_BYTES_MAX: usize = 1024;

/// A sink that prints the tree.
#[derive(Debug)]
pub struct Tree<W: Write> {
    out: W,
    lineage: Lineage,
    /// Every process there was, in the order of birth.
    processes: Vec<Process>,
    /// The living ones.
    living: HashMap<Pid, usize>,
}

#[derive(Debug)]
struct Process {
    pid: Pid,
    parent: Option<usize>,
    /// What it runs, or ran last; what it was born with, until it executes something.
    command: Rc<str>,
    threads: usize,
    started: SystemTime,
    ended: SystemTime,
    used: Duration,
    fate: Fate,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Lives,
    Exited(i32),
    Killed(i32, Core),
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fate::Lives => f.write_str("still running"),
            Fate::Exited(code) => write!(f, "exit {code}"),
            Fate::Killed(signo, Core::None) => f.write_str(&signal_name(*signo)),
            Fate::Killed(signo, Core::Dumped) => {
                write!(f, "{} (core dumped)", signal_name(*signo))
            }
        }
    }
}

impl<W: Write> Tree<W> {
    /// A sink that prints its tree to `out`.
    pub fn new(out: W) -> Tree<W> {
        let (processes, living) = (Vec::new(), HashMap::new());
        Tree { out, lineage: Lineage::default(), processes, living }
    }

    /// The writer, for example to read what was written to memory.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// The process of a task, which is new if nobody has told of it.
    fn of(&mut self, tid: Pid, at: SystemTime) -> usize {
        let pid = self.lineage.process(tid);
        match self.living.get(&pid) {
            Some(&known) => known,
            None => self.add(pid, None, command(pid), at),
        }
    }

    fn add(&mut self, pid: Pid, parent: Option<usize>, command: Rc<str>, at: SystemTime) -> usize {
        let (threads, used, fate) = (1, Duration::ZERO, Fate::Lives);
        let process = Process { pid, parent, command, threads, started: at, ended: at, used, fate };
        self.processes.push(process);
        let index = self.processes.len() - 1;
        self.living.insert(pid, index);
        index
    }

    fn end(&mut self, tid: Pid, at: SystemTime, fate: Fate) {
        let index = self.of(tid, at);
        let process = &mut self.processes[index];
        // Threads end before their process does.
        if process.pid == tid {
            (process.ended, process.fate) = (at, fate);
            self.living.remove(&tid);
        }
    }

    fn born(&mut self, tid: Pid, at: SystemTime, child: Pid, kin: Kin) {
        let parent = self.of(tid, at);
        match kin {
            Kin::Thread => self.processes[parent].threads += 1,
            // It may have been met before its birth was told.
            Kin::Process => match self.living.get(&child) {
                Some(&known) if known != parent => self.processes[known].parent = Some(parent),
                Some(_) => {}
                None => {
                    let command = Rc::clone(&self.processes[parent].command);
                    self.add(child, Some(parent), command, at);
                }
            },
        }
    }

    fn print(&mut self, index: usize, children: &[Vec<usize>], indent: &str) -> io::Result<()> {
        // Deep trees are walked without recursion: a chain of a million processes has no end of
        // stack.
        let mut left = vec![(index, indent.to_owned(), String::new())];
        while let Some((index, branch, below)) = left.pop() {
            self.line(index, &branch)?;
            let own = &children[index];
            for (at, &child) in own.iter().enumerate().rev() {
                let last = at + 1 == own.len();
                let branch = format!("{below}{}", if last { "└─ " } else { "├─ " });
                let below = format!("{below}{}", if last { "   " } else { "│  " });
                left.push((child, branch, below));
            }
        }
        Ok(())
    }

    fn line(&mut self, index: usize, branch: &str) -> io::Result<()> {
        let process = &self.processes[index];
        let wall = process.ended.duration_since(process.started).unwrap_or_default();
        let [wall, used] = [wall, process.used].map(|time| Seconds(time, Precision::Micros));
        let fate = process.fate;
        write!(self.out, "{branch}{} {}", process.pid, process.command)?;
        write!(self.out, "  [{fate}, wall {wall} s, cpu {used} s")?;
        match process.threads {
            1 => writeln!(self.out, "]"),
            threads => writeln!(self.out, ", {threads} threads]"),
        }
    }
}

/// What a process runs.
fn command(pid: Pid) -> Rc<str> {
    cut(&command_line(pid)).into()
}

/// The beginning of a long command line, with a mark that more followed.
fn cut(line: &str) -> Cow<'_, str> {
    match line.len() {
        0..=COMMAND_BYTES_MAX => Cow::Borrowed(line),
        _ => Cow::Owned(format!("{}…", &line[..line.floor_char_boundary(COMMAND_BYTES_MAX)])),
    }
}

impl<W: Write> Sink for Tree<W> {
    fn event(&mut self, tid: Pid, at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Born { child, kin } => self.born(tid, at, *child, *kin),
            Event::Executed => {
                let index = self.of(tid, at);
                self.processes[index].command = command(self.processes[index].pid);
            }
            Event::Used { user, system, .. } => {
                let index = self.of(tid, at);
                if self.processes[index].pid == tid {
                    self.processes[index].used = *user + *system;
                }
            }
            Event::Exited { code } => self.end(tid, at, Fate::Exited(*code)),
            Event::Killed { signo, core } => self.end(tid, at, Fate::Killed(*signo, *core)),
            // The process lives on.
            Event::Superseded { .. } => {}
            Event::Met
            | Event::Enter { .. }
            | Event::Leave { .. }
            | Event::Signal { .. }
            | Event::Stopped { .. } => return Ok(()),
        }
        self.lineage.learn(tid, event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let now = SystemTime::now();
        for &index in self.living.values() {
            self.processes[index].ended = now;
        }
        let mut children = vec![Vec::new(); self.processes.len()];
        let mut roots = Vec::new();
        for (index, process) in self.processes.iter().enumerate() {
            match process.parent {
                Some(parent) => children[parent].push(index),
                None => roots.push(index),
            }
        }
        for root in roots {
            self.print(root, &children, "")?;
        }
        self.out.flush()
    }

    fn wants(&self) -> Wants {
        Wants { lineage: true, times: true, ..Wants::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_command_lines_are_cut_between_characters() {
        let whole = "é".repeat(COMMAND_BYTES_MAX / 2);
        assert_eq!(cut(&whole), whole);
        assert_eq!(cut(&format!("a{whole}")), format!("a{}…", &whole[2..]));
    }

    /// What is kept of a dead process is its place in the tree, and a share in its maker's command.
    #[test]
    fn the_dead_leave_their_place_only() {
        let mut tree = Tree::new(Vec::new());
        let pid = |n: i32| Pid::from_raw(1_000_000_000 + n);
        let now = SystemTime::UNIX_EPOCH;
        for n in 1..=1000 {
            let born = Event::Born { child: pid(n), kin: Kin::Process };
            tree.event(pid(0), now, &born).expect("to memory");
            tree.event(pid(n), now, &Event::Exited { code: 0 }).expect("to memory");
        }
        assert_eq!((tree.processes.len(), tree.living.len(), tree.lineage.count()), (1001, 1, 1));
        let first = &tree.processes[0].command;
        assert!(tree.processes.iter().all(|process| Rc::ptr_eq(&process.command, first)));
    }

    #[test]
    fn processes_hang_below_their_makers() {
        let mut tree = Tree::new(Vec::new());
        let base = 1_000_000_000;
        let pid = |n: i32| Pid::from_raw(base + n);
        let fork = |n| Event::Born { child: pid(n), kin: Kin::Process };
        let (user, system) = (Duration::from_micros(3), Duration::from_micros(4));
        let events = [
            (0, 1, fork(2)),
            (1, 2, fork(3)),
            (2, 3, Event::Killed { signo: 11, core: Core::None }),
            (3, 1, Event::Born { child: pid(4), kin: Kin::Thread }),
            (4, 4, Event::Exited { code: 0 }),
            (5, 1, fork(5)),
            (6, 2, Event::Exited { code: 7 }),
            (7, 5, Event::Exited { code: 0 }),
            (8, 1, Event::Used { user, system, resources: Default::default() }),
            (9, 1, Event::Exited { code: 1 }),
        ];
        for (second, tid, event) in &events {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(*second);
            tree.event(pid(*tid), at, event).expect("to memory");
        }
        tree.finish().expect("to memory");
        let expected = "\
1000000001 (unknown)  [exit 1, wall 9.000000 s, cpu 0.000007 s, 2 threads]
├─ 1000000002 (unknown)  [exit 7, wall 6.000000 s, cpu 0.000000 s]
│  └─ 1000000003 (unknown)  [SIGSEGV, wall 1.000000 s, cpu 0.000000 s]
└─ 1000000005 (unknown)  [exit 0, wall 2.000000 s, cpu 0.000000 s]
";
        assert_eq!(String::from_utf8_lossy(tree.get_ref()), expected);
    }
}
