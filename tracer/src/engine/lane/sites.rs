//! Instructions that become jumps to the lane.
//!
//! Each costs a stop of the first task that comes to it. But one library is in many processes: once an instruction has been
//! found beside another, both become jumps at once wherever the same code lies at the same distance. An instruction is known
//! by its whole page and its place in it, so nothing is taken for an instruction that is none.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;

use nix::errno::Errno;
use vrift_arch::Arch;
use vrift_arch::lane::{Detour, PAGE, Stub};

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
pub(super) struct Families(HashMap<Mark, Vec<Sibling>>);

impl Families {
    fn learn(&mut self, eldest: Mark, sibling: Sibling) {
        if self.0.len() == FAMILIES_MAX {
            self.0.clear();
        }
        let siblings = self.0.entry(eldest).or_default();
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

/// A page with an instruction in it that can become a jump.
#[derive(Debug)]
pub(super) struct Found {
    site: u64,
    page: Page,
}

/// Code of a tracee.
#[derive(Debug)]
struct Page {
    at: u64,
    code: Vec<u8>,
}

impl Page {
    fn of(site: u64) -> u64 {
        site - site % PAGE
    }

    /// Reads the page of an instruction; `None` if it cannot be read, as code may be, or can be written to: then it is being
    /// made, or may be another process's as well.
    fn read(site: u64, memory: &dyn Memory) -> Result<Option<Page>, Errno> {
        let mut page = Page { at: Page::of(site), code: vec![0; PAGE as usize] };
        match memory.read_exact(GuestAddr(page.at), &mut page.code) {
            Ok(()) => {}
            Err(Errno::ESRCH) => return Err(Errno::ESRCH),
            Err(_) => return Ok(None),
        }
        let place = (site - page.at) as usize;
        let Some(there) = page.code.get(place..place + 1) else { return Ok(None) };
        Ok(memory.write(GuestAddr(site), there).is_err().then_some(page))
    }

    fn detour<A: Arch>(&self, site: u64) -> Option<Detour> {
        A::detour(site, &self.code, self.at)
    }
}

/// A page with what has been changed of it and is to be written.
#[derive(Debug)]
struct Draft {
    page: Page,
    /// What the program has in it.
    code: u64,
    changed: Option<Range<usize>>,
}

impl Draft {
    fn put(&mut self, at: u64, bytes: &[u8]) {
        let from = (at - self.page.at) as usize;
        let new = from..from + bytes.len();
        self.page.code[new.clone()].copy_from_slice(bytes);
        self.changed = Some(match self.changed.take() {
            Some(old) => old.start.min(new.start)..old.end.max(new.end),
            None => new,
        });
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
        let page = Page::read(site, memory)?;
        let found = page.and_then(|page| Some((page.detour::<A>(site)?, Found { site, page })));
        let Some((detour, found)) = found else {
            self.fixed.insert(site);
            return Ok(Way::None);
        };
        if self.stubs.iter().any(|stubs| stubs.stub::<A>(&detour).is_some()) {
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
        let Found { site, page } = found;
        let code = self.former::<A>(&page);
        let mark = Mark { code, offset: site - page.at };
        let known = match self.eldest.iter().find(|(eldest, _)| eldest.abs_diff(site) < LIBRARY) {
            Some(&(eldest, of)) => {
                let distance = site.wrapping_sub(eldest).cast_signed();
                families.learn(of, Sibling { distance, mark });
                Vec::new()
            }
            None => {
                self.eldest.push((site, mark));
                families.0.get(&mark).cloned().unwrap_or_default()
            }
        };
        let Some(detour) = page.detour::<A>(site) else { return Ok(false) };
        let Some(at) = self.stubs.iter().position(|stubs| stubs.stub::<A>(&detour).is_some())
        else {
            return Ok(false);
        };
        let mut drafts = BTreeMap::from([(page.at, Draft { page, code, changed: None })]);
        let (begin, mut stubs) = (self.stubs[at].next, Vec::new());
        let siblings =
            known.iter().map(|sibling| (site.wrapping_add_signed(sibling.distance), sibling.mark));
        for (site, mark) in std::iter::once((site, mark)).chain(siblings) {
            let Some(draft) = self.draft::<A>(site, mark, &mut drafts, guest)? else { continue };
            let Some(detour) = draft.page.detour::<A>(site) else { continue };
            let Some(stub) = self.stubs[at].stub::<A>(&detour) else { continue };
            self.stubs[at].next += stub.code.len() as u64;
            draft.put(detour.landing, &stub.far_jump);
            draft.put(site, &detour.jump);
            stubs.extend(stub.code);
            self.detours.push(detour);
        }
        // The instructions last: what they lead to must be there.
        guest.plant(GuestAddr(begin), &stubs)?;
        for Draft { page, changed, .. } in drafts.into_values() {
            if let Some(changed) = changed {
                guest.plant(GuestAddr(page.at + changed.start as u64), &page.code[changed])?;
            }
        }
        Ok(true)
    }

    /// The page of an instruction that is known by its mark; `None` if it has another one here.
    fn draft<'a, A: Arch>(
        &self,
        site: u64,
        mark: Mark,
        drafts: &'a mut BTreeMap<u64, Draft>,
        memory: &dyn Memory,
    ) -> Result<Option<&'a mut Draft>, Errno> {
        let at = Page::of(site);
        let draft = match drafts.entry(at) {
            Entry::Occupied(draft) => draft.into_mut(),
            Entry::Vacant(place) => {
                let Some(page) = Page::read(site, memory)? else { return Ok(None) };
                let code = self.former::<A>(&page);
                place.insert(Draft { page, code, changed: None })
            }
        };
        let is_same = Mark { code: draft.code, offset: site - at } == mark;
        Ok(is_same.then_some(draft))
    }

    /// A page by what the program has in it.
    fn former<A: Arch>(&self, page: &Page) -> u64 {
        let mut code = page.code.clone();
        for Detour { site, jump, landing, padding } in &self.detours {
            if Page::of(*site) == page.at {
                let place = (site - page.at) as usize;
                // Else it is another library's by now.
                if code[place..].starts_with(jump) {
                    code[place..place + jump.len()].copy_from_slice(A::SYSCALL_INSN);
                    let place = (landing - page.at) as usize;
                    code[place..place + padding.len()].copy_from_slice(padding);
                }
            }
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&code);
        hasher.finish()
    }

    /// Gives the program back what it had.
    pub(super) fn give_back<A: Arch, G: Guest<A>>(&mut self, guest: &G) {
        for Detour { site, jump, .. } in std::mem::take(&mut self.detours) {
            let mut there = vec![0; jump.len()];
            // What is there may be another library by now.
            if guest.read_exact(GuestAddr(site), &mut there).is_ok() && there == jump {
                // A task that is dying needs nothing.
                let _ = guest.plant(GuestAddr(site), A::SYSCALL_INSN);
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
