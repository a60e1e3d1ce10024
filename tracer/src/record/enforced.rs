//! What the policy does not let happen, if it is enforced.
//!
//! A call is decided on when it is made, by the paths that its symlinks lead to then. Who changes them, or
//! the call's memory, in the same moment may get what is forbidden: that is found when the call has
//! succeeded, and told. It is no sandbox.
//!
//! Where the policy is not enforced, what changes names is found in the same way: of that nothing is open
//! afterwards that could tell what the path led to.

use nix::errno::Errno;
use vrift_record::policy::{Broken, Judge, Realm};
use vrift_record::{Act, Escape, NetworkAct};
use vrift_vfs::{Follow, Held};

use super::files::Named;
use super::network::{led_name, node};
use super::noted::What;
use super::opened::OpenFile;
use super::paths::{path, seen_by};
use super::scripts::Interpreter;
use super::{Enforcement, Recorder};
use crate::view::places::Seat;

impl Recorder {
    /// What a call is to fail with. A path that is denied is told as what it leads to.
    pub(super) fn denies(
        &self,
        what: &mut What,
        escape: Option<&(Escape, String)>,
        seat: &Seat<'_>,
    ) -> Option<Errno> {
        if self.enforcement == Enforcement::Note {
            if let What::File(named) = what
                && self.out.is_judged()
                && named.asks().any(|(act, _)| act.changes() || act == Act::Link)
            {
                self.forbidden(named, seat);
            }
            return None;
        }
        let forbids = |asks: &dyn Fn(&Judge) -> Option<Broken>| self.out.forbids(asks).is_some();
        if let Some((kind, detail)) = escape
            && forbids(&|judge| judge.escaped(*kind, detail.as_bytes()))
        {
            return Some(Errno::EPERM);
        }
        match what {
            What::File(named) => self.forbidden(named, seat).then_some(Errno::EACCES),
            What::Program(start) => {
                let to = leads_to(Act::Execute, start.path(), seat);
                if self.forbids(Act::Execute, &to, seat) {
                    start.led_to(to);
                    return Some(Errno::EACCES);
                }
                let interpreters = start.interpreters(seat);
                let led = |by: &Interpreter| leads_to(Act::Load, &by.path, seat);
                let mut led: Vec<_> = interpreters.iter().map(led).collect();
                if let Some(by) = led.iter().position(|by| self.forbids(Act::Load, by, seat)) {
                    start.denied_for(led.swap_remove(by));
                    return Some(Errno::EACCES);
                }
                if !start.gains_rights(&interpreters) {
                    return None;
                }
                let runs = led.last().unwrap_or(&to);
                if !forbids(&|judge| judge.escaped(Escape::SetId, runs)) {
                    return None;
                }
                match led.pop() {
                    Some(runs) => start.denied_for(runs),
                    None => start.led_to(to),
                }
                Some(Errno::EPERM)
            }
            What::Network(peers) => {
                let forbidden = peers.iter().filter_map(|peer| peer.given()).any(|(act, to)| {
                    let outside = led_name(act, to, seat)
                        .filter(|name| act != NetworkAct::Bind && !self.bound.contains(name));
                    let makes = node(act, to).map(|path| leads_to(Act::MakeNode, path, seat));
                    forbids(&|judge| judge.network(act, to))
                        || makes.is_some_and(|path| self.forbids(Act::MakeNode, &path, seat))
                        || outside.is_some_and(|name| {
                            forbids(&|judge| judge.escaped(Escape::Daemon, &name))
                        })
                });
                forbidden.then_some(Errno::EACCES)
            }
            What::Map(fd) => {
                let file = OpenFile::of(*fd, seat)?;
                self.forbids(Act::Map, &file.path, seat).then_some(Errno::EACCES)
            }
            What::Handle(_) | What::Shared(_) | What::Credentials | What::Nothing => None,
        }
    }

    /// What opening a file would be, if a rule forbids that; else it is told when it is open.
    pub(super) fn denied_way(&self, what: &What, seat: &Seat<'_>) -> Option<(Escape, String)> {
        let What::File(named) = what else { return None };
        if self.enforcement == Enforcement::Note {
            return None;
        }
        let opened = named.opened()?;
        let (kind, detail) = self.reached(&leads_to(Act::Read, opened, seat), seat.tid)?;
        let broken = self.out.forbids(|judge| judge.escaped(kind, detail.as_bytes()));
        broken.map(|_| (kind, detail))
    }

    /// Whether a rule forbids something that is asked of a file; it is told as what its path leads to, then.
    fn forbidden(&self, named: &mut Named, seat: &Seat<'_>) -> bool {
        let asks = named.asks().map(|(act, asked)| (act, leads_to(act, asked, seat)));
        let mut asks = asks.collect::<Vec<_>>().into_iter().enumerate();
        let Some((number, (_, to))) = asks.find(|(_, (act, to))| self.forbids(*act, to, seat))
        else {
            return false;
        };
        named.led_to(number, to);
        true
    }

    fn forbids(&self, act: Act, to: &[u8], seat: &Seat<'_>) -> bool {
        let of_host = || path(to).metadata().is_ok_and(|meta| !meta.is_dir());
        // Who asks for a file that is missing is told so, and who opens a directory gets no content.
        let (realm, gives) = match seat.places.held(path(to), Follow::Yes) {
            None => (Realm::Host, of_host()),
            // What an overlay shows is the host's as long as nothing is changed.
            Some(Held::Host(_)) if !act.changes() => (Realm::Host, of_host()),
            Some(Held::Host(_) | Held::Blob(..) | Held::Staged(_)) => (Realm::Mount, true),
            Some(Held::Nothing | Held::Other) => (Realm::Mount, false),
        };
        (gives || act.changes()) && self.out.forbids(|judge| judge.path(act, to, realm)).is_some()
    }
}

/// What a path leads to: the last name counts as it is if the call is about the name.
pub(super) fn leads_to(act: Act, asked: &[u8], seat: &Seat<'_>) -> Vec<u8> {
    let names_only = matches!(
        act,
        Act::Remove
            | Act::RemoveDirectory
            | Act::Rename
            | Act::Link
            | Act::Symlink
            | Act::MakeDirectory
            | Act::MakeNode
            | Act::Exchange
    );
    let seen = seen_by(seat.tid, asked);
    let file = path(&seen);
    let follow = if names_only { Follow::No } else { Follow::Yes };
    if let Some(led) = seat.places.led(file, follow) {
        return led.into_os_string().into_encoded_bytes();
    }
    let whole = if names_only { None } else { file.canonicalize().ok() };
    let led = whole.or_else(|| {
        let above = file.parent()?.canonicalize().ok()?;
        Some(above.join(file.file_name()?))
    });
    led.map_or_else(|| asked.to_vec(), |led| led.into_os_string().into_encoded_bytes())
}
