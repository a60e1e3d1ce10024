//! Making the changes, when nothing is in their way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;

use rustix::fs::{
    AtFlags, FileType, Mode, RenameFlags, Timespec, Timestamps, fchmod, futimens, removexattr,
    renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::Work;
use super::error::Error;
use crate::export::Existing;
use crate::export::attributes::{Caller, Missed, cannot};
use crate::export::content::{Contents, Filled, PIECE};
use crate::export::source::Source;
use crate::export::target::Place;
use crate::manifest::{Kind, Node, NodeId};
use crate::session::{Difference, Side, What};

/// What a directory's owner may do in it while it is being filled.
pub(super) const UNFINISHED: u32 = 0o700;

/// What is needed to make things.
struct Maker {
    caller: Caller,
    contents: Contents,
    buffer: RefCell<Vec<u8>>,
    missed: RefCell<Missed>,
    /// A path of each file that is in place and has several names.
    placed: RefCell<HashMap<NodeId, Vec<u8>>>,
}

impl Work<'_> {
    /// Makes all changes; how much an ordinary user had to leave out.
    pub(super) fn make(&self) -> Result<u64, Error> {
        let maker = Maker {
            caller: Caller::current(),
            contents: Contents::new(),
            buffer: RefCell::new(vec![0; PIECE]),
            missed: RefCell::default(),
            placed: RefCell::default(),
        };
        let ends = self.directories_at_the_end()?;
        for dir in self.directories() {
            match self.top.below(dir) {
                Ok(place) => self.clear(&place, dir)?,
                // It is made later.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => return Err(Error::at("open", dir)(error)),
            }
        }
        // Sorted by path: a directory comes before what is in it.
        for difference in &self.found {
            match difference.after {
                Some(side) if Self::is_remade(difference) => {
                    self.put(&maker, &difference.path, side)?;
                }
                Some(side) if difference.kind() != Kind::Directory => {
                    self.dress(&maker, &difference.path, side)?;
                }
                _ => {}
            }
        }
        for difference in self.found.iter().rev().filter(|one| one.what == What::Removed) {
            self.remove(difference)?;
        }
        self.dress_directories(&maker, ends)?;
        let missed = *maker.missed.borrow();
        Ok(missed.owners + missed.xattrs)
    }

    /// Puts something new under a name, in the place of what may have it.
    fn put(&self, maker: &Maker, path: &[u8], side: Side) -> Result<(), Error> {
        let (place, name) =
            self.place_of(path).map_err(Error::at("open the directory of", path))?;
        let name = c_name(name, path)?;
        let temporary = c_name(&self.temporary, path)?;
        let there = statat(&place, &name, AtFlags::SYMLINK_NOFOLLOW);
        let there = there.map(|stat| FileType::from_raw_mode(stat.st_mode));
        if side.node.kind == Kind::Directory {
            if there == Ok(FileType::Directory) {
                return Ok(());
            }
            let made = place.make_directory(&temporary, Existing::Refuse);
            let made = made.map_err(Error::at("create a directory for", path))?;
            // Until it is full, its owner may enter it. The check knows this mode.
            let mode = Mode::from_raw_mode(side.node.mode | UNFINISHED);
            fchmod(made, mode).map_err(Error::at("set the mode of", path))?;
        } else {
            self.make_beside(maker, &place, &temporary, path, side)?;
        }
        let directory = |kind| kind == FileType::Directory;
        let swaps = there.is_ok_and(|old| directory(old) || side.node.kind == Kind::Directory);
        if swaps {
            let how = RenameFlags::EXCHANGE;
            renameat_with(&place, &temporary, &place, &name, how)
                .map_err(Error::at("put something else in the place of", path))?;
            return self.clear(&place, path);
        }
        renameat(&place, &temporary, &place, &name).map_err(Error::at("put in its place", path))?;
        // Two names of one file: nothing was renamed.
        self.clear(&place, path)
    }

    /// Makes anything but a directory under the temporary name.
    fn make_beside(
        &self,
        maker: &Maker,
        place: &Place,
        temporary: &CString,
        path: &[u8],
        Side { id, node }: Side,
    ) -> Result<(), Error> {
        if node.nlink > 1 {
            if let Some(other) = self.other_name(maker, path, id)? {
                let (from, name) =
                    self.place_of(&other).map_err(Error::at("open the directory of", &other))?;
                let linked = place.link(&from, &c_name(name, &other)?, temporary, Existing::Refuse);
                return linked.map_err(Error::at("link to", &other));
            }
            maker.placed.borrow_mut().insert(id, path.to_owned());
        }
        let mut missed = maker.missed.borrow_mut();
        let failed = Error::at("create something for", path);
        match node.kind {
            Kind::File => {
                let make =
                    || place.make_file(temporary, Existing::Refuse).map_err(cannot("create"));
                let opened = Source::open(self.session, id, &node);
                let mut buffer = maker.buffer.borrow_mut();
                let filled = maker.contents.fill(&node, opened, &mut buffer, make);
                let (file, _) = filled.map_err(|filled| match filled {
                    Filled::Nothing(cause) | Filled::Partly(cause) => Error::make(path)(cause),
                })?;
                let dressed = maker.caller.dress_open(self.session, id, &node, &file, &mut missed);
                return dressed.map_err(Error::make(path));
            }
            Kind::Symlink => {
                let target = self.session.tree().target(id)?;
                place.make_symlink(temporary, &target, Existing::Refuse).map_err(failed)?;
            }
            _ => place.make_special(temporary, &node, Existing::Refuse).map_err(failed)?,
        }
        let held = place.hold(temporary).map_err(Error::at("open what was made for", path))?;
        let held = (place, temporary, &held);
        let dressed = maker.caller.dress_held(self.session, id, &node, held, &mut missed);
        dressed.map_err(Error::make(path))
    }

    /// Another name of the node that is in place already.
    fn other_name(&self, maker: &Maker, path: &[u8], id: NodeId) -> Result<Option<Vec<u8>>, Error> {
        if let Some(other) = maker.placed.borrow().get(&id) {
            return Ok(Some(other.clone()));
        }
        let names = self.session.tree().paths_of(id)?;
        let stays = |other: &Vec<u8>| other != path && !self.at(other).is_some_and(Self::is_remade);
        Ok(names.into_iter().find(stays))
    }

    /// Gives something that stays its attributes.
    fn dress(&self, maker: &Maker, path: &[u8], Side { id, node }: Side) -> Result<(), Error> {
        let (place, name) =
            self.place_of(path).map_err(Error::at("open the directory of", path))?;
        let name = c_name(name, path)?;
        let held = place.hold(&name).map_err(Error::at("open", path))?;
        let held = (&place, &name, &held);
        let mut missed = maker.missed.borrow_mut();
        let dressed = maker.caller.dress_held(self.session, id, &node, held, &mut missed);
        dressed.map_err(Error::make(path))?;
        self.drop_xattrs(path, id, held.2)
    }

    /// Removes the extended attributes that the session has removed.
    fn drop_xattrs(
        &self,
        path: &[u8],
        id: NodeId,
        held: &std::os::fd::OwnedFd,
    ) -> Result<(), Error> {
        let Some(before) = self.at(path).and_then(|one| one.before) else { return Ok(()) };
        let itself = crate::export::attributes::link_to(held);
        for name in self.session.xattr_names_before(before.id)? {
            if self.session.tree().xattr(id, &name)?.is_none() {
                match removexattr(&itself, &name[..]) {
                    Ok(()) | Err(Errno::NODATA) => {}
                    Err(error) => {
                        return Err(Error::at("remove an extended attribute of", path)(error));
                    }
                }
            }
        }
        Ok(())
    }

    fn remove(&self, difference: &Difference) -> Result<(), Error> {
        let path = &difference.path[..];
        let (place, name) = match self.place_of(path) {
            Ok(found) => found,
            // Its directory has been removed, or something else is there now.
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(Error::at("open the directory of", path)(error)),
        };
        let directory = difference.kind() == Kind::Directory;
        let flags = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        match unlinkat(&place, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::at("remove", path)(error)),
        }
    }

    /// The directories that get attributes or times at the end, from the bottom up.
    fn directories_at_the_end(&self) -> Result<Vec<(Vec<u8>, NodeId, Node)>, Error> {
        let tree = self.session.tree();
        let mut all = HashMap::new();
        for id in tree.touched()? {
            if tree.is_changed(id)
                && let Some(path) = tree.path_of(id)?
            {
                all.insert(path, id);
            }
        }
        // What lies in a directory that was moved is not changed itself.
        for Difference { path, after, .. } in &self.found {
            if let Some(side) = after.filter(|side| side.node.kind == Kind::Directory) {
                all.insert(if path == b"." { Vec::new() } else { path.clone() }, side.id);
            }
        }
        // Nor is one whose files are replaced.
        for path in self.directories() {
            if let Some(id) = tree.find(path)?.filter(|_| !all.contains_key(path)) {
                all.insert(path.to_owned(), id);
            }
        }
        let mut ends = Vec::with_capacity(all.len());
        for (path, id) in all {
            let node = tree.node(id)?;
            if node.kind == Kind::Directory {
                ends.push((path, id, node));
            }
        }
        ends.sort_unstable_by_key(|(path, ..)| std::cmp::Reverse(path.len()));
        Ok(ends)
    }

    /// Gives directories their attributes; to those of which only names were changed, their times.
    fn dress_directories(
        &self,
        maker: &Maker,
        ends: Vec<(Vec<u8>, NodeId, Node)>,
    ) -> Result<(), Error> {
        for (path, id, node) in ends {
            let node = &node;
            let spelled = if path.is_empty() { &b"."[..] } else { &path[..] };
            let place = self.top.below(&path).map_err(Error::at("open", spelled))?;
            if self.at(spelled).is_some() {
                let mut missed = maker.missed.borrow_mut();
                let dressed = maker.caller.dress_open(self.session, id, node, &place, &mut missed);
                dressed.map_err(Error::make(spelled))?;
                let held = place.hold(&c_name(b".", spelled)?);
                self.drop_xattrs(spelled, id, &held.map_err(Error::at("open", spelled))?)?;
            }
            set_times(&place, node).map_err(Error::at("set the times of", spelled))?;
        }
        Ok(())
    }

    /// Removes what has the temporary name.
    fn clear(&self, place: &Place, path: &[u8]) -> Result<(), Error> {
        let name = c_name(&self.temporary, path)?;
        clear(place, &name).map_err(Error::at("remove what was left beside", path))
    }
}

fn set_times(place: &Place, node: &Node) -> rustix::io::Result<()> {
    let spec = |time: crate::Timestamp| Timespec { tv_sec: time.sec, tv_nsec: time.nsec.into() };
    let times = Timestamps { last_access: spec(node.atime), last_modification: spec(node.mtime) };
    futimens(place, &times)
}

/// Removes `name` with all that is in it.
fn clear(place: &Place, name: &CString) -> rustix::io::Result<()> {
    match place.remove(name) {
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => {
            let inside = place.below(name.to_bytes())?;
            for name in inside.names()? {
                clear(&inside, &name)?;
            }
            unlinkat(place, name, AtFlags::REMOVEDIR)
        }
        other => other,
    }
}

/// A name as the kernel takes it.
fn c_name(name: &[u8], path: &[u8]) -> Result<CString, Error> {
    CString::new(name).map_err(|_| Error::at("use the name of", path)(Errno::INVAL))
}
