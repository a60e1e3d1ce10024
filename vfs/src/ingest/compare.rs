//! Finding out, without building anything, that a tree is still what its manifest says.
//!
//! The source is walked through as for taking it in, and each name looked up in the manifest where
//! that lies. Nearly always nothing has changed, and then neither a manifest is built nor anything
//! written. At the first difference, or doubt, or problem, the ordinary way begins from the start,
//! so that whatever is to be told is told there.
//!
//! **Invariant:** "unchanged" means that taking the tree in would make this very file. The file is
//! whole, an ingest of the same sources left it there (the cache knows its id) and it is registered;
//! the names of the source and those of the manifest are the same, and so are all attributes, link
//! for link; files are believed as far as the cache and the store's mark allow.
//!
//! Deliberately absent: several sources, which are few names mostly; they are always built.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{CStr, CString};
use std::fs;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use vrift_cas::{Digest, Hold};

use super::harvest::{Outcome, os};
use super::report::{LeftOut, Reason, Report, Special};
use super::source::{Identity, Listing, Stat};
use super::take::{Hands, Held, Ingest, Stop};
use super::visit::{CHUNK, Opened, Place};
use super::walk::{Root, Start};
use crate::manifest::{Kind, Manifest, Node, NodeId, Xattr};
use crate::work::Pile;

/// A directory of the source, and the node that it should be.
#[derive(Debug)]
struct Dir {
    place: Place,
    node: NodeId,
}

/// Something to be done by any thread.
enum Job {
    /// A directory in another one, and the node that it should be.
    Directory(Arc<Dir>, CString, NodeId),
    /// Some names of a directory, by their positions.
    Names(Arc<Dir>, Arc<Names>, Range<usize>),
}

/// The names of a directory of the source.
#[derive(Debug)]
struct Names {
    listing: Listing,
    /// The node of each name, if it has that name in the manifest.
    nodes: Vec<Option<NodeId>>,
}

/// Why a name is not found to be in the manifest as it should be.
enum Aside {
    /// It is not meant to be there.
    Excluded,
    LeftOut(Reason),
    /// Or it could not be found out.
    Differs,
}

impl From<Stop> for Aside {
    fn from(stop: Stop) -> Aside {
        match stop {
            Stop::Here(Outcome::Excluded) => Aside::Excluded,
            Stop::Here(Outcome::LeftOut(reason)) => Aside::LeftOut(reason),
            Stop::Here(_) | Stop::Everywhere(_) => Aside::Differs,
        }
    }
}

/// What has been found to be the same.
#[derive(Debug, Default)]
struct Same {
    /// What will be told.
    report: Report,
    /// How many names of the manifest were met.
    names: u64,
}

/// A node, and how many names it has in the manifest.
#[derive(Debug, Clone, Copy)]
struct Links {
    id: NodeId,
    nlink: u32,
}

/// Which files of the source with several names are which nodes.
#[derive(Debug, Default)]
struct Linked {
    nodes: HashMap<Identity, NodeId>,
    files: HashMap<NodeId, Identity>,
}

struct Comparison<'a> {
    ingest: &'a Ingest<'a>,
    manifest: &'a Manifest,
    same: Mutex<Same>,
    linked: Mutex<Linked>,
    differs: AtomicBool,
}

/// What an ingest of an unchanged tree tells, if this is one.
pub(super) fn unchanged(
    ingest: &Ingest<'_>,
    hold: &Hold,
    root: &Root,
    threads: NonZero<usize>,
) -> Option<Report> {
    let Start::Directory(top) = &root.start else { return None };
    ingest.trust.mark()?;
    let manifest = published(ingest, hold)?;
    let comparison = Comparison {
        ingest,
        manifest: &manifest,
        same: Mutex::default(),
        linked: Mutex::default(),
        differs: AtomicBool::new(false),
    };
    comparison.attributes(&root.node, &root.xattrs, NodeId::ROOT).ok()?;
    // Opened once more, because a listing moves the offset.
    let dir = top.dir.directory(c".").ok()?;
    let names = dir.names().ok()?;
    let (name, path) = (top.name.clone(), top.path.clone());
    let place = Place { dir, path, name, dev: top.dev, patterns: None };
    let jobs = comparison.share_out(Dir { place, node: NodeId::ROOT }, names).ok()?;
    Pile::work(jobs, threads, Hands::new, |pile, hands, job| {
        if comparison.work(pile, hands, job).is_err() {
            comparison.differs.store(true, Ordering::Relaxed);
            pile.stop();
        }
    });
    let Same { mut report, names } = comparison.same.into_inner();
    let all = names == u64::from(manifest.names());
    if !all || comparison.differs.into_inner() || manifest.check_bytes().is_err() {
        return None;
    }
    report.directories += 1;
    (report.unchanged, report.known_blobs) = (report.files, report.files);
    report.distinct_bytes = ingest.cache.origin().distinct_bytes;
    report.manifest = manifest.id();
    report.sort();
    Some(report)
}

/// The manifest that is to be written, if the last ingest of these sources left it there. A symlink
/// to it is not.
fn published(ingest: &Ingest<'_>, hold: &Hold) -> Option<Manifest> {
    let path = &ingest.options.manifest;
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let manifest = Manifest::open(path).ok()?;
    let id = manifest.id();
    (ingest.cache.origin().manifest == id && hold.is_published(path, id)).then_some(manifest)
}

impl Comparison<'_> {
    fn work(&self, pile: &Pile<Job>, hands: &mut Hands, job: Job) -> Result<(), Aside> {
        let mut same = Same::default();
        match job {
            Job::Directory(above, name, node) => {
                match self.directory(hands, &above, &name, node, &mut same) {
                    Ok(jobs) => pile.add(jobs),
                    Err(aside) => same.leave_out(aside, &above, &name)?,
                }
            }
            Job::Names(dir, names, range) => {
                let mut below = Vec::new();
                let nodes = names.nodes.get(range.clone()).unwrap_or_default();
                for ((name, kind), &node) in names.listing.some(range).zip(nodes) {
                    match self.name(hands, &dir, (name, kind), node, &mut same) {
                        Ok(Kind::Directory) => {
                            let node = node.ok_or(Aside::Differs)?;
                            below.push(Job::Directory(Arc::clone(&dir), name.to_owned(), node));
                        }
                        Ok(_) => {}
                        Err(aside) => same.leave_out(aside, &dir, name)?,
                    }
                }
                pile.add(below);
            }
        }
        let progress = self.ingest.harvest.progress();
        progress.files.fetch_add(same.report.files, Ordering::Relaxed);
        progress.bytes.fetch_add(same.report.bytes, Ordering::Relaxed);
        self.same.lock().add(same);
        Ok(())
    }

    /// Compares a directory itself; what is in it becomes jobs.
    fn directory(
        &self,
        hands: &mut Hands,
        above: &Dir,
        name: &CStr,
        node: NodeId,
        same: &mut Same,
    ) -> Result<Vec<Job>, Aside> {
        let Opened { place, stat, xattrs, names } = self.ingest.open(hands, &above.place, name)?;
        self.attributes(&stat.node(Kind::Directory), &xattrs, node)?;
        same.names += 1;
        same.report.directories += 1;
        match names {
            Some(names) => self.share_out(Dir { place, node }, names),
            // Should it have names in the manifest, these will be missed.
            None => Err(Aside::LeftOut(Reason::Border)),
        }
    }

    fn share_out(&self, mut dir: Dir, names: Listing) -> Result<Vec<Job>, Aside> {
        dir.place.read_patterns(&names).map_err(|_| Aside::Differs)?;
        let nodes = self.nodes(dir.node, &names).ok_or(Aside::Differs)?;
        let count = names.len();
        let (dir, names) = (Arc::new(dir), Arc::new(Names { listing: names, nodes }));
        let job = |start| {
            let range = start..count.min(start + CHUNK);
            Job::Names(Arc::clone(&dir), Arc::clone(&names), range)
        };
        Ok((0..count).step_by(CHUNK).map(job).collect())
    }

    /// The nodes of names in a directory, by their positions. Both lists are gone through side by
    /// side: looking each name up would touch the manifest's tables all over.
    fn nodes(&self, dir: NodeId, names: &Listing) -> Option<Vec<Option<NodeId>>> {
        let mut nodes = vec![None; names.len()];
        let mut entries = self.manifest.entries(dir, 0).ok()?;
        let mut next = entries.next().transpose().ok()?;
        for (name, at) in names.sorted() {
            // What the source has not got is missed in the sum of names.
            while next.is_some_and(|entry| entry.name < name) {
                next = entries.next().transpose().ok()?;
            }
            nodes[at] = next.filter(|entry| entry.name == name).map(|entry| entry.node);
        }
        Some(nodes)
    }

    /// Compares anything but a directory, and says what it is.
    fn name(
        &self,
        hands: &mut Hands,
        dir: &Dir,
        (name, kind): (&CStr, Option<Kind>),
        node: Option<NodeId>,
        same: &mut Same,
    ) -> Result<Kind, Aside> {
        let kind = self.ingest.judge(&dir.place, name, kind)?;
        // What is left out is told before a node is missed.
        let (stat, links) = match kind {
            Kind::Directory => return Ok(kind),
            Kind::File => self.file(hands, dir, name, node)?,
            _ => self.held(hands, dir, name, kind, node)?,
        };
        same.names += 1;
        let report = &mut same.report;
        match (self.is_first(&stat, links)?, kind) {
            (false, _) => report.hard_links += 1,
            (true, Kind::File) => {
                report.files += 1;
                report.bytes += stat.size();
            }
            (true, Kind::Symlink) => report.symlinks += 1,
            (true, _) => {
                report.specials.push(Special { path: dir.place.path.join(os(name)), kind });
            }
        }
        Ok(kind)
    }

    fn file(
        &self,
        hands: &mut Hands,
        dir: &Dir,
        name: &CStr,
        id: Option<NodeId>,
    ) -> Result<(Stat, Links), Aside> {
        let Ingest { cache, trust, store, .. } = self.ingest;
        let stat = dir.place.dir.stat(name).map_err(|_| Aside::Differs)?;
        if stat.kind() != Some(Kind::File) {
            return Err(Aside::Differs);
        }
        self.ingest.refuse_own(&stat)?;
        let (number, entry) = cache.find(&stat, hands.record).ok_or(Aside::Differs)?;
        hands.record = number + 1;
        if trust.asks_about(number) && !matches!(store.knows(&entry.digest, stat.size()), Ok(true))
        {
            return Err(Aside::Differs);
        }
        let id = id.ok_or(Aside::Differs)?;
        let node = Node { digest: entry.digest, ..stat.node(Kind::File) };
        let nlink = self.attributes(&node, &entry.xattrs, id)?;
        Ok((stat, Links { id, nlink }))
    }

    fn held(
        &self,
        hands: &mut Hands,
        dir: &Dir,
        name: &CStr,
        kind: Kind,
        id: Option<NodeId>,
    ) -> Result<(Stat, Links), Aside> {
        let Held { stat, target, xattrs } =
            self.ingest.look_at(hands, &dir.place.dir, name, kind)?;
        let id = id.ok_or(Aside::Differs)?;
        if kind == Kind::Symlink {
            same(self.manifest.target(id).ok() == Some(&target))?;
        }
        let node = Node { digest: Digest::default(), size: target.len() as u64, ..stat.node(kind) };
        let nlink = self.attributes(&node, &xattrs, id)?;
        Ok((stat, Links { id, nlink }))
    }

    /// Compares everything but names and targets, and returns how many names the manifest counts.
    fn attributes(&self, found: &Node, xattrs: &[Xattr], id: NodeId) -> Result<u32, Aside> {
        let node = self.manifest.node(id).map_err(|_| Aside::Differs)?;
        // The manifest counts names itself; `is_first` sees to it that they are the same.
        let nlink = match node.kind {
            Kind::Directory => node.nlink,
            _ => found.nlink,
        };
        same(Node { nlink, ..node } == Node { nlink: found.nlink, ..*found })?;
        let mut known = self.manifest.xattrs(id).map_err(|_| Aside::Differs)?;
        for (name, value) in xattrs {
            let next = known.next().and_then(Result::ok);
            same(next == Some((&**name, &**value)))?;
        }
        same(known.next().is_none())?;
        Ok(node.nlink)
    }

    /// Whether this is the first name of a node that is met; fails if this name and another one are
    /// links of each other in the source and not in the manifest, or the other way about.
    fn is_first(&self, stat: &Stat, Links { id, nlink }: Links) -> Result<bool, Aside> {
        if stat.nlink() == 1 {
            return same(nlink == 1).map(|()| true);
        }
        let (identity, mut linked) = (stat.identity(), self.linked.lock());
        let Linked { nodes, files } = &mut *linked;
        match (nodes.entry(identity), files.entry(id)) {
            (Entry::Vacant(node), Entry::Vacant(file)) => {
                node.insert(id);
                file.insert(identity);
                Ok(true)
            }
            (Entry::Occupied(node), Entry::Occupied(_)) => same(*node.get() == id).map(|()| false),
            _ => Err(Aside::Differs),
        }
    }
}

impl Same {
    fn leave_out(&mut self, aside: Aside, dir: &Dir, name: &CStr) -> Result<(), Aside> {
        match aside {
            Aside::Excluded => self.report.excluded += 1,
            Aside::LeftOut(reason) => {
                self.report.left_out.push(LeftOut { path: dir.place.path.join(os(name)), reason });
            }
            Aside::Differs => return Err(Aside::Differs),
        }
        Ok(())
    }

    fn add(&mut self, Same { report, names }: Same) {
        self.names += names;
        let sum = &mut self.report;
        sum.files += report.files;
        sum.bytes += report.bytes;
        sum.directories += report.directories;
        sum.symlinks += report.symlinks;
        sum.hard_links += report.hard_links;
        sum.excluded += report.excluded;
        sum.specials.extend(report.specials);
        sum.left_out.extend(report.left_out);
    }
}

fn same(same: bool) -> Result<(), Aside> {
    if same { Ok(()) } else { Err(Aside::Differs) }
}
