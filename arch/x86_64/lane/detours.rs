//! How a `syscall` instruction leads to the page.
//!
//! It has two bytes, which is room for a jump of 127 bytes. That goes into the
//! padding between functions: eight bytes of "no operation" have five, its address byte and its
//! displacement, that mean nothing, and there a far jump fits without the padding becoming anything
//! else. So no instruction begins elsewhere than before, and whoever was interrupted behind a call
//! finds what it expects. Where no such padding is near, shorter ones lead to it: they have two bytes without a meaning,
//! and so room for another jump of 127 bytes.
//!
//! The far jump leads to a stub within 2 GiB that notes in `rcx` where to go on, and goes to the page.

use super::{AT, INT3};
use crate::Arch;
use crate::lane::{Detour, Patch, Stub};
use crate::x86_64::X86_64;

/// The bytes of a stub.
const STUB_BYTES: usize = 32;

/// Eight bytes of "no operation", `nopl 0x0(%rax,%rax,1)`, as assemblers pad with. Longer ones end in them.
pub(super) const PADDING: [u8; 8] = [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];

/// Those of five and seven bytes: `nopl 0x0(%rax,%rax,1)` with a short displacement, `nopl 0x0(%rax)` with a long one.
const SHORT_PADDINGS: [&[u8]; 2] = [&[0x0f, 0x1f, 0x44, 0, 0], &[0x0f, 0x1f, 0x80, 0, 0, 0, 0]];

/// Where in any of them a jump fits that leaves it what it is.
const SLACK: usize = 3;

/// The bytes of a far jump, and of a short one.
const FAR_BYTES: usize = 5;
const SHORT_BYTES: usize = 2;

/// The bytes of the instruction that puts an address into `rcx`.
const LEA_BYTES: u64 = 7;

/// More jumps are not made on the way to a far one. In one C library 430 of 526 instructions need none, 21 one, 7 two, and
/// no other could get there.
const HOPS_MAX: usize = 3;

/// A place in code from where a short jump begins, and the one before it.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: usize,
    from: Option<usize>,
}

/// Finds room for the jump of the instruction at `site`, in `code` that lies at `at`.
pub(in crate::x86_64) fn detour(site: u64, code: &[u8], at: u64) -> Option<Detour> {
    let begin = usize::try_from(site.checked_sub(at)?).ok()?;
    let insn = X86_64::SYSCALL_INSN;
    if code.get(begin..begin + insn.len()) != Some(insn) {
        return None;
    }
    // By ever more jumps.
    let mut steps = vec![Step { at: begin, from: None }];
    let mut first = 0;
    for _ in 0..=HOPS_MAX {
        let reached = steps.len();
        let landings = (first..reached)
            .flat_map(|n| in_reach(code, steps[n].at, &PADDING).map(move |landing| (n, landing)));
        let far = |&(n, landing): &(usize, usize)| landing.abs_diff(steps[n].at);
        if let Some((last, landing)) = landings.min_by_key(far) {
            return Some(by_steps(&steps, last, landing, code, at));
        }
        for n in first..reached {
            for padding in SHORT_PADDINGS {
                for hop in in_reach(code, steps[n].at, padding) {
                    if steps.iter().all(|step| step.at != hop) {
                        steps.push(Step { at: hop, from: Some(n) });
                    }
                }
            }
        }
        first = reached;
    }
    None
}

/// The places in paddings to which a short jump at `from` gets.
fn in_reach(code: &[u8], from: usize, padding: &[u8]) -> impl Iterator<Item = usize> {
    let behind = from + SHORT_BYTES;
    let begin = behind.saturating_sub(usize::from(i8::MIN.unsigned_abs()) + SLACK);
    let end = (behind + i8::MAX as usize + padding.len()).min(code.len());
    let windows = code.get(begin..end).unwrap_or_default().windows(padding.len()).enumerate();
    // Few places have even the first byte.
    let found = windows.filter(move |(_, bytes)| bytes[0] == padding[0] && *bytes == padding);
    found.map(move |(n, _)| begin + n + SLACK).filter(move |&to| short(behind, to).is_some())
}

/// The displacement of a short jump.
fn short(behind: usize, to: usize) -> Option<u8> {
    i8::try_from(to as i64 - behind as i64).ok().map(i8::cast_unsigned)
}

fn by_steps(steps: &[Step], last: usize, landing: usize, code: &[u8], at: u64) -> Detour {
    let patch = |place: usize, count: usize, new: Vec<u8>| Patch {
        at: at + place as u64,
        former: code[place..place + count].to_vec(),
        new,
    };
    let (mut jumps, mut to, mut next) = (Vec::new(), landing, Some(last));
    while let Some(Step { at: place, from }) = next.map(|n| steps[n]) {
        let disp = short(place + SHORT_BYTES, to).expect("only what is in reach became a step");
        jumps.push(patch(place, SHORT_BYTES, vec![0xeb, disp]));
        (to, next) = (place, from);
    }
    jumps.reverse();
    let site = jumps[0].at;
    Detour { site, jumps, landing: patch(landing, FAR_BYTES, Vec::new()) }
}

/// A stub at `at`, and the jump to it; `None` if that is too far.
pub(in crate::x86_64) fn stub(detour: &Detour, at: u64) -> Option<Stub> {
    let behind = detour.site + X86_64::SYSCALL_INSN.len() as u64;
    let mut far_jump = vec![0xe9];
    far_jump.extend(distance(detour.landing.at + FAR_BYTES as u64, at)?.to_le_bytes());
    // lea behind(%rip),%rcx
    let mut code = vec![0x48, 0x8d, 0x0d];
    code.extend(distance(at + LEA_BYTES, behind)?.to_le_bytes());
    // movabs $AT,%r11
    code.extend([0x49, 0xbb]);
    code.extend(AT.to_le_bytes());
    // jmp *%r11
    code.extend([0x41, 0xff, 0xe3]);
    code.resize(STUB_BYTES, INT3);
    Some(Stub { code, far_jump })
}

fn distance(from: u64, to: u64) -> Option<i32> {
    i32::try_from(to.wrapping_sub(from).cast_signed()).ok()
}
