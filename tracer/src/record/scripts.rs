//! What stands between a script and the program that runs in the end: interpreters that are scripts too.
//!
//! The kernel reads their first lines, and maps nothing of them, so that a new program's memory does not show them.

use std::io::Read;
use std::path::{Path, PathBuf};

use vrift_vfs::script::{HEAD_BYTES, interpreter};
use vrift_vfs::{At, Follow, Held, PathOp};

use super::paths::{absolute, open, path, seen_by};
use crate::view::places::Seat;

/// How often one script may name another as its interpreter (`exec_binprm` in fs/exec.c).
const DEPTH_MAX: usize = 5;

/// A file that is executed by the first line of a script.
#[derive(Debug)]
pub(super) struct Interpreter {
    /// Its absolute path.
    pub(super) path: Vec<u8>,
    /// The way to it on the host.
    pub(super) real: PathBuf,
}

/// The interpreters of a file of the host, as far as they are on the host: that of its first line, that of the
/// interpreter's first line, and so on. None if it is no script.
pub(super) fn interpreters(file: &Path, seat: &Seat<'_>) -> Vec<Interpreter> {
    let mut found: Vec<Interpreter> = Vec::new();
    while found.len() < DEPTH_MAX {
        let last = found.last().map_or(file, |last| &last.real);
        let Some(named) = head(last).and_then(|head| interpreter(&head)) else { break };
        let named = absolute(&PathOp { at: At::Cwd, path: named, follow: Follow::Yes }, seat);
        let real = match seat.places.held(path(&named), Follow::Yes) {
            None => path(&seen_by(seat.tid, &named)).to_owned(),
            Some(Held::Host(real)) => real,
            Some(_) => break,
        };
        found.push(Interpreter { path: named, real });
    }
    found
}

fn head(file: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    open(file)?.take(HEAD_BYTES as u64).read_to_end(&mut head).ok()?;
    Some(head)
}
