//! Executions: what was named, what the kernel opened for it, with which words.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::errno::Errno;

use vrift_arch::Arch;
use vrift_arch::syscall::Kind;
use vrift_record::{
    Act, Escape, Event as Told, Execution, Part, Response, Verdict, VersionId, redact_words,
};
use vrift_vfs::{At, Exec, Follow, Held, Purpose, Target, gains_rights};

use super::contents::{Keeper, When};
use super::enforced::leads_to;
use super::lookups::{Of as Sought, Rights};
use super::noted::{Ended, What};
use super::opened::{named, opened};
use super::paths::{absolute, directory, own_descriptor, path, seen_by};
use super::scripts::{Interpreter, interpreters};
use super::variables::told;
use super::{Command, Recorder};
use crate::call::{Call, Outcome};
use crate::decode::arg_of_kind;
use crate::engine::pointers;
use crate::memory::{GuestAddr, Memory};
use crate::procfs;
use crate::view::places::Seat;
use crate::view::window::Window;

/// The longest argument with its NUL (`MAX_ARG_STRLEN`).
const WORD_BYTES_MAX: usize = 32 * 4096;

/// An execution that is asked for.
#[derive(Debug)]
pub(super) struct Start {
    path: Vec<u8>,
    /// The path without symlinks that it led to.
    led: Vec<u8>,
    /// What the file holds.
    version: Option<VersionId>,
    /// Whose it is, and the way to it.
    of: Of,
    argv: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    cwd: Vec<u8>,
    /// What the kernel answers if there is no such file: it looks for that before all else.
    in_vain: Option<Errno>,
    /// The interpreter because of which the policy denies it.
    denied: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Of {
    Host(PathBuf),
    Mount,
}

impl Start {
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Its interpreters, the last of which is what runs, if it is a script of the host.
    pub(super) fn interpreters(&self, seat: &Seat<'_>) -> Vec<Interpreter> {
        match &self.of {
            Of::Host(real) => interpreters(real, seat),
            Of::Mount => Vec::new(),
        }
    }

    /// Whether its bits or capabilities give who executes it other rights, or those of the last of its
    /// interpreters do. A mount gives none.
    pub(super) fn gains_rights(&self, interpreters: &[Interpreter]) -> bool {
        match (interpreters.last(), &self.of) {
            (Some(last), _) => gains_rights(&last.real),
            (None, Of::Host(real)) => gains_rights(real),
            (None, Of::Mount) => false,
        }
    }

    /// The errno of an execution of what is not there.
    pub(super) fn in_vain(&self) -> Option<Errno> {
        self.in_vain
    }

    /// The same program by the path that its symlinks lead to.
    pub(super) fn led_to(&mut self, path: Vec<u8>) {
        self.path = path;
    }

    /// It is denied because of an interpreter that is there.
    pub(super) fn denied_for(&mut self, interpreter: Vec<u8>) {
        self.denied = Some(interpreter);
    }
}

impl Recorder {
    /// Reads what is to be executed: afterwards the caller's memory is gone.
    pub(super) fn starts<A: Arch>(&mut self, exec: &Exec, call: &Call, seat: &Seat<'_>) -> What {
        // The way to an open file leads there whatever its name, and without one.
        let by_descriptor = |fd: i32| {
            let link = format!("/proc/{}/fd/{fd}", seat.tid);
            (executable(seat, fd), Some(PathBuf::from(link)))
        };
        let (asked, link) = match &exec.target {
            Target::Path(op) if op.path.is_empty() => return What::Nothing,
            Target::Path(op) => {
                let asked = absolute(op, seat);
                let own = own_descriptor(seat.tid, &asked);
                own.map_or_else(|| (asked, None), by_descriptor)
            }
            Target::Open(At::Fd(fd)) | Target::Content(fd) => by_descriptor(*fd),
            Target::Open(At::Cwd) => (directory(seat), None),
        };
        if exec.purpose == Purpose::Check {
            return What::File(super::files::Named::probed(asked));
        }
        let lookup = match &exec.target {
            Target::Path(op) => self.lookup(op, Sought::Anything, &asked),
            Target::Open(_) | Target::Content(_) => None,
        };
        let held = seat.places.held(path(&asked), Follow::Yes);
        // What is there in a mount need not be there on the host.
        let in_vain = match (&held, &link) {
            (None, None) => lookup.and_then(|lookup| lookup.in_vain(seat.tid)),
            _ => None,
        };
        let led = match (in_vain, &link) {
            (None, None) => self.place(asked.clone(), Follow::Yes, seat),
            _ => asked.clone(),
        };
        let behind = || {
            let (shown, held) = seat.places.behind(path(&led))?;
            Some((named(shown)?, held))
        };
        let held = seat.places.held(path(&led), Follow::Yes);
        let (led, held) = match (held, link) {
            // It has no name in the mount any more.
            (Some(Held::Nothing), Some(link)) if link.exists() => (led, Held::Staged(link)),
            (Some(held), _) => (led, held),
            (None, Some(link)) => (led, Held::Host(link)),
            (None, None) => behind().unwrap_or_else(|| {
                let real = path(&seen_by(seat.tid, &led)).to_owned();
                (led.clone(), Held::Host(real))
            }),
        };
        let of = match &held {
            Held::Host(real) => Of::Host(real.clone()),
            _ => Of::Mount,
        };
        let memory = Window::large(seat.memory);
        let words = |kind| {
            let at = arg_of_kind::<A>(call, kind).map_or(0, |arg| call.arg(arg));
            let pointers = pointers(GuestAddr(at), A::WORD, &memory).unwrap_or_default();
            let strings = pointers.into_iter().filter(|&at| at != 0);
            strings
                .map_while(|at| memory.read_cstr(GuestAddr(at), WORD_BYTES_MAX).ok())
                .collect::<Vec<_>>()
        };
        let (argv, env, cwd, version) = match in_vain {
            // A search for a program asks for it in one directory after the other, with all its words.
            Some(_) => Default::default(),
            None => {
                let version = self.version_of(held, &led);
                (words(Kind::Argv), words(Kind::Envp), directory(seat), version)
            }
        };
        let denied = None;
        let path = asked;
        let start = Start { path, led, version, of, argv, env, cwd, in_vain, denied };
        What::Program(Box::new(start))
    }

    /// Records what came of an execution.
    pub(super) fn program(&mut self, start: Start, ended: &Ended, seat: &Seat<'_>) {
        let version = start.version;
        // The kernel was given an interpreter for a script of a mount.
        let verdict = match (&start.of, ended.verdict) {
            (Of::Mount, Verdict::Host) if ended.succeeded() => Verdict::Content,
            (_, verdict) => verdict,
        };
        let ended = &Ended { verdict, ..*ended };
        let act = Act::Execute;
        if !ended.succeeded() {
            if version.is_some() && ended.outcome == Outcome::Error(Errno::ENOENT) {
                self.lacks_interpreter(&start, ended, seat);
            }
            self.access(act, &start.path, None, None, Part::First, ended, seat);
            if let Some(interpreter) = &start.denied {
                self.access(Act::Load, interpreter, None, None, Part::Further, ended, seat);
            }
            if ended.outcome == Outcome::Error(Errno::EPERM) && ended.response == Response::Denied {
                self.gained(start.denied.as_ref().unwrap_or(&start.path), ended, seat);
            }
            return;
        }
        // Not the script that was named, but what interprets it.
        let executed = PathBuf::from(format!("/proc/{}/exe", seat.tid));
        let rights = if gains_rights(&executed) { Rights::OfFile } else { Rights::OfCaller };
        self.eyes.after_executing(seat.tid, rights);
        if std::mem::replace(&mut self.command, Command::Executed) == Command::Ahead {
            self.tell_inherited(ended, seat);
        }
        let loaded = self.loaded(ended, seat);
        // By its own name, if the path was a symlink.
        let program = loaded.iter().find(|(_, loaded)| *loaded == version && version.is_some());
        let led = program.map_or(&start.led, |(path, _)| path).clone();
        let asked = (led != start.path).then_some(&start.path[..]);
        if let (None, Of::Host(real)) = (program, &start.of) {
            self.loaded_by_name(real, &led, ended, seat);
        }
        self.access(act, &led, asked, version, Part::First, ended, seat);
        let between = if program.is_none() { start.interpreters(seat) } else { Vec::new() };
        for Interpreter { path, real } in between {
            let led = leads_to(Act::Load, &path, seat);
            if !loaded.iter().any(|(path, _)| *path == led) {
                self.loaded_by_name(&real, &led, ended, seat);
                let version = self.version_of(Held::Host(real), &led);
                let asked = (led != path).then_some(&path[..]);
                let ended = Ended { verdict: Verdict::Host, ..*ended };
                self.access(Act::Load, &led, asked, version, Part::Further, &ended, seat);
            }
        }
        for (path, version) in loaded.iter().filter(|(path, _)| *path != led) {
            let verdict = match seat.places.held(super::paths::path(path), Follow::Yes) {
                None | Some(Held::Host(_)) => Verdict::Host,
                Some(_) => Verdict::Content,
            };
            let ended = Ended { verdict, ..*ended };
            self.access(Act::Load, path, None, *version, Part::Further, &ended, seat);
        }
        if rights == Rights::OfFile {
            let shown = fs::read_link(&executed).ok().and_then(named);
            self.gained(shown.as_ref().unwrap_or(&start.path), ended, seat);
        }
        let Start { path: program, mut argv, env, cwd, .. } = start;
        let secrets = self.variables.secrets(&env);
        let (program, cwd) = (&program[..], &cwd[..]);
        redact_words(&mut argv, &secrets.iter().copied().flatten().collect::<Vec<_>>());
        let argv = argv.iter().map(|word| &word[..]).collect();
        let env = env.iter().zip(secrets).map(|(variable, secret)| told(variable, secret));
        let env = env.collect();
        self.tell(seat.tid, Told::Executed(Execution { program, argv, env, cwd }));
    }

    /// The file is there: what is not is what it is to be run by.
    fn lacks_interpreter(&mut self, start: &Start, ended: &Ended, seat: &Seat<'_>) {
        let there = Ended { outcome: Outcome::Value(0), ..*ended };
        self.access(Act::Probe, &start.path, None, None, Part::Further, &there, seat);
        if let Some(Interpreter { path, .. }) = start.interpreters(seat).pop() {
            self.access(Act::Load, &path, None, None, Part::Further, ended, seat);
        }
    }

    /// Tells of a program that gives who executes it other rights.
    fn gained(&self, program: &[u8], ended: &Ended, seat: &Seat<'_>) {
        let (kind, call, outcome) = (Escape::SetId, ended.call.as_bytes(), ended.told());
        let told = Told::Escape { kind, call, detail: program, outcome };
        self.out.tell_as(seat.tid, told, ended.response);
    }

    /// The version of a file that the kernel opens by itself.
    fn version_of(&mut self, held: Held, at: &[u8]) -> Option<VersionId> {
        let (real, keeper) = match held {
            Held::Nothing | Held::Other => return None,
            Held::Blob(digest, size) => return Some(self.contents.blob(digest, at, size)),
            Held::Staged(real) => (real, Keeper::Session),
            Held::Host(real) => (real, Keeper::Host),
        };
        let stat = real.metadata().ok()?.into();
        self.contents.version(&real, &stat, at, keeper, When::AsNeeded)
    }

    /// The files that a new program finds mapped: itself and its dynamic linker.
    fn loaded(&mut self, ended: &Ended, seat: &Seat<'_>) -> Vec<(Vec<u8>, Option<VersionId>)> {
        let maps = procfs::maps(seat.tid);
        let mut loaded: Vec<(Vec<u8>, Option<VersionId>)> = Vec::new();
        let mut last: &[u8] = b"";
        for line in maps.split(|&byte| byte == b'\n') {
            let Some(at) = line.iter().position(|&byte| byte == b'/') else { continue };
            if std::mem::replace(&mut last, &line[at..]) == &line[at..] {
                continue;
            }
            let real = unescaped(&line[..at], &line[at..]);
            let (shown, held) = match seat.places.behind(&real) {
                Some(behind) => behind,
                None => (real.clone(), Held::Host(real)),
            };
            let shown = named(shown).unwrap_or_default();
            if let Held::Host(real) = &held {
                self.loaded_by_name(real, &shown, ended, seat);
            }
            let version = self.version_of(held, &shown);
            if !loaded.iter().any(|(path, _)| *path == shown) {
                loaded.push((shown, version));
            }
        }
        loaded
    }
}

/// A path as the list of mappings has it, where a line end is `\012` and a backslash stays what it is
/// (`show_map_vma` in `fs/proc/task_mmu.c`). What stands before it ends in the inode number.
fn unescaped(before: &[u8], shown: &[u8]) -> PathBuf {
    const LINE_END: &[u8] = b"\\012";
    let as_shown = PathBuf::from(OsStr::from_bytes(shown));
    let escaped = shown.windows(LINE_END.len()).any(|part| part == LINE_END);
    let inode = before.split(|&byte| byte == b' ').rfind(|word| !word.is_empty());
    let is_it = |meta: fs::Metadata| Some(meta.ino().to_string().as_bytes()) == inode;
    if !escaped || as_shown.symlink_metadata().is_ok_and(is_it) {
        return as_shown;
    }
    let mut path = Vec::with_capacity(shown.len());
    let mut rest = shown;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match rest.strip_prefix(LINE_END) {
            Some(after) => (b'\n', after),
            None => (first, after),
        };
        path.push(byte);
        rest = after;
    }
    OsString::from_vec(path).into()
}

/// The path of an open file that is to be executed; memory has what its maker calls it.
fn executable(seat: &Seat<'_>, fd: i32) -> Vec<u8> {
    let memory = || named(procfs::link(seat.tid, fd)?);
    opened(seat, fd).or_else(memory).unwrap_or_default()
}
