//! How a task gets the rest of its lane: the tape, and room for stubs.
//!
//! A call that vrift makes a task make in the place of its own takes two stops. So the page has code that
//! makes these calls one after the other and then one that is none, where it stops with what has become of
//! them in registers. Its caller's registers are put back then; so it uses any but the stack. That stop
//! closes the tape's file as well: the call that was none becomes a `close`, with two of the caller's
//! registers where a call changes others.
//!
//! Who jumps here with registers of his own can map nothing in the page's place: the filter lets pass what is mapped
//! where the tape belongs, and where the kernel likes.

use super::*;
use crate::lane::{Entrance, Needs, Preparation, Prepared};
use crate::x86_64::regs::UserRegs;

/// `PROT_READ` and `PROT_EXEC`, `PROT_READ` and `PROT_WRITE`, as `linux/mman.h` has them.
const EXECUTABLE: u32 = 1 | 4;
const WRITABLE: u32 = 1 | 2;

/// `MAP_PRIVATE` and `MAP_ANONYMOUS`, `MAP_SHARED` and `MAP_FIXED`.
const PRIVATE: u32 = 2 | 0x20;
const SHARED: u32 = 1 | 0x10;

/// `MFD_CLOEXEC` and `MFD_ALLOW_SEALING` (`linux/memfd.h`).
const SEALABLE: u32 = 1 | 2;

/// Makes the calls. `rbx` is near which place to map room for stubs, or 0, and becomes where that is; `r12` becomes the tape's
/// descriptor, and `r13` where it lies.
pub(super) fn code(a: &mut Assembly, tape: Option<Scope>) {
    a.label("prepare");
    if tape.is_some() {
        a.op_to("lea %(%rip),%rdi", &[0x48, 0x8d, 0x3d], "title");
        a.op_with("mov %,%esi", &[0xbe], SEALABLE);
        a.op_with("mov %,%eax", &[0xb8], number(Syscall::MemfdCreate));
        a.op("syscall", &[0x0f, 0x05]);
        a.label("filed");
        a.op("mov %rax,%r12", &[0x49, 0x89, 0xc4]);
        a.op("mov %rax,%r8", &[0x49, 0x89, 0xc0]);
        a.op_to("lea %(%rip),%rdi", &[0x48, 0x8d, 0x3d], "tape");
        a.op_with("mov %,%esi", &[0xbe], tape::BYTES as u32);
        a.op_with("mov %,%edx", &[0xba], WRITABLE);
        a.op_with("mov %,%r10d", &[0x41, 0xba], SHARED);
        a.op_with("mov %,%eax", &[0xb8], number(Syscall::Mmap));
        a.op("syscall", &[0x0f, 0x05]);
        a.label("laid");
        a.op("mov %rax,%r13", &[0x49, 0x89, 0xc5]);
        a.op("test %rbx,%rbx", &[0x48, 0x85, 0xdb]);
        a.jump("je", "report");
    }
    a.label("stubs");
    a.op("mov %rbx,%rdi", &[0x48, 0x89, 0xdf]);
    a.op_with("mov %,%esi", &[0xbe], PAGE as u32);
    a.op_with("mov %,%edx", &[0xba], EXECUTABLE);
    a.op_with("mov %,%r10d", &[0x41, 0xba], PRIVATE);
    a.op("or $0xffffffffffffffff,%r8", &[0x49, 0x83, 0xc8, 0xff]);
    a.op_with("mov %,%eax", &[0xb8], number(Syscall::Mmap));
    a.op("syscall", &[0x0f, 0x05]);
    a.label("mapped");
    a.op("mov %rax,%rbx", &[0x48, 0x89, 0xc3]);
    a.label("report");
    stop(a);
    a.label("prepared");
    a.op("int3", &[INT3]);
    // The kernel has returned from `close`: r11 is what rdi was.
    a.label("closed");
    a.op("mov %r11,%rdi", &[0x4c, 0x89, 0xdf]);
    a.op_to("lea %(%rip),%rax", &[0x48, 0x8d, 0x05], "own");
    a.op("mov (%rax),%rax", &[0x48, 0x8b, 0x00]);
    a.jump("jmp", "start");
}

pub(super) fn tables(a: &mut Assembly) {
    a.label("title");
    a.data(b"vrift\0");
}

/// Where it is.
pub(super) fn places(code: &Assembly) -> Preparation {
    Preparation {
        tape: code.address("prepare"),
        stubs: code.address("stubs"),
        done: code.address("prepared"),
        closed: code.address("closed"),
        own: code.address("own"),
    }
}

/// What the filter lets pass for it.
pub(super) fn passes(code: &Assembly, tape: Option<Scope>) -> Vec<Pass> {
    let pass = |call, ip, unless| Pass {
        nr: number(call),
        ip: code.address(ip),
        unless,
        purpose: Purpose::Preparation,
    };
    let private = Unless::Not(Arg::A3, u64::from(PRIVATE));
    let mut passes = vec![pass(Syscall::Mmap, "mapped", private)];
    if tape.is_some() {
        let there = Unless::Not(Arg::A0, code.address("tape"));
        passes.push(pass(Syscall::Mmap, "laid", there));
        passes.push(pass(Syscall::MemfdCreate, "filed", Unless::Never));
    }
    passes
}

/// The registers of a task that goes there.
pub(in crate::x86_64) fn preparing(lane: &Lane, regs: &UserRegs, needs: &Needs) -> UserRegs {
    let Preparation { tape, stubs, .. } = lane.preparation;
    let rip = if needs.tape { tape } else { stubs };
    UserRegs { rip, rbx: needs.stubs.unwrap_or(0), r9: 0, ..*regs }
}

/// What has become of it.
pub(in crate::x86_64) fn prepared(regs: &UserRegs) -> Prepared {
    let [file, tape, stubs] = [regs.r12, regs.r13, regs.rbx].map(u64::cast_signed);
    Prepared { file, tape, stubs }
}

/// The registers of a task that makes its call by the lane, as its stub would have them.
pub(in crate::x86_64) fn entering(lane: &Lane, regs: &UserRegs, how: Entrance) -> UserRegs {
    let plain = UserRegs { rax: regs.orig_rax, rcx: regs.rip, rip: lane.at, ..*regs };
    match how {
        Entrance::Plain => plain,
        Entrance::Closing(fd) => {
            UserRegs { rdi: fd, r11: regs.rdi, rip: lane.preparation.closed, ..plain }
        }
    }
}
