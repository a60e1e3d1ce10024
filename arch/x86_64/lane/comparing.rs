//! How a path that the kernel has just read is compared with the places that the host does not answer for.

use super::*;

/// What is called to compare a path, by its beginning or by its names.
pub(super) fn code(a: &mut Assembly) {
    compare(a);
    compare_names(a);
}

/// Compares the absolute path in `rsi`, which the kernel has just read, with the hidden places. Leaves in `eax`
/// whether it may lead to one.
fn compare(a: &mut Assembly) {
    a.label("compare");
    a.op("mov %rsi,%rdi", &[0x48, 0x89, 0xf7]);
    // A path with `//`, `/.` or `/..` in it is compared by names.
    a.label("scan");
    a.op("movzbl (%rdi),%eax", &[0x0f, 0xb6, 0x07]);
    a.op("inc %rdi", &[0x48, 0xff, 0xc7]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "scanned");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("jne", "scan");
    a.op("movzbl (%rdi),%eax", &[0x0f, 0xb6, 0x07]);
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("je", "by-names");
    a.op("cmp $0x2e,%al", &[0x3c, b'.']);
    a.jump("jne", "scan");
    a.op("movzbl 0x1(%rdi),%eax", &[0x0f, 0xb6, 0x47, 0x01]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "by-names");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("je", "by-names");
    a.op("cmp $0x2e,%al", &[0x3c, b'.']);
    a.jump("jne", "scan");
    a.jump("jmp", "by-names");
    a.label("scanned");
    a.op("mov %rsi,%rdi", &[0x48, 0x89, 0xf7]);
    begins_with_one_of(a, "hidden", ["next", "byte", "below", "skip"], "clear");
    a.label("clear");
    a.op("xor %eax,%eax", &[0x31, 0xc0]);
    a.op("ret", &[0xc3]);
    a.label("may-hide");
    a.op_with("mov %,%eax", &[0xb8], 1);
    a.op("ret", &[0xc3]);
}

/// Compares each name of the path in `rsi` with the last names of the hidden places. Without symlinks
/// nobody comes to such a place but by its name, wherever `..` leads in between.
fn compare_names(a: &mut Assembly) {
    a.label("by-names");
    a.op("mov %rsi,%rdi", &[0x48, 0x89, 0xf7]);
    a.label("slashes");
    a.op("movzbl (%rdi),%eax", &[0x0f, 0xb6, 0x07]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "clear");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("jne", "name");
    a.op("inc %rdi", &[0x48, 0xff, 0xc7]);
    a.jump("jmp", "slashes");
    a.label("name");
    begins_with_one_of(
        a,
        "names",
        ["next-name", "name-byte", "name-end", "skip-name"],
        "pass-name",
    );
    a.label("pass-name");
    a.op("movzbl (%rdi),%eax", &[0x0f, 0xb6, 0x07]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "clear");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("je", "slashes");
    a.op("inc %rdi", &[0x48, 0xff, 0xc7]);
    a.jump("jmp", "pass-name");
}

/// Goes to "may-hide" if what `rdi` points to begins with one of a list of texts, and ends there or goes on with a
/// slash; else to `none`.
fn begins_with_one_of(
    a: &mut Assembly,
    list: &'static str,
    [next, byte, end, skip]: [&'static str; 4],
    none: &'static str,
) {
    a.op_to("lea %(%rip),%rdx", &[0x48, 0x8d, 0x15], list);
    a.label(next);
    a.op("cmpb $0x0,(%rdx)", &[0x80, 0x3a, 0]);
    a.jump("je", none);
    a.op("xor %ecx,%ecx", &[0x31, 0xc9]);
    a.label(byte);
    a.op("movzbl (%rdx,%rcx,1),%eax", &[0x0f, 0xb6, 0x04, 0x0a]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", end);
    a.op("cmp (%rdi,%rcx,1),%al", &[0x3a, 0x04, 0x0f]);
    a.jump("jne", skip);
    a.op("inc %rcx", &[0x48, 0xff, 0xc1]);
    a.jump("jmp", byte);
    a.label(end);
    a.op("movzbl (%rdi,%rcx,1),%eax", &[0x0f, 0xb6, 0x04, 0x0f]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "may-hide");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("je", "may-hide");
    a.label(skip);
    a.op("movzbl (%rdx),%eax", &[0x0f, 0xb6, 0x02]);
    a.op("inc %rdx", &[0x48, 0xff, 0xc2]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("jne", skip);
    a.jump("jmp", next);
}
