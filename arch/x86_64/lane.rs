//! The fast lane of x86_64: its page, and the jumps that lead there.
//!
//! How an instruction leads here is told in [`detours`]: by a stub that notes in `rcx` where to go on, as the instruction
//! itself would. The page uses the stack below the red zone, and leaves every
//! register but those that a call changes.

mod answering;
mod comparing;
mod detours;
mod links;
mod preparing;
mod telling;
#[cfg(test)]
mod tests;

pub(super) use detours::{detour, stub};
pub(super) use preparing::{entering, prepared, preparing};
pub(super) use telling::{unwritten, unwritten_at};

use super::X86_64;
use super::assembly::Assembly;
use crate::abi::{AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, OpenHow, open};
use crate::lane::{
    DESCRIPTORS, Hidden, Lane, PAGE, Pass, Plan, Purpose, Scope, Stop, Tape, Unless, Writing, tape,
};
use crate::{Arch, Arg, Syscall};

/// Where the page lies: above the programs and the memory of sanitizers, below what the kernel maps.
const AT: u64 = 0x6e00_0000_0000;

/// What is never executed.
const INT3: u8 = 0xcc;

/// The flags of an open that may change something.
const CHANGING: u32 = open::O_ACCMODE | open::O_CREAT | open::O_TRUNC | open::__O_TMPFILE;

/// What the probe asks for can never be had: a directory that is to be written to, so the kernel walks
/// the whole path and makes no descriptor (`may_open` in fs/namei.c).
const PROBE_FLAGS: u32 = open::O_WRONLY | X86_64::OPEN.directory;

/// What the page calls in order to stop.
const STOP: Syscall = Syscall::Getsid;

/// `RESOLVE_NO_SYMLINKS` (`linux/openat2.h`).
const RESOLVE_NO_SYMLINKS: u64 = 4;

/// `AT_FDCWD` as an `int`.
const AT_FDCWD: u32 = (-100i32).cast_unsigned();

const ENOENT: u32 = (-2i32).cast_unsigned();
const ENOTDIR: u32 = (-20i32).cast_unsigned();
const EISDIR: u32 = (-21i32).cast_unsigned();
const EINVAL: u32 = (-22i32).cast_unsigned();
const ELOOP: u32 = (-40i32).cast_unsigned();

/// Where a call has its path, and whether a symlink at the end of it is followed.
const CALLS: [(Syscall, Shape); 13] = [
    (Syscall::Fstat, Shape::Descriptor),
    (Syscall::Readlink, Shape::First(Links::NotFollowed)),
    (Syscall::Lstat, Shape::First(Links::NotFollowed)),
    (Syscall::Stat, Shape::First(Links::Followed)),
    (Syscall::Access, Shape::First(Links::Followed)),
    (Syscall::Open, Shape::First(Links::AsOpened(Arg::A1))),
    (Syscall::Readlinkat, Shape::Second(Links::NotFollowed)),
    (Syscall::Faccessat, Shape::Second(Links::Followed)),
    (Syscall::Newfstatat, Shape::Second(Links::AsNamed(Arg::A3))),
    (Syscall::Faccessat2, Shape::Second(Links::AsNamed(Arg::A3))),
    (Syscall::Statx, Shape::Second(Links::AsNamed(Arg::A2))),
    (Syscall::Openat, Shape::Second(Links::AsOpened(Arg::A2))),
    (Syscall::Mmap, Shape::Mapping),
];

/// The argument that is the path; before a second one stands the directory that it starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    First(Links),
    Second(Links),
    /// There is none, but a descriptor as its first argument.
    Descriptor,
    /// There is none: a file that is mapped as code, or shared, is told of. One that may be written through that is not.
    Mapping,
}

/// What a mapping may be (`asm-generic/mman-common.h`).
const PROT_WRITE: u32 = 2;
const PROT_EXEC: u32 = 4;
const MAP_SHARED: u32 = 1;
const MAP_ANONYMOUS: u32 = 0x20;

/// No call whose path is its second argument has a number up to this, and no other with a path a higher one.
const FIRST_MAX: u32 = 256;

/// Where the page has the number of a call, the directory's byte, the tape's word, and the bits of the descriptors up to its
/// end.
const OWN: usize = DIRECTORY - 8;
const DIRECTORY: usize = TAPING - 8;
const TAPING: usize = DESCRIPTOR_BITS - 8;
const DESCRIPTOR_BITS: usize = (PAGE - DESCRIPTORS as u64 / 8) as usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    NotFollowed,
    /// As these flags of an open say, which must not change anything.
    AsOpened(Arg),
    /// As these `AT_*` flags say.
    AsNamed(Arg),
}

impl Shape {
    fn links(self) -> Option<Links> {
        match self {
            Shape::First(links) | Shape::Second(links) => Some(links),
            Shape::Descriptor | Shape::Mapping => None,
        }
    }

    fn opens(self) -> bool {
        matches!(self.links(), Some(Links::AsOpened(_)))
    }
}

fn number(syscall: Syscall) -> u32 {
    let number = X86_64::number(syscall).and_then(|nr| u32::try_from(nr).ok());
    number.expect("x86_64 has every call of the lane")
}

/// The calls of a lane for this plan.
fn calls_of(plan: &Plan<'_>) -> impl Iterator<Item = (Syscall, Shape)> {
    let opens = plan.tape != Some(Scope::Lookups);
    // Nobody else wants to know.
    let maps = matches!(plan.tape, Some(Scope::Opened { .. }));
    CALLS.into_iter().filter(move |(_, shape)| match shape {
        Shape::Mapping => maps,
        shape => opens || !shape.opens(),
    })
}

/// The lane for a plan; `None` if it has too many places for a page.
pub(super) fn lane(plan: &Plan<'_>) -> Option<Lane> {
    let code = page(plan);
    if code.bytes().len() > OWN {
        return None;
    }
    let probe = |how| Pass {
        nr: number(Syscall::Openat2),
        ip: code.address("probed"),
        unless: Unless::Not(Arg::A2, code.address(how)),
        purpose: Purpose::Probe,
    };
    let mut passes = match plan.hidden {
        Hidden::Places(_) => vec![probe("follow"), probe("stay"), links::pass(&code)],
        Hidden::Nothing => Vec::new(),
    };
    let attests = matches!(plan.tape, Some(Scope::Opened { .. }));
    if attests {
        passes.push(Pass {
            nr: number(Syscall::Fstat),
            ip: code.address("attested"),
            unless: Unless::Never,
            purpose: Purpose::Probe,
        });
    }
    passes.extend(calls_of(plan).map(|(call, shape)| Pass {
        nr: number(call),
        ip: code.address("made"),
        unless: match (shape, shape.links()) {
            (_, Some(Links::AsOpened(flags))) => Unless::AnyOf(flags, CHANGING),
            (Shape::Mapping, _) => Unless::AnyOf(Arg::A2, PROT_WRITE),
            _ => Unless::Never,
        },
        purpose: Purpose::Call,
    }));
    passes.extend(preparing::passes(&code, plan.tape));
    passes.sort_by_key(|pass| pass.nr);
    let tape = plan.tape.map(|_| Tape {
        at: code.address("tape"),
        on: code.address("taping"),
        writing: Writing {
            made: code.address("made"),
            unclear: code.address("unclear"),
            begins: code.address("write-down"),
            moved: code.address("moved"),
            done: code.address("written-down"),
        },
        pause: attests.then(|| code.address("paused")),
    });
    let (descriptors, directory) = (code.address("descriptors"), code.address("directory"));
    let preparation = preparing::places(&code);
    let (code, stop) = (code.finish(), Stop { nr: number(STOP) });
    Some(Lane { at: AT, code, descriptors, directory, passes, tape, preparation, stop })
}

/// The page. It is entered with the registers of a call, but for `rcx`: where to go on.
fn page(plan: &Plan<'_>) -> Assembly {
    let mut a = Assembly::at(AT);
    a.label("start");
    // Below the red zone: what the program has there stays.
    a.op("lea -0x80(%rsp),%rsp", &[0x48, 0x8d, 0x64, 0x24, 0x80]);
    a.op("pushf", &[0x9c]);
    a.op("push %rcx", &[0x51]);
    a.op("push %rax", &[0x50]);
    a.op("push %rdx", &[0x52]);
    a.op("push %rsi", &[0x56]);
    a.op("push %rdi", &[0x57]);
    // What was pushed is found again by where it is: r10 at 0, rdi 8, rsi 0x10, rdx 0x18, rax 0x20.
    a.op("push %r10", &[0x41, 0x52]);
    let calls: Vec<_> = calls_of(plan).collect();
    match plan.hidden {
        Hidden::Nothing => choose_any(&mut a, &calls, plan.tape),
        Hidden::Places(_) => {
            choose(&mut a, &calls);
            probe(&mut a);
            links::code(&mut a);
            ask(&mut a);
            comparing::code(&mut a);
            look_up(&mut a, &calls);
        }
    }
    leave(&mut a, plan);
    preparing::code(&mut a, plan.tape);
    tables(&mut a, plan);
    a
}

/// Stops what may change something, and what is no call of the lane; no path needs to be looked at.
fn choose_any(a: &mut Assembly, calls: &[(Syscall, Shape)], tape: Option<Scope>) {
    any_of(a, calls, |shape| !matches!(shape, Shape::Second(_)));
    // A record is of paths, and would not know later where such a directory was.
    if tape != Some(Scope::All) {
        stop_in_directory(a);
        a.label("second");
    }
    any_of(a, calls, |shape| matches!(shape, Shape::Second(_)));
    a.jump("jmp", "stop");
    choose_mapping(a, calls, "call");
    if calls.iter().any(|(_, shape)| shape.opens()) {
        read_open_flags(a);
        a.jump("jne", "stop");
        a.jump("jmp", "call");
    }
}

/// Goes on with a file that is mapped as code, or shared, and cannot be written through that; any other mapping passes there
/// as well if nobody wants to know of it.
fn choose_mapping(a: &mut Assembly, calls: &[(Syscall, Shape)], on: &'static str) {
    if calls.iter().all(|(_, shape)| *shape != Shape::Mapping) {
        return;
    }
    a.label("mapping");
    a.op_with("test %,%edx", &[0xf7, 0xc2], PROT_WRITE);
    a.jump("jne", "stop");
    a.op_with("test %,%r10d", &[0x41, 0xf7, 0xc2], MAP_ANONYMOUS);
    a.jump("jne", "stop");
    a.op_with("test %,%r10d", &[0x41, 0xf7, 0xc2], MAP_SHARED);
    a.jump("jne", on);
    a.op_with("test %,%edx", &[0xf7, 0xc2], PROT_EXEC);
    a.jump("je", "stop");
    a.jump("jmp", on);
}

fn any_of(a: &mut Assembly, calls: &[(Syscall, Shape)], of: impl Fn(Shape) -> bool) {
    for (call, shape) in calls.iter().filter(|(_, shape)| of(*shape)) {
        a.op_with("cmp %,%eax", &[0x3d], number(*call));
        a.jump(
            "je",
            match (shape, shape.links()) {
                (Shape::Mapping, _) => "mapping",
                (_, Some(Links::AsOpened(Arg::A1))) => "open1",
                (_, Some(Links::AsOpened(_))) => "open2",
                _ => "call",
            },
        );
    }
}

/// Stops a call with a path in a directory by descriptor; one with an empty path is about what is open.
fn stop_in_directory(a: &mut Assembly) {
    a.op("cmp $0xffffff9c,%edi", &[0x83, 0xff, AT_FDCWD as u8]);
    a.jump("je", "second");
    a.op("mov %r10d,%ecx", &[0x44, 0x89, 0xd1]);
    a.op_with("cmp %,%eax", &[0x3d], number(Syscall::Newfstatat));
    a.jump("je", "may-be-empty");
    a.op("mov %edx,%ecx", &[0x89, 0xd1]);
    a.op_with("cmp %,%eax", &[0x3d], number(Syscall::Statx));
    a.jump("jne", "stop");
    a.label("may-be-empty");
    a.op_with("test %,%ecx", &[0xf7, 0xc1], AT_EMPTY_PATH);
    a.jump("je", "stop");
}

/// Puts the flags of an open into `r10`, and tests whether it may change something.
fn read_open_flags(a: &mut Assembly) {
    a.label("open1");
    a.op("mov %esi,%r10d", &[0x41, 0x89, 0xf2]);
    a.jump("jmp", "opened");
    a.label("open2");
    a.op("mov %edx,%r10d", &[0x41, 0x89, 0xd2]);
    a.label("opened");
    a.op_with("test %,%r10d", &[0x41, 0xf7, 0xc2], CHANGING);
}

/// Puts the path into `r11` and what the probe is to ask for into `rcx`.
fn choose(a: &mut Assembly, calls: &[(Syscall, Shape)]) {
    a.op("mov %rdi,%r11", &[0x49, 0x89, 0xfb]);
    tell_apart(a, calls, |shape| !matches!(shape, Shape::Second(_)));
    a.op("mov %rsi,%r11", &[0x49, 0x89, 0xf3]);
    stop_in_directory(a);
    a.label("second");
    tell_apart(a, calls, |shape| matches!(shape, Shape::Second(_)));
    a.jump("jmp", "stop");
    choose_mapping(a, calls, "mapped-file");

    if calls.iter().any(|(_, shape)| shape.opens()) {
        read_open_flags(a);
        a.jump("jne", "stop");
        a.op_with("test %,%r10d", &[0x41, 0xf7, 0xc2], X86_64::OPEN.nofollow);
        a.jump("jmp", "if-followed");
    }

    a.label("named2");
    a.op("mov %edx,%r10d", &[0x41, 0x89, 0xd2]);
    a.label("named3");
    a.op_with("test %,%r10d", &[0x41, 0xf7, 0xc2], AT_SYMLINK_NOFOLLOW);
    a.label("if-followed");
    a.jump("jne", "not-followed");
    a.label("followed");
    a.op_to("lea %(%rip),%rcx", &[0x48, 0x8d, 0x0d], "follow");
    a.jump("jmp", "probe");
    a.label("not-followed");
    a.op_to("lea %(%rip),%rcx", &[0x48, 0x8d, 0x0d], "stay");
}

fn tell_apart(a: &mut Assembly, calls: &[(Syscall, Shape)], of: impl Fn(Shape) -> bool) {
    for &(call, shape) in calls.iter().filter(|&&(_, shape)| of(shape)) {
        // The kernel looks at 32 bits of the number as well.
        a.op_with("cmp %,%eax", &[0x3d], number(call));
        a.jump(
            "je",
            match shape.links() {
                None if shape == Shape::Mapping => "mapping",
                None => "descriptor",
                Some(Links::Followed) => "followed",
                Some(Links::NotFollowed) => "not-followed",
                Some(Links::AsOpened(Arg::A1)) => "open1",
                Some(Links::AsOpened(_)) => "open2",
                Some(Links::AsNamed(Arg::A2)) => "named2",
                // The register of the fourth argument is where the flags are tested.
                Some(Links::AsNamed(_)) => "named3",
            },
        );
    }
}

/// Makes the call if its path leads to nothing that is hidden, and stops it otherwise.
fn probe(a: &mut Assembly) {
    a.label("probe");
    a.op("mov %r11,%rsi", &[0x4c, 0x89, 0xde]);
    a.op("mov %rcx,%rdx", &[0x48, 0x89, 0xca]);
    a.jump("call", "ask");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("jne", "if-link");
    a.op("movzbl (%rsi),%eax", &[0x0f, 0xb6, 0x06]);
    a.op("test %al,%al", &[0x84, 0xc0]);
    a.jump("je", "empty");
    a.op("cmp $0x2f,%al", &[0x3c, b'/']);
    a.jump("jne", "relative");
    a.jump("call", "compare");
    a.label("compared");
    a.op("test %eax,%eax", &[0x85, 0xc0]);
    a.jump("jne", "stop");
    answering::code(a);
    a.label("relative");
    a.op("mov 0x20(%rsp),%eax", &[0x8b, 0x44, 0x24, 0x20]);
    a.op_with("cmp %,%eax", &[0x3d], FIRST_MAX);
    a.jump("jbe", "from-directory");
    a.op("cmpl $0xffffff9c,0x8(%rsp)", &[0x83, 0x7c, 0x24, 0x08, AT_FDCWD as u8]);
    a.jump("jne", "stop");
    a.label("from-directory");
    a.op_to("lea %(%rip),%rdi", &[0x48, 0x8d, 0x3d], "directory");
    a.op("cmpb $0x0,(%rdi)", &[0x80, 0x3f, 0]);
    a.jump("je", "stop");
    a.jump("call", "by-names");
    a.jump("jmp", "compared");
}

/// Asks the kernel for the path in `rsi`, as `rdx` says: whether it can be read, and whether a symlink stands on
/// it. Leaves 0 in `eax` if there is none as far as the call itself comes, and in `r10d` what the kernel said; an errno in
/// `eax` otherwise.
fn ask(a: &mut Assembly) {
    a.label("ask");
    a.op_with("mov %,%edi", &[0xbf], AT_FDCWD);
    a.op_with("mov %,%r10d", &[0x41, 0xba], OpenHow::SIZE as u32);
    a.op_with("mov %,%eax", &[0xb8], number(Syscall::Openat2));
    a.op("syscall", &[0x0f, 0x05]);
    a.label("probed");
    // The whole path; up to something that is no directory; up to something that is not there. The
    // call itself comes no further. Not EACCES: access(2) may come further, as another user.
    for errno in [EISDIR, ENOTDIR, ENOENT] {
        a.op_with("cmp %,%eax", &[0x3d], errno);
        a.jump("je", "asked");
    }
    a.op("ret", &[0xc3]);
    a.label("asked");
    a.op("mov %eax,%r10d", &[0x41, 0x89, 0xc2]);
    a.op("xor %eax,%eax", &[0x31, 0xc0]);
    a.op("ret", &[0xc3]);
}

/// Looks whether a descriptor may be of a mount: the first argument of fstat(2), or of a call with an
/// empty path that says so, or what is mapped.
fn look_up(a: &mut Assembly, calls: &[(Syscall, Shape)]) {
    a.label("empty");
    a.op("mov 0x20(%rsp),%eax", &[0x8b, 0x44, 0x24, 0x20]);
    a.op("mov (%rsp),%ecx", &[0x8b, 0x0c, 0x24]);
    a.op_with("cmp %,%eax", &[0x3d], number(Syscall::Newfstatat));
    a.jump("je", "flags");
    a.op("mov 0x18(%rsp),%ecx", &[0x8b, 0x4c, 0x24, 0x18]);
    a.op_with("cmp %,%eax", &[0x3d], number(Syscall::Statx));
    a.jump("jne", "stop");
    a.label("flags");
    a.op_with("test %,%ecx", &[0xf7, 0xc1], AT_EMPTY_PATH);
    a.jump("je", "stop");
    a.label("descriptor");
    a.op("mov 0x8(%rsp),%eax", &[0x8b, 0x44, 0x24, 0x08]);
    if calls.iter().any(|(_, shape)| *shape == Shape::Mapping) {
        a.jump("jmp", "open");
        a.label("mapped-file");
        a.op("mov %r8d,%eax", &[0x44, 0x89, 0xc0]);
        a.label("open");
    }
    a.op_with("cmp %,%eax", &[0x3d], DESCRIPTORS);
    a.jump("jae", "stop");
    a.op_to("lea %(%rip),%rdi", &[0x48, 0x8d, 0x3d], "descriptors");
    a.op("bt %rax,(%rdi)", &[0x48, 0x0f, 0xa3, 0x07]);
    a.jump("jae", "call");
    a.jump("jmp", "stop");
}

/// Makes the call, with a stop or without, and goes on where the program does.
fn leave(a: &mut Assembly, plan: &Plan<'_>) {
    let answers = matches!(plan.hidden, Hidden::Places(_));
    let restore = |a: &mut Assembly| {
        a.op("pop %r10", &[0x41, 0x5a]);
        a.op("pop %rdi", &[0x5f]);
        a.op("pop %rsi", &[0x5e]);
        a.op("pop %rdx", &[0x5a]);
        a.op("pop %rax", &[0x58]);
    };
    a.label("stop");
    restore(a);
    a.op("syscall", &[0x0f, 0x05]);
    a.jump("jmp", "called");
    a.label("call");
    if answers {
        answering::none(a);
    }
    match plan.tape {
        Some(scope) => telling::call(a, scope, answers),
        None => {
            restore(a);
            make(a, answers);
        }
    }
    a.label("called");
    a.op("pop %rcx", &[0x59]);
    // As the instruction leaves it.
    a.op("mov (%rsp),%r11", &[0x4c, 0x8b, 0x1c, 0x24]);
    a.op("popf", &[0x9d]);
    a.op("lea 0x80(%rsp),%rsp", &[0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0]);
    a.op("jmp *%rcx", &[0xff, 0xe1]);
    if answers {
        answering::answered(a);
    }
}

/// Makes the call, unless its answer is known.
fn make(a: &mut Assembly, answers: bool) {
    if answers {
        answering::if_known(a);
    }
    a.op("syscall", &[0x0f, 0x05]);
    a.label("made");
}

/// Makes the call by which the page stops.
fn stop(a: &mut Assembly) {
    a.op_with("mov %,%edi", &[0xbf], Stop::ID);
    a.op_with("mov %,%eax", &[0xb8], number(STOP));
    a.op("syscall", &[0x0f, 0x05]);
}

fn tables(a: &mut Assembly, plan: &Plan<'_>) {
    a.align(8);
    a.label("tables");
    preparing::tables(a);
    if let Some(Scope::Opened { since }) = plan.tape {
        a.label("since");
        a.data(&since.to_le_bytes());
    }
    if let Hidden::Places(places) = plan.hidden {
        let flags = [("follow", PROBE_FLAGS), ("stay", PROBE_FLAGS | X86_64::OPEN.nofollow)];
        for (name, flags) in flags {
            a.label(name);
            let how = OpenHow { flags: u64::from(flags), mode: 0, resolve: RESOLVE_NO_SYMLINKS };
            a.data(&how.encode());
        }
        let list = |a: &mut Assembly, name, texts: &mut dyn Iterator<Item = &[u8]>| {
            a.label(name);
            texts.for_each(|text| a.data(&[text, &[0]].concat()));
            a.data(&[0]);
        };
        list(a, "hidden", &mut places.iter().copied());
        let names = places.iter().filter_map(|place| place.rsplit(|&byte| byte == b'/').next());
        list(a, "names", &mut { names });
    }
    a.label_at("own", OWN);
    a.label_at("directory", DIRECTORY);
    a.label_at("taping", TAPING);
    a.label_at("descriptors", DESCRIPTOR_BITS);
    a.label_at("tape", PAGE as usize);
}
