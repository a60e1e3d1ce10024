//! The time of day in the user's time zone.
#![expect(unsafe_code, reason = "the time zone is the C library's; localtime_r(3) has no wrapper")]

/// A second, and what a clock on the wall shows in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moment {
    seconds: Option<u64>,
    pub(super) hour: i32,
    pub(super) minute: i32,
    pub(super) second: i32,
}

/// The moment `seconds` after the epoch; `last` if that is the same one.
pub(super) fn local(seconds: u64, last: Moment) -> Moment {
    if last.seconds == Some(seconds) {
        return last;
    }
    let time = libc::time_t::try_from(seconds).unwrap_or(0);
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to locals of the types that are read and written; the function is
    // thread-safe as long as nobody changes the environment, which vrift never does.
    unsafe { libc::localtime_r(&raw const time, parts.as_mut_ptr()) };
    // SAFETY: all-zero bytes are a valid tm, and the C library may have filled it in.
    let parts = unsafe { parts.assume_init() };
    Moment {
        seconds: Some(seconds),
        hour: parts.tm_hour,
        minute: parts.tm_min,
        second: parts.tm_sec,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_and_seconds_are_those_of_the_epoch_or_a_quarter_off() {
        let moment = local(1_795_229_876, Moment::default());
        assert_eq!(moment.second, 56);
        assert_eq!((moment.minute - 57).rem_euclid(15), 0, "time zones differ by quarters");
        assert_eq!(local(1_795_229_876, moment), moment);
    }
}
