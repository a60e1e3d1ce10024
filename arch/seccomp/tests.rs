//! Programs are run by an interpreter and compared with a direct reading of the rules.

use super::*;
use crate::aarch64::Aarch64;
use crate::abi::OpenHow;
use crate::i386::I386;
use crate::lane::guard::touches;
use crate::lane::{Hidden, Lane, Plan, Purpose, Scope, Stop};
use crate::x86_64::X86_64;
use crate::{Model, Policy, Syscall};

/// A mapping that may be executed, or that others see.
const MAPPING: &[When] =
    &[When { arg: Arg::A2, is: Is::AnyBit(4) }, When { arg: Arg::A3, is: Is::AnyBit(1) }];

/// `AUDIT_ARCH_ARM`: an ABI that no program here has a table of.
const OTHER: u32 = 0x4000_0028;

/// What a filter sees of a call.
#[derive(Debug, Clone, Copy)]
struct Data {
    arch: u32,
    nr: u32,
    ip: u64,
    args: [u64; 6],
}

impl Data {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            DATA_NR => self.nr,
            DATA_ARCH => self.arch,
            DATA_IP => self.ip as u32,
            12 => (self.ip >> 32) as u32,
            16..64 if offset.is_multiple_of(4) => {
                let arg = self.args[(offset as usize - 16) / 8];
                if offset.is_multiple_of(8) { arg as u32 } else { (arg >> 32) as u32 }
            }
            _ => panic!("load at {offset}"),
        }
    }
}

/// Runs a program as the kernel would; running off the end panics.
fn run(program: &[Insn], data: Data) -> u32 {
    let (mut pc, mut accumulator) = (0, 0);
    loop {
        let Insn { code, jt, jf, k } = program[pc];
        pc += 1;
        let condition = match code {
            op::LD_W_ABS => {
                accumulator = data.word(k);
                continue;
            }
            op::JA => {
                pc += k as usize;
                continue;
            }
            op::AND_K => {
                accumulator &= k;
                continue;
            }
            op::RET_K => return k,
            op::JEQ_K => accumulator == k,
            op::JGE_K => accumulator >= k,
            op::JSET_K => accumulator & k != 0,
            _ => panic!("operation {code:#x}"),
        };
        pc += usize::from(if condition { jt } else { jf });
    }
}

/// What the rules say, read without a program.
fn expected<A: Arch>(rules: &Rules, data: Data) -> Action {
    match data.arch {
        arch if arch == A::AUDIT_ARCH => of_abi::<A>(&rules.native, rules.foreign, data),
        arch if arch == A::Compat::AUDIT_ARCH => {
            of_abi::<A::Compat>(&rules.compat, rules.foreign, data)
        }
        _ => rules.foreign,
    }
}

fn of_abi<A: Arch>(rules: &AbiRules, foreign: Action, data: Data) -> Action {
    let nr = u64::from(data.nr);
    if data.nr == SKIPPED {
        return Action::Allow;
    }
    if nr & A::FOREIGN_NR_BIT != 0 {
        return foreign;
    }
    if A::syscall(nr).is_none() {
        return rules.unknown;
    }
    match rules.calls.iter().rfind(|rule| rule.nr == data.nr) {
        None => Action::Allow,
        Some(Rule { action, when: [], .. }) => *action,
        Some(Rule { action, when, .. }) => {
            let met = |when: &When| {
                let low = data.args[when.arg.index()] as u32;
                match when.is {
                    Is::AnyOf(values) => values.contains(&low),
                    Is::NonZero => low != 0,
                    Is::AnyBit(bits) => low & bits != 0,
                }
            };
            if when.iter().any(met) { *action } else { Action::Allow }
        }
    }
}

/// Numbers at which outcomes may change.
fn numbers() -> impl Iterator<Item = u32> {
    let borders = [0x3fff_ff00u32, 0x4000_0000, 0x7fff_ff00, 0x8000_0000, 0xbfff_ff00];
    let borders = borders.into_iter().chain([0xc000_0000, u32::MAX - 0x3ff]);
    (0..1024).chain(borders.flat_map(|first| first..=first + 0x3ff))
}

/// Argument lists that meet conditions, miss them, and differ above the low half.
fn argument_lists() -> Vec<[u64; 6]> {
    let mut lists = vec![[0; 6], [7; 6], [0x1_0000_0007; 6]];
    for value in [0, 1, 1030, 0x4008_6602, 0x800c_6613, 0x4080_6685] {
        lists.push([7, value, 7, 7, 7, 7]);
        lists.push([7, value | 0xffff_ffff_0000_0000, 7, 7, 7, 7]);
        lists.push([value, 7, value, value, value, value]);
    }
    lists
}

/// The ABIs a program tells apart, and one it does not know.
fn architectures<A: Arch>() -> Vec<u32> {
    let compat = (!A::Compat::table().is_empty()).then_some(A::Compat::AUDIT_ARCH);
    [A::AUDIT_ARCH, OTHER].into_iter().chain(compat).collect()
}

/// Compares a program with its rules over numbers, architectures and arguments.
fn check<A: Arch>(rules: &Rules) {
    let program = program::<A>(rules);
    assert!(program.len() <= 4096, "{} instructions", program.len());
    let lists = argument_lists();
    for nr in numbers() {
        let lists = if nr < 1024 { &lists[..] } else { &lists[..1] };
        for arch in architectures::<A>() {
            for &args in lists {
                let data = Data { arch, nr, ip: 0, args };
                let expected = expected::<A>(rules, data);
                assert_eq!(run(&program, data), ret(expected).k, "{} {data:x?}", A::NAME);
            }
        }
    }
}

fn check_policies<A: Arch>() {
    for serving in [Serving::Nothing, Serving::Mounts] {
        check::<A>(&policy_rules::<A>(serving, &|_| Interest::from(false)));
        check::<A>(&policy_rules::<A>(serving, &|_| Interest::from(true)));
        check::<A>(&policy_rules::<A>(serving, &|call| Interest::from(call.is_none())));
        check::<A>(&policy_rules::<A>(serving, &|call| {
            Interest::from(call == Some(Syscall::Fcntl))
        }));
        check::<A>(&policy_rules::<A>(serving, &|call| {
            Interest::from(call == Some(Syscall::Mount))
        }));
        check::<A>(&policy_rules::<A>(serving, &|call| {
            Interest::from(call.is_some_and(|c| (c as u32).is_multiple_of(2)))
        }));
        check::<A>(&policy_rules::<A>(serving, &|call| match call {
            Some(Syscall::Mmap | Syscall::Mmap2 | Syscall::Sendto) => Interest::If(MAPPING),
            _ => Interest::No,
        }));
    }
}

/// The rule of a call.
fn rule_of<A: Arch>(rules: &AbiRules, call: Syscall) -> Option<Rule> {
    let nr = A::number(call).unwrap();
    rules.calls.iter().copied().find(|rule| u64::from(rule.nr) == nr)
}

#[test]
fn programs_do_what_the_rules_say() {
    check_policies::<X86_64>();
    check_policies::<Aarch64>();
}

#[test]
fn long_jumps_reach_their_targets() {
    fn distinct<A: Arch>() -> AbiRules {
        let calls = A::table().iter().map(|&(nr, _)| {
            const CONDITIONS: &[When] = &[
                When { arg: Arg::A0, is: Is::AnyOf(&[0, 7, 1030]) },
                When { arg: Arg::A3, is: Is::NonZero },
                When { arg: Arg::A5, is: Is::AnyBit(0x1001) },
            ];
            let when = CONDITIONS.get(nr as usize % 9..).unwrap_or_default();
            Rule { nr, action: Action::Trace(nr as u16), when }
        });
        AbiRules {
            calls: calls.collect(),
            unknown: Action::Errno(38),
            passes: vec![],
            guarded: None,
        }
    }
    fn check_distinct<A: Arch>() {
        let (native, compat) = (distinct::<A>(), distinct::<A::Compat>());
        let rules = Rules { native, compat, foreign: Action::Errno(1) };
        assert!(program::<A>(&rules).iter().any(|insn| insn.code == op::JA));
        check::<A>(&rules);
    }
    check_distinct::<X86_64>();
    check_distinct::<Aarch64>();
}

#[test]
fn a_skipped_call_passes_whatever_the_rules() {
    let refuses =
        AbiRules { calls: vec![], unknown: Action::Errno(1), passes: vec![], guarded: None };
    let rules = Rules { native: refuses.clone(), compat: refuses, foreign: Action::Errno(2) };
    let program = program::<X86_64>(&rules);
    for arch in [X86_64::AUDIT_ARCH, I386::AUDIT_ARCH] {
        let data = Data { arch, nr: u32::MAX, ip: 0, args: [0; 6] };
        assert_eq!(run(&program, data), ret(Action::Allow).k);
    }
}

#[test]
fn without_mounts_and_observers_nothing_stops() {
    let rules = policy_rules::<X86_64>(Serving::Nothing, &|_| Interest::from(false));
    let nothing = AbiRules { calls: vec![], unknown: Action::Allow, passes: vec![], guarded: None };
    let (native, compat) = (nothing.clone(), nothing);
    let nothing = Rules { native, compat, foreign: Action::Allow };
    assert_eq!(rules, nothing);
    assert!(
        program::<X86_64>(&rules).iter().all(|i| i.code != op::RET_K || *i == ret(Action::Allow))
    );
}

#[test]
fn a_mount_traces_refuses_and_lets_pass() {
    let rules = policy_rules::<X86_64>(Serving::Mounts, &|_| Interest::from(false));
    let trace = Action::Trace(TRACE_KNOWN);
    fn check<A: Arch>(rules: &AbiRules, trace: Action) {
        let rule = |call| rule_of::<A>(rules, call);
        let action = |call| rule(call).map(|rule| (rule.action, !rule.when.is_empty()));
        assert_eq!(action(Syscall::Openat), Some((trace, false)));
        assert_eq!(action(Syscall::Fcntl), Some((trace, true)));
        assert_eq!(action(Syscall::Ioctl), Some((trace, true)));
        assert_eq!(action(Syscall::Mount), Some((Action::Errno(1), false)));
        assert_eq!(action(Syscall::IoUringSetup), Some((Action::Errno(38), false)));
        assert_eq!(action(Syscall::Read), None);
    }
    check::<X86_64>(&rules.native, trace);
    check::<I386>(&rules.compat, trace);
    assert_eq!(rules.foreign, Action::Trace(TRACE_FOREIGN));
}

#[test]
fn an_observed_call_stops_even_if_refused_or_conditional() {
    let rules = policy_rules::<X86_64>(Serving::Mounts, &|call| Interest::from(call.is_some()));
    for call in [Syscall::Mount, Syscall::Fcntl, Syscall::Read] {
        let rule = rule_of::<X86_64>(&rules.native, call).unwrap();
        assert_eq!((rule.action, rule.when), (Action::Trace(TRACE_KNOWN), &[][..]));
    }
}

#[test]
fn observing_one_call_watches_other_abis_only() {
    let rules = policy_rules::<X86_64>(Serving::Nothing, &|call| {
        Interest::from(call == Some(Syscall::Read))
    });
    for of_abi in [&rules.native, &rules.compat] {
        assert_eq!((of_abi.calls.len(), of_abi.unknown), (1, Action::Allow));
    }
    assert_eq!(rules.foreign, Action::Trace(TRACE_FOREIGN));
}

#[test]
fn a_call_inside_another_is_seen_through_it() {
    let rules = policy_rules::<X86_64>(Serving::Mounts, &|call| {
        Interest::from(call == Some(Syscall::Listen))
    });
    let outer = rule_of::<I386>(&rules.compat, Syscall::Socketcall).unwrap();
    assert_eq!((outer.action, outer.when), (Action::Trace(TRACE_KNOWN), &[][..]));
}

/// A call that this table has yet to learn may take a path, which a mount would not see.
#[test]
fn c_146_numbers_that_no_table_lists_are_unknown_under_a_mount_only() {
    let rules = |serving, seen| {
        policy_rules::<X86_64>(serving, &|call| Interest::from(seen && call.is_none()))
    };
    let unknown = |serving, seen| {
        let rules = rules(serving, seen);
        [rules.native.unknown, rules.compat.unknown]
    };
    assert_eq!(unknown(Serving::Mounts, false), [Action::Errno(38); 2]);
    assert_eq!(unknown(Serving::Changes, false), [Action::Errno(38); 2]);
    assert_eq!(unknown(Serving::Mounts, true), [Action::Trace(TRACE_KNOWN); 2]);
    assert_eq!(unknown(Serving::Nothing, false), [Action::Allow; 2]);
    let newest = X86_64::table().last().unwrap().0;
    let data = Data { nr: newest + 1, arch: X86_64::AUDIT_ARCH, ip: 0, args: [0; 6] };
    let mounts = program::<X86_64>(&rules(Serving::Mounts, false));
    assert_eq!(run(&mounts, data), ret(Action::Errno(38)).k);
}

#[test]
fn c_042_calls_a_process_cannot_live_without_pass() {
    use Syscall::*;
    for call in [RestartSyscall, RtSigreturn, Sigreturn, Exit, ExitGroup, Futex, Uretprobe, Uprobe]
    {
        assert_eq!(call.row().policy, Policy::Pass, "{call:?}");
    }
}

#[test]
fn conditions_belong_to_calls_with_a_command_or_an_address() {
    use Model::{Fcntl, Ioctl, SendTo, Socketcall};
    for &call in Syscall::ALL {
        let conditional =
            matches!(call.row().policy, Policy::Model(Fcntl | Ioctl | SendTo | Socketcall));
        let commanded = matches!(
            call,
            Syscall::Fcntl
                | Syscall::Fcntl64
                | Syscall::Ioctl
                | Syscall::Sendto
                | Syscall::Socketcall
        );
        assert_eq!(conditional, commanded, "{call:?}");
    }
}

/// Where the arguments of a call are in memory, no filter can look at them.
#[test]
fn a_condition_counts_where_the_argument_is_in_a_register() {
    let rules = policy_rules::<X86_64>(Serving::Nothing, &|call| match call {
        Some(Syscall::Mmap | Syscall::Mmap2) => Interest::If(MAPPING),
        _ => Interest::No,
    });
    let native = rule_of::<X86_64>(&rules.native, Syscall::Mmap).unwrap();
    assert_eq!(native.when, MAPPING);
    let compat = |call| rule_of::<I386>(&rules.compat, call).unwrap().when;
    assert_eq!((compat(Syscall::Mmap), compat(Syscall::Mmap2)), (&[][..], MAPPING));
}

/// The lane for a mount at `/m`, and the program of a run with it.
fn with_lane() -> (Lane, Vec<Insn>) {
    let hidden = Hidden::Places(&[b"/m"]);
    let lane = X86_64::lane(&Plan { hidden, tape: None }).unwrap();
    let rules = policy_rules::<X86_64>(Serving::Changes, &|_| Interest::No);
    let rules = rules.with_lane(Some(&lane));
    (lane, program::<X86_64>(&rules))
}

/// An instruction of the lane can be jumped to with any registers: what it may do is to look at files,
/// and nothing else.
#[test]
fn a_lane_looks_and_changes_nothing() {
    let (lane, program) = with_lane();
    let (arch, allowed) = (X86_64::AUDIT_ARCH, ret(Action::Allow).k);
    let ips: Vec<u64> = lane.passes.iter().map(|pass| pass.ip).collect();
    let near =
        ips.iter().flat_map(|&ip| [ip - 2, ip - 1, ip, ip + 1, ip ^ 1 << 32, ip & 0xffff_ffff]);
    let near = near.collect::<std::collections::BTreeSet<u64>>();
    let without = program_without_passes(&lane);
    for ip in near {
        for nr in 0..512 {
            for args in [[0; 6], [7; 6], [0x241; 6], [0o200_000; 6], [u64::MAX; 6]] {
                let data = Data { arch, nr, ip, args };
                let found = run(&program, data);
                if found == run(&without, data) {
                    continue;
                }
                assert!(found == allowed && ips.contains(&ip), "{data:x?}");
                let call = X86_64::syscall(u64::from(nr)).unwrap();
                let looks = match call.row().policy {
                    Policy::Model(Model::Stat | Model::Lstat | Model::Statx) => true,
                    Policy::Model(Model::Fstat | Model::Access | Model::Readlink) => true,
                    Policy::Model(Model::Open) => {
                        let flags = if call == Syscall::Open { args[1] } else { args[2] };
                        call != Syscall::Creat && flags & 0o20_001_103 == 0
                    }
                    _ => false,
                };
                assert!(looks, "{call:?} {data:x?}");
            }
        }
    }
}

fn program_without_passes(lane: &Lane) -> Vec<Insn> {
    let rules = policy_rules::<X86_64>(Serving::Changes, &|_| Interest::No);
    let mut rules = rules.with_lane(Some(lane));
    rules.native.passes.clear();
    program::<X86_64>(&rules)
}

/// The probe is an openat2, whose flags no filter can see: it passes with those in the lane's page, and
/// they can open nothing.
#[test]
fn a_lane_probes_with_its_own_flags_only() {
    let (lane, program) = with_lane();
    let probes: Vec<&Pass> = lane.passes.iter().filter(|p| p.purpose == Purpose::Probe).collect();
    let [link, follow, stay] = probes[..] else { panic!("{probes:?}") };
    assert_eq!(Some(u64::from(link.nr)), X86_64::number(Syscall::Readlink));
    for pass in [follow, stay] {
        let Unless::Not(Arg::A2, how) = pass.unless else { panic!("{pass:?}") };
        let in_page = &lane.code[(how - lane.at) as usize..];
        let flags = OpenHow::decode(in_page).unwrap().flags as u32;
        assert_eq!(flags & 0o200_003, 0o200_001, "a directory that is to be written to");
        assert_eq!(flags & !0o600_001, 0, "and nothing else but O_NOFOLLOW");
        let data = |a2| Data {
            arch: X86_64::AUDIT_ARCH,
            nr: pass.nr,
            ip: pass.ip,
            args: [0, 0, a2, 24, 0, 0],
        };
        assert_eq!(run(&program, data(how)), ret(Action::Allow).k);
        for other in [how + 8, how + (1 << 32), 0, u64::MAX] {
            assert_eq!(run(&program, data(other)), ret(Action::Trace(TRACE_KNOWN)).k);
        }
    }
}

/// What the lane's page maps for itself is not seen, wherever calls are; with other arguments, by which something
/// else could come to lie in the page's place, it is; and what is made in order to stop does so.
#[test]
fn a_lane_is_prepared_without_a_stop_and_by_its_own_arguments_only() {
    let hidden = Hidden::Places(&[b"/m"]);
    let lane = X86_64::lane(&Plan { hidden, tape: Some(Scope::Lookups) }).unwrap();
    let tape = lane.tape.unwrap().at;
    let of_lane: Vec<Pass> =
        lane.passes.iter().filter(|p| p.purpose == Purpose::Preparation).copied().collect();
    let [stubs, laid, filed] = of_lane[..] else { panic!("{of_lane:?}") };
    let number = |call| X86_64::number(call).unwrap() as u32;
    assert_eq!(
        [stubs.nr, laid.nr, filed.nr],
        [Syscall::Mmap, Syscall::Mmap, Syscall::MemfdCreate].map(number)
    );
    let any = 0x7f00_0000_0000;
    let mapping = |at, bytes, flags| [at, bytes, 5, flags, u64::MAX, 0];
    let cases = [
        (stubs, mapping(any, 4096, 0x22), true),
        (stubs, mapping(lane.at, 4096, 0x22), true),
        (stubs, mapping(lane.at, 4096, 0x32), false),
        (stubs, mapping(lane.at, 4096, 0x2), false),
        (stubs, mapping(any, 1 << 47, 0x32), false),
        (laid, mapping(tape, 1 << 19, 0x11), true),
        (laid, mapping(lane.at, 1 << 19, 0x11), false),
        (laid, mapping(0, 1 << 47, 0x11), false),
        (filed, [0; 6], true),
    ];
    for observed in [Interest::No, Interest::Always] {
        let rules = policy_rules::<X86_64>(Serving::Changes, &|_| observed);
        let program = program::<X86_64>(&rules.with_lane(Some(&lane)));
        let run = |nr, ip, args| run(&program, Data { arch: X86_64::AUDIT_ARCH, nr, ip, args });
        let stops = ret(Action::Trace(TRACE_KNOWN)).k;
        for (pass, args, passes) in cases {
            let wanted = if passes { ret(Action::Allow).k } else { stops };
            // What neither touches the page nor is seen passes anyway.
            if passes || observed == Interest::Always || args[0] == lane.at {
                assert_eq!(run(pass.nr, pass.ip, args), wanted, "{pass:?} {args:x?}");
            }
            if observed == Interest::Always {
                assert_eq!(run(pass.nr, pass.ip + 2, args), stops, "{pass:?} {args:x?}");
            }
        }
        let end = lane.preparation.done;
        assert_eq!(run(lane.stop.nr, end, [u64::from(Stop::ID), 0, 0, 0, 0, 0]), stops);
        let others = if observed == Interest::Always { stops } else { ret(Action::Allow).k };
        assert_eq!(run(lane.stop.nr, end, [7, 0, 0, 0, 0, 0]), others);
    }
}

/// Through what the lane maps nothing can be written, or the record would not know; and under a mount nothing comes to lie where
/// the page does.
#[test]
fn a_lane_of_a_record_maps_what_can_only_be_read() {
    let mmap = X86_64::number(Syscall::Mmap).unwrap() as u32;
    let (passes, stops) = (ret(Action::Allow).k, ret(Action::Trace(TRACE_KNOWN)).k);
    for hidden in [Hidden::Nothing, Hidden::Places(&[b"/m"])] {
        let tape = Some(Scope::Opened { since: 0 });
        let lane = X86_64::lane(&Plan { hidden, tape }).unwrap();
        let of_calls = |p: &&Pass| p.nr == mmap && p.purpose == Purpose::Call;
        let ip = lane.passes.iter().find(of_calls).expect("it maps files").ip;
        let rules = policy_rules::<X86_64>(Serving::Nothing, &|call| match call {
            Some(Syscall::Mmap) => Interest::If(MAPPING),
            _ => Interest::No,
        });
        let program = program::<X86_64>(&rules.with_lane(Some(&lane)));
        for at in [0, 0x7f00_0000_0000, lane.at, lane.at - 4096] {
            for protection in 0..8 {
                for flags in [1, 2, 3, 0x11, 0x12, 0x22, 0x102] {
                    let args = [at, 4096, protection, flags, 3, 0];
                    let data = |ip| Data { arch: X86_64::AUDIT_ARCH, nr: mmap, ip, args };
                    let touched = touches(Syscall::Mmap).iter().any(|t| t.is_met(&args, lane.at));
                    let touched = touched && lane.decides();
                    let matters = protection & 4 != 0 || flags & 1 != 0 || touched;
                    let elsewhere = if matters { stops } else { passes };
                    let is_refused = protection & 2 != 0 || touched;
                    let in_page = if is_refused { elsewhere } else { passes };
                    assert_eq!(run(&program, data(ip)), in_page, "{args:x?}");
                    assert_eq!(run(&program, data(ip + 2)), elsewhere, "{args:x?}");
                }
            }
        }
    }
}

/// A lane is touched by some calls, of some of which a record wants to see others.
#[test]
fn what_may_touch_the_lane_stops_and_nothing_more() {
    let hidden = Hidden::Places(&[b"/m"]);
    let lane = X86_64::lane(&Plan { hidden, tape: None }).unwrap();
    for serving in [Serving::Nothing, Serving::Mounts] {
        let rules = policy_rules::<X86_64>(serving, &|call| match call {
            Some(Syscall::Mmap | Syscall::Mprotect) => Interest::If(MAPPING),
            Some(Syscall::Madvise) => Interest::Always,
            _ => Interest::No,
        });
        let alone = program::<X86_64>(&rules);
        let guarded = program::<X86_64>(&rules.with_lane(Some(&lane)));
        let (page, tag) = (lane.at, 1 << 57);
        let places = [0, 4096, page - (1 << 32) - 1, page - (1 << 32), page, page + 4096];
        let places = places.into_iter().chain([page | tag, page + (1 << 32), u64::MAX]);
        let mut stopped = std::collections::BTreeSet::new();
        for place in places {
            for other in [0, 0x100, 0o100_000, u64::from(u32::MAX), 1 << 32, page] {
                for &(nr, call) in X86_64::table() {
                    let lists = [[place, other, 0, 0, 0, 0], [0, place, other, 0, 0, 0]];
                    for args in lists.into_iter().chain([[0, 0, 4096, other, place, 0]]) {
                        let data = Data { arch: X86_64::AUDIT_ARCH, nr, ip: 0, args };
                        let touched = touches(call).iter().any(|t| t.is_met(&args, lane.at));
                        let before = run(&alone, data);
                        let stops = before == ret(Action::Allow).k && touched;
                        let wanted = if stops { ret(Action::Trace(TRACE_KNOWN)).k } else { before };
                        assert_eq!(run(&guarded, data), wanted, "{call:?} {data:x?}");
                        stopped.extend(stops.then_some(call.name()));
                    }
                }
            }
        }
        let some = ["brk", "mmap", "mprotect", "mremap", "mseal", "munmap", "pkey_mprotect"];
        let more = ["process_madvise", "remap_file_pages", "shmat"];
        assert!(stopped.into_iter().eq(some.into_iter().chain(more)), "{serving:?}");
    }
}
