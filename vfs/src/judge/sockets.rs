//! Sockets with names: binding one, connecting or sending to one.
//!
//! The name of a mount is a node; the kernel binds the socket to a path of the run's own, which stands
//! for the node as a FIFO's does. So a socket lives as long as the run, and whoever connects to its name
//! in another run finds nobody there, as after a reboot.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::names::{Side, cannot_make};
use super::{Outcome, Subject};
use crate::attr::Kind;
use crate::caller::Caller;
use crate::creds::{Ids, WRITE};
use crate::host;
use crate::namespace::Namespace;
use crate::request::{Follow, PathOp};
use crate::resolve::Resolved;
use crate::verdict::{Effect, Judged, Paths, Verdict};

/// The longest path in a socket's address (`sun_path`), without its NUL.
const PATH_BYTES_MAX: usize = 107;

impl Namespace {
    pub(super) fn bind(&mut self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        match self.side(caller, op)? {
            Side::MountPoint(_) => Err(Errno::EADDRINUSE.into()),
            Side::Mount(at) if self.can_change(&at) && cannot_make(&at, false) == Errno::EROFS => {
                self.bind_in_mount(caller, op, &at)
            }
            Side::Mount(at) => Err(match cannot_make(&at, false) {
                Errno::EEXIST => Errno::EADDRINUSE,
                other => other,
            }
            .into()),
            Side::Host(name) => {
                if !name.is_plain() {
                    name.reach_directory()?;
                }
                Ok(name.rewritten().map_or_else(Judged::pass, address))
            }
        }
    }

    fn bind_in_mount(&mut self, caller: &dyn Caller, op: &PathOp, at: &Resolved) -> Outcome {
        let fresh = self.make_socket(caller, at)?;
        let path = self.socket(fresh.node);
        if !fits(&path) {
            self.take_back(&fresh)?;
            return Ok(address(path));
        }
        self.bound(path.clone(), &op.path);
        Ok(Judged { verdict: Verdict::Bind(path), effect: Effect::Binds(fresh) })
    }

    pub(super) fn connect(&self, caller: &dyn Caller, op: &PathOp) -> Outcome {
        let at = match self.find_path(caller, op)? {
            Subject::Untouched | Subject::Magic(_) => return Ok(Judged::pass()),
            Subject::Host(path) => {
                host::look(&path, Follow::Yes)?;
                return Ok(address(path));
            }
            Subject::Absent => return Err(Errno::ENOENT.into()),
            Subject::Node(at) => at,
        };
        let node = self.node(at)?;
        // Write permission is asked for before the type (`unix_find_bsd` in net/unix).
        if node.kind.is_stored() && !self.is_writable(at.mount) {
            return Err(Errno::EROFS.into());
        }
        if !self.allows(&caller.creds(Ids::FileSystem), (at, &node), WRITE)? {
            return Err(Errno::EACCES.into());
        }
        let path = self.socket(at);
        // Nobody has bound it in this run.
        if node.kind != Kind::Socket || host::look(&path, Follow::No).is_err() {
            return Err(Errno::ECONNREFUSED.into());
        }
        Ok(address(path))
    }
}

/// A socket at another path than the caller's.
fn address(path: PathBuf) -> Judged {
    if !fits(&path) {
        let why = "a socket's address has no room for its path, which is too long";
        return Judged::limit(Errno::EPERM, why);
    }
    Judged::redirect(Paths { first: Some(path), second: None })
}

fn fits(path: &Path) -> bool {
    path.as_os_str().as_bytes().len() <= PATH_BYTES_MAX
}
