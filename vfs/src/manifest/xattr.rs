//! Extended attributes: sets of names with values, each different set stored once.
//!
//! Most nodes have none, and those that have some share them with many others (a default ACL, a
//! label), so that a node holds the number of a set. Names are the kernel's full ones
//! (`user.comment`, `security.capability`, `system.posix_acl_access`); values are not interpreted.

use std::collections::HashMap;
use std::sync::Arc;

use super::format::{Fields, SET_SIZE, Section, XATTR_SIZE};
use super::{Error, Manifest, NodeId};

/// The longest name of an extended attribute, in bytes (`XATTR_NAME_MAX` of Linux).
const NAME_MAX: usize = 255;
/// The longest value, in bytes (`XATTR_SIZE_MAX` of Linux).
const VALUE_MAX: usize = 65536;
/// The longest list of the names of one node, each with a zero byte behind it (`XATTR_LIST_MAX` of
/// Linux). So a file that lets all nodes share one enormous set cannot make each of them take as long
/// as the file is.
const LIST_MAX: usize = 65536;

/// An extended attribute's name and value.
pub type Xattr = (Box<[u8]>, Box<[u8]>);

/// Whether an attribute may have this name.
fn is_name(name: &[u8]) -> bool {
    (1..=NAME_MAX).contains(&name.len()) && !name.contains(&0)
}

/// Sets in the making: each different name, value and set once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// The number of each name and value.
    numbers: HashMap<Arc<[u8]>, u32>,
    strings: Vec<Arc<[u8]>>,
    /// The number of each set, which is a list of the numbers of names and values.
    known: HashMap<Arc<[(u32, u32)]>, u32>,
    sets: Vec<Arc<[(u32, u32)]>>,
}

impl Pool {
    /// The number of the set with these attributes, which are sorted by name; `None` if there are
    /// none.
    pub(super) fn add<'a>(
        &mut self,
        attributes: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Option<u32> {
        let attributes = attributes.into_iter();
        let set: Arc<[_]> =
            attributes.map(|(name, value)| (self.number(name), self.number(value))).collect();
        if set.is_empty() {
            return None;
        }
        // Memory ends before a u32 does: a set takes more than 16 bytes of it.
        let next = self.sets.len() as u32;
        let number = *self.known.entry(set.clone()).or_insert(next);
        if number == next {
            self.sets.push(set);
        }
        Some(number)
    }

    fn number(&mut self, string: &[u8]) -> u32 {
        if let Some(&known) = self.numbers.get(string) {
            return known;
        }
        let (number, string) = (self.strings.len() as u32, Arc::from(string));
        self.strings.push(Arc::clone(&string));
        self.numbers.insert(string, number);
        number
    }

    fn string(&self, number: u32) -> &[u8] {
        &self.strings[number as usize]
    }

    /// What is wrong with one of the sets, with the name at fault.
    pub(super) fn fault(&self) -> Option<(&[u8], &'static str)> {
        for set in &self.sets {
            for &(name, value) in &**set {
                let (name, value) = (self.string(name), self.string(value));
                if !is_name(name) {
                    return Some((name, "this is not the name of an extended attribute"));
                }
                if value.len() > VALUE_MAX {
                    return Some((name, "the value of an extended attribute is too long"));
                }
            }
            let list = set.iter().map(|&(name, _)| self.string(name).len() + 1);
            if list.sum::<usize>() > LIST_MAX {
                let name = set.first().map_or(&[][..], |&(name, _)| self.string(name));
                return Some((name, "a node has too many extended attributes to list"));
            }
            if let Some(twice) = set.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let name = self.string(twice[0].0);
                return Some((name, "a node has the same extended attribute twice"));
            }
        }
        None
    }

    /// The records of these sets and of their attributes. Appends names and values to `strings`,
    /// each different one once, in the order in which they are met.
    pub(super) fn encode(&self, sets: &[u32], strings: &mut Vec<u8>) -> (Vec<u8>, Vec<u8>) {
        let (mut records, mut attributes) = (Vec::new(), Vec::new());
        let mut places = vec![None; self.strings.len()];
        let mut place = |number: u32| {
            *places[number as usize].get_or_insert_with(|| {
                let start = strings.len() as u64;
                strings.extend_from_slice(self.string(number));
                start
            })
        };
        let mut first = 0u32;
        for &set in sets {
            let set = &self.sets[set as usize];
            let count = set.len() as u32;
            records.extend(first.to_le_bytes());
            records.extend(count.to_le_bytes());
            first += count;
            for &(name, value) in &**set {
                attributes.extend(place(name).to_le_bytes());
                attributes.extend(place(value).to_le_bytes());
                attributes.extend((self.string(value).len() as u32).to_le_bytes());
                attributes.extend((self.string(name).len() as u16).to_le_bytes());
                attributes.extend([0; 2]);
            }
        }
        (records, attributes)
    }
}

impl Manifest {
    /// The extended attributes of a node, sorted by name: (name, value).
    ///
    /// # Errors
    /// As [`Manifest::node`], also for each item.
    pub fn xattrs(&self, id: NodeId) -> Result<Xattrs<'_>, Error> {
        let (first, count) = match self.set_of(id)? {
            Some(number) => self.set(number)?,
            None => (0, 0),
        };
        Ok(Xattrs { manifest: self, next: first, left: count, list: LIST_MAX })
    }

    /// The value of the extended attribute `name` of a node.
    ///
    /// # Errors
    /// As [`Manifest::node`].
    pub fn xattr(&self, id: NodeId, name: &[u8]) -> Result<Option<&[u8]>, Error> {
        for found in self.xattrs(id)? {
            let (found, value) = found?;
            if found == name {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The number of different sets.
    fn sets(&self) -> u32 {
        let bytes = self.header.extent(Section::Sets).len();
        u32::try_from(bytes / SET_SIZE).unwrap_or(u32::MAX)
    }

    /// Copies all sets to `pool`, and returns their numbers there. Each attribute must be of one
    /// set only, so that this takes no longer than the file is long.
    pub(super) fn rebuild_sets(&self, pool: &mut Pool) -> Result<Vec<Option<u32>>, Error> {
        let mut numbers = Vec::new();
        let mut next = 0;
        for number in 0..self.sets() {
            let (first, count) = self.set(number)?;
            if first != next {
                return Err(self.damaged("sets of extended attributes overlap"));
            }
            next = first + count;
            let set = Xattrs { manifest: self, next: first, left: count, list: LIST_MAX };
            let set: Vec<_> = set.collect::<Result<_, _>>()?;
            numbers.push(pool.add(set));
        }
        Ok(numbers)
    }

    /// The number of the set that a node has.
    pub(super) fn set_of(&self, id: NodeId) -> Result<Option<u32>, Error> {
        Ok(self.kind_and_links(id)?.1.xattrs.checked_sub(1))
    }

    /// The first attribute of a set, and how many it has.
    fn set(&self, number: u32) -> Result<(u32, u32), Error> {
        let mut fields = Fields(self.record::<SET_SIZE>(Section::Sets, number.into())?);
        let mut set = || Some((fields.u32()?, fields.u32()?));
        set()
            .filter(|(first, count)| first.checked_add(*count).is_some())
            .ok_or_else(|| self.damaged("a set of extended attributes is not valid"))
    }

    fn attribute(&self, number: u32) -> Result<(&[u8], &[u8]), Error> {
        let not_valid = || self.damaged("an extended attribute is not valid");
        let mut fields = Fields(self.record::<XATTR_SIZE>(Section::Xattrs, number.into())?);
        let mut four = || Some((fields.u64()?, fields.u64()?, fields.u32()?, fields.u16()?));
        let (name_at, value_at, value_length, name_length) = four().ok_or_else(not_valid)?;
        if value_length as usize > VALUE_MAX {
            return Err(not_valid());
        }
        let name = self.string(name_at, name_length.into())?;
        let value = self.string(value_at, value_length.into())?;
        if is_name(name) { Ok((name, value)) } else { Err(not_valid()) }
    }
}

/// The extended attributes of a node; see [`Manifest::xattrs`].
#[derive(Debug, Clone)]
pub struct Xattrs<'a> {
    manifest: &'a Manifest,
    next: u32,
    left: u32,
    /// How long the names that are left may be together.
    list: usize,
}

impl<'a> Iterator for Xattrs<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let number = self.next;
        // `Manifest::set` found that the last number can be counted; one beyond is never used.
        self.next = self.next.wrapping_add(1);
        let found = self.manifest.attribute(number).and_then(|(name, value)| {
            let rest = self.list.checked_sub(name.len() + 1);
            let too_many =
                || self.manifest.damaged("a node has too many extended attributes to list");
            self.list = rest.ok_or_else(too_many)?;
            Ok((name, value))
        });
        if found.is_err() {
            self.left = 0;
        }
        Some(found)
    }
}
