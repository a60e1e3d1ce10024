//! What is done with a syscall before the kernel sees it.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use vrift_arch::abi::clone;
use vrift_arch::{Arch, Arg, Model, Policy, Syscall};
use vrift_vfs::{Cause, Effect, Judged, Launch, OpenNode, Paths, Place, Reply, Request, Verdict};

use super::concern::unshared;
use super::decided::Decided;
use super::filters::{installs_filter, supervised};
use super::lane;
use super::launch::{Launched, Script, check_arguments};
use super::leave::{affinity_target, asks_for_deadlines};
use super::opening::keep_from_making;
use super::room::{NoRoom, Room};
use super::scratch::{Slot, region_bytes};
use super::served::open_node;
use super::sockets;
use super::task::{Instead, Mapped, Pending, Phase};
use super::{Engine, Guest, Next};
use crate::call::{Abi, Call};
use crate::decode::{FlagsPlace, Operation, decode, path_arg};
use crate::memory::{GuestAddr, Memory};
use crate::registers::Mapping;
use crate::reply;
use crate::view::note::Note;
use crate::view::window::Window;

/// What is done with a call.
#[derive(Debug)]
pub(super) enum Action {
    /// The kernel gets it as it is, and its result does not matter.
    Pass,
    /// The same, because its path stays on the host: it could be made without a stop.
    PassOnHost(lane::Start),
    /// The kernel gets it as it is, and its result matters: this is remembered if it succeeds.
    Watch(Effect),
    /// The kernel gets it with other paths.
    Rewrite(Paths, Effect, Note),
    /// The kernel gets only so many of the messages of sendmmsg. Its caller comes again with the rest.
    Shorten(u64),
    /// The kernel executes something else.
    Launch(Script, Launched, Note),
    /// The kernel gets another call: a listing was given, the position moves.
    Seek { fd: u64, to: u64, listed: i64 },
    /// The kernel does not get it.
    Skip(i64, Note),
    /// The kernel does not get it, for no reason of a mount's.
    Answer(i64),
    /// A clone call whose flags lose the bit that hides the child from us.
    Unhide(FlagsPlace, u64),
}

impl Action {
    pub(super) fn refuse(errno: Errno, why: &'static str) -> Action {
        Action::Skip(-(errno as i64), Note::Refused { errno, why: Some(why) })
    }
}

impl<A: Arch> Engine<A> {
    pub(super) fn at_entry<G: Guest<A>>(
        &mut self,
        call: Call,
        system: Duration,
        guest: &mut G,
    ) -> Result<Next, Errno> {
        let tid = guest.tid();
        if let Some(next) = self.reopen(&call, guest)? {
            return Ok(next);
        }
        if let Some(next) = self.hold_ground(&call, guest)? {
            return Ok(next);
        }
        let window = Window::new(&*guest);
        let (action, noted) = match self.decided(tid, &call) {
            Some(decided) => decided,
            None => {
                // Before it is considered, which may make the file.
                let noted = self.note(&call, &window, tid);
                match self.denied(tid, noted.as_deref()) {
                    Some(errno) => (Action::refuse(errno, "the policy forbids it"), noted),
                    None => (self.consider(&call, guest, &window), noted),
                }
            }
        };
        self.outdate_openers(tid);
        if let Some(next) = self.reopen(&call, guest)? {
            self.decide(tid, Decided { call, action, noted });
            return Ok(next);
        }
        if let Some(Syscall::Chdir | Syscall::Fchdir) = call.syscall {
            self.tapes.leave_directory(tid);
        }
        let start = match action {
            Action::PassOnHost(start) => Some(start),
            // What is mapped has no path.
            Action::Pass if self.served.is_none() || call.syscall == Some(Syscall::Mmap) => {
                Some(lane::Start::Root)
            }
            _ => None,
        };
        if let Some(start) = start
            && let Some(next) = self.detour(&call, start, guest)?
        {
            return Ok(next);
        }
        // Who only looks for a file that is not there can be told so at once.
        let in_vain = || noted.as_deref().and_then(|noted| noted.in_vain(tid));
        let action = match action {
            Action::Pass | Action::PassOnHost(_) => {
                in_vain().map_or(action, |errno| Action::Answer(-(errno as i64)))
            }
            action => action,
        };
        let (action, slots, lent) = match self.room(&action, &call, guest)? {
            Room::Slots(slots) => (action, slots, None),
            Room::Lent(lent) => (action, Vec::new(), Some(lent)),
            Room::ToBeMapped(count) => {
                let bytes = region_bytes(count);
                let region = Mapping { at: 0, bytes, protection: libc::PROT_READ, flags: 0 };
                let next = self.inject(region, Mapped::Scratch(bytes), call.abi, guest)?;
                self.decide(tid, Decided { call, action, noted });
                return Ok(next);
            }
            Room::Missing => {
                self.observer.complain(&NoRoom);
                let why = "there is no room for the path in its memory";
                (Action::refuse(Errno::ENOMEM, why), Vec::new(), None)
            }
        };
        let announced = self.tasks.get_mut(&tid).and_then(|task| task.announced.take());
        let shown = match announced {
            Some(pending) => *pending,
            None => Pending { noted, ..self.show(call, system, &window, tid) },
        };
        let taken = slots.clone();
        let pending = Pending { slots, lent, ..shown };
        let next = self.act(action, pending, guest);
        if next.is_err()
            && let Some(task) = self.tasks.get(&tid)
        {
            task.scratch.borrow_mut().release(&taken);
        }
        next
    }

    /// Writes paths into scratch memory; `None` if a region must be mapped first.
    pub(super) fn place<G: Guest<A>>(
        &mut self,
        paths: &Paths,
        call: &Call,
        guest: &G,
    ) -> Result<Option<Vec<Slot>>, Errno> {
        let task = self.tasks.get_mut(&guest.tid()).ok_or(Errno::ESRCH)?;
        let mut scratch = task.scratch.borrow_mut();
        let mut slots = Vec::new();
        let lead = sockets::lead(call);
        for path in [&paths.first, &paths.second].into_iter().flatten() {
            let Some(slot) = scratch.take(call.abi) else {
                scratch.release(&slots);
                return Ok(None);
            };
            slots.push(slot);
            let planted = match slot.is_ours(guest) {
                Ok(true) => plant(guest, slot.addr(), lead, path),
                Ok(false) => Err(Errno::EFAULT),
                Err(errno) => Err(errno),
            };
            match planted {
                Ok(()) => {}
                Err(Errno::ESRCH) => {
                    scratch.release(&slots);
                    return Err(Errno::ESRCH);
                }
                // The tracee has unmapped what we had mapped.
                Err(_) => {
                    scratch.reset();
                    return Ok(None);
                }
            }
        }
        Ok(Some(slots))
    }

    /// Decides what is done with a call. Nothing has been changed when this returns.
    fn consider<G: Guest<A>>(&mut self, call: &Call, guest: &G, memory: &dyn Memory) -> Action {
        if lane::is_left_by(call) {
            self.close_lane(guest);
        }
        self.executes(call, memory, guest.tid());
        let answered = self.dumpable(call, guest.tid());
        if let Some(answer) = answered.or_else(|| self.keep_ground(call, guest)) {
            return answer;
        }
        match call.syscall {
            Some(Syscall::SchedGetaffinity | Syscall::SchedSetaffinity) if self.cores.is_some() => {
                let target = affinity_target(call, guest.tid());
                if call.syscall == Some(Syscall::SchedSetaffinity)
                    && self.tasks.contains_key(&target)
                {
                    self.cores.iter_mut().for_each(|cores| cores.choosing(target));
                }
                return Action::Watch(Effect::None);
            }
            Some(Syscall::SchedSetattr)
                if self.cores.is_some() && asks_for_deadlines(call, memory) =>
            {
                let target = affinity_target(call, guest.tid());
                if self.tasks.contains_key(&target) {
                    self.cores.iter_mut().for_each(|cores| cores.needs_all(target));
                }
                return Action::Watch(Effect::None);
            }
            Some(Syscall::Seccomp) if self.served.is_some() && supervised(call) => {
                return Action::refuse(Errno::EBUSY, "a supervisor could let paths pass unseen");
            }
            Some(_) if installs_filter(call) => return Action::Watch(Effect::None),
            Some(Syscall::CloseRange) if unshared(call) != 0 => return Action::Watch(Effect::None),
            Some(Syscall::Clone | Syscall::Clone3 | Syscall::Fork | Syscall::Vfork) => {
                return self.consider_model(Model::Spawn, call, guest, memory);
            }
            _ => {}
        }
        if self.served.is_none() {
            return Action::Pass;
        }
        if let Abi::Foreign { .. } = call.abi {
            return Action::refuse(Errno::ENOSYS, "this ABI is not served");
        }
        let Some(syscall) = call.syscall else {
            return Action::refuse(
                Errno::ENOSYS,
                "a call that vrift does not know may take a path",
            );
        };
        match syscall.row().policy {
            Policy::Pass => Action::Pass,
            Policy::Refuse(errno) => {
                Action::refuse(Errno::from_raw(i32::from(errno)), "it would undermine the mount")
            }
            Policy::Model(model) => self.consider_model(model, call, guest, memory),
        }
    }

    fn consider_model<G: Guest<A>>(
        &mut self,
        model: Model,
        call: &Call,
        guest: &G,
        memory: &dyn Memory,
    ) -> Action {
        let tid = guest.tid();
        let decoded = match call.abi {
            Abi::Compat => decode::<A::Compat>(model, call, memory),
            Abi::Native | Abi::Foreign { .. } => decode::<A>(model, call, memory),
        };
        let operation = match decoded {
            Ok(operation) => operation,
            Err(errno) => {
                if errno == Errno::EACCES {
                    self.complain_if_closed(tid);
                }
                return Action::Skip(-(errno as i64), Note::Manifest);
            }
        };
        let Some(task) = self.tasks.get_mut(&tid) else { return Action::Pass };
        // A clone that failed has announced nobody.
        task.spawning = None;
        match operation {
            Operation::Nothing => Action::Pass,
            Operation::Credentials => {
                // The next read happens after this call has taken effect.
                task.creds.take();
                task.umask.set(None);
                Action::Pass
            }
            Operation::Duplicate(fd) => match open_node(tid, &task.files, fd) {
                None => Action::Pass,
                Some(open) => {
                    let OpenNode { node, usage, .. } = open;
                    Action::Watch(Effect::Opens { node, usage, blob: None, fresh: None })
                }
            },
            Operation::Fetch { pidfd, fd } => self.fetch(tid, pidfd, fd),
            Operation::Send(messages) => self.send(messages, call, guest),
            Operation::Sync(fd) => {
                let node = fd.map(|fd| open_node(tid, &task.files, fd).map(|open| open.node));
                match (node, self.served.as_mut()) {
                    // A file of the host.
                    (Some(None), _) | (_, None) => Action::Pass,
                    (node, Some(served)) => match served.sync(node.flatten()) {
                        Ok(()) => Action::Pass,
                        Err(error) => self.fail(&error),
                    },
                }
            }
            Operation::Receive => Action::Watch(Effect::None),
            Operation::Peer => match self.has_sockets() {
                true => Action::Watch(Effect::None),
                false => Action::Pass,
            },
            Operation::SocketName { fd, end } => self.socket_name(fd, end, call, guest),
            Operation::Spawn { flags, .. } | Operation::Unshare(flags)
                if flags & clone::NAMESPACES != 0 && self.served.is_some() =>
            {
                Action::refuse(Errno::EPERM, "namespaces are not available under a mount")
            }
            Operation::Spawn { flags, place } => {
                task.spawning = Some(flags);
                if lane::is_left_with(flags) {
                    self.close_lane(guest);
                }
                match flags & clone::CLONE_UNTRACED {
                    // Its exit tells that nobody is announced any more.
                    0 => Action::Watch(Effect::None),
                    _ => Action::Unhide(place, flags & !clone::CLONE_UNTRACED),
                }
            }
            // Done when it has succeeded.
            Operation::Unshare(_) => Action::Watch(Effect::None),
            Operation::File(request) => {
                if let Request::Chdir(_) = request
                    && self.leave_directory(guest).is_err()
                {
                    // It is dying.
                    return Action::Pass;
                }
                let served = self.served.as_mut().expect("consider() returned early without it");
                match served.judge(&self.tasks, tid, self.cores.as_ref(), &request) {
                    Ok(Judged { verdict: Verdict::Pass, effect: Effect::None }) => {
                        lane::Start::of(&request).map_or(Action::Pass, Action::PassOnHost)
                    }
                    Ok(judged) => self.apply(judged, call, guest),
                    Err(error) => self.fail(&error),
                }
            }
        }
    }

    /// Something of ours is broken: the tracee gets EIO, the user a message.
    pub(super) fn fail(&mut self, error: &vrift_vfs::Error) -> Action {
        self.observer.complain(error);
        let why = match error.errno() {
            Errno::EIO => "the mount is damaged",
            _ => "the store does not allow it",
        };
        Action::refuse(error.errno(), why)
    }

    fn launch<G: Guest<A>>(&self, launch: Launch, call: &Call, guest: &G) -> Action {
        let read = match call.abi {
            Abi::Compat => Script::read::<A::Compat>(call, &launch, guest),
            Abi::Native | Abi::Foreign { .. } => Script::read::<A>(call, &launch, guest),
        };
        let script = match read {
            Ok(script) => script,
            Err(errno) => return Action::Skip(-(errno as i64), Note::Manifest),
        };
        let note = match &launch.program.place {
            Place::Node(node) => self.served.as_ref().and_then(|served| served.blob(*node)),
            Place::Host(_) => None,
        };
        let note = note.map_or_else(|| Note::Redirected(launch.program.path.clone()), Note::Blob);
        let launched = Launched::new(launch, &script);
        Action::Launch(script, launched, note)
    }

    pub(super) fn apply<G: Guest<A>>(&mut self, judged: Judged, call: &Call, guest: &G) -> Action {
        match (judged.verdict, judged.effect) {
            (Verdict::Pass, Effect::None) => Action::Pass,
            (Verdict::Pass, effect) => Action::Watch(effect),
            (Verdict::Redirect(paths), _) if paths.too_long() => {
                Action::Skip(-(Errno::ENAMETOOLONG as i64), Note::Manifest)
            }
            (Verdict::Redirect(_), _) if sockets::is_out_of_reach(call) => sockets::out_of_reach(),
            (Verdict::Redirect(paths), effect) => {
                let note = match (&effect, &paths.first) {
                    (Effect::Opens { blob: Some(digest), .. }, _) => Note::Blob(digest.to_string()),
                    (Effect::None | Effect::Enters(vrift_vfs::Place::Host(_)), Some(path)) => {
                        Note::Redirected(path.clone())
                    }
                    _ => Note::Manifest,
                };
                Action::Rewrite(paths, effect, note)
            }
            (Verdict::Deny(errno, Cause::Ordinary), _) => {
                let refused = matches!(errno, Errno::EROFS | Errno::EXDEV);
                let note = match refused {
                    true => Note::Refused { errno, why: None },
                    false => Note::Manifest,
                };
                Action::Skip(-(errno as i64), note)
            }
            (Verdict::Deny(errno, Cause::AfterArguments), _) => {
                let arguments = match call.abi {
                    Abi::Compat => check_arguments::<A::Compat>(call, guest, guest.tid()),
                    Abi::Native | Abi::Foreign { .. } => {
                        check_arguments::<A>(call, guest, guest.tid())
                    }
                };
                let errno = arguments.err().unwrap_or(errno);
                Action::Skip(-(errno as i64), Note::Manifest)
            }
            (Verdict::Deny(errno, Cause::Limit(why)), _) => Action::refuse(errno, why),
            (Verdict::Deny(errno, Cause::Memory), _) => self.refuse_memory(errno, call, guest),
            (Verdict::Launch(launch), _) => self.launch(*launch, call, guest),
            (Verdict::Bind(path), Effect::Binds(fresh)) => {
                self.bind(&path, &fresh, call, guest.tid())
            }
            (Verdict::Bind(_), _) => Action::Pass,
            (Verdict::Reply(Reply::Directory(node)), _) => self.list(node, call, guest),
            (Verdict::Reply(reply), _) => {
                let answered = match call.abi {
                    Abi::Compat => reply::answer::<A::Compat>(call, &reply, guest),
                    Abi::Native | Abi::Foreign { .. } => reply::answer::<A>(call, &reply, guest),
                };
                let ret = answered.unwrap_or_else(|errno| -(errno as i64));
                Action::Skip(ret, Note::Manifest)
            }
        }
    }

    fn act<G: Guest<A>>(
        &mut self,
        action: Action,
        mut pending: Pending,
        guest: &mut G,
    ) -> Result<Next, Errno> {
        let tid = guest.tid();
        let noted = pending.noted.as_ref().is_some_and(|noted| noted.awaits_its_end());
        let shown = pending.spelled.is_some() || noted;
        match action {
            Action::Pass | Action::PassOnHost(_) if !shown => return Ok(self.go_on(tid, 0)),
            Action::Pass | Action::PassOnHost(_) => {}
            Action::Watch(effect) => {
                pending.effect = effect;
                pending.told = self.addresses_told(&pending.call, guest);
            }
            Action::Shorten(count) => {
                let abi = pending.call.abi;
                pending.undo.args.push((abi, Arg::A2, pending.call.arg(Arg::A2)));
                guest.set_arg(abi, Arg::A2, count)?;
            }
            Action::Unhide(place, flags) => {
                let hidden = flags | clone::CLONE_UNTRACED;
                match place {
                    FlagsPlace::Register(arg) => {
                        let abi = pending.call.abi;
                        pending.undo.args.push((abi, arg, hidden));
                        guest.set_arg(abi, arg, flags)?;
                    }
                    FlagsPlace::Memory(at) => match guest.plant(at, &flags.to_ne_bytes()) {
                        Ok(()) => pending.undo.words.push((at, hidden)),
                        Err(Errno::ESRCH) => return Err(Errno::ESRCH),
                        Err(_) => {
                            // Callers take ENOSYS for a kernel without clone3 and fall back.
                            let why = "its flags lie where they cannot be changed";
                            return self.act(Action::refuse(Errno::ENOSYS, why), pending, guest);
                        }
                    },
                    FlagsPlace::None => {}
                }
            }
            Action::Rewrite(paths, effect, note) => {
                pending.effect = effect;
                pending.note = Some(note);
                match self.rewrite(&paths, &mut pending, guest) {
                    Ok(()) => {}
                    Err(Errno::ESRCH) => return Err(Errno::ESRCH),
                    // The kernel would go by the path that is still there, to whatever the host has at it.
                    Err(_) => {
                        if let Some(lent) = pending.lent.take() {
                            lent.give_back(guest)?;
                        }
                        return self.act(sockets::out_of_reach(), pending, guest);
                    }
                }
                if let Effect::Opens { .. } = pending.effect {
                    keep_from_making(&mut pending, guest)?;
                }
            }
            Action::Launch(script, launched, note) => {
                pending.note = Some(note);
                script.aim(&pending.slots.clone(), &mut pending, guest)?;
                pending.launched = Some(launched);
            }
            Action::Seek { fd, to, listed } => {
                pending.note = Some(Note::Manifest);
                pending.instead = Instead::OfSuccess(listed);
                let abi = pending.call.abi;
                pending.undo.args =
                    [Arg::A1, Arg::A2].map(|arg| (abi, arg, pending.call.arg(arg))).to_vec();
                let nr = match abi {
                    Abi::Compat => A::Compat::number(Syscall::Lseek),
                    Abi::Native | Abi::Foreign { .. } => A::number(Syscall::Lseek),
                };
                guest.set_nr(nr.expect("every ABI with directories has lseek"))?;
                guest.set_arg(abi, Arg::A0, fd)?;
                guest.set_arg(abi, Arg::A1, to)?;
                guest.set_arg(abi, Arg::A2, libc::SEEK_SET as u64)?;
            }
            Action::Skip(ret, note) => return self.skip(ret, Some(note), pending, guest),
            Action::Answer(ret) => return self.skip(ret, None, pending, guest),
        }
        let task = self.tasks.get_mut(&tid).ok_or(Errno::ESRCH)?;
        task.phase = Phase::Inside(Box::new(pending));
        Ok(self.go_on(tid, 0))
    }

    /// Points path arguments at the scratch memory that holds the new paths.
    fn rewrite<G: Guest<A>>(
        &mut self,
        paths: &Paths,
        pending: &mut Pending,
        guest: &mut G,
    ) -> Result<(), Errno> {
        if let Some(site) = sockets::Site::of(&pending.call) {
            let path = paths.first.as_deref().unwrap_or(Path::new(""));
            return sockets::aim(site, path, pending, guest);
        }
        let sites = self.sites(&pending.call);
        let replaced = [&paths.first, &paths.second].into_iter().zip(sites);
        let args = replaced.filter_map(|(path, arg)| path.as_ref().and(arg));
        let places = match &pending.lent {
            Some(lent) => lent.paths.clone(),
            None => pending.slots.iter().map(|slot| slot.addr()).collect(),
        };
        for (arg, place) in args.zip(places) {
            let abi = pending.call.abi;
            pending.undo.args.push((abi, arg, pending.call.arg(arg)));
            guest.set_arg(abi, arg, place.0)?;
        }
        Ok(())
    }

    /// The arguments that hold the paths of the request, in its order. A symlink's target is text,
    /// not a path that is resolved.
    fn sites(&self, call: &Call) -> [Option<Arg>; 2] {
        let path = |n| match call.abi {
            Abi::Compat => path_arg::<A::Compat>(call, n),
            Abi::Native | Abi::Foreign { .. } => path_arg::<A>(call, n),
        };
        match call.syscall.map(|syscall| syscall.row().policy) {
            Some(Policy::Model(Model::Symlink)) => [path(1), None],
            _ => [path(0), path(1)],
        }
    }
}

pub(super) fn plant<A: Arch, G: Guest<A>>(
    guest: &G,
    at: GuestAddr,
    lead: &[u8],
    path: &Path,
) -> Result<(), Errno> {
    let mut bytes = [lead, path.as_os_str().as_bytes()].concat();
    bytes.push(0);
    guest.plant(at, &bytes)
}
