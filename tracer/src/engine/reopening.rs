//! Descriptors that are open on what is their node's real object no more: the blob of a file that has got a
//! staging file since, because somebody opened it to write; the directory that stands for all of them, when
//! one is to be locked. They must become descriptors of the new object, so that every opener of a node sees
//! the same data and the same locks.
//!
//! vrift opens the new object, as the old one was open, and takes the locks again. Only the tracee can put
//! that in the place of the old number: before its next call it is made to fetch it from vrift. It may be
//! running or asleep: it is interrupted, and let run to the next border of a call, whichever that is. It has
//! made none since when the one that opened the file to write goes on, so it can have learned of nothing
//! that it does not see.
//!
//! Tasks that share an open file (after a fork) fetch the same one. Who may not look into vrift opens the
//! object itself, and those it shares the file with fetch it there; where that is forbidden too, each goes on
//! with an open file of its own.
//!
//! Deliberately absent: what has been mapped, which stays what it was.

mod steps;
mod successor;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Arch;
use vrift_arch::abi::open;
use vrift_vfs::{Effect, NodeRef, OpenNode, Shared};

use super::enter::Action;
use super::room::Mapping;
use super::scratch::{Slot, region_bytes};
use super::served::open_node;
use super::task::{Coverage, Mapped, Phase, Task};
use super::{Engine, Guest, Next};
use crate::call::Call;
use crate::descriptors;
use crate::fdinfo::{OpenFile, Owner};
use crate::procfs;
use crate::registers;
use steps::{Anew, Step};
use successor::Successor;

/// What all tasks have to reopen.
#[derive(Debug, Default)]
pub(super) struct Reopenings {
    /// How many open files have been outdated.
    count: u64,
    /// The nodes some of whose descriptors have been, or were on their way.
    moved: HashSet<NodeRef>,
    /// What is to take the places of open files.
    successors: HashMap<Shared, Successor>,
    /// Tasks that wait until another one is done.
    waiting: Vec<Pid>,
    /// Tasks that are to be interrupted.
    interrupted: Vec<Pid>,
}

/// What one task is made to do.
#[derive(Debug)]
pub(super) struct Reopening {
    /// The first is being done, if the task is in a call of ours.
    steps: VecDeque<Step>,
    slot: Slot,
    /// The process that has the successor, and the descriptor of it.
    process: Pid,
    pidfd: i32,
    /// The descriptor that is to take the place of others.
    fresh: i32,
    course: Course,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Going,
    /// It is in a group stop: who waits for it could be who is to continue it.
    Paused,
}

/// A descriptor that stays what it was.
#[derive(Debug)]
struct Stays {
    file: PathBuf,
    why: &'static str,
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stays { file, why } = self;
        write!(
            f,
            "{}: a program that had it open before it was written to goes on reading what it was before, \
             because it could not be made to open it again ({why})",
            file.display()
        )
    }
}

impl std::error::Error for Stays {}

impl Reopening {
    pub(super) fn slot(&self) -> Slot {
        self.slot
    }
}

impl<A: Arch> Engine<A> {
    /// Takes note of the descriptors that the call of `tid` outdates, before it is made, and has who uses
    /// them interrupted.
    pub(super) fn outdate_openers(&mut self, tid: Pid) {
        let Some(served) = &mut self.served else { return };
        for node in served.take_moved() {
            self.outdate(node, tid);
        }
    }

    fn outdate(&mut self, node: NodeRef, by: Pid) {
        let Some((path, real)) = self.served.as_ref().and_then(|served| served.real(node)) else {
            return;
        };
        let opens = |task: &Task<A>| opening(task) == Some(node);
        if self.passing.carries(node) || self.tasks.values().any(opens) {
            self.reopenings.moved.insert(node);
        }
        // One descriptor of each open file.
        let mut files: Vec<((Pid, i32), Shared)> = Vec::new();
        let mut tables = Vec::new();
        for (&tid, task) in &self.tasks {
            if tables.iter().any(|table| Rc::ptr_eq(table, &task.files)) {
                continue;
            }
            let opened: Vec<_> = task.files.borrow().opened_on(node).collect();
            for (fd, open) in opened {
                // One that only names its file is asked for the file's size when that has no name left.
                if open.backing == real || procfs::backing(tid, fd) != Some(open.backing) {
                    continue;
                }
                let known = files.iter().find(|(one, _)| descriptors::are_one(*one, (tid, fd)));
                let file = known.map(|&(_, file)| file).unwrap_or_else(|| {
                    self.reopenings.count += 1;
                    let file = Shared(self.reopenings.count);
                    files.push(((tid, fd), file));
                    file
                });
                if let Some(info) = OpenFile::of(tid, fd) {
                    self.reopenings.succeed(file, &path, &info);
                }
                task.files.borrow_mut().outdate(fd, file);
            }
            if !task.files.borrow().outdated().is_empty() {
                tables.push(Rc::clone(&task.files));
            }
        }
        if files.is_empty() {
            return;
        }
        self.reopenings.moved.insert(node);
        let uses = |task: &Task<A>| tables.iter().any(|table| Rc::ptr_eq(table, &task.files));
        let users = self.tasks.iter().filter(|&(&tid, task)| tid != by && uses(task));
        self.reopenings.interrupted.extend(users.map(|(&tid, _)| tid));
    }

    /// Looks whether a descriptor that has just come was opened before its node moved.
    pub(super) fn arrived_late(&mut self, tid: Pid, fd: i32) {
        if self.reopenings.moved.is_empty() {
            return;
        }
        let (Some(task), Some(served)) = (self.tasks.get(&tid), &self.served) else { return };
        let Some(OpenNode { node, backing, .. }) = task.files.borrow().get(fd) else {
            return;
        };
        if self.reopenings.moved.contains(&node)
            && served.real(node).is_some_and(|(_, real)| real != backing)
        {
            self.reopenings.count += 1;
            task.files.borrow_mut().outdate(fd, Shared(self.reopenings.count));
        }
    }

    /// Before a call: makes a task whose files are outdated open them anew. `None` if there is nothing to
    /// do.
    pub(super) fn reopen<G: Guest<A>>(
        &mut self,
        call: &Call,
        guest: &G,
    ) -> Result<Option<Next>, Errno> {
        let tid = guest.tid();
        let Some(task) = self.tasks.get(&tid) else { return Ok(None) };
        if !task.is_outdated() {
            return Ok(None);
        }
        let goes = |other: &Task<A>| {
            other.reopening.as_ref().is_some_and(|other| other.course == Course::Going)
        };
        if self.tasks.iter().any(|(&other, task)| other != tid && goes(task)) {
            self.reopenings.waiting.push(tid);
            return Ok(Some(Next::Hold));
        }
        if task.coverage == Coverage::EveryCall {
            self.give_up(tid, "its own seccomp filter may kill it for that");
            return Ok(None);
        }
        self.take_over(tid);
        if self.tasks.get(&tid).is_some_and(|task| task.reopening.is_none())
            && let Some(next) = self.begin(call, guest)?
        {
            return Ok(Some(next));
        }
        self.proceed(call, guest)
    }

    /// What one thread has begun, another goes on with, if the first is stopped with its group.
    fn take_over(&mut self, tid: Pid) {
        let Some(task) = self.tasks.get(&tid).filter(|task| task.reopening.is_none()) else {
            return;
        };
        let (files, scratch) = (Rc::clone(&task.files), Rc::clone(&task.scratch));
        let begun = self.tasks.values_mut().find(|other| {
            other.reopening.is_some()
                && Rc::ptr_eq(&other.files, &files)
                && Rc::ptr_eq(&other.scratch, &scratch)
        });
        let reopening = begun.and_then(|other| other.reopening.take());
        if let Some(task) = self.tasks.get_mut(&tid) {
            task.reopening = reopening;
        }
    }

    /// Lays down what is to be done. Returns what is to be done before; there may be nothing.
    fn begin<G: Guest<A>>(&mut self, call: &Call, guest: &G) -> Result<Option<Next>, Errno> {
        let tid = guest.tid();
        let steps = self.steps(tid);
        let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
        if steps.is_empty() {
            return Ok(None);
        }
        let slot = task.scratch.borrow_mut().take(call.abi);
        let mapping = std::mem::replace(&mut task.mapping, Mapping::Untried);
        let slot = match slot {
            Some(slot) if slot.is_ours(guest)? => slot,
            Some(_) | None => {
                if slot.is_some() {
                    task.scratch.borrow_mut().reset();
                }
                if mapping == Mapping::Untried && task.scratch.borrow().is_writable() {
                    let bytes = region_bytes(1);
                    let region =
                        registers::Mapping { at: 0, bytes, protection: libc::PROT_READ, flags: 0 };
                    return self.inject(region, Mapped::Scratch(bytes), call.abi, guest).map(Some);
                }
                self.give_up(tid, Errno::ENOMEM.desc());
                return Ok(None);
            }
        };
        let (process, pidfd, fresh) = (Pid::from_raw(-1), -1, -1);
        let course = Course::Going;
        task.reopening = Some(Box::new(Reopening { steps, slot, process, pidfd, fresh, course }));
        Ok(None)
    }

    /// What a task is to do so that nothing of its table is outdated.
    fn steps(&mut self, tid: Pid) -> VecDeque<Step> {
        let (Some(task), Some(served)) = (self.tasks.get(&tid), &self.served) else {
            return VecDeque::new();
        };
        let outdated = task.files.borrow().outdated().to_vec();
        let mut files: Vec<(Shared, Vec<i32>)> = Vec::new();
        for (fd, file) in outdated {
            if open_node(tid, &task.files, fd).is_none() {
                // It has been closed.
                task.files.borrow_mut().forgive(fd);
                continue;
            }
            match files.iter_mut().find(|(known, _)| *known == file) {
                Some((_, fds)) => fds.push(fd),
                None => files.push((file, vec![fd])),
            }
        }
        let (mut steps, mut locks) = (VecDeque::new(), Vec::new());
        for (file, fds) in files {
            let node = task.files.borrow().get(fds[0]).map(|open| open.node);
            let real = node.and_then(|node| Some((node, served.real(node)?)));
            let infos: Vec<_> =
                fds.iter().filter_map(|&fd| Some((fd, OpenFile::of(tid, fd)?))).collect();
            let (Some((node, (path, _))), [(first, info), ..]) = (real, &infos[..]) else {
                fds.iter().for_each(|&fd| task.files.borrow_mut().forgive(fd));
                continue;
            };
            match self.reopenings.successors.contains_key(&file) {
                true => steps.extend([Step::Introduce(file), Step::Fetch(file), Step::Leave]),
                false => steps.extend(Anew { node, path, info: info.clone(), file }.steps()),
            }
            for (fd, info) in &infos {
                let close_on_exec = info.flags & open::O_CLOEXEC != 0;
                steps.push_back(Step::Replace { fd: *fd, close_on_exec });
            }
            steps.push_back(Step::Close);
            let own = info.locks.iter().filter(|lock| lock.owner == Owner::Process);
            locks.extend(own.map(|&lock| Step::Lock(*first, lock)));
        }
        // A process loses its locks on a file with the first descriptor of it that is closed.
        steps.extend(locks);
        steps
    }

    /// All steps of a task are done.
    fn done(&mut self, tid: Pid) {
        let Some(task) = self.tasks.get_mut(&tid) else { return };
        if let Some(reopening) = task.reopening.take() {
            task.scratch.borrow_mut().release(&[reopening.slot]);
        }
        self.forget_successors();
    }

    /// Closes what nobody is to fetch any more.
    pub(super) fn forget_successors(&mut self) {
        if self.reopenings.successors.is_empty() {
            return;
        }
        let tables = self.tasks.values().map(|task| task.files.borrow());
        let left: HashSet<Shared> =
            tables.flat_map(|table| table.outdated().to_vec()).map(|(_, file)| file).collect();
        self.reopenings.successors.retain(|file, _| left.contains(file));
    }

    /// Lets all descriptors of a table be what they are.
    fn give_up(&mut self, tid: Pid, why: &'static str) {
        let Some(task) = self.tasks.get(&tid) else { return };
        let outdated = task.files.borrow().outdated().to_vec();
        let mut nodes = Vec::new();
        for (fd, _) in outdated {
            nodes.extend(task.files.borrow().get(fd).map(|open| open.node));
            task.files.borrow_mut().forgive(fd);
        }
        nodes.into_iter().for_each(|node| self.stays(node, why));
    }

    fn stays(&mut self, node: NodeRef, why: &'static str) {
        let Some(served) = &self.served else { return };
        let file = served.namespace().shown_path(node).unwrap_or_default();
        self.observer.complain(&Stays { file, why });
    }

    /// A task stops with its group: nobody waits for it.
    pub(super) fn pause_reopening(&mut self, tid: Pid) {
        if let Some(reopening) = self.tasks.get_mut(&tid).and_then(|task| task.reopening.as_mut()) {
            reopening.course = Course::Paused;
        }
    }

    /// The tasks that need wait no more.
    pub(super) fn take_waiting(&mut self) -> Vec<Pid> {
        if self.reopenings.waiting.is_empty() {
            return Vec::new();
        }
        let goes = |task: &Task<A>| {
            task.reopening.as_ref().is_some_and(|reopening| reopening.course == Course::Going)
        };
        match self.tasks.values().any(goes) {
            true => Vec::new(),
            false => std::mem::take(&mut self.reopenings.waiting),
        }
    }

    /// A task is gone, or another has its id.
    pub(super) fn waits_no_more(&mut self, tid: Pid) {
        self.reopenings.waiting.retain(|&waiting| waiting != tid);
    }

    /// The tasks that are to be interrupted.
    pub(super) fn take_interrupted(&mut self) -> Vec<Pid> {
        std::mem::take(&mut self.reopenings.interrupted)
    }
}

/// The node that a task is about to open.
fn opening<A: Arch>(task: &Task<A>) -> Option<NodeRef> {
    let of = |effect: &Effect| match effect {
        Effect::Opens { node, .. } => Some(*node),
        _ => None,
    };
    if let Phase::Inside(pending) = &task.phase {
        return of(&pending.effect);
    }
    match &task.decided.as_ref()?.action {
        Action::Rewrite(_, effect, _) | Action::Watch(effect) => of(effect),
        _ => None,
    }
}
