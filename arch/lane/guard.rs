//! Which calls may change what lies where the lane does, or bring something else there.
//!
//! The filter knows the lane by its address, in every process of a run. So what the page holds is not to be changed, and where there
//! is no page nothing else may come to lie there. A call that could do that stops; whether it does, is found out then.
//!
//! Deliberately absent: the stack, which grows, and a place that the kernel itself chooses for less than 4 GiB: they come to
//! the lane when terabytes have been filled.

use Arg::{A0, A1, A2, A3, A4};

use super::{Lane, Pass, Purpose, Unless};
use crate::{Arg, Syscall};

impl Lane {
    /// Whether what the page holds decides what a call from there may do. Without a mount nothing does: who jumps to the
    /// instructions can do all that a changed page could.
    pub fn decides(&self) -> bool {
        let looks =
            |pass: &Pass| pass.purpose == Purpose::Probe && matches!(pass.unless, Unless::Not(..));
        self.passes.iter().any(looks)
    }
}

/// What of its arguments makes a call worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Whatever they are.
    Anyhow,
    /// A range that begins at one of them and has as many bytes as another says, if it could reach the lane, or is so
    /// long that the kernel may find room for it there alone.
    Range(Arg, Arg),
    /// An address up to which there is to be memory.
    End(Arg),
    /// One of these bits.
    Bits(Arg, u32),
}

/// `MAP_GROWSDOWN`: what is mapped above may grow down to the lane.
pub const MAP_GROWSDOWN: u32 = 0x100;

/// `SHM_REMAP` (`linux/shm.h`).
pub const SHM_REMAP: u32 = 0o40_000;

const RANGE: &[Touch] = &[Touch::Range(A0, A1)];

/// The calls, each with what makes it one of them.
const GUARDED: &[(Syscall, &[Touch])] = &[
    (Syscall::Mmap, &[Touch::Range(A0, A1), Touch::Bits(A3, MAP_GROWSDOWN)]),
    (Syscall::Munmap, RANGE),
    (Syscall::Mprotect, RANGE),
    (Syscall::PkeyMprotect, RANGE),
    (Syscall::Madvise, RANGE),
    // Its ranges are in memory.
    (Syscall::ProcessMadvise, &[Touch::Anyhow]),
    // From where, how far it may grow there, and where to.
    (Syscall::Mremap, &[Touch::Range(A0, A1), Touch::Range(A0, A2), Touch::Range(A4, A2)]),
    (Syscall::RemapFilePages, RANGE),
    (Syscall::Mseal, RANGE),
    // How large a segment is, is not in the call.
    (Syscall::Shmat, &[Touch::Anyhow]),
    (Syscall::Brk, &[Touch::End(A0)]),
];

/// The bits of the high half of an address that the kernel looks at: with LAM a program has some for itself (`untagged_addr` in
/// arch/x86).
pub(crate) const ADDRESS_HIGH: u32 = 0x01ff_ffff;

/// The same of an address.
pub fn untagged(address: u64) -> u64 {
    address & (u64::from(ADDRESS_HIGH) << 32 | 0xffff_ffff)
}

/// What makes a call one that may touch the lane; nothing does with most.
pub fn touches(call: Syscall) -> &'static [Touch] {
    let of = GUARDED.iter().find(|(guarded, _)| *guarded == call);
    of.map_or(&[], |(_, touches)| touches)
}

impl Touch {
    /// Whether a call with these arguments may touch a lane at `at`. Only high halves are compared, as a filter can.
    pub fn is_met(self, args: &[u64; 6], at: u64) -> bool {
        let arg = |arg: Arg| args[arg.index()];
        let high = |address: u64| untagged(address) >> 32;
        match self {
            Touch::Anyhow => true,
            Touch::Range(from, bytes) => {
                let (from, lane) = (high(arg(from)), high(at));
                arg(bytes) >> 32 != 0 || from == lane || from == lane - 1
            }
            Touch::End(end) => arg(end) >> 32 >= high(at),
            Touch::Bits(of, bits) => arg(of) as u32 & bits != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_could_reach_the_lane_touch_it() {
        const AT: u64 = 0x6e00_0000_0000;
        let met = |call, args: [u64; 3]| {
            let args = [args[0], args[1], args[2], 0, 0, 0];
            touches(call).iter().any(|touch| touch.is_met(&args, AT))
        };
        for at in [AT, AT - 4096, AT + 4096, AT - (1 << 32), AT | 0x3f << 57] {
            assert!(met(Syscall::Munmap, [at, 4096, 0]), "{at:#x}");
        }
        for at in
            [0, 0x1000, 0x5555_5555_5000, 0x7fff_f7dd_0000, AT - (1 << 32) - 1, AT + (1 << 32)]
        {
            assert!(!met(Syscall::Munmap, [at, u64::from(u32::MAX), 0]), "{at:#x}");
            assert!(met(Syscall::Munmap, [at, 1 << 32, 0]), "{at:#x}");
        }
        assert!(met(Syscall::ProcessMadvise, [0; 3]) && met(Syscall::Shmat, [0; 3]));
        assert!(met(Syscall::Brk, [AT, 0, 0]) && met(Syscall::Brk, [u64::MAX, 0, 0]));
        assert!(!met(Syscall::Brk, [AT - 1, 0, 0]) && !met(Syscall::Read, [AT; 3]));
    }
}
