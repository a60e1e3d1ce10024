//! Seccomp programs: classic BPF that decides which calls stop.
//!
//! [`policy_rules`] turns the policy of the rows and what a command wants to see into [`Rules`];
//! [`program`] compiles rules. A program checks through which ABI a call comes, then searches that
//! ABI's ranges of numbers with equal outcome by halving. It is made of the instructions that the kernel follows
//! itself when it looks for numbers that are always allowed (`seccomp_is_const_allow` in
//! `kernel/seccomp.c`), so an allowed number does not run it at all since Linux 5.11.
//!
//! Deliberately absent: installing a program (`vrift-tracer`).

mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::lane::guard::{ADDRESS_HIGH, Touch, touches};
use crate::lane::{Pass, Purpose, Unless};
use crate::{Arch, Arg};

pub use rules::{
    ATTR_REQUESTS, DUP_COMMANDS, Interest, MSYNC_WAITS, NOTIFY_COMMAND, PATH_SELECTORS, Serving,
    TRACE_FOREIGN, TRACE_KNOWN, policy_rules,
};

/// One instruction, `struct sock_filter` of `linux/filter.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Insn {
    /// The operation.
    pub code: u16,
    /// How many instructions a conditional jump skips when the condition holds.
    pub jt: u8,
    /// How many it skips otherwise.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

const _: () = assert!(size_of::<Insn>() == 8);

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The kernel makes the call.
    Allow,
    /// The tracer is told, with this message.
    Trace(u16),
    /// The call fails with this errno and is not made.
    Errno(u16),
}

/// A condition on one argument: on its low 32 bits, which are all that the kernel looks at where
/// conditions are used (the command of fcntl and ioctl, the length of an address).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The argument.
    pub arg: Arg,
    /// What it must be.
    pub is: Is,
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// One of these; at most 255.
    AnyOf(&'static [u32]),
    /// Not 0.
    NonZero,
    /// One with at least one of these bits.
    AnyBit(u32),
}

/// What happens to the calls with one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The number.
    pub nr: u32,
    /// What happens.
    pub action: Action,
    /// When it happens: always if there are no conditions; else a call that meets none of them is allowed.
    pub when: &'static [When],
}

/// What happens to the calls through one ABI. A number of its table without a rule is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbiRules {
    /// The rules of known numbers; of two with one number the last holds.
    pub calls: Vec<Rule>,
    /// What happens to calls that the table does not list.
    pub unknown: Action,
    /// What passes whatever the rules say, by the instruction that makes the call.
    pub passes: Vec<Pass>,
    /// Where the lane lies: what may touch it stops whatever the rules say, unless it is refused.
    pub guarded: Option<u64>,
}

/// All that a program decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Calls through the architecture's own ABI.
    pub native: AbiRules,
    /// Calls through the ABI of its 32-bit programs, if there is a table of it.
    pub compat: AbiRules,
    /// What happens to calls through any other ABI.
    pub foreign: Action,
}

/// The number a tracer writes to skip a call; no filter may act on it.
const SKIPPED: u32 = u32::MAX;

/// Offsets into `struct seccomp_data`.
const DATA_NR: u32 = 0;
const DATA_ARCH: u32 = 4;
const DATA_IP: u32 = 8;
const DATA_ARGS: u32 = 16;

/// Compiles `rules`.
pub fn program<A: Arch>(rules: &Rules) -> Vec<Insn> {
    let native = section::<A>(&rules.native, rules.foreign);
    let mut insns = vec![load(DATA_ARCH)];
    insns.extend([jump_eq(A::AUDIT_ARCH, 1, 0), jump(native.len())]);
    insns.extend(native);
    if A::Compat::table().is_empty() {
        insns.push(ret(rules.foreign));
        return insns;
    }
    insns.extend([jump_eq(A::Compat::AUDIT_ARCH, 1, 0), ret(rules.foreign)]);
    insns.extend(section::<A::Compat>(&rules.compat, rules.foreign));
    insns
}

/// The part of a program that decides on the calls through one ABI.
fn section<A: Arch>(rules: &AbiRules, foreign: Action) -> Vec<Insn> {
    let mut insns = vec![load(DATA_NR), jump_eq(SKIPPED, 0, 1), ret(Action::Allow)];
    if A::FOREIGN_NR_BIT != 0 {
        let bit = u32::try_from(A::FOREIGN_NR_BIT).expect("a syscall number has 32 bits");
        insns.extend([jump_set(bit, 0, 1), ret(foreign)]);
    }
    insns.extend(search(&ranges::<A>(rules)));
    insns
}

/// What a range of numbers comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome<'a> {
    action: Action,
    when: &'static [When],
    /// What passes for other reasons.
    passes: &'a [Pass],
    /// What stops for other reasons.
    touches: &'static [Touch],
    /// The place that is touched.
    guarded: u64,
}

impl Outcome<'_> {
    /// Whether some of the calls pass.
    fn may_pass(&self) -> bool {
        self.action == Action::Allow || !self.when.is_empty()
    }

    /// The same, but what touches a place stops.
    fn guarding(self, guarded: u64, touches: &'static [Touch]) -> Self {
        let action = match self.action {
            _ if touches.is_empty() => return self,
            Action::Allow => Action::Trace(TRACE_KNOWN),
            action => action,
        };
        Outcome { action, touches, guarded, ..self }
    }

    fn always(action: Action) -> Self {
        Outcome { action, when: &[], passes: &[], touches: &[], guarded: 0 }
    }
}

/// The number space as ranges, each given by its first number; neighbours differ in outcome.
fn ranges<A: Arch>(rules: &AbiRules) -> Vec<(u32, Outcome<'_>)> {
    let passes = |nr: u32| {
        let same = |one: &Pass, other: &Pass| one.nr == other.nr;
        rules.passes.chunk_by(same).find(|passes| passes[0].nr == nr).unwrap_or(&[])
    };
    let by_nr: BTreeMap<u32, &Rule> = rules.calls.iter().map(|rule| (rule.nr, rule)).collect();
    let mut ranges = vec![(0, Outcome::always(rules.unknown))];
    for &(nr, call) in A::table() {
        let mut known = match by_nr.get(&nr) {
            Some(&&Rule { action, when, .. }) => Outcome { when, ..Outcome::always(action) },
            None => Outcome::always(Action::Allow),
        };
        if let Some(guarded) = rules.guarded.filter(|_| known.may_pass()) {
            known = known.guarding(guarded, touches(call));
        }
        // What is allowed anyway need not run the program.
        if known.action != Action::Allow {
            known.passes = passes(nr);
        }
        begin(&mut ranges, nr, known);
        begin(&mut ranges, nr + 1, Outcome::always(rules.unknown));
    }
    ranges
}

/// Makes the range that starts at `nr` the last one. A range that starts there already is
/// replaced; one with the same outcome goes on.
fn begin<'a>(ranges: &mut Vec<(u32, Outcome<'a>)>, nr: u32, outcome: Outcome<'a>) {
    ranges.pop_if(|last| last.0 == nr);
    if ranges.last().is_none_or(|last| last.1 != outcome) {
        ranges.push((nr, outcome));
    }
}

/// Halves the ranges until one is left. The accumulator holds the number.
fn search(ranges: &[(u32, Outcome<'_>)]) -> Vec<Insn> {
    if let [(_, outcome)] = ranges {
        return decide(*outcome);
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let border = high[0].0;
    let (low, high) = (search(low), search(high));
    let mut insns = match u8::try_from(low.len()) {
        Ok(skip) => vec![jump_ge(border, skip, 0)],
        // Conditional jumps reach 255 instructions only.
        Err(_) => vec![jump_ge(border, 0, 1), jump(low.len())],
    };
    insns.extend(low);
    insns.extend(high);
    insns
}

/// Returns the action, or tests arguments first.
fn decide(outcome: Outcome<'_>) -> Vec<Insn> {
    let mut insns: Vec<Insn> = outcome.passes.iter().flat_map(|one| pass(one, &outcome)).collect();
    if !outcome.when.is_empty() || !outcome.touches.is_empty() {
        insns.extend(unless_any(outcome));
    }
    insns.push(ret(outcome.action));
    insns
}

/// Leads out if a call touches what is guarded.
fn unless_touching(outcome: &Outcome<'_>) -> Vec<Insn> {
    let high = |arg: Arg| load(DATA_ARGS + 8 * arg as u32 + 4);
    let mut insns = Vec::new();
    for &touch in outcome.touches {
        match touch {
            Touch::Anyhow => insns.push(jump_ge(0, OUT, 0)),
            Touch::Range(from, bytes) => {
                let lane = (outcome.guarded >> 32) as u32;
                insns.extend([high(bytes), jump_eq(0, 0, OUT), high(from), mask(ADDRESS_HIGH)]);
                insns.extend([lane, lane - 1].map(|high| jump_eq(high, OUT, 0)));
            }
            Touch::End(end) => {
                let lane = (outcome.guarded >> 32) as u32;
                insns.extend([high(end), jump_ge(lane, OUT, 0)]);
            }
            Touch::Bits(arg, bits) => {
                insns.extend([load(DATA_ARGS + 8 * arg as u32), jump_set(bits, OUT, 0)]);
            }
        }
    }
    insns
}

/// Allows a call that meets none of the conditions and touches nothing, and goes on with any other.
fn unless_any(outcome: Outcome<'_>) -> Vec<Insn> {
    let mut insns = unless_touching(&outcome);
    for &When { arg, is } in outcome.when {
        // The low half comes first: all architectures here are little-endian.
        insns.push(load(DATA_ARGS + 8 * arg as u32));
        match is {
            Is::AnyOf(values) => insns.extend(values.iter().map(|&value| jump_eq(value, OUT, 0))),
            Is::NonZero => insns.push(jump_eq(0, 0, OUT)),
            Is::AnyBit(bits) => insns.push(jump_set(bits, OUT, 0)),
        }
    }
    insns.push(ret(Action::Allow));
    lead_out(&mut insns);
    insns
}

/// Allows a call that its instruction may make, and goes on with any other. A program's own call touches nothing.
fn pass(pass: &Pass, outcome: &Outcome<'_>) -> Vec<Insn> {
    // Each test is a load and a jump that goes on or leads out.
    let mut insns = Vec::new();
    let mut wide = |at: u32, value: u64| {
        insns.extend([load(at), jump_eq(value as u32, 0, OUT)]);
        insns.extend([load(at + 4), jump_eq((value >> 32) as u32, 0, OUT)]);
    };
    wide(DATA_IP, pass.ip);
    match pass.unless {
        Unless::Never => {}
        Unless::AnyOf(arg, bits) => {
            insns.extend([load(DATA_ARGS + 8 * arg as u32), jump_set(bits, OUT, 0)]);
        }
        Unless::Not(arg, value) => wide(DATA_ARGS + 8 * arg as u32, value),
    }
    if pass.purpose == Purpose::Call {
        insns.extend(unless_touching(outcome));
    }
    insns.push(ret(Action::Allow));
    lead_out(&mut insns);
    insns
}

/// Stands for the end of a piece of a program.
const OUT: u8 = u8::MAX;

/// Makes what jumps out of a piece of a program jump to its end.
fn lead_out(insns: &mut [Insn]) {
    let end = insns.len();
    for (at, insn) in insns.iter_mut().enumerate() {
        let rest = u8::try_from(end - at - 1).expect("a condition has at most 255 values");
        for way in [&mut insn.jt, &mut insn.jf] {
            if *way == OUT {
                *way = rest;
            }
        }
    }
}

/// Operations of `linux/bpf_common.h`, put together as the program needs them.
mod op {
    pub(super) const LD_W_ABS: u16 = 0x20;
    pub(super) const JA: u16 = 0x05;
    pub(super) const JEQ_K: u16 = 0x15;
    pub(super) const JGE_K: u16 = 0x35;
    pub(super) const JSET_K: u16 = 0x45;
    pub(super) const AND_K: u16 = 0x54;
    pub(super) const RET_K: u16 = 0x06;
}

fn load(offset: u32) -> Insn {
    Insn { code: op::LD_W_ABS, jt: 0, jf: 0, k: offset }
}

/// Leaves these bits of what was loaded.
fn mask(k: u32) -> Insn {
    Insn { code: op::AND_K, jt: 0, jf: 0, k }
}

fn jump(skip: usize) -> Insn {
    let k = u32::try_from(skip).expect("a program has at most 4096 instructions");
    Insn { code: op::JA, jt: 0, jf: 0, k }
}

fn jump_eq(k: u32, jt: u8, jf: u8) -> Insn {
    Insn { code: op::JEQ_K, jt, jf, k }
}

fn jump_ge(k: u32, jt: u8, jf: u8) -> Insn {
    Insn { code: op::JGE_K, jt, jf, k }
}

fn jump_set(k: u32, jt: u8, jf: u8) -> Insn {
    Insn { code: op::JSET_K, jt, jf, k }
}

/// `SECCOMP_RET_*` of `linux/seccomp.h`, with the data in the low half.
fn ret(action: Action) -> Insn {
    let k = match action {
        Action::Allow => 0x7fff_0000,
        Action::Trace(message) => 0x7ff0_0000 | u32::from(message),
        Action::Errno(errno) => 0x0005_0000 | u32::from(errno),
    };
    Insn { code: op::RET_K, jt: 0, jf: 0, k }
}
