//! A call that is written down on the tape ([`tape`]).
//!
//! It is made first: whatever the kernel has read, or filled in, can be read. What leaves that open, by
//! an errno that may come before the path is looked at, is asked once more, with a stop; no call of the lane
//! changes anything.
//!
//! A signal may come at any instruction, and its handler may come here, or never come back. So before it is
//! delivered vrift tells of a call that is not written down yet, and leaves out the rest of its way
//! ([`unwritten`]).
//!
//! A record has the digest of what is read, which is asked for later. So the page asks the kernel at once for the attributes of
//! a file that was opened, or mapped as code, onto the tape; and if they changed while the tree was at work, its opener makes a call
//! that is none ([`Tape::pause`]), and stops until the digest is there.

use super::*;
use crate::lane::{Tape, Unwritten};
use crate::x86_64::regs::UserRegs;

/// `struct stat`, `struct statx`.
const STAT_BYTES: u32 = 144;
const STATX_BYTES: u32 = 256;

const PATH_MAX: u32 = 4096;

/// Errnos of a lookup that has got as far as the path.
const OF_PATHS: [u32; 4] = [
    ENOENT,
    ENOTDIR,
    (-13i32).cast_unsigned(), // EACCES
    (-4i32).cast_unsigned(),  // EINTR: an open that waits for another to open a FIFO
];

/// Makes the call and writes it down. What was pushed is on the stack as the page has it, and `r11` has the answer if that
/// is known.
pub(super) fn call(a: &mut Assembly, scope: Scope, answers: bool) {
    a.op_to("lea %(%rip),%rdi", &[0x48, 0x8d, 0x3d], "taping");
    a.op("cmpb $0x0,(%rdi)", &[0x80, 0x3f, 0]);
    a.jump("je", "stop");
    a.op_to("lea %(%rip),%rdi", &[0x48, 0x8d, 0x3d], "tape");
    a.op("mov (%rdi),%rax", &[0x48, 0x8b, 0x07]);
    a.op_with("cmp %,%rax", &[0x48, 0x3d], tape::LAST as u32);
    a.jump("ja", "stop");
    a.op("mov (%rsp),%r10", &[0x4c, 0x8b, 0x14, 0x24]);
    a.op("mov 0x8(%rsp),%rdi", &[0x48, 0x8b, 0x7c, 0x24, 0x08]);
    a.op("mov 0x10(%rsp),%rsi", &[0x48, 0x8b, 0x74, 0x24, 0x10]);
    a.op("mov 0x18(%rsp),%rdx", &[0x48, 0x8b, 0x54, 0x24, 0x18]);
    a.op("mov 0x20(%rsp),%rax", &[0x48, 0x8b, 0x44, 0x24, 0x20]);
    make(a, answers);
    // Now what was pushed is 8 further up: result at 0, r10 8, rdi 0x10, rsi 0x18, rdx 0x20, rax 0x28.
    a.op("push %rax", &[0x50]);
    sort_out(a);
    write_call(a);
    copy_path(a, scope);
    copy_answer(a, scope);
    match scope {
        Scope::Opened { .. } => {
            attest(a);
            finish(a);
            pause(a);
        }
        Scope::All | Scope::Lookups => {
            a.label("written");
            finish(a);
        }
    }
    leave_tape(a);
}

/// Goes on to write the call down if its path is known to be readable.
fn sort_out(a: &mut Assembly) {
    a.op("test %rax,%rax", &[0x48, 0x85, 0xc0]);
    a.jump("jns", "write-down");
    for errno in OF_PATHS {
        a.op_with("cmp %,%eax", &[0x3d], errno);
        a.jump("je", "write-down");
    }
    a.op_with("cmp %,%eax", &[0x3d], EINVAL);
    a.jump("jne", "unclear");
    // A readlink of what is no symlink, unless it leaves no room.
    a.op("mov 0x28(%rsp),%ecx", &[0x8b, 0x4c, 0x24, 0x28]);
    a.op("mov 0x20(%rsp),%edx", &[0x8b, 0x54, 0x24, 0x20]);
    a.op_with("cmp %,%ecx", &[0x81, 0xf9], number(Syscall::Readlink));
    a.jump("je", "if-room");
    a.op("mov 0x8(%rsp),%edx", &[0x8b, 0x54, 0x24, 0x08]);
    a.op_with("cmp %,%ecx", &[0x81, 0xf9], number(Syscall::Readlinkat));
    a.jump("jne", "unclear");
    a.label("if-room");
    a.op("test %edx,%edx", &[0x85, 0xd2]);
    a.jump("je", "unclear");
    a.jump("jns", "write-down");
    a.label("unclear");
    a.op("lea 0x8(%rsp),%rsp", &[0x48, 0x8d, 0x64, 0x24, 0x08]);
    a.jump("jmp", "stop");
}

/// Writes number, arguments and result; `r11` is the tape, `rcx` the record, `rdi` where it goes on.
fn write_call(a: &mut Assembly) {
    a.label("write-down");
    a.op_to("lea %(%rip),%r11", &[0x4c, 0x8d, 0x1d], "tape");
    a.op("mov (%r11),%rcx", &[0x49, 0x8b, 0x0b]);
    a.op("add %r11,%rcx", &[0x4c, 0x01, 0xd9]);
    a.op("mov 0x28(%rsp),%rdx", &[0x48, 0x8b, 0x54, 0x24, 0x28]);
    a.op("mov %rdx,(%rcx)", &[0x48, 0x89, 0x11]);
    a.op("mov 0x10(%rsp),%rdx", &[0x48, 0x8b, 0x54, 0x24, 0x10]);
    a.op("mov %rdx,0x8(%rcx)", &[0x48, 0x89, 0x51, 0x08]);
    a.op("mov 0x18(%rsp),%rdx", &[0x48, 0x8b, 0x54, 0x24, 0x18]);
    a.op("mov %rdx,0x10(%rcx)", &[0x48, 0x89, 0x51, 0x10]);
    a.op("mov 0x20(%rsp),%rdx", &[0x48, 0x8b, 0x54, 0x24, 0x20]);
    a.op("mov %rdx,0x18(%rcx)", &[0x48, 0x89, 0x51, 0x18]);
    a.op("mov 0x8(%rsp),%rdx", &[0x48, 0x8b, 0x54, 0x24, 0x08]);
    a.op("mov %rdx,0x20(%rcx)", &[0x48, 0x89, 0x51, 0x20]);
    a.op("mov %r8,0x28(%rcx)", &[0x4c, 0x89, 0x41, 0x28]);
    a.op("mov (%rsp),%rdx", &[0x48, 0x8b, 0x14, 0x24]);
    a.op("mov %rdx,0x30(%rcx)", &[0x48, 0x89, 0x51, 0x30]);
    a.op("rdtsc", &[0x0f, 0x31]);
    a.op("shl $0x20,%rdx", &[0x48, 0xc1, 0xe2, 0x20]);
    a.op("or %rdx,%rax", &[0x48, 0x09, 0xd0]);
    a.op("mov %rax,0x38(%rcx)", &[0x48, 0x89, 0x41, 0x38]);
    a.op("movq $0x0,0x40(%rcx)", &[0x48, 0xc7, 0x41, 0x40, 0, 0, 0, 0]);
    a.op("movq $0x0,0x48(%rcx)", &[0x48, 0xc7, 0x41, 0x48, 0, 0, 0, 0]);
    a.op("lea 0x58(%rcx),%rdi", &[0x48, 0x8d, 0x79, tape::FIXED as u8]);
}

/// Copies the path with its NUL, if there is one. What another process writes there now must not lead on.
fn copy_path(a: &mut Assembly, scope: Scope) {
    a.op("mov 0x28(%rsp),%edx", &[0x8b, 0x54, 0x24, 0x28]);
    a.op_with("cmp %,%edx", &[0x81, 0xfa], number(Syscall::Fstat));
    a.jump("je", "answer");
    if let Scope::Opened { .. } = scope {
        a.op_with("cmp %,%edx", &[0x81, 0xfa], number(Syscall::Mmap));
        a.jump("je", "answer");
    }
    a.op("mov 0x10(%rsp),%rsi", &[0x48, 0x8b, 0x74, 0x24, 0x10]);
    a.op_with("cmp %,%edx", &[0x81, 0xfa], FIRST_MAX);
    a.jump("jbe", "path");
    a.op("mov 0x18(%rsp),%rsi", &[0x48, 0x8b, 0x74, 0x24, 0x18]);
    a.label("path");
    // With AT_EMPTY_PATH it need not be.
    a.op("test %rsi,%rsi", &[0x48, 0x85, 0xf6]);
    a.jump("je", "answer");
    a.op("mov %rsi,0x40(%rcx)", &[0x48, 0x89, 0x71, 0x40]);
    a.op_with("mov %,%r10d", &[0x41, 0xba], PATH_MAX);
    a.label("path-byte");
    copy_byte(a);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "answer");
    a.op("dec %r10d", &[0x41, 0xff, 0xca]);
    a.jump("jne", "path-byte");
}

fn copy_byte(a: &mut Assembly) {
    a.op("movzbl (%rsi),%eax", &[0x0f, 0xb6, 0x06]);
    a.op("mov %al,(%rdi)", &[0x88, 0x07]);
    a.op("inc %rsi", &[0x48, 0xff, 0xc6]);
    a.op("inc %rdi", &[0x48, 0xff, 0xc7]);
}

/// Copies what the kernel has filled in.
fn copy_answer(a: &mut Assembly, scope: Scope) {
    let of = |a: &mut Assembly, call| {
        a.op_with("cmp %,%edx", &[0x81, 0xfa], number(call));
        a.jump("je", "copy");
    };
    a.label("answer");
    a.op("mov (%rsp),%rax", &[0x48, 0x8b, 0x04, 0x24]);
    a.op("test %rax,%rax", &[0x48, 0x85, 0xc0]);
    a.jump("js", "written");
    if let Scope::Opened { .. } = scope {
        for call in [Syscall::Open, Syscall::Openat] {
            a.op_with("cmp %,%edx", &[0x81, 0xfa], number(call));
            a.jump("je", "attest");
        }
        a.op_with("cmp %,%edx", &[0x81, 0xfa], number(Syscall::Mmap));
        a.jump("je", "attest-mapped");
    }
    a.op("mov 0x18(%rsp),%rsi", &[0x48, 0x8b, 0x74, 0x24, 0x18]);
    a.op("mov %eax,%r10d", &[0x41, 0x89, 0xc2]);
    of(a, Syscall::Readlink);
    a.op_with("mov %,%r10d", &[0x41, 0xba], STAT_BYTES);
    for call in [Syscall::Stat, Syscall::Fstat, Syscall::Lstat] {
        of(a, call);
    }
    a.op("mov 0x20(%rsp),%rsi", &[0x48, 0x8b, 0x74, 0x24, 0x20]);
    of(a, Syscall::Newfstatat);
    a.op("mov %eax,%r10d", &[0x41, 0x89, 0xc2]);
    of(a, Syscall::Readlinkat);
    a.op("mov %r8,%rsi", &[0x4c, 0x89, 0xc6]);
    a.op_with("mov %,%r10d", &[0x41, 0xba], STATX_BYTES);
    a.op_with("cmp %,%edx", &[0x81, 0xfa], number(Syscall::Statx));
    a.jump("jne", "written");
    a.label("copy");
    a.op("test %r10d,%r10d", &[0x45, 0x85, 0xd2]);
    a.jump("je", "written");
    a.op("mov %rsi,0x48(%rcx)", &[0x48, 0x89, 0x71, 0x48]);
    a.label("copy-byte");
    copy_byte(a);
    a.op("dec %r10d", &[0x41, 0xff, 0xca]);
    a.jump("jne", "copy-byte");
}

/// Has the kernel write the attributes of what was opened, or mapped, behind the path; `r10` tells whether they have
/// changed lately.
fn attest(a: &mut Assembly) {
    a.label("written");
    a.op("xor %r10d,%r10d", &[0x45, 0x31, 0xd2]);
    a.jump("jmp", "sealed");
    a.label("attest-mapped");
    a.op("mov %r8d,%eax", &[0x44, 0x89, 0xc0]);
    a.label("attest");
    a.op("mov %rdi,%rsi", &[0x48, 0x89, 0xfe]);
    a.op("mov %eax,%edi", &[0x89, 0xc7]);
    a.op_with("mov %,%eax", &[0xb8], number(Syscall::Fstat));
    a.op("syscall", &[0x0f, 0x05]);
    a.label("attested");
    // The call has changed both.
    a.op_to("lea %(%rip),%r11", &[0x4c, 0x8d, 0x1d], "tape");
    a.op("mov (%r11),%rcx", &[0x49, 0x8b, 0x0b]);
    a.op("add %r11,%rcx", &[0x4c, 0x01, 0xd9]);
    a.op("mov %rsi,%rdi", &[0x48, 0x89, 0xf7]);
    a.op("xor %r10d,%r10d", &[0x45, 0x31, 0xd2]);
    a.op("test %rax,%rax", &[0x48, 0x85, 0xc0]);
    a.jump("jne", "sealed");
    a.op("movq $0x1,0x48(%rcx)", &[0x48, 0xc7, 0x41, 0x48, tape::OPENED as u8, 0, 0, 0]);
    a.op("add $0x90,%rdi", &[0x48, 0x81, 0xc7, STAT_BYTES as u8, 0, 0, 0]);
    a.op_to("lea %(%rip),%rdx", &[0x48, 0x8d, 0x15], "since");
    a.op("mov (%rdx),%rdx", &[0x48, 0x8b, 0x12]);
    // The seconds of `st_ctime`.
    a.op("cmp %rdx,0x68(%rsi)", &[0x48, 0x39, 0x56, 0x68]);
    a.jump("jl", "sealed");
    a.op("inc %r10d", &[0x41, 0xff, 0xc2]);
    a.label("sealed");
}

/// Stops if `r10` says so.
fn pause(a: &mut Assembly) {
    a.op("test %r10d,%r10d", &[0x45, 0x85, 0xd2]);
    a.jump("je", "told");
    stop(a);
    a.label("paused");
    a.label("told");
}

/// Moves the tape's end.
fn finish(a: &mut Assembly) {
    a.op("mov %rdi,%rdx", &[0x48, 0x89, 0xfa]);
    a.op("sub %rcx,%rdx", &[0x48, 0x29, 0xca]);
    a.op("mov %rdx,0x50(%rcx)", &[0x48, 0x89, 0x51, 0x50]);
    a.op("add $0x7,%rdi", &[0x48, 0x83, 0xc7, 0x07]);
    a.op("and $0xfffffffffffffff8,%rdi", &[0x48, 0x83, 0xe7, 0xf8]);
    a.op("sub %r11,%rdi", &[0x4c, 0x29, 0xdf]);
    a.op("mov %rdi,(%r11)", &[0x49, 0x89, 0x3b]);
    a.label("moved");
}

/// Takes back what was pushed.
fn leave_tape(a: &mut Assembly) {
    a.op("pop %rax", &[0x58]);
    a.label("written-down");
    a.op("pop %r10", &[0x41, 0x5a]);
    a.op("pop %rdi", &[0x5f]);
    a.op("pop %rsi", &[0x5e]);
    a.op("pop %rdx", &[0x5a]);
    // The number of the call.
    a.op("lea 0x8(%rsp),%rsp", &[0x48, 0x8d, 0x64, 0x24, 0x08]);
}

/// Where the words begin that [`unwritten`] needs: the result, what was in `r10`, `rdi`, `rsi`, `rdx`, and the
/// number. The result need not be there yet.
pub(in crate::x86_64) fn unwritten_at(tape: &Tape, regs: &UserRegs) -> Option<u64> {
    let writing = &tape.writing;
    let is_pushed = (writing.made + 1..writing.unclear).contains(&regs.rip)
        || (writing.begins..writing.moved).contains(&regs.rip);
    match regs.rip == writing.made {
        true => Some(regs.rsp.wrapping_sub(8)),
        false => is_pushed.then_some(regs.rsp),
    }
}

/// The call of a task with these registers and words. One that has to be made once more is none.
pub(in crate::x86_64) fn unwritten(
    tape: &Tape,
    regs: &UserRegs,
    [pushed, r10, rdi, rsi, rdx, nr]: [u64; 6],
) -> Option<Unwritten<UserRegs>> {
    let is_pushed = regs.rip != tape.writing.made;
    let result = if is_pushed { pushed } else { regs.rax };
    let has_room = match nr {
        _ if nr == u64::from(number(Syscall::Readlink)) => rdx as i32 > 0,
        _ if nr == u64::from(number(Syscall::Readlinkat)) => r10 as i32 > 0,
        _ => false,
    };
    let is_clear = match result as u32 {
        _ if result.cast_signed() >= 0 => true,
        EINVAL => has_room,
        errno => OF_PATHS.contains(&errno),
    };
    let rsp = if is_pushed { regs.rsp.wrapping_add(8) } else { regs.rsp };
    is_clear.then_some(Unwritten {
        nr,
        args: [rdi, rsi, rdx, r10, regs.r8, 0],
        result: result.cast_signed(),
        written: UserRegs { rax: result, rsp, rip: tape.writing.done, ..*regs },
    })
}
