//! The fast lane: code in a tracee that makes calls about the host without a stop, as data.
//!
//! One page at one address in every tracee holds it. It asks the kernel whether a symlink stands on a
//! path, compares the path with what the host does not answer (or a descriptor with those that may be of
//! a mount), and makes the call by an instruction
//! that the filter knows by its address; or by one that it does not know, and then the call stops as
//! ever. A program's own `syscall` instruction becomes a jump that leads there.
//!
//! Who wants to be told of the calls gets them from a *tape*, memory that the page writes to and vrift
//! reads ([`tape`]).
//!
//! Deliberately absent: putting any of it into a tracee (`vrift-tracer`), and architectures other
//! than x86_64.

use crate::Arg;
use crate::seccomp::{Is, When};

pub mod guard;
pub mod tape;

/// What a lane is for.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The places that the host does not answer for, they and what is below them.
    pub hidden: Hidden<'a>,
    /// Of which calls there is a tape; then it makes no others. Without one nobody is told of any.
    pub tape: Option<Scope>,
}

/// What the host does not answer for.
#[derive(Debug, Clone, Copy)]
pub enum Hidden<'a> {
    /// It answers for everything: no path needs to be looked at.
    Nothing,
    /// These paths, which have no symlinks.
    Places(&'a [&'a [u8]]),
}

/// Which calls a lane makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that it can.
    All,
    /// The same, but for paths in a directory by descriptor, and the tape has which file was opened. Who opens one
    /// whose attributes have changed at this time or later, in seconds from 1970, stops when that is on the tape.
    Opened {
        /// That time.
        since: i64,
    },
    /// Those that open nothing: who knows of the lane can make calls that are on no tape, but read nothing
    /// by them.
    Lookups,
}

/// The page, and what the filter lets pass for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Where the page lies.
    pub at: u64,
    /// What is at its start; the rest is zero.
    pub code: Vec<u8>,
    /// Where it has a bit for each of [`DESCRIPTORS`] that may be of a mount.
    pub descriptors: u64,
    /// Where it has a byte that is not 0 while the current directory is on the host, and not in one of
    /// the hidden places.
    pub directory: u64,
    /// The calls it may make without a stop; those with one number one after the other.
    pub passes: Vec<Pass>,
    /// Where it writes down what it has made.
    pub tape: Option<Tape>,
    /// The code that gets what else a lane needs.
    pub preparation: Preparation,
    /// What the page calls in order to stop.
    pub stop: Stop,
}

/// A call that comes to nothing and is made only to stop: the session of a task whose id no task can have.
///
/// Filters around vrift are asked too, and one that answers a call keeps it from stopping. None answers this one that
/// lets programs run at all, or it is found out at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Its number.
    pub nr: u32,
}

impl Stop {
    /// Its argument. The kernel has no ids of more than 22 bits (`PID_MAX_LIMIT`).
    pub const ID: u32 = 0x7672_6966;
    /// That it is its argument.
    pub const WHEN: &'static [When] = &[When { arg: Arg::A0, is: Is::AnyOf(&[Stop::ID]) }];
}

/// Code in the page that gets what a lane needs besides, and stops once when it has. It uses no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparation {
    /// Where it begins if it is to make a tape.
    pub tape: u64,
    /// Where it begins if it is to map room for stubs only.
    pub stubs: u64,
    /// Where the instruction pointer is in a call of [`Lane::stop`].
    pub done: u64,
    /// Where a task goes on whose call was lent to close the tape's file.
    pub closed: u64,
    /// Where the page has the number of its own call, as a word.
    pub own: u64,
}

/// What is to be got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Whether a tape is.
    pub tape: bool,
    /// Where a page is to be mapped for stubs, or near which place.
    pub stubs: Option<u64>,
}

/// What the calls for it came to, where something was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// The descriptor of the tape's file.
    pub file: i64,
    /// Where the tape is.
    pub tape: i64,
    /// Where the room for stubs is.
    pub stubs: i64,
}

/// How a task goes into the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// With its own call.
    Plain,
    /// Behind a call that closes this descriptor.
    Closing(u64),
}

/// The tape of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tape {
    /// Where it lies: right behind the page.
    pub at: u64,
    /// Where the page has a word that is not 0 while the tape is written to. Else every call stops.
    pub on: u64,
    /// The way of a call that is written down.
    pub writing: Writing,
    /// Where the instruction pointer is in a call of [`Lane::stop`], so that the tape is looked at.
    pub pause: Option<u64>,
}

/// Places in the page's code. Who is interrupted between them has made a call that is not on the tape yet:
/// a handler would come before it, or never come back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// Behind the instruction that makes the call.
    pub made: u64,
    /// Where calls go that have to be made once more.
    pub unclear: u64,
    /// Where the others go on.
    pub begins: u64,
    /// Behind the instruction that moves the tape's end.
    pub moved: u64,
    /// Where it goes on when all is written.
    pub done: u64,
}

/// A call that has been made and is not on the tape, in registers and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwritten<R> {
    /// Its number.
    pub nr: u64,
    /// Its arguments.
    pub args: [u64; 6],
    /// What came of it.
    pub result: i64,
    /// The registers of who has written it.
    pub written: R,
}

/// The size of the page.
pub const PAGE: u64 = 4096;

/// How many descriptors the page knows about; what is asked of others stops.
pub const DESCRIPTORS: u32 = 4096;

impl Lane {
    /// Whether an instruction lies in the page.
    pub fn contains(&self, ip: u64) -> bool {
        ip.wrapping_sub(self.at) < PAGE
    }

    /// The room of the page, and of its tape.
    pub fn bytes(&self) -> u64 {
        PAGE + self.tape.map_or(0, |_| tape::BYTES)
    }

    /// Whether calls with this number take the lane.
    pub fn takes(&self, nr: u64) -> bool {
        self.passes.iter().any(|pass| u64::from(pass.nr) == nr && pass.purpose == Purpose::Call)
    }
}

/// What one instruction may do without a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// The number of the call.
    pub nr: u32,
    /// Where the instruction pointer is in the call: behind the instruction.
    pub ip: u64,
    /// What must hold besides.
    pub unless: Unless,
    /// What the call is for.
    pub purpose: Purpose,
}

/// Why a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is the program's own.
    Call,
    /// To find out about its path, or about what it has opened.
    Probe,
    /// To prepare the lane.
    Preparation,
}

/// What keeps a call from passing. The filter cannot look into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unless {
    /// Nothing does.
    Never,
    /// One of these bits of the low half of an argument.
    AnyOf(Arg, u32),
    /// An argument that is not this.
    Not(Arg, u64),
}

/// How a `syscall` instruction becomes a jump, and a jump an instruction again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detour {
    /// The instruction.
    pub site: u64,
    /// What it becomes, and what is to be jumped from on the way: from one to the next, and from the last to `landing`.
    pub jumps: Vec<Patch>,
    /// Bytes without a meaning where there is room for a far jump.
    pub landing: Patch,
}

/// Some bytes of a program that are to become others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where they are.
    pub at: u64,
    /// What is there.
    pub former: Vec<u8>,
    /// What is to be there; of a landing, which depends on its stub, nothing yet.
    pub new: Vec<u8>,
}

/// Code for one detour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    /// What notes where to go on, and goes to the lane.
    pub code: Vec<u8>,
    /// What leads there, at the landing of the detour.
    pub far_jump: Vec<u8>,
}
