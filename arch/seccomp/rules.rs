//! From the policy of the rows, and from what a command observes, to rules.

use super::{AbiRules, Action, Is, Rule, Rules, When};
use crate::lane::{Lane, Stop};
use crate::{Arch, Arg, Model, Policy, Syscall};

/// The message of a stop of a call that a table may list. A program's own filter may stop calls too, with a
/// message of its own: this is none that would come to anybody's mind.
pub const TRACE_KNOWN: u16 = 0x7672;
/// The message of a stop of a call through an ABI without a table.
pub const TRACE_FOREIGN: u16 = 0x7673;

/// What a kernel without a call says.
const ENOSYS: u16 = 38;

/// Whether policies take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// No mount: only what is observed stops, and nothing is refused.
    Nothing,
    /// Mounts are served, none of which can be written to.
    Mounts,
    /// Mounts are served that can be written to.
    Changes,
}

/// The selectors of socketcall whose calls name paths: those of bind and connect (`linux/net.h`).
pub const PATH_SELECTORS: &[u32] = &[2, 3];

/// `F_DUPFD` and `F_DUPFD_CLOEXEC`: the commands of fcntl that make a descriptor.
pub const DUP_COMMANDS: &[u32] = &[0, 1030];

/// `F_NOTIFY`: the command of fcntl that watches a directory.
pub const NOTIFY_COMMAND: u32 = 1026;

/// All commands of fcntl that matter to a mount.
const FCNTL_COMMANDS: &[u32] = &[DUP_COMMANDS[0], DUP_COMMANDS[1], NOTIFY_COMMAND];

/// `MS_SYNC`, with and without `MS_INVALIDATE`.
pub const MSYNC_WAITS: &[u32] = &[4, 6];

/// The requests of ioctl that change a file's attributes and need no writable descriptor
/// (`linux/fs.h`, `linux/fsverity.h`, `linux/fscrypt.h`).
pub const ATTR_REQUESTS: &[u32] = &[
    0x4008_6602, // FS_IOC_SETFLAGS
    0x4004_6602, // FS_IOC32_SETFLAGS
    0x4008_7602, // FS_IOC_SETVERSION
    0x4004_7602, // FS_IOC32_SETVERSION
    0x401c_5820, // FS_IOC_FSSETXATTR
    0x4080_6685, // FS_IOC_ENABLE_VERITY
    0x800c_6613, // FS_IOC_SET_ENCRYPTION_POLICY
];

/// Whether a command wants to see a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// It does not.
    No,
    /// It does.
    Always,
    /// It does if one of these says so. Where an ABI has the arguments of the call in memory,
    /// this cannot be told, and it is seen always.
    If(&'static [When]),
}

impl From<bool> for Interest {
    fn from(wanted: bool) -> Interest {
        if wanted { Interest::Always } else { Interest::No }
    }
}

/// The rules under which every call that is observed or concerns a mount stops, and no other.
///
/// `observe` tells which calls the command wants to see; `None` stands for numbers that no table
/// lists. An observed call always stops, even if a mount refuses it: the tracer refuses it then.
pub fn policy_rules<A: Arch>(
    serving: Serving,
    observe: &dyn Fn(Option<Syscall>) -> Interest,
) -> Rules {
    let (native, compat) = (of_abi::<A>(serving, observe), of_abi::<A::Compat>(serving, observe));
    let stops_something = [&native, &compat]
        .into_iter()
        .any(|rules| !rules.calls.is_empty() || rules.unknown != Action::Allow);
    Rules { native, compat, foreign: stops(stops_something, TRACE_FOREIGN) }
}

impl Rules {
    /// The same, with what a lane may do without a stop, and what may not be done to it. Calls of 32 bits do not reach it.
    pub fn with_lane(mut self, lane: Option<&Lane>) -> Rules {
        self.native.passes = lane.map(|lane| lane.passes.clone()).unwrap_or_default();
        // What is called in order to stop does so whoever watches; others need not.
        let stop = lane.map(|lane| lane.stop.nr);
        if let Some(nr) = stop.filter(|&nr| self.native.calls.iter().all(|rule| rule.nr != nr)) {
            let action = Action::Trace(TRACE_KNOWN);
            self.native.calls.push(Rule { nr, action, when: Stop::WHEN });
        }
        self.native.guarded = lane.filter(|lane| lane.decides()).map(|lane| lane.at);
        self
    }
}

/// The rules of one ABI. A call with others inside stops if any of those is observed.
fn of_abi<A: Arch>(serving: Serving, observe: &dyn Fn(Option<Syscall>) -> Interest) -> AbiRules {
    let observed = |call: Syscall| {
        let mut members = A::members(call).iter();
        if members.any(|&(_, member)| observe(Some(member)) != Interest::No) {
            return Interest::Always;
        }
        observe(Some(call))
    };
    let rule = |&(nr, call): &(u32, Syscall)| {
        let by_itself = unobserved(serving, call.row().policy);
        let (action, when) = match (observed(call), by_itself) {
            (Interest::No, by_itself) => by_itself?,
            (Interest::If(when), None)
                if when.iter().all(|when| in_register::<A>(call, when.arg)) =>
            {
                (Action::Trace(TRACE_KNOWN), when)
            }
            (Interest::Always | Interest::If(_), _) => (Action::Trace(TRACE_KNOWN), &[][..]),
        };
        Some(Rule { nr, action, when })
    };
    // A newer kernel's call may take a path; its callers know kernels that lack it.
    let unknown = match (observe(None), serving) {
        (Interest::Always | Interest::If(_), _) => Action::Trace(TRACE_KNOWN),
        (Interest::No, Serving::Mounts | Serving::Changes) => Action::Errno(ENOSYS),
        (Interest::No, Serving::Nothing) => Action::Allow,
    };
    let calls = A::table().iter().filter_map(rule).collect();
    AbiRules { calls, unknown, passes: Vec::new(), guarded: None }
}

/// Whether an argument of a call lies where its row has it.
fn in_register<A: Arch>(call: Syscall, arg: Arg) -> bool {
    A::args(call).get(arg.index()) == call.row().args.get(arg.index())
}

/// What a policy asks for by itself; `None` if the call passes.
fn unobserved(serving: Serving, policy: Policy) -> Option<(Action, &'static [When])> {
    let trace = Action::Trace(TRACE_KNOWN);
    match (serving, policy) {
        (Serving::Nothing, _) | (_, Policy::Pass) => None,
        (_, Policy::Refuse(errno)) => Some((Action::Errno(errno), &[])),
        (
            Serving::Mounts,
            Policy::Model(
                Model::Sync | Model::Msync | Model::SockName | Model::Accept | Model::RecvFrom,
            ),
        ) => None,
        (_, Policy::Model(model)) => Some((trace, condition(model))),
    }
}

/// The argument that decides whether a modelled call matters.
fn condition(model: Model) -> &'static [When] {
    match model {
        Model::Fcntl => &[When { arg: Arg::A1, is: Is::AnyOf(FCNTL_COMMANDS) }],
        // Without an address they are what send(2) and recv(2) are made of.
        Model::Accept => &[When { arg: Arg::A1, is: Is::NonZero }],
        Model::RecvFrom => &[When { arg: Arg::A4, is: Is::NonZero }],
        Model::SendTo => &[When { arg: Arg::A5, is: Is::NonZero }],
        Model::Socketcall => &[When { arg: Arg::A0, is: Is::AnyOf(PATH_SELECTORS) }],
        Model::Msync => &[When { arg: Arg::A2, is: Is::AnyOf(MSYNC_WAITS) }],
        Model::Ioctl => &[When { arg: Arg::A1, is: Is::AnyOf(ATTR_REQUESTS) }],
        _ => &[],
    }
}

fn stops(condition: bool, message: u16) -> Action {
    if condition { Action::Trace(message) } else { Action::Allow }
}
