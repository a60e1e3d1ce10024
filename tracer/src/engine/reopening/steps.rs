//! What a task is made to do, call by call.

use std::fs::File;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{Pid, Whence, lseek};
use vrift_arch::abi::{AT_FDCWD, open};
use vrift_arch::{Arch, Syscall};
use vrift_vfs::{NodeRef, OpenNode, Shared};

use super::Course;
use super::successor::Whose;
use crate::call::{Abi, Call, Outcome};
use crate::descriptors;
use crate::engine::enter::plant;
use crate::engine::served::open_node;
use crate::engine::task::Phase;
use crate::engine::{Engine, Guest, Next};
use crate::fdinfo::{Lock, OpenFile, Owner};
use crate::procfs;
use crate::registers::{Insertion, Registers};

/// A call that a task is made to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Opens the process that has the successor.
    Introduce(Shared),
    /// Fetches it from there.
    Fetch(Shared),
    /// Closes it.
    Leave,
    /// Opens a node itself.
    Open(Anew),
    /// Puts what was opened in the place of a descriptor.
    Replace { fd: i32, close_on_exec: bool },
    /// Closes the number by which it was opened.
    Close,
    /// Takes a lock of the open file.
    LockFile(Lock),
    /// Takes a lock of the process.
    Lock(i32, Lock),
}

/// How a node is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anew {
    pub(super) node: NodeRef,
    pub(super) path: PathBuf,
    pub(super) info: OpenFile,
    pub(super) file: Shared,
}

impl Anew {
    /// How a task comes to an open file that it cannot fetch.
    pub(super) fn steps(self) -> Vec<Step> {
        let locks = self.info.locks.clone().into_iter();
        let locks = locks.filter(|lock| lock.owner != Owner::Process).map(Step::LockFile);
        let locks: Vec<Step> = locks.collect();
        [vec![Step::Open(self)], locks].concat()
    }
}

impl<A: Arch> Engine<A> {
    /// Makes a task do the next step; when none is left, it makes its own call.
    pub(super) fn proceed<G: Guest<A>>(
        &mut self,
        call: &Call,
        guest: &G,
    ) -> Result<Option<Next>, Errno> {
        let tid = guest.tid();
        loop {
            let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
            let Some(reopening) = &mut task.reopening else { return Ok(None) };
            reopening.course = Course::Going;
            let Some(step) = reopening.steps.front().cloned() else {
                self.done(tid);
                return Ok(None);
            };
            let source = match &step {
                Step::Introduce(file) | Step::Fetch(file) => self.source(tid, *file),
                _ => None,
            };
            // What is not there any more is refused by the kernel.
            let (process, number) = source.unwrap_or((Pid::from_raw(-1), -1));
            let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
            let Some(reopening) = &mut task.reopening else { return Ok(None) };
            let slot = reopening.slot;
            let (pidfd, fresh) = (reopening.pidfd as u64, reopening.fresh as u64);
            let mut planted = Ok(());
            let (syscall, args) = match &step {
                Step::Introduce(_) => {
                    reopening.process = process;
                    (Syscall::PidfdOpen, [process.as_raw() as u64, 0, 0, 0])
                }
                // It has gone from there in between.
                Step::Fetch(_) if process != reopening.process => {
                    (Syscall::PidfdGetfd, [pidfd, u64::MAX, 0, 0])
                }
                Step::Fetch(_) => (Syscall::PidfdGetfd, [pidfd, number as u64, 0, 0]),
                Step::Leave => (Syscall::Close, [pidfd, 0, 0, 0]),
                Step::Open(anew) => {
                    planted = plant(guest, slot.addr(), b"", &anew.path);
                    // It is the right of the node's owner, who need not be the object's.
                    let flags = anew.info.flags & !open::O_NOATIME | open::O_CLOEXEC;
                    (Syscall::Openat, [AT_FDCWD as u64, slot.addr().0, flags.into(), 0])
                }
                &Step::Replace { fd, close_on_exec } => {
                    if open_node(tid, &task.files, fd).is_none() {
                        // It has been closed.
                        reopening.steps.pop_front();
                        task.files.borrow_mut().forgive(fd);
                        continue;
                    }
                    let flags = if close_on_exec { open::O_CLOEXEC } else { 0 };
                    (Syscall::Dup3, [fresh, fd as u64, flags.into(), 0])
                }
                Step::Close => (Syscall::Close, [fresh, 0, 0, 0]),
                Step::LockFile(lock) if lock.owner == Owner::Whole => {
                    (Syscall::Flock, [fresh, (lock.kind.flock() | libc::LOCK_NB) as u64, 0, 0])
                }
                Step::LockFile(lock) | Step::Lock(_, lock) => {
                    let fd = if let Step::Lock(fd, _) = step { fd as u64 } else { fresh };
                    planted = guest.plant(slot.addr(), &range(lock, call.abi));
                    let (syscall, command) = lock_command(lock, call.abi);
                    (syscall, [fd, command as u64, slot.addr().0, 0])
                }
            };
            match planted {
                Err(Errno::ESRCH) => return Err(Errno::ESRCH),
                Err(errno) => {
                    self.stepped(tid, Outcome::Error(errno));
                    continue;
                }
                Ok(()) => {}
            }
            let regs = guest.regs(call.abi)?;
            let [a0, a1, a2, a3] = args;
            let insertion = Insertion { call: syscall, args: [a0, a1, a2, a3, 0, 0] };
            let Some((calling, nr)) = regs.instead(&insertion) else {
                // An ABI without the call is one in which nothing is fetched.
                self.stepped(tid, Outcome::Error(Errno::ENOSYS));
                continue;
            };
            guest.set_regs(&calling)?;
            guest.set_nr(nr)?;
            let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
            task.phase = Phase::Reopening(regs);
            return Ok(Some(self.go_on(tid, 0)));
        }
    }

    /// A step is done: the task makes its own call again, which is where the next one is made.
    pub(in crate::engine) fn reopened<G: Guest<A>>(
        &mut self,
        regs: Registers<A>,
        ret: i64,
        guest: &G,
    ) -> Result<Next, Errno> {
        let tid = guest.tid();
        self.stepped(tid, Outcome::from_ret(ret));
        guest.set_regs(&regs.again())?;
        if self.tasks.get(&tid).is_some_and(|task| {
            task.reopening.as_ref().is_some_and(|reopening| reopening.steps.is_empty())
        }) {
            self.done(tid);
        }
        Ok(self.go_on(tid, 0))
    }

    fn stepped(&mut self, tid: Pid, outcome: Outcome) {
        let Some(task) = self.tasks.get_mut(&tid) else { return };
        let Some(reopening) = &mut task.reopening else { return };
        let Some(step) = reopening.steps.pop_front() else { return };
        match (step, outcome) {
            (Step::Introduce(_), Outcome::Value(pidfd)) => reopening.pidfd = pidfd as i32,
            (Step::Introduce(_), _) => {
                reopening.steps.drain(..2);
                self.open_instead(tid);
            }
            (Step::Fetch(_), Outcome::Value(fresh)) => {
                reopening.fresh = fresh as i32;
                self.fetched(tid);
            }
            (Step::Fetch(_), _) => {
                reopening.steps.pop_front();
                self.open_instead(tid);
                if let Some(reopening) =
                    self.tasks.get_mut(&tid).and_then(|task| task.reopening.as_mut())
                {
                    reopening.steps.push_front(Step::Leave);
                }
            }
            (Step::Open(anew), Outcome::Value(fresh)) => {
                reopening.fresh = fresh as i32;
                self.opened_anew(tid, &anew, fresh as i32);
            }
            (Step::Open(anew), outcome) => {
                let why = if let Outcome::Error(errno) = outcome { errno } else { Errno::EINTR };
                self.leave_be(tid, anew.node, why);
            }
            (Step::Replace { fd, .. }, Outcome::Value(_)) => {
                let mut files = task.files.borrow_mut();
                match (files.get(fd), procfs::backing(tid, fd)) {
                    (Some(open), Some(backing)) => files.insert(fd, OpenNode { backing, ..open }),
                    _ => files.forgive(fd),
                }
            }
            (Step::Replace { fd, .. }, _) => task.files.borrow_mut().forgive(fd),
            // A lock that cannot be taken again was given up meanwhile by who shares it.
            (Step::Leave | Step::Close | Step::LockFile(_) | Step::Lock(..), _) => {}
        }
    }

    /// The open file that the next places are for, and the first of these.
    fn next_place(&self, tid: Pid) -> Option<(Shared, i32)> {
        let task = self.tasks.get(&tid)?;
        let place = |step: &Step| match step {
            Step::Replace { fd, .. } => Some(*fd),
            _ => None,
        };
        let fd = task.reopening.as_ref()?.steps.iter().find_map(place)?;
        let files = task.files.borrow();
        let file = files.outdated().iter().find(|(outdated, _)| *outdated == fd)?.1;
        Some((file, fd))
    }

    /// The process that has a successor, and its number there.
    fn source(&mut self, tid: Pid, file: Shared) -> Option<(Pid, i32)> {
        let info = self.next_place(tid).and_then(|(_, fd)| OpenFile::of(tid, fd));
        self.reopenings.successors.get_mut(&file)?.source(&info?).into()
    }

    /// Takes note that a successor is in use.
    fn fetched(&mut self, tid: Pid) {
        if let Some((file, _)) = self.next_place(tid)
            && let Some(successor) = self.reopenings.successors.get_mut(&file)
            && successor.whose == Whose::Ours
        {
            successor.whose = Whose::Fetched;
        }
    }

    /// What could not be fetched is opened, at the position where it is by now.
    fn open_instead(&mut self, tid: Pid) {
        let Some((file, fd)) = self.next_place(tid) else { return };
        let (Some(task), Some(served)) = (self.tasks.get_mut(&tid), &self.served) else { return };
        let node = task.files.borrow().get(fd).map(|open| open.node);
        let real = node.and_then(|node| Some((node, served.real(node)?.0)));
        let (Some((node, path)), Some(mut info)) = (real, OpenFile::of(tid, fd)) else { return };
        if let Some(successor) = self.reopenings.successors.get(&file)
            && let Ok(position) = lseek(&successor.file, 0, Whence::SeekCur)
        {
            info.position = position as u64;
        }
        if let Some(reopening) = &mut task.reopening {
            let steps = Anew { node, path, info, file }.steps();
            steps.into_iter().rev().for_each(|step| reopening.steps.push_front(step));
        }
    }

    /// Puts a file that a task has opened itself where the old one was, and lets others fetch it there.
    fn opened_anew(&mut self, tid: Pid, anew: &Anew, fresh: i32) {
        let Some(tgid) = self.tasks.get(&tid).map(|task| task.tgid) else { return };
        let has_position = anew.info.flags & open::O_PATH == 0;
        if has_position && let Err(why) = descriptors::seek(tid, tgid, fresh, anew.info.position) {
            // At another position it would be of no use.
            return self.leave_be(tid, anew.node, why);
        }
        let copy = descriptors::copied(tid, tgid, fresh).map(File::from);
        if let (Some((_, fd)), Ok(file), Some(successor)) =
            (self.next_place(tid), copy, self.reopenings.successors.get_mut(&anew.file))
        {
            // The former one is closed, and with it its locks, which the task takes itself.
            (successor.file, successor.whose) = (file, Whose::Task(tgid, fd));
        }
    }

    /// Lets the descriptors of an open file be what they are.
    fn leave_be(&mut self, tid: Pid, node: NodeRef, why: Errno) {
        let Some(task) = self.tasks.get_mut(&tid) else { return };
        let Some(reopening) = &mut task.reopening else { return };
        while let Some(step) = reopening.steps.front() {
            match step {
                Step::Replace { fd, .. } => task.files.borrow_mut().forgive(*fd),
                Step::LockFile(_) => {}
                // What has been opened is closed.
                _ => break,
            }
            reopening.steps.pop_front();
        }
        self.stays(node, why.desc());
    }
}

/// The call and the command that take a lock without waiting.
fn lock_command(lock: &Lock, abi: Abi) -> (Syscall, i32) {
    /// `F_SETLK64` of 32-bit programs (include/uapi/asm-generic/fcntl.h).
    const F_SETLK64: i32 = 13;
    match (abi, lock.owner) {
        (Abi::Compat, Owner::Process) => (Syscall::Fcntl64, F_SETLK64),
        (Abi::Compat, _) => (Syscall::Fcntl64, libc::F_OFD_SETLK),
        (_, Owner::Process) => (Syscall::Fcntl, libc::F_SETLK),
        (_, _) => (Syscall::Fcntl, libc::F_OFD_SETLK),
    }
}

/// `struct flock` with numbers of 64 bits, which are aligned to four bytes in 32-bit programs.
fn range(lock: &Lock, abi: Abi) -> Vec<u8> {
    let mut bytes =
        [lock.kind.fcntl() as i16, libc::SEEK_SET as i16].map(i16::to_ne_bytes).concat();
    let padding: &[u8] = if abi == Abi::Compat { &[] } else { &[0; 4] };
    bytes.extend_from_slice(padding);
    bytes.extend([lock.start, lock.length].map(u64::to_ne_bytes).concat());
    bytes.extend_from_slice(&0i32.to_ne_bytes());
    bytes.extend_from_slice(padding);
    bytes
}
