//! Where a path leads that has a symlink at its beginning, as `/lib` is one, or at its end.
//!
//! The kernel has said that there is one. So it is read and put in its place, and the kernel is asked for the path
//! that results, until it has none: that is compared with the hidden places as any other. What stands in between is
//! left to vrift, and so is what starts in the current directory.
//!
//! A link is read only when it has been made sure that it lies on the host: its own path has no symlink on
//! it and leads to no hidden place.
//!
//! Paths are put together on the stack: whoever interrupts this may come here as well.

use super::*;

/// One more than how many links are read. The kernel follows 40 (`MAXSYMLINKS`), `cc` is four of them.
const LINKS: u32 = 9;

/// Room for a path that is put together, of which there are two: the one that is asked for, and the next. A longer one stops.
const ROOM: u32 = 256;

/// Room for the first name of a path, with its slash and a NUL.
const NAME: u32 = 64;

/// What is read of a link; so much room there is for the directory that it is in, too.
const TARGET: u32 = 127;

const FRAME: u32 = 2 * ROOM + NAME;

/// The call that reads a link.
pub(super) fn pass(code: &Assembly) -> Pass {
    Pass {
        nr: number(Syscall::Readlink),
        ip: code.address("linked"),
        unless: Unless::Never,
        purpose: Purpose::Probe,
    }
}

/// Goes on with the path in `rsi`, asked for as `rdx` says, with what the kernel has said to it in `eax`.
///
/// Kept on the way: `rsi` is the path, `rbp` what is asked, `r8` where the next path is put together and `r9` where the
/// last one was, `r12` what follows the link, and `ebx` how many more may come.
pub(super) fn code(a: &mut Assembly) {
    a.label("if-link");
    a.op_with("cmp %,%eax", &[0x3d], ELOOP);
    a.jump("jne", "stop");
    a.op("cmpb $0x2f,(%rsi)", &[0x80, 0x3e, b'/']);
    a.jump("jne", "stop");
    a.op("push %rbx", &[0x53]);
    a.op("push %rbp", &[0x55]);
    a.op("push %r8", &[0x41, 0x50]);
    a.op("push %r9", &[0x41, 0x51]);
    a.op("push %r12", &[0x41, 0x54]);
    a.op("lea -0x240(%rsp),%rsp", &lea(0x48, 0xa4, FRAME.cast_signed().wrapping_neg()));
    a.op("mov %rdx,%rbp", &[0x48, 0x89, 0xd5]);
    a.op("mov %rsp,%r8", &[0x49, 0x89, 0xe0]);
    a.op("lea 0x100(%rsp),%r9", &lea(0x4c, 0x8c, ROOM.cast_signed()));
    a.op_with("mov %,%ebx", &[0xbb], LINKS);

    a.label("next-link");
    a.op("dec %ebx", &[0xff, 0xcb]);
    a.jump("je", "unresolved");
    a.jump("call", "compare");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("jne", "unresolved");
    first_name(a);
    last_name(a);
    append(a);
    a.op("xchg %r9,%r8", &[0x4d, 0x87, 0xc8]);
    a.op("mov %rbp,%rdx", &[0x48, 0x89, 0xea]);
    a.jump("call", "ask");
    a.op_with("cmp %,%eax", &[0x3d], ELOOP);
    a.jump("je", "next-link");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("jne", "unresolved");
    a.jump("call", "compare");
    a.jump("jmp", "resolved");
    a.label("unresolved");
    a.op_with("mov %,%eax", &[0xb8], 1);
    a.label("resolved");
    a.op("lea 0x240(%rsp),%rsp", &lea(0x48, 0xa4, FRAME.cast_signed()));
    a.op("pop %r12", &[0x41, 0x5c]);
    a.op("pop %r9", &[0x41, 0x59]);
    a.op("pop %r8", &[0x41, 0x58]);
    a.op("pop %rbp", &[0x5d]);
    a.op("pop %rbx", &[0x5b]);
    // What the kernel said was of another path.
    a.op("xor %r10d,%r10d", &[0x45, 0x31, 0xd2]);
    a.jump("jmp", "compared");
    read_link(a);
}

/// `lea` of so far from `rsp`, with these two bytes around its opcode.
fn lea(rex: u8, modrm: u8, distance: i32) -> Vec<u8> {
    [&[rex, 0x8d, modrm, 0x24][..], &distance.to_le_bytes()].concat()
}

/// Puts what a path's first name leads to at `r8` if it is a link; its directory, the root, has no other path.
fn first_name(a: &mut Assembly) {
    a.op("lea 0x200(%rsp),%rdi", &lea(0x48, 0xbc, 2 * ROOM.cast_signed()));
    a.op("lea 0x3f(%rdi),%rcx", &[0x48, 0x8d, 0x4f, NAME as u8 - 1]);
    a.op("mov %rsi,%r12", &[0x49, 0x89, 0xf4]);
    a.op_with("mov %,%eax", &[0xb8], u32::from(b'/'));
    a.label("first-byte");
    a.op("mov %al,(%rdi)", &[0x88, 0x07]);
    a.op("inc %rdi", &[0x48, 0xff, 0xc7]);
    a.op("inc %r12", &[0x49, 0xff, 0xc4]);
    a.op("cmp %rcx,%rdi", &[0x48, 0x39, 0xcf]);
    a.jump("je", "last-name");
    a.op("movzbl (%r12),%eax", &[0x41, 0x0f, 0xb6, 0x04, 0x24]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "first-name");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("jne", "first-byte");
    a.label("first-name");
    a.op("movb $0x0,(%rdi)", &[0xc6, 0x07, 0]);
    a.op("movb $0x2f,(%r8)", &[0x41, 0xc6, 0x00, b'/']);
    a.op("lea 0x200(%rsp),%rdi", &lea(0x48, 0xbc, 2 * ROOM.cast_signed()));
    a.op("lea 0x1(%r8),%r10", &[0x4d, 0x8d, 0x50, 1]);
    a.jump("call", "read-link");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("jns", "append");
}

/// Puts what the last name leads to at `r8`, behind its directory, which must have no link in its path.
fn last_name(a: &mut Assembly) {
    a.label("last-name");
    a.op_to("lea %(%rip),%rdx", &[0x48, 0x8d, 0x15], "stay");
    a.op("cmp %rdx,%rbp", &[0x48, 0x39, 0xd5]);
    a.jump("je", "unresolved");
    a.jump("call", "ask");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("jne", "unresolved");
    a.op("mov %rsi,%r12", &[0x49, 0x89, 0xf4]);
    a.op("mov %r8,%rdi", &[0x4c, 0x89, 0xc7]);
    a.op("lea 0x7f(%r8),%rcx", &[0x49, 0x8d, 0x48, TARGET as u8]);
    a.label("directory-byte");
    a.op("movzbl (%r12),%eax", &[0x41, 0x0f, 0xb6, 0x04, 0x24]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "directory-end");
    a.op("mov %al,(%rdi)", &[0x88, 0x07]);
    a.op("inc %r12", &[0x49, 0xff, 0xc4]);
    a.op("inc %rdi", &[0x48, 0xff, 0xc7]);
    a.op("cmp %rcx,%rdi", &[0x48, 0x39, 0xcf]);
    a.jump("je", "unresolved");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("jne", "directory-byte");
    a.op("mov %rdi,%r10", &[0x49, 0x89, 0xfa]);
    a.jump("jmp", "directory-byte");
    a.label("directory-end");
    a.op("mov %rsi,%rdi", &[0x48, 0x89, 0xf7]);
    a.jump("call", "read-link");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("js", "unresolved");
}

/// Puts what follows the link behind its target, which ends at `rdi`.
fn append(a: &mut Assembly) {
    a.label("append");
    a.op("lea 0x100(%r8),%rcx", &[&[0x49, 0x8d, 0x88][..], &ROOM.to_le_bytes()].concat());
    a.label("append-byte");
    a.op("cmp %rcx,%rdi", &[0x48, 0x39, 0xcf]);
    a.jump("jae", "unresolved");
    a.op("movzbl (%r12),%eax", &[0x41, 0x0f, 0xb6, 0x04, 0x24]);
    a.op("mov %al,(%rdi)", &[0x88, 0x07]);
    a.op("inc %r12", &[0x49, 0xff, 0xc4]);
    a.op("inc %rdi", &[0x48, 0xff, 0xc7]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("jne", "append-byte");
}

/// Reads the link `rdi` to `r10`, behind its directory at `r8`. Leaves in `rsi` the path that it leads to and its end in `rdi`, or
/// something negative in `eax` and the path in `rsi`.
fn read_link(a: &mut Assembly) {
    a.label("read-link");
    a.op("push %rsi", &[0x56]);
    a.op("mov %r10,%rsi", &[0x4c, 0x89, 0xd6]);
    a.op_with("mov %,%edx", &[0xba], TARGET);
    a.op_with("mov %,%eax", &[0xb8], number(Syscall::Readlink));
    a.op("syscall", &[0x0f, 0x05]);
    a.label("linked");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("js", "no-link");
    a.op("lea (%r10,%rax,1),%rdi", &[0x49, 0x8d, 0x3c, 0x02]);
    // What fills the room may go on.
    a.op("sub $0x7f,%eax", &[0x83, 0xe8, TARGET as u8]);
    a.jump("je", "cut");
    a.op("xor %eax,%eax", &[0x31, 0xc0]);
    a.op("cmpb $0x2f,(%r10)", &[0x41, 0x80, 0x3a, b'/']);
    a.jump("je", "absolute");
    a.op("mov %r8,%rsi", &[0x4c, 0x89, 0xc6]);
    a.label("absolute");
    a.op("lea 0x8(%rsp),%rsp", &[0x48, 0x8d, 0x64, 0x24, 0x08]);
    a.op("ret", &[0xc3]);
    a.label("cut");
    a.op("dec %eax", &[0xff, 0xc8]);
    a.label("no-link");
    a.op("pop %rsi", &[0x5e]);
    a.op("ret", &[0xc3]);
}
