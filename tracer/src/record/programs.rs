//! Executions: what was named, what the kernel opened for it, with which words.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use vrift_arch::Arch;
use vrift_arch::syscall::Kind;
use vrift_record::{
    Act, Escape, Event as Told, Execution, Part, Redaction, Value, Variable, Verdict, VersionId,
    redact,
};
use vrift_vfs::{At, Exec, Follow, Held, Purpose, Target};

use super::contents::{Keeper, When};
use super::noted::{Ended, What};
use super::opened::opened;
use super::paths::{absolute, directory, path};
use super::{Command, Recorder};
use crate::call::Call;
use crate::decode::arg_of_kind;
use crate::engine::pointers;
use crate::memory::GuestAddr;
use crate::view::places::Seat;

/// The longest argument with its NUL (`MAX_ARG_STRLEN`).
const WORD_BYTES_MAX: usize = 32 * 4096;

/// An execution that is asked for.
#[derive(Debug)]
pub(super) struct Start {
    path: Vec<u8>,
    /// What the file holds.
    version: Option<VersionId>,
    /// Whose it is.
    of: Of,
    argv: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    cwd: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Host,
    Mount,
}

impl Start {
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The same program by the path that its symlinks lead to.
    pub(super) fn led_to(&mut self, path: Vec<u8>) {
        self.path = path;
    }
}

impl Recorder {
    /// Reads what is to be executed: afterwards the caller's memory is gone.
    pub(super) fn starts<A: Arch>(&mut self, exec: &Exec, call: &Call, seat: &Seat<'_>) -> What {
        let asked = match &exec.target {
            Target::Path(op) => absolute(op, seat),
            Target::Open(At::Fd(fd)) | Target::Content(fd) => opened(seat, *fd).unwrap_or_default(),
            Target::Open(At::Cwd) => directory(seat),
        };
        if exec.purpose == Purpose::Check {
            return What::File(super::files::Named::probed(asked));
        }
        let held = seat.places.held(path(&asked), Follow::Yes);
        let of = match held {
            None | Some(Held::Host(_)) => Of::Host,
            Some(_) => Of::Mount,
        };
        let held = held.unwrap_or_else(|| Held::Host(path(&asked).to_owned()));
        let version = self.version_of(held, &asked);
        let words = |kind| {
            let at = arg_of_kind::<A>(call, kind).map_or(0, |arg| call.arg(arg));
            let pointers = pointers(GuestAddr(at), A::WORD, seat.memory).unwrap_or_default();
            let strings = pointers.into_iter().filter(|&at| at != 0);
            strings
                .map_while(|at| seat.memory.read_cstr(GuestAddr(at), WORD_BYTES_MAX).ok())
                .collect::<Vec<_>>()
        };
        What::Program(Box::new(Start {
            path: asked,
            version,
            of,
            argv: words(Kind::Argv),
            env: words(Kind::Envp),
            cwd: directory(seat),
        }))
    }

    /// Records what came of an execution.
    pub(super) fn program(&mut self, start: Start, ended: &Ended, seat: &Seat<'_>) {
        let Start { version, of, .. } = start;
        // The kernel was given an interpreter for a script of a mount.
        let verdict = match (of, ended.verdict) {
            (Of::Mount, Verdict::Host) if ended.succeeded() => Verdict::Content,
            (_, verdict) => verdict,
        };
        let ended = &Ended { verdict, ..*ended };
        let act = Act::Execute;
        if !ended.succeeded() {
            self.access(act, &start.path, None, None, Part::First, ended, seat);
            return;
        }
        self.eyes.look_at(seat.tid);
        if std::mem::replace(&mut self.command, Command::Executed) == Command::Ahead {
            self.tell_inherited(seat.tid);
        }
        let loaded = self.loaded(seat);
        // By its own name, if the path was a symlink.
        let program = loaded.iter().find(|(_, loaded)| *loaded == version && version.is_some());
        let led = program.map_or(&start.path, |(path, _)| path).clone();
        let asked = (led != start.path).then_some(&start.path[..]);
        self.access(act, &led, asked, version, Part::First, ended, seat);
        for (path, version) in loaded.iter().filter(|(path, _)| *path != led) {
            let verdict = match seat.places.held(super::paths::path(path), Follow::Yes) {
                None | Some(Held::Host(_)) => Verdict::Host,
                Some(_) => Verdict::Content,
            };
            let ended = Ended { verdict, ..*ended };
            self.access(Act::Load, path, None, *version, Part::Further, &ended, seat);
        }
        if gains_rights(&start.path) {
            let (kind, call) = (Escape::SetId, ended.call.as_bytes());
            let (detail, outcome) = (&start.path[..], ended.told());
            self.tell(seat.tid, Told::Escape { kind, call, detail, outcome });
        }
        let env = start.env.into_iter().map(variable).collect();
        let Start { path: program, argv, cwd, .. } = start;
        self.tell(seat.tid, Told::Executed(Execution { program, argv, env, cwd }));
    }

    /// The version of a file that the kernel opens by itself.
    fn version_of(&mut self, held: Held, at: &[u8]) -> Option<VersionId> {
        let (real, keeper) = match held {
            Held::Nothing | Held::Other => return None,
            Held::Blob(digest, size) => return Some(self.contents.blob(digest, at, size)),
            Held::Staged(real) => (real, Keeper::Session),
            Held::Host(real) => (real, Keeper::Host),
        };
        let meta = real.metadata().ok()?;
        self.contents.version(&real, &meta, at, keeper, When::AsNeeded)
    }

    /// The files that a new program finds mapped: itself and its dynamic linker.
    fn loaded(&mut self, seat: &Seat<'_>) -> Vec<(Vec<u8>, Option<VersionId>)> {
        let maps = fs::read(format!("/proc/{}/maps", seat.tid)).unwrap_or_default();
        let mut loaded: Vec<(Vec<u8>, Option<VersionId>)> = Vec::new();
        let mut last: &[u8] = b"";
        for line in maps.split(|&byte| byte == b'\n') {
            let Some(at) = line.iter().position(|&byte| byte == b'/') else { continue };
            if std::mem::replace(&mut last, &line[at..]) == &line[at..] {
                continue;
            }
            let real = PathBuf::from(OsStr::from_bytes(&line[at..]));
            let (shown, version) = match seat.places.behind(&real) {
                Some((shown, held)) => {
                    let shown = shown.into_os_string().into_encoded_bytes();
                    let version = self.version_of(held, &shown);
                    (shown, version)
                }
                None => {
                    let shown = line[at..].to_vec();
                    let version = self.version_of(Held::Host(real), &shown);
                    (shown, version)
                }
            };
            if !loaded.iter().any(|(path, _)| *path == shown) {
                loaded.push((shown, version));
            }
        }
        loaded
    }
}

/// Whether a program has set-id bits.
fn gains_rights(program: &[u8]) -> bool {
    const SET_ID: u32 = 0o6000;
    path(program).metadata().is_ok_and(|meta| meta.permissions().mode() & SET_ID != 0)
}

fn variable(text: Vec<u8>) -> Variable<Vec<u8>> {
    let end = text.iter().position(|&byte| byte == b'=').unwrap_or(text.len());
    let (name, value) = (text[..end].to_vec(), text.get(end + 1..).unwrap_or_default().to_vec());
    let value = match redact(&name, &value) {
        Redaction::Keep => Value::Plain(value),
        Redaction::Redact => Value::Redacted,
    };
    Variable { name, value }
}
