//! Calls whose answer is known from what the kernel has said of their path: it is not made again.
//!
//! Whoever looks for a file that is not there, and whoever asks of a directory whether it is a symlink, gets no other answer
//! than the probe. Compilers ask for little else. Deliberately absent: `access` and its like, which are about the real user
//! and may come less far; flags that the kernel looks at before the path.

use super::*;

/// Calls of which a missing file is all that there is to say, with nothing in them that is looked at before their path.
const PLAIN: [Syscall; 4] = [Syscall::Stat, Syscall::Lstat, Syscall::Open, Syscall::Openat];

/// Goes to "known" with the answer in `r11` if what the kernel has said, in `r10d`, tells it; else to "call".
pub(super) fn code(a: &mut Assembly) {
    a.op("mov 0x20(%rsp),%eax", &[0x8b, 0x44, 0x24, 0x20]);
    a.op_with("cmp %,%r10d", &[0x41, 0x81, 0xfa], ENOENT);
    a.jump("je", "missing");
    a.op_with("cmp %,%r10d", &[0x41, 0x81, 0xfa], EISDIR);
    a.jump("jne", "call");
    answer(a, EINVAL);
    a.jump("jmp", "if-readlink");
    a.label("missing");
    answer(a, ENOENT);
    for call in PLAIN {
        a.op_with("cmp %,%eax", &[0x3d], number(call));
        a.jump("je", "known");
    }
    a.op_with("cmp %,%eax", &[0x3d], number(Syscall::Newfstatat));
    a.jump("jne", "if-readlink");
    a.op_with("testl %,(%rsp)", &[0xf7, 0x04, 0x24], !AT_SYMLINK_NOFOLLOW);
    a.jump("jne", "call");
    a.jump("jmp", "known");
    // Without room for an answer it is refused before its path is looked at.
    a.label("if-readlink");
    a.op_with("cmp %,%eax", &[0x3d], number(Syscall::Readlink));
    a.jump("jne", "call");
    a.op("cmpl $0x1,0x18(%rsp)", &[0x83, 0x7c, 0x24, 0x18, 0x01]);
    a.jump("jl", "call");
    a.jump("jmp", "known");
}

fn answer(a: &mut Assembly, errno: u32) {
    let bytes = [&[0x49, 0xc7, 0xc3], &errno.to_le_bytes()[..]].concat();
    a.op(&format!("mov ${:#x},%r11", i64::from(errno.cast_signed())), &bytes);
}

/// No answer is known; "known" goes on as "call" does.
pub(super) fn none(a: &mut Assembly) {
    a.op("xor %r11d,%r11d", &[0x45, 0x31, 0xdb]);
    a.label("known");
}

/// Goes to "answered" if there is an answer.
pub(super) fn if_known(a: &mut Assembly) {
    a.op("test %r11,%r11", &[0x4d, 0x85, 0xdb]);
    a.jump("jne", "answered");
}

/// Goes on as if the call had been made.
pub(super) fn answered(a: &mut Assembly) {
    a.label("answered");
    a.op("mov %r11,%rax", &[0x4c, 0x89, 0xd8]);
    a.jump("jmp", "made");
}
