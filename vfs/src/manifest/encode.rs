//! From what a builder was told to the bytes of the file.
//!
//! Ids are given out breadth first: the root, then what its names name, in their order, then what
//! the names of the first directory among these name, and so on. Everything else in the file
//! follows from the ids, and they follow from the tree alone.

use std::collections::HashMap;

use vrift_cas::Digest;

use super::builder::{Builder, Draft, Drafted, Name, fault};
use super::format::{self, DIGEST_SIZE, HEADER_SIZE, Header, SECTIONS};
use super::node::{self, Links, NO_PATH, UNNAMED};
use super::tree::PATH_MAX;
use super::{Error, Kind, bytes, index};

/// The same tree with ids.
pub(super) struct Numbered<'a> {
    /// The drafts in the order of their ids.
    order: Vec<Draft>,
    /// By draft: the id, and what the record points to.
    places: Vec<Option<Place>>,
    /// The names in the order of their dentries.
    dentries: Vec<&'a Name>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    id: u32,
    kind: Kind,
    names: u32,
    links: Links,
}

impl<'a> Numbered<'a> {
    pub(super) fn new(tree: &'a Builder) -> Result<Numbered<'a>, Error> {
        let count = tree.nodes.len();
        let dentries = Vec::with_capacity(tree.names.len());
        let mut numbered =
            Numbered { order: Vec::with_capacity(count), places: vec![None; count], dentries };
        if tree.nodes[0].node.kind != Kind::Directory {
            return Err(fault(&[], "the root is not a directory"));
        }
        numbered.number(tree.root(), Kind::Directory, UNNAMED);
        let mut at = 0;
        while let Some(&dir) = numbered.order.get(at) {
            numbered.number_names(tree, dir)?;
            at += 1;
        }
        if numbered.order.len() < count {
            return Err(fault(&[], "a node cannot be reached from the root"));
        }
        if numbered.dentries.len() < tree.names.len() {
            return Err(fault(&[], "a name is in a directory that was never added"));
        }
        Ok(numbered)
    }

    fn number(&mut self, draft: Draft, kind: Kind, named_by: u32) {
        let links = Links { named_by, start: 0, count: 0, path: (0, 0), xattrs: 0 };
        let id = self.order.len() as u32;
        self.places[draft.0 as usize] = Some(Place { id, kind, names: 0, links });
        self.order.push(draft);
    }

    fn number_names(&mut self, tree: &'a Builder, dir: Draft) -> Result<(), Error> {
        let names = tree.names_in(dir);
        let directory = tree.nodes[dir.0 as usize].node.kind == Kind::Directory;
        if let (false, Some(name)) = (directory, names.first()) {
            return Err(fault(&name.name, "a name is in something that is not a directory"));
        }
        if let Some(twice) = names.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(fault(&twice[0].name, "a directory has the same name twice"));
        }
        if let Some(place) = directory.then(|| self.places[dir.0 as usize].as_mut()).flatten() {
            place.links.start = self.dentries.len() as u64;
            place.links.count = names.len() as u32;
        }
        for name in names {
            let Some(child) = tree.nodes.get(name.node.0 as usize) else {
                return Err(fault(&name.name, "a name is of a node that was never added"));
            };
            match self.places[name.node.0 as usize] {
                None => self.number(name.node, child.node.kind, self.dentries.len() as u32),
                Some(_) if child.node.kind == Kind::Directory => {
                    return Err(fault(&name.name, "a directory has a second name"));
                }
                Some(_) => {}
            }
            if let Some(place) = &mut self.places[name.node.0 as usize] {
                place.names += 1;
            }
            self.dentries.push(name);
        }
        Ok(())
    }
}

impl Numbered<'_> {
    /// The bytes of the file and its id, unless it is longer than all files.
    pub(super) fn encode(&self, tree: &Builder) -> Option<(Vec<u8>, Digest)> {
        let count = self.dentries.len() as u32;
        let mut strings = Vec::new();
        let (dentries, name_hashes) = self.encode_dentries(&mut strings);
        let Paths { directories, hashes: path_hashes } = self.encode_paths(&mut strings);
        let mut sets = Sets::default();
        let nodes = self.encode_nodes(tree, &directories, &mut sets, &mut strings);
        let (sets, xattrs) = tree.xattrs.encode(&sets.order, &mut strings);
        let keys = name_hashes.iter().copied().chain(path_hashes.iter().map(|&(_, hash)| hash));
        let filter = index::build_filter(count, keys);
        let names = index::build(count, (0..).zip(name_hashes));
        let by_path = index::build(count, path_hashes);

        // In the order of `Section`.
        let sections = [nodes, dentries, names, by_path, filter, sets, xattrs, strings];
        let mut lengths = [0; SECTIONS];
        for (length, section) in lengths[1..].iter_mut().zip(&sections) {
            *length = section.len() as u64;
        }
        let chunks = lengths.iter().sum::<u64>().div_ceil(bytes::CHUNK as u64);
        lengths[0] = chunks * DIGEST_SIZE as u64;
        let body = HEADER_SIZE + lengths[0] as usize;
        let mut file = Vec::with_capacity(body + lengths[1..].iter().sum::<u64>() as usize);
        file.resize(body, 0);
        // One by one, so that a section is not in memory twice for long.
        sections.into_iter().for_each(|section| file.extend(section));
        let table = bytes::checksums(&file[body..]);
        file[HEADER_SIZE..body].copy_from_slice(&table);
        let header = Header::new(self.order.len() as u32, count, lengths, Digest::of(&table))?;
        let (header, id) = header.encode();
        file[..HEADER_SIZE].copy_from_slice(&header);
        Some((file, id))
    }

    fn id(&self, draft: Draft) -> u32 {
        // Every draft has a place, or there would be no `Numbered`.
        self.places[draft.0 as usize].map_or(0, |place| place.id)
    }

    /// The records of the dentries, and the hash of each.
    fn encode_dentries(&self, strings: &mut Vec<u8>) -> (Vec<u8>, Vec<u64>) {
        let mut records = Vec::with_capacity(self.dentries.len() * format::DENTRY_SIZE);
        let mut hashes = Vec::with_capacity(self.dentries.len());
        for Name { parent, name, node } in self.dentries.iter().copied() {
            let (parent, node) = (self.id(*parent), self.id(*node));
            records.extend(parent.to_le_bytes());
            records.extend(node.to_le_bytes());
            records.extend((strings.len() as u64).to_le_bytes());
            records.extend((name.len() as u16).to_le_bytes());
            records.extend([0; 6]);
            strings.extend_from_slice(name);
            hashes.push(index::hash(parent, name));
        }
        (records, hashes)
    }

    /// Stores the paths of directories.
    fn encode_paths(&self, strings: &mut Vec<u8>) -> Paths {
        let mut paths = vec![(0, NO_PATH); self.order.len()];
        paths[0] = (0, 0);
        let mut hashes = Vec::with_capacity(self.dentries.len());
        let mut path = Vec::new();
        for (number, Name { parent, name, node }) in (0..).zip(self.dentries.iter().copied()) {
            // A directory comes before all that is in it, so its path is known.
            let (start, length) = paths[self.id(*parent) as usize];
            if length == NO_PATH {
                continue;
            }
            path.clear();
            path.extend_from_slice(&strings[start as usize..][..length as usize]);
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            if path.len() > PATH_MAX {
                continue;
            }
            hashes.push((number, index::path_hash(&path)));
            let Some(place) = self.places[node.0 as usize] else { continue };
            if place.kind == Kind::Directory {
                paths[place.id as usize] = (strings.len() as u64, path.len() as u32);
                strings.extend_from_slice(&path);
            }
        }
        Paths { directories: paths, hashes }
    }

    fn encode_nodes(
        &self,
        tree: &Builder,
        paths: &[(u64, u32)],
        sets: &mut Sets,
        strings: &mut Vec<u8>,
    ) -> Vec<u8> {
        let mut records = Vec::with_capacity(self.order.len() * format::NODE_SIZE);
        for (draft, &path) in self.order.iter().zip(paths) {
            let Drafted { node, target, xattrs } = &tree.nodes[draft.0 as usize];
            let Some(mut place) = self.places[draft.0 as usize] else { continue };
            let mut node = *node;
            match node.kind {
                Kind::Directory => place.links.path = path,
                Kind::Symlink => {
                    place.links.start = strings.len() as u64;
                    strings.extend_from_slice(target);
                }
                _ => {}
            }
            if node.kind != Kind::Directory {
                node.nlink = place.names;
            }
            place.links.xattrs = xattrs.map_or(0, |set| sets.number(set));
            node::encode(&node, &place.links, &mut records);
        }
        records
    }
}

/// The paths that are not too long to be stored.
struct Paths {
    /// By id: where the path of a directory starts in the strings, and its length.
    directories: Vec<(u64, u32)>,
    /// The number and the path's hash of each dentry.
    hashes: Vec<(u32, u64)>,
}

/// Sets of extended attributes in the order in which nodes have them first.
#[derive(Default)]
struct Sets {
    order: Vec<u32>,
    places: HashMap<u32, u32>,
}

impl Sets {
    /// The number in the file of a set in the builder's pool, plus 1.
    fn number(&mut self, set: u32) -> u32 {
        let next = self.order.len() as u32 + 1;
        let number = *self.places.entry(set).or_insert(next);
        if number == next {
            self.order.push(set);
        }
        number
    }
}
