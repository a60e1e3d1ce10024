//! `siginfo_t`: which of its overlapping halves count depends on the signal and its code.

use vrift_arch::{Arch, Native};

use super::descriptors::Table;
use super::raw::{Raw, Widths};
use super::scalars;
use crate::view::names::{Menu, errno_name};
use crate::view::places::Seat;
use crate::view::style::Style;
use crate::view::value::{Field, Value, fields};
use crate::view::word::{Number, Word};

/// The size of the kernel's structure.
pub(crate) const BYTES: usize = 128;

/// Codes any signal can have.
const CODES: &[(i32, &str)] = &[
    (0, "SI_USER"),
    (0x80, "SI_KERNEL"),
    (-1, "SI_QUEUE"),
    (-2, "SI_TIMER"),
    (-3, "SI_MESGQ"),
    (-4, "SI_ASYNCIO"),
    (-5, "SI_SIGIO"),
    (-6, "SI_TKILL"),
    (-7, "SI_DETHREAD"),
    (-60, "SI_ASYNCNL"),
];

/// Codes of single signals, from 1 on.
const CODES_OF: &[(i32, &[&str])] = &[
    (
        libc::SIGILL,
        &[
            "ILL_ILLOPC",
            "ILL_ILLOPN",
            "ILL_ILLADR",
            "ILL_ILLTRP",
            "ILL_PRVOPC",
            "ILL_PRVREG",
            "ILL_COPROC",
            "ILL_BADSTK",
            "ILL_BADIADDR",
        ],
    ),
    (
        libc::SIGTRAP,
        &["TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT", "TRAP_UNK", "TRAP_PERF"],
    ),
    (libc::SIGBUS, &["BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"]),
    (
        libc::SIGFPE,
        &[
            "FPE_INTDIV",
            "FPE_INTOVF",
            "FPE_FLTDIV",
            "FPE_FLTOVF",
            "FPE_FLTUND",
            "FPE_FLTRES",
            "FPE_FLTINV",
            "FPE_FLTSUB",
        ],
    ),
    (
        libc::SIGSEGV,
        &[
            "SEGV_MAPERR",
            "SEGV_ACCERR",
            "SEGV_BNDERR",
            "SEGV_PKUERR",
            "SEGV_ACCADI",
            "SEGV_ADIDERR",
            "SEGV_ADIPERR",
            "SEGV_MTEAERR",
            "SEGV_MTESERR",
        ],
    ),
    (
        libc::SIGCHLD,
        &["CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"],
    ),
    (libc::SIGIO, &["POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"]),
    (libc::SIGSYS, &["SYS_SECCOMP", "SYS_USER_DISPATCH"]),
];

/// `AUDIT_ARCH_*`, of machines on which vrift runs and of their narrow programs.
const ARCHITECTURE: Menu = Menu {
    unknown: "AUDIT_ARCH_???",
    names: &[
        (0xc000_003e, "AUDIT_ARCH_X86_64"),
        (0xc000_00b7, "AUDIT_ARCH_AARCH64"),
        (0x4000_0003, "AUDIT_ARCH_I386"),
        (0x4000_0028, "AUDIT_ARCH_ARM"),
    ],
};

/// The structure a signal comes with.
pub(crate) fn spell(info: &[u8; BYTES], seat: &Seat<'_>, style: &Style) -> Value {
    let mut value = told(&Raw::new(info.to_vec(), Widths::WIDE), Table::of(seat, style));
    value.dress(style);
    value
}

/// The structure, with what its descriptor is open on.
pub(super) fn told(raw: &Raw, descriptors: Table<'_>) -> Value {
    match value(raw) {
        Value::Struct(mut fields) => {
            for (_, value) in &mut fields {
                if let Value::Fd(fd) = *value {
                    *value = descriptors.number(fd);
                }
            }
            Value::Struct(fields)
        }
        other => other,
    }
}

/// The structure in memory.
fn value(raw: &Raw) -> Value {
    let (signo, errno, code) = (raw.i32(0), raw.i32(4), raw.i32(8));
    if signo == 0 {
        return Value::Struct(Vec::new());
    }
    let mut shown = fields! {
        si_signo: Value::signal(signo),
        si_code: Value::name(Word::hex(code_name(signo, code), (code as u32).into())),
    };
    if errno != 0 {
        shown.extend(fields! { si_errno: errno_value(errno) });
    }
    shown.extend(details(raw, signo, code));
    Value::Struct(shown)
}

/// An error number in a structure.
fn errno_value(errno: i32) -> Value {
    let name = errno_name(errno);
    match name.starts_with('E') {
        true => Value::name(Word::new(name, Number::Signed(errno.into()))),
        false => Value::UInt(u64::from(errno as u32)),
    }
}

fn code_name(signo: i32, code: i32) -> String {
    if let Some((_, name)) = CODES.iter().find(|(known, _)| *known == code) {
        return (*name).to_owned();
    }
    let names = CODES_OF.iter().find(|(known, _)| *known == signo).map(|(_, names)| *names);
    let at = usize::try_from(code).ok().and_then(|code| code.checked_sub(1));
    match at.and_then(|at| names?.get(at)) {
        Some(name) => (*name).to_owned(),
        None => format!("{code:#x}"),
    }
}

/// The fields behind signal, error and code.
fn details(raw: &Raw, signo: i32, code: i32) -> Vec<Field> {
    match (code, signo) {
        (0 | -6, _) => sender(raw),
        (-2, _) => timer(raw),
        (-5, _) => poll(raw),
        (1.., libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE | libc::SIGTRAP) => {
            fault(raw, signo, code)
        }
        (1.., libc::SIGCHLD) => child(raw, code),
        (1..=6, libc::SIGIO) => poll(raw),
        (1.., libc::SIGIO) => Vec::new(),
        (1.., libc::SIGSYS) => system_call(raw),
        (0x80, _) if raw.u64(base(raw)) == 0 && raw.uword(base(raw) + 8) == 0 => Vec::new(),
        // Nobody knows what is meant: only what is there.
        (1.., _) if raw.u64(base(raw)) == 0 => payload(raw),
        _ => queued(raw),
    }
}

/// Where the half starts that differs: behind three numbers, aligned to a word.
fn base(raw: &Raw) -> usize {
    12usize.next_multiple_of(raw.word())
}

fn sender(raw: &Raw) -> Vec<Field> {
    fields! {
        si_pid: Value::Int(raw.i32(base(raw)).into()),
        si_uid: scalars::id(raw.u32(base(raw) + 4)),
    }
}

fn queued(raw: &Raw) -> Vec<Field> {
    let mut shown = sender(raw);
    shown.extend(payload(raw));
    shown
}

fn payload(raw: &Raw) -> Vec<Field> {
    match raw.uword(base(raw) + 8) {
        0 => Vec::new(),
        _ => carried(raw),
    }
}

/// `union sigval`
fn carried(raw: &Raw) -> Vec<Field> {
    let at = base(raw) + 8;
    fields! { si_int: Value::Int(raw.i32(at).into()), si_ptr: Value::Addr(raw.uword(at)) }
}

fn timer(raw: &Raw) -> Vec<Field> {
    let mut shown = fields! {
        si_timerid: Value::Hex(raw.u32(base(raw)).into()),
        si_overrun: Value::Int(raw.i32(base(raw) + 4).into()),
    };
    shown.extend(carried(raw));
    shown
}

fn poll(raw: &Raw) -> Vec<Field> {
    let (at, word) = (base(raw), raw.word());
    fields! { si_band: Value::Int(raw.iword(at)), si_fd: Value::Fd(raw.i32(at + word)) }
}

fn fault(raw: &Raw, signo: i32, code: i32) -> Vec<Field> {
    let (at, word) = (base(raw), raw.word());
    let mut shown = fields! { si_addr: Value::Addr(raw.uword(at)) };
    // Each of these follows on the number that `BUS_MCEERR_*` has, aligned to a word.
    let more = at + 2 * word;
    shown.extend(match (signo, code) {
        (libc::SIGBUS, 4 | 5) => fields! { si_addr_lsb: Value::Hex(raw.u16(at + word).into()) },
        (libc::SIGSEGV, 3) => fields! {
            si_lower: Value::Addr(raw.uword(more)),
            si_upper: Value::Addr(raw.uword(more + word)),
        },
        (libc::SIGSEGV, 4) => fields! { si_pkey: Value::UInt(raw.u32(more).into()) },
        _ => Vec::new(),
    });
    shown
}

fn child(raw: &Raw, code: i32) -> Vec<Field> {
    let (status, word) = (raw.i32(base(raw) + 8), raw.word());
    let times = (base(raw) + 12).next_multiple_of(word);
    let exited = code == 1;
    let mut shown = sender(raw);
    shown.extend(fields! {
        si_status: if exited { Value::Int(status.into()) } else { Value::signal(status) },
        si_utime: ticks(raw.uword(times)),
        si_stime: ticks(raw.uword(times + word)),
    });
    shown
}

/// Clock ticks, of which there are a hundred in a second.
pub(super) fn ticks(count: u64) -> Value {
    match count {
        0 => Value::Int(0),
        _ => {
            let number = Value::UInt(count);
            let seconds = format!("{}.{:02} s", count / 100, count % 100);
            Value::coded(number.clone(), number.remarked(seconds))
        }
    }
}

fn system_call(raw: &Raw) -> Vec<Field> {
    let at = base(raw) + raw.word();
    let (number, arch) = (raw.i32(at), raw.u32(at + 4));
    let native = (arch == Native::AUDIT_ARCH).then(|| Native::syscall(number as u64)).flatten();
    fields! {
        si_call_addr: Value::Addr(raw.uword(base(raw))),
        si_syscall: match native {
            Some(syscall) => Value::name(format!("__NR_{}", syscall.row().name)),
            None => Value::UInt(u64::from(number as u32)),
        },
        si_arch: Value::name(ARCHITECTURE.spell(arch.into())),
    }
}
