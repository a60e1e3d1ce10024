//! Registers, as ptrace gets and sets them: those of x86_64, and the types of all sets.

use std::borrow::Cow;

use super::super::Cx;
use super::super::raw::Raw;
use crate::view::names::Menu;
use crate::view::value::{Field, Value, fields};

/// Whose registers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Registers {
    Amd64,
    /// Shown by address.
    Others,
}

/// `NT_PRSTATUS` and `NT_FPREGSET`
const GENERAL: u64 = 1;
const FLOAT: u64 = 2;

/// `NT_*` of register sets and core files.
pub(super) const SETS: Menu = Menu {
    unknown: "NT_???",
    names: &[
        (0x1, "NT_PRSTATUS"),
        (0x2, "NT_FPREGSET"),
        (0x3, "NT_PRPSINFO"),
        (0x4, "NT_PRXREG"),
        (0x5, "NT_PLATFORM"),
        (0x6, "NT_AUXV"),
        (0x7, "NT_GWINDOWS"),
        (0x8, "NT_ASRS"),
        (0xa, "NT_PSTATUS"),
        (0xd, "NT_PSINFO"),
        (0xe, "NT_PRCRED"),
        (0xf, "NT_UTSNAME"),
        (0x10, "NT_LWPSTATUS"),
        (0x11, "NT_LWPSINFO"),
        (0x14, "NT_PRFPXREG"),
        (0x100, "NT_PPC_VMX"),
        (0x101, "NT_PPC_SPE"),
        (0x102, "NT_PPC_VSX"),
        (0x103, "NT_PPC_TAR"),
        (0x104, "NT_PPC_PPR"),
        (0x105, "NT_PPC_DSCR"),
        (0x106, "NT_PPC_EBB"),
        (0x107, "NT_PPC_PMU"),
        (0x108, "NT_PPC_TM_CGPR"),
        (0x109, "NT_PPC_TM_CFPR"),
        (0x10a, "NT_PPC_TM_CVMX"),
        (0x10b, "NT_PPC_TM_CVSX"),
        (0x10c, "NT_PPC_TM_SPR"),
        (0x10d, "NT_PPC_TM_CTAR"),
        (0x10e, "NT_PPC_TM_CPPR"),
        (0x10f, "NT_PPC_TM_CDSCR"),
        (0x110, "NT_PPC_PKEY"),
        (0x200, "NT_386_TLS"),
        (0x201, "NT_386_IOPERM"),
        (0x202, "NT_X86_XSTATE"),
        (0x300, "NT_S390_HIGH_GPRS"),
        (0x301, "NT_S390_TIMER"),
        (0x302, "NT_S390_TODCMP"),
        (0x303, "NT_S390_TODPREG"),
        (0x304, "NT_S390_CTRS"),
        (0x305, "NT_S390_PREFIX"),
        (0x306, "NT_S390_LAST_BREAK"),
        (0x307, "NT_S390_SYSTEM_CALL"),
        (0x308, "NT_S390_TDB"),
        (0x309, "NT_S390_VXRS_LOW"),
        (0x30a, "NT_S390_VXRS_HIGH"),
        (0x30b, "NT_S390_GS_CB"),
        (0x30c, "NT_S390_GS_BC"),
        (0x30d, "NT_S390_RI_CB"),
        (0x30e, "NT_S390_PV_CPU_DATA"),
        (0x400, "NT_ARM_VFP"),
        (0x401, "NT_ARM_TLS"),
        (0x402, "NT_ARM_HW_BREAK"),
        (0x403, "NT_ARM_HW_WATCH"),
        (0x404, "NT_ARM_SYSTEM_CALL"),
        (0x405, "NT_ARM_SVE"),
        (0x406, "NT_ARM_PAC_MASK"),
        (0x407, "NT_ARM_PACA_KEYS"),
        (0x408, "NT_ARM_PACG_KEYS"),
        (0x409, "NT_ARM_TAGGED_ADDR_CTRL"),
        (0x40a, "NT_ARM_PAC_ENABLED_KEYS"),
        (0x40b, "NT_ARM_SSVE"),
        (0x40c, "NT_ARM_ZA"),
        (0x500, "NT_METAG_CBUF"),
        (0x501, "NT_METAG_RPIPE"),
        (0x502, "NT_METAG_TLS"),
        (0x600, "NT_ARC_V2"),
        (0x700, "NT_VMCOREDD"),
        (0x800, "NT_MIPS_DSP"),
        (0x801, "NT_MIPS_FP_MODE"),
        (0x802, "NT_MIPS_MSA"),
        (0xa00, "NT_LOONGARCH_CPUCFG"),
        (0xa01, "NT_LOONGARCH_CSR"),
        (0xa02, "NT_LOONGARCH_LSX"),
        (0xa03, "NT_LOONGARCH_LASX"),
        (0xa04, "NT_LOONGARCH_LBT"),
        (0x46e62b7f, "NT_PRXFPREG"),
        (0x53494749, "NT_SIGINFO"),
        (0x46494c45, "NT_FILE"),
    ],
};

/// `struct user_regs_struct`, a word each.
const NAMES: [&str; 27] = [
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi",
    "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs",
    "gs",
];
const GENERAL_BYTES: usize = NAMES.len() * 8;
/// `struct user_fpregs_struct`
const FLOAT_BYTES: usize = 512;

/// Places in `struct user`. What lies between two belongs to the first.
const PLACES: &[(u64, &str)] = &[
    (0, "8*R15"),
    (8, "8*R14"),
    (16, "8*R13"),
    (24, "8*R12"),
    (32, "8*RBP"),
    (40, "8*RBX"),
    (48, "8*R11"),
    (56, "8*R10"),
    (64, "8*R9"),
    (72, "8*R8"),
    (80, "8*RAX"),
    (88, "8*RCX"),
    (96, "8*RDX"),
    (104, "8*RSI"),
    (112, "8*RDI"),
    (120, "8*ORIG_RAX"),
    (128, "8*RIP"),
    (136, "8*CS"),
    (144, "8*EFL"),
    (152, "8*RSP"),
    (160, "8*SS"),
    (216, "offsetof(struct user, u_fpvalid)"),
    (224, "offsetof(struct user, i387)"),
    (736, "offsetof(struct user, u_tsize)"),
    (744, "offsetof(struct user, u_dsize)"),
    (752, "offsetof(struct user, u_ssize)"),
    (760, "offsetof(struct user, start_code)"),
    (768, "offsetof(struct user, start_stack)"),
    (776, "offsetof(struct user, signal)"),
    (784, "offsetof(struct user, reserved)"),
    (792, "offsetof(struct user, u_ar0)"),
    (800, "offsetof(struct user, u_fpstate)"),
    (808, "offsetof(struct user, magic)"),
    (816, "offsetof(struct user, u_comm)"),
    (848, "offsetof(struct user, u_debugreg)"),
];
const USER_BYTES: u64 = 912;

/// A place in `struct user`.
pub(super) fn place(cx: &Cx<'_>, offset: u64) -> Value {
    if cx.layouts.registers == Registers::Others || offset > USER_BYTES {
        return Value::Addr(offset);
    }
    let named = |name| Value::coded(Value::Addr(offset), Value::Verbatim(name));
    if offset == USER_BYTES {
        return named("sizeof(struct user)".to_owned());
    }
    let Some(&(start, name)) = PLACES.iter().rev().find(|&&(start, _)| start <= offset) else {
        return Value::Addr(offset);
    };
    match offset - start {
        0 => named(name.to_owned()),
        rest => named(format!("{name}+{rest}")),
    }
}

/// All registers but those of floating point.
pub(super) fn general(cx: &Cx<'_>, addr: u64) -> Value {
    whole(cx, addr, GENERAL_BYTES, general_fields)
}

/// Those of floating point.
pub(super) fn float(cx: &Cx<'_>, addr: u64) -> Value {
    whole(cx, addr, FLOAT_BYTES, float_fields)
}

type Spell = fn(&Cx<'_>, &Raw, usize) -> Vec<Field>;

fn whole(cx: &Cx<'_>, addr: u64, count: usize, spell: Spell) -> Value {
    match cx.layouts.registers {
        Registers::Amd64 => cx.at(addr, count, |raw| Value::Struct(spell(cx, raw, count))),
        Registers::Others => Value::Addr(addr),
    }
}

/// `struct iovec` with a set of a type in it, and how long its room was before, if that is known.
pub(super) fn set(cx: &Cx<'_>, addr: u64, kind: u64, room: Option<u64>) -> Value {
    vector(cx, addr, room, |base, length| {
        let known: Option<(usize, Spell)> = match kind {
            GENERAL => Some((GENERAL_BYTES, general_fields)),
            FLOAT => Some((FLOAT_BYTES, float_fields)),
            _ => None,
        };
        match known {
            // What is there is a number of words.
            Some((whole_bytes, spell)) if length > 0 && length % 8 == 0 => {
                let count = usize::try_from(length).map_or(whole_bytes, |n| n.min(whole_bytes));
                let mut shown = whole(cx, base, count, spell);
                if let Value::Struct(fields) = &mut shown
                    && length > count as u64
                {
                    fields.push(("".into(), Value::More));
                }
                shown
            }
            _ => Value::Addr(base),
        }
    })
}

/// The same where no registers are.
pub(super) fn unset(cx: &Cx<'_>, addr: u64) -> Value {
    vector(cx, addr, None, |base, _| Value::Addr(base))
}

fn vector(cx: &Cx<'_>, addr: u64, room: Option<u64>, spell: impl Fn(u64, u64) -> Value) -> Value {
    let word = cx.word();
    cx.at(addr, 2 * word, |raw| {
        let length = raw.uword(word);
        let shown = Value::UInt(length);
        Value::Struct(fields! {
            iov_base: spell(raw.uword(0), length),
            iov_len: room.map_or(shown.clone(), |room| Value::UInt(room).changed_to(shown)),
        })
    })
}

fn general_fields(_: &Cx<'_>, raw: &Raw, count: usize) -> Vec<Field> {
    let shown = (0..).step_by(8).zip(NAMES).take_while(|&(at, _)| at < count);
    shown.map(|(at, name)| (Cow::Borrowed(name), Value::Hex(raw.u64(at)))).collect()
}

fn float_fields(cx: &Cx<'_>, raw: &Raw, count: usize) -> Vec<Field> {
    let short = |at| Value::Hex(raw.u16(at).into());
    let number = |at| Value::Hex(raw.u32(at).into());
    // As much of an array as is there.
    let array = |start: usize, end: usize| {
        let at = || (start..end.min(count)).step_by(4);
        let mut shown: Vec<Value> = at().take(cx.elements_max()).map(number).collect();
        if at().count() > shown.len() {
            shown.push(Value::More);
        }
        Value::Array(shown)
    };
    let all = [
        (0, "cwd", short(0)),
        (2, "swd", short(2)),
        (4, "ftw", short(4)),
        (6, "fop", short(6)),
        (8, "rip", Value::Hex(raw.u64(8))),
        (16, "rdp", Value::Hex(raw.u64(16))),
        (24, "mxcsr", number(24)),
        (28, "mxcr_mask", number(28)),
        (32, "st_space", array(32, 160)),
        (160, "xmm_space", array(160, 416)),
        (416, "padding", array(416, FLOAT_BYTES)),
    ];
    let shown = all.into_iter().filter(|&(at, ..)| at < count);
    shown.map(|(_, name, value)| (Cow::Borrowed(name), value)).collect()
}
