//! Times, intervals and dates.

use super::Cx;
use super::raw::Raw;
use crate::view::names::tasks;
use crate::view::value::{Value, fields};

/// `UTIME_NOW` and `UTIME_OMIT`.
const UTIME_NOW: i64 = 0x3fff_ffff;
const UTIME_OMIT: i64 = 0x3fff_fffe;

/// `struct timespec` at an offset.
pub(super) fn timespec(raw: &Raw, at: usize) -> Value {
    Value::Struct(fields! {
        tv_sec: Value::Int(raw.int(at, raw.time())),
        tv_nsec: Value::UInt(raw.uint(at + raw.time(), raw.time())),
    })
}

/// `struct timeval` at an offset.
pub(super) fn timeval(raw: &Raw, at: usize) -> Value {
    Value::Struct(fields! {
        tv_sec: Value::Int(raw.int(at, raw.time())),
        tv_usec: Value::UInt(raw.uint(at + raw.time(), raw.time())),
    })
}

/// The two times utimensat sets.
pub(super) fn timespec_pair(cx: &Cx<'_>, addr: u64) -> Value {
    let size = 2 * cx.time();
    cx.at(addr, 2 * size, |raw| Value::Array(vec![file_time(raw, 0), file_time(raw, size)]))
}

fn file_time(raw: &Raw, at: usize) -> Value {
    match raw.int(at + raw.time(), raw.time()) {
        UTIME_NOW => Value::coded(timespec(raw, at), Value::name("UTIME_NOW")),
        UTIME_OMIT => Value::coded(timespec(raw, at), Value::name("UTIME_OMIT")),
        nanos => with_date(timespec(raw, at), raw.int(at, raw.time()), nanos, 9),
    }
}

/// The two times utimes sets.
pub(super) fn timeval_pair(cx: &Cx<'_>, addr: u64) -> Value {
    let part = cx.time();
    let one =
        |raw: &Raw, at| with_date(timeval(raw, at), raw.int(at, part), raw.int(at + part, part), 6);
    cx.at(addr, 4 * part, |raw| Value::Array(vec![one(raw, 0), one(raw, 2 * part)]))
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
    Value::Struct(fields! { it_interval: timeval(raw, 0), it_value: timeval(raw, 2 * raw.time()) })
}

/// `struct itimerspec`.
pub(super) fn itimerspec(raw: &Raw) -> Value {
    Value::Struct(
        fields! { it_interval: timespec(raw, 0), it_value: timespec(raw, 2 * raw.time()) },
    )
}

/// `sizeof(struct timex)`, up to eleven spare words at its end.
pub(super) fn timex_bytes(part: usize) -> usize {
    20 * part + 4
}

/// `struct timex`: how the clock is steered.
pub(super) fn timex(raw: &Raw) -> Value {
    let part = raw.time();
    let number = |index| Value::Int(raw.int(index * part, part));
    let int = |index| raw.u32(index * part);
    Value::Struct(fields! {
        modes: Value::flags(tasks::ADJUST.spell(int(0).into())),
        offset: number(1),
        freq: number(2),
        maxerror: number(3),
        esterror: number(4),
        status: Value::flags(tasks::CLOCK_STATUS.spell(int(5).into())),
        constant: number(6),
        precision: number(7),
        tolerance: number(8),
        time: timeval(raw, 9 * part),
        tick: number(11),
        ppsfreq: number(12),
        jitter: number(13),
        shift: Value::Int(int(14).cast_signed().into()),
        stabil: number(15),
        jitcnt: number(16),
        calcnt: number(17),
        errcnt: number(18),
        stbcnt: number(19),
        tai: Value::Int(int(20).cast_signed().into()),
    })
}

/// What the result of steering a clock says of it.
pub(super) fn clock_state(result: i64) -> Option<&'static str> {
    const STATES: [&str; 6] =
        ["TIME_OK", "TIME_INS", "TIME_DEL", "TIME_OOP", "TIME_WAIT", "TIME_ERROR"];
    STATES.get(usize::try_from(result).ok()?).copied()
}

/// A time with its date behind it, if it is one: zero means that there is none, a fraction has so many digits, and the C
/// library knows only years that fit into an `int`.
pub(super) fn with_date(time: Value, seconds: i64, fraction: i64, digits: usize) -> Value {
    match date(seconds, fraction, digits) {
        Some(date) => time.remarked(date),
        None => time,
    }
}

/// A point in time in UTC, `2023-11-14T22:13:20.000000002+0000`; no fraction if it is zero.
pub(super) fn date(seconds: i64, fraction: i64, digits: usize) -> Option<String> {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let whole = (0..10i64.pow(digits as u32)).contains(&fraction);
    if (seconds, fraction) == (0, 0) || i32::try_from(year - 1900).is_err() || digits > 0 && !whole
    {
        return None;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = match fraction {
        0 => String::new(),
        _ => format!(".{fraction:0digits$}"),
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+0000"))
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
