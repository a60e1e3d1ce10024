//! The form of a result: its base, and what stands behind it.

use super::{Cx, flags, polls, signals, special, time};
use crate::call::Outcome;
use crate::view::names::{Menu, choices, signal_name, tasks};
use crate::view::spelled::{ResultForm, Spelled};
use crate::view::style::Constants;
use crate::view::value::Value;
use crate::view::word::Word;

/// Which libc does not know everywhere (`linux/prctl.h`).
const PR_GET_SPECULATION_CTRL: i32 = 52;

/// Sets the form of a call's result.
pub(super) fn form(cx: &Cx<'_>, name: &str, spelled: &mut Spelled, outcome: Outcome) {
    if let Outcome::Value(value) = outcome {
        spelled.result = of(cx, name, spelled, value);
        cx.new_descriptor(name, outcome, &mut spelled.result);
    }
}

/// A decimal result, with a remark if there is one.
fn maybe_remarked(remark: Option<impl Into<String>>) -> ResultForm {
    remark.map_or_else(ResultForm::default, ResultForm::remarked)
}

fn of(cx: &Cx<'_>, name: &str, spelled: &Spelled, value: i64) -> ResultForm {
    match name {
        "membarrier" if cx.uint(0) == 0 && value != 0 => {
            let names = members(&choices::MEMBARRIER_CMD, value as u64);
            ResultForm::hex_remarked(cx.dressed(Word::hex(names, value as u64)))
        }
        "recvmmsg" => received(cx, value),
        "brk" | "mmap" | "mremap" => ResultForm::hex(),
        "shmat" => ResultForm { stored: special::attached(cx), ..ResultForm::hex() },
        "umask" => ResultForm::octal(),
        "fcntl" => special::fcntl_form(cx, value),
        "poll" | "ppoll" => polled(cx, name, value),
        "select" | "pselect6" => ResultForm::remarked(special::ready(cx, value)),
        "personality" => {
            ResultForm::hex_remarked(cx.dressed(flags::persona(cx, value as u64 & 0xffff_ffff)))
        }
        "sched_getscheduler" => maybe_remarked(choices::SCHED.name(value as u64)),
        "rt_sigtimedwait" => {
            maybe_remarked((1..=64).contains(&value).then(|| signal_name(value as i32)))
        }
        "time" => maybe_remarked(time::date(value, 0, 0)),
        "ioprio_get" if cx.style.constants == Constants::Raw => ResultForm::default(),
        "ioprio_get" => ResultForm::remarked(special::ioprio(cx, value as u32)),
        // Nothing is said of a clock that is not shown.
        "adjtimex" | "clock_adjtime" => {
            let shown = spelled.args.iter().any(|arg| matches!(arg, Value::Struct(_)));
            maybe_remarked(time::clock_state(value).filter(|_| shown))
        }
        // NS_GET_NSTYPE
        "ioctl" if cx.uint(1) == 0xb703 => {
            ResultForm::remarked(tasks::NAMESPACE.spell(value as u64))
        }
        "prctl" => option_read(cx, value),
        "signal" => match value {
            0 | 1 => ResultForm::hex_remarked(signals::handler(value as u64).to_string()),
            _ => ResultForm::hex(),
        },
        "sgetmask" => ResultForm::hex_remarked(format!("mask {}", signals::set(value as u64))),
        "ssetmask" => ResultForm::hex_remarked(format!("old mask {}", signals::set(value as u64))),
        "set_thread_area" => maybe_remarked(special::chosen(cx)),
        _ => ResultForm::default(),
    }
}

/// The names of a menu's bits.
fn members(menu: &Menu, bits: u64) -> String {
    let named = menu.names.iter().filter(|&&(bit, _)| bit != 0 && bits & bit == bit);
    let mut names: Vec<String> = named.clone().map(|&(_, name)| name.to_owned()).collect();
    let rest = named.fold(bits, |rest, &(bit, _)| rest & !bit);
    if rest != 0 {
        names.push(format!("{rest:#x}"));
    }
    names.join("|")
}

/// The time recvmmsg had left, or that it had none.
fn received(cx: &Cx<'_>, value: i64) -> ResultForm {
    match (value, cx.arg(4)) {
        (0, _) => ResultForm::remarked("Timeout"),
        (_, 0) => ResultForm::default(),
        _ if !cx.follows() => ResultForm::default(),
        (_, at) => {
            let left = cx.at(at, 2 * cx.time(), |raw| time::timespec(raw, 0));
            ResultForm::remarked(format!("left {left}"))
        }
    }
}

/// What poll found, or that it found nothing in time.
fn polled(cx: &Cx<'_>, name: &str, value: i64) -> ResultForm {
    if value == 0 {
        return ResultForm::remarked("Timeout");
    }
    let Some(mut remark) = polls::found(cx, cx.arg(0), cx.uint(1).into()) else {
        return ResultForm::default();
    };
    if name == "ppoll" && cx.arg(2) != 0 {
        let left = cx.at(cx.arg(2), 2 * cx.time(), |raw| time::timespec(raw, 0));
        remark.push_str(&format!(", left {left}"));
    }
    ResultForm::remarked(remark)
}

/// How it is about a misfeature of the processor.
fn mitigation(cx: &Cx<'_>, value: u64) -> ResultForm {
    match special::MITIGATION.split(value) {
        _ if cx.style.constants == Constants::Raw => ResultForm::hex(),
        (names, _) if names.is_empty() && value != 0 => ResultForm::hex(),
        _ => ResultForm::hex_remarked(special::MITIGATION.spell(value).text),
    }
}

/// Options of prctl that answer through the result.
fn option_read(cx: &Cx<'_>, value: i64) -> ResultForm {
    match cx.int(0) {
        libc::PR_MCE_KILL_GET => maybe_remarked(choices::MACHINE_CHECK_POLICY.name(value as u64)),
        libc::PR_GET_DUMPABLE => ResultForm::remarked(cx.dressed(special::dumpable(value as u64))),
        PR_GET_SPECULATION_CTRL => mitigation(cx, value as u64),
        libc::PR_GET_SECUREBITS if value != 0 => {
            ResultForm::hex_remarked(cx.dressed(tasks::SECUREBITS.spell(value as u64)))
        }
        _ => ResultForm::default(),
    }
}
