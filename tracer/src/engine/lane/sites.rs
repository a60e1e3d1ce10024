//! Instructions that become jumps to the lane.
//!
//! Each costs a stop of the first task that comes to it. But one library is in many processes: once an instruction has been
//! found beside another, both become jumps at once wherever the same code lies at the same distance. An instruction is known
//! by its whole page and its place in it, so nothing is taken for an instruction that is none.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;

use nix::errno::Errno;
use vrift_arch::Arch;
use vrift_arch::lane::{Detour, PAGE, Patch, Stub};

use crate::engine::Guest;
use crate::memory::{GuestAddr, Memory};

/// Stubs lie so far below the first instruction that needs one: below all libraries of most programs,
/// and within the reach of a jump.
const NEAR: u64 = 256 << 20;

/// The room of stubs for one neighbourhood of instructions: what the page maps.
const STUBS_BYTES: u64 = PAGE;

/// How many of these an address space gets.
const STUBS_MAX: usize = 16;

/// Two instructions are of one library if they are not further apart.
const LIBRARY: u64 = 1 << 20;

/// So many instructions of one library are remembered, and of so many libraries; then all are forgotten.
const SIBLINGS_MAX: usize = 16;
const FAMILIES_MAX: usize = 1 << 10;

/// An instruction by the code around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Mark {
    /// Of the page as the program has it.
    code: u64,
    offset: u64,
}

/// Another instruction of the same library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sibling {
    distance: i64,
    mark: Mark,
}

/// Which instructions were found beside others, by the first one of their library that was found.
#[derive(Debug, Default)]
pub(super) struct Families {
    of: HashMap<Mark, Vec<Sibling>>,
    /// By which pages are known: nobody makes one that is taken for another.
    keys: RandomState,
}

impl Families {
    fn learn(&mut self, eldest: Mark, sibling: Sibling) {
        if self.of.len() == FAMILIES_MAX && !self.of.contains_key(&eldest) {
            self.of.clear();
        }
        let siblings = self.of.entry(eldest).or_default();
        if siblings.len() < SIBLINGS_MAX && !siblings.contains(&sibling) {
            siblings.push(sibling);
        }
    }
}

/// Room for stubs.
#[derive(Debug, Clone, Copy)]
struct Stubs {
    next: u64,
    end: u64,
}

impl Stubs {
    /// The next stub here; `None` if there is no room, or not in reach.
    fn stub<A: Arch>(&self, detour: &Detour) -> Option<Stub> {
        A::stub(detour, self.next).filter(|stub| self.next + stub.code.len() as u64 <= self.end)
    }
}

/// An instruction that can become a jump, with the code around it.
#[derive(Debug)]
pub(super) struct Found {
    detour: Detour,
    pages: Vec<Page>,
}

/// A page of a tracee's code.
#[derive(Debug)]
struct Page {
    at: u64,
    code: Vec<u8>,
    /// What of it has been changed and is to be written.
    changed: Option<Range<usize>>,
}

impl Page {
    /// Reads a page; `None` if it cannot be read, as code may be, or can be written to: then it is being made, or
    /// may be another process's as well.
    fn read(at: u64, memory: &dyn Memory) -> Result<Option<Page>, Errno> {
        let mut code = vec![0; PAGE as usize];
        match memory.read_exact(GuestAddr(at), &mut code) {
            Ok(()) => {}
            Err(Errno::ESRCH) => return Err(Errno::ESRCH),
            Err(_) => return Ok(None),
        }
        let is_settled = memory.write(GuestAddr(at), &code[..1]).is_err();
        Ok(is_settled.then_some(Page { at, code, changed: None }))
    }

    /// The part of `count` bytes at `at` that lies in this page: where it is here, and there.
    fn part(&self, at: u64, count: usize) -> Option<(Range<usize>, Range<usize>)> {
        let (from, to) = (at.max(self.at), (at + count as u64).min(self.at + PAGE));
        let within = |of: u64| (from - of) as usize..(to - of) as usize;
        (from < to).then(|| (within(self.at), within(at)))
    }

    /// Changes what of `bytes` lies here.
    fn put(&mut self, at: u64, bytes: &[u8]) {
        let Some((here, there)) = self.part(at, bytes.len()) else { return };
        self.code[here.clone()].copy_from_slice(&bytes[there]);
        self.changed = Some(match self.changed.take() {
            Some(old) => old.start.min(here.start)..old.end.max(here.end),
            None => here,
        });
    }
}

/// The pages that an instruction lies in. What leads on from it lies there too, so that nothing is left of it when they are
/// taken out of memory.
fn pages_of<A: Arch>(site: u64) -> impl Iterator<Item = u64> {
    let last = site + A::SYSCALL_INSN.len() as u64 - 1;
    (site / PAGE..=last / PAGE).map(|page| page * PAGE)
}

/// What an instruction needs to become a jump, with these pages around it.
fn detour<A: Arch>(site: u64, pages: &[&Page]) -> Option<Detour> {
    let code = match pages {
        [page] => Cow::from(&page.code),
        pages => Cow::from(pages.iter().map(|page| &page.code[..]).collect::<Vec<_>>().concat()),
    };
    A::detour(site, &code, pages.first()?.at)
}

/// Pages that are about to be changed, each with what the program has in it.
#[derive(Debug)]
struct Drafts {
    pages: BTreeMap<u64, (Page, u64)>,
    keys: RandomState,
}

impl Drafts {
    /// Adds a page, of which these jumps are ours.
    fn add(&mut self, page: Page, detours: &[Detour]) {
        let mut code = page.code.clone();
        for Detour { jumps, landing, .. } in detours {
            let is_there = |jump: &Patch| {
                let part = page.part(jump.at, jump.new.len());
                part.is_none_or(|(here, there)| code[here] == jump.new[there])
            };
            // Else it is another library's by now.
            if jumps.iter().all(is_there) {
                for Patch { at, former, .. } in jumps.iter().chain([landing]) {
                    if let Some((here, there)) = page.part(*at, former.len()) {
                        code[here].copy_from_slice(&former[there]);
                    }
                }
            }
        }
        let mut hasher = self.keys.build_hasher();
        hasher.write(&code);
        self.pages.insert(page.at, (page, hasher.finish()));
    }

    /// How an instruction is known wherever it lies.
    fn mark<A: Arch>(&self, site: u64) -> Mark {
        let mut hasher = self.keys.build_hasher();
        for at in pages_of::<A>(site) {
            hasher.write_u64(self.pages.get(&at).map_or(0, |(_, code)| *code));
        }
        Mark { code: hasher.finish(), offset: site % PAGE }
    }

    fn detour<A: Arch>(&self, site: u64) -> Option<Detour> {
        let page = |at: u64| self.pages.get(&at).map(|(page, _)| page);
        let pages: Option<Vec<&Page>> = pages_of::<A>(site).map(page).collect();
        detour::<A>(site, &pages?)
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        self.pages.values_mut().for_each(|(page, _)| page.put(at, bytes));
    }
}

/// Whether an instruction can become a jump.
#[derive(Debug)]
pub(super) enum Way {
    /// It cannot.
    None,
    /// It can.
    Free(Found),
    /// It can when there is room for its stub, here or near.
    Roomless(Found, u64),
}

/// The jumps of one address space.
#[derive(Debug, Default, Clone)]
pub(super) struct Sites {
    stubs: Vec<Stubs>,
    detours: Vec<Detour>,
    /// The instruction that room was last mapped for.
    asked_for: Option<u64>,
    /// Instructions that cannot become jumps.
    fixed: HashSet<u64>,
    /// The first instruction of each library.
    eldest: Vec<(u64, Mark)>,
}

impl Sites {
    /// Looks whether an instruction can become a jump.
    pub(super) fn look<A: Arch>(&mut self, site: u64, memory: &dyn Memory) -> Result<Way, Errno> {
        if self.fixed.contains(&site) {
            return Ok(Way::None);
        }
        let mut pages = Vec::new();
        for at in pages_of::<A>(site) {
            pages.extend(Page::read(at, memory)?);
        }
        let is_whole = pages.len() == pages_of::<A>(site).count();
        let of_all: Vec<&Page> = pages.iter().collect();
        let Some(detour) = detour::<A>(site, &of_all).filter(|_| is_whole) else {
            self.fixed.insert(site);
            return Ok(Way::None);
        };
        let found = Found { detour, pages };
        if self.room::<A>(&found.detour).is_some() {
            return Ok(Way::Free(found));
        }
        if self.asked_for == Some(site) || self.stubs.len() == STUBS_MAX {
            // The kernel had no room nearer than it is.
            self.fixed.insert(site);
            return Ok(Way::None);
        }
        self.asked_for = Some(site);
        Ok(Way::Roomless(found, near(site)))
    }

    /// The room in which the stub of an instruction has a place, in its reach.
    fn room<A: Arch>(&self, detour: &Detour) -> Option<usize> {
        self.stubs.iter().position(|stubs| stubs.stub::<A>(detour).is_some())
    }

    /// There is room for stubs.
    pub(super) fn add_room(&mut self, at: u64) {
        self.stubs.push(Stubs { next: at, end: at + STUBS_BYTES });
    }

    /// Turns an instruction into a jump, and those that are known beside it; says whether that is one now.
    pub(super) fn plant<A: Arch, G: Guest<A>>(
        &mut self,
        found: Found,
        families: &mut Families,
        guest: &G,
    ) -> Result<bool, Errno> {
        let Found { detour, pages } = found;
        let Some(room) = self.room::<A>(&detour) else { return Ok(false) };
        let site = detour.site;
        let mut drafts = Drafts { pages: BTreeMap::new(), keys: families.keys.clone() };
        for page in pages {
            drafts.add(page, &self.detours);
        }
        let mark = drafts.mark::<A>(site);
        let siblings = self.siblings(site, mark, families);
        let (begin, mut stubs) = (self.stubs[room].next, Vec::new());
        for (site, mark) in std::iter::once((site, mark)).chain(siblings) {
            for at in pages_of::<A>(site) {
                if !drafts.pages.contains_key(&at)
                    && let Some(page) = Page::read(at, guest)?
                {
                    drafts.add(page, &self.detours);
                }
            }
            if drafts.mark::<A>(site) != mark {
                continue;
            }
            let Some(detour) = drafts.detour::<A>(site) else { continue };
            let Some(stub) = self.stubs[room].stub::<A>(&detour) else { continue };
            self.stubs[room].next += stub.code.len() as u64;
            drafts.put(detour.landing.at, &stub.far_jump);
            detour.jumps.iter().for_each(|jump| drafts.put(jump.at, &jump.new));
            stubs.extend(stub.code);
            self.detours.push(detour);
        }
        // The instructions last: what they lead to must be there.
        guest.plant(GuestAddr(begin), &stubs)?;
        for (Page { at, code, changed }, _) in drafts.pages.into_values() {
            if let Some(changed) = changed {
                guest.plant(GuestAddr(at + changed.start as u64), &code[changed])?;
            }
        }
        Ok(true)
    }

    /// The instructions that are known beside the first one of a library; any other is learnt.
    fn siblings(&mut self, site: u64, mark: Mark, families: &mut Families) -> Vec<(u64, Mark)> {
        let near = self.eldest.iter().find(|(eldest, _)| eldest.abs_diff(site) < LIBRARY);
        if let Some(&(eldest, of)) = near {
            let distance = site.wrapping_sub(eldest).cast_signed();
            families.learn(of, Sibling { distance, mark });
            return Vec::new();
        }
        self.eldest.push((site, mark));
        let known = families.of.get(&mark).into_iter().flatten();
        known.map(|other| (site.wrapping_add_signed(other.distance), other.mark)).collect()
    }

    /// Gives the program back what it had.
    pub(super) fn give_back<A: Arch, G: Guest<A>>(&mut self, guest: &G) {
        for Detour { jumps, .. } in std::mem::take(&mut self.detours) {
            // What leads on from it is padding still.
            let Some(Patch { at, former, new }) = jumps.first() else { continue };
            let mut there = vec![0; new.len()];
            // What is there may be another library by now.
            if guest.read_exact(GuestAddr(*at), &mut there).is_ok() && there == *new {
                // A task that is dying needs nothing.
                let _ = guest.plant(GuestAddr(*at), former);
            }
        }
    }
}

/// Where stubs are asked for.
fn near(site: u64) -> u64 {
    /// Below where programs without a choice of addresses lie, and above what may not be mapped.
    const LOWEST: u64 = 2 << 20;
    site.checked_sub(NEAR).filter(|&at| at > LOWEST).unwrap_or(LOWEST) / PAGE * PAGE
}
