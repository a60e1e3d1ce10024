//! Times, intervals and dates.

use super::Cx;
use super::raw::Raw;
use crate::view::names::tasks;
use crate::view::value::{Value, fields};
use crate::view::word::Word;

/// `UTIME_NOW` and `UTIME_OMIT`.
const UTIME_NOW: i64 = 0x3fff_ffff;
const UTIME_OMIT: i64 = 0x3fff_fffe;

/// `struct timespec` at an offset.
pub(super) fn timespec(raw: &Raw, at: usize) -> Value {
    Value::Struct(fields! {
        tv_sec: Value::Int(raw.i64(at)),
        tv_nsec: Value::Int(raw.i64(at + 8)),
    })
}

/// `struct timeval` at an offset.
pub(super) fn timeval(raw: &Raw, at: usize) -> Value {
    Value::Struct(fields! {
        tv_sec: Value::Int(raw.i64(at)),
        tv_usec: Value::Int(raw.i64(at + 8)),
    })
}

/// The two times utimensat sets.
pub(super) fn timespec_pair(cx: &Cx<'_>, addr: u64) -> Value {
    cx.at(addr, 32, |raw| Value::Array(vec![file_time(raw, 0), file_time(raw, 16)]))
}

fn file_time(raw: &Raw, at: usize) -> Value {
    match raw.i64(at + 8) {
        UTIME_NOW => Value::name(Word::hex("UTIME_NOW", UTIME_NOW as u64)),
        UTIME_OMIT => Value::name(Word::hex("UTIME_OMIT", UTIME_OMIT as u64)),
        nanos => timespec(raw, at).remarked(date(raw.i64(at), nanos, 9)),
    }
}

/// The two times utimes sets.
pub(super) fn timeval_pair(cx: &Cx<'_>, addr: u64) -> Value {
    let one = |raw: &Raw, at| timeval(raw, at).remarked(date(raw.i64(at), raw.i64(at + 8), 6));
    cx.at(addr, 32, |raw| Value::Array(vec![one(raw, 0), one(raw, 16)]))
}

/// `struct timezone`.
pub(super) fn timezone(raw: &Raw) -> Value {
    Value::Struct(fields! {
        tz_minuteswest: Value::Int(raw.i32(0).into()),
        tz_dsttime: Value::Int(raw.i32(4).into()),
    })
}

/// `struct itimerval`.
pub(super) fn itimerval(raw: &Raw) -> Value {
    Value::Struct(fields! { it_interval: timeval(raw, 0), it_value: timeval(raw, 16) })
}

/// `struct itimerspec`.
pub(super) fn itimerspec(raw: &Raw) -> Value {
    Value::Struct(fields! { it_interval: timespec(raw, 0), it_value: timespec(raw, 16) })
}

/// `sizeof(struct timex)`
pub(super) const TIMEX_BYTES: usize = 208;

/// `struct timex`: how the clock is steered.
pub(super) fn timex(raw: &Raw) -> Value {
    let number = |at| Value::Int(raw.i64(at));
    Value::Struct(fields! {
        modes: Value::flags(tasks::ADJUST.spell(raw.u32(0).into())),
        offset: number(8),
        freq: number(16),
        maxerror: Value::UInt(raw.u64(24)),
        esterror: Value::UInt(raw.u64(32)),
        status: Value::flags(tasks::CLOCK_STATUS.spell(raw.u32(40).into())),
        constant: number(48),
        precision: Value::UInt(raw.u64(56)),
        tolerance: number(64),
        time: timeval(raw, 72),
        tick: number(88),
        ppsfreq: number(96),
        jitter: number(104),
        shift: Value::Int(raw.i32(112).into()),
        stabil: number(120),
        jitcnt: number(128),
        calcnt: number(136),
        errcnt: number(144),
        stbcnt: number(152),
        tai: Value::Int(raw.i32(160).into()),
    })
}

/// What the result of steering a clock says of it.
pub(super) fn clock_state(result: i64) -> Option<&'static str> {
    const STATES: [&str; 6] =
        ["TIME_OK", "TIME_INS", "TIME_DEL", "TIME_OOP", "TIME_WAIT", "TIME_ERROR"];
    STATES.get(usize::try_from(result).ok()?).copied()
}

/// A point in time in UTC, `2023-11-14T22:13:20.000000002+0000`; no fraction if it is zero.
pub(super) fn date(seconds: i64, fraction: i64, digits: usize) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = match fraction {
        0 => String::new(),
        _ => format!(".{fraction:0digits$}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+0000")
}

/// The Gregorian date of a day counted from 1970-01-01. Years are counted from March, so that the
/// leap day comes last, in eras of 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}
