//! Points in time as dates and times of day, in UTC and whole seconds.

/// A date and a time of day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc {
    days: i64,
    /// Of the day.
    seconds: i64,
}

impl Utc {
    /// So many seconds after the start of 1970.
    pub fn of(seconds: i64) -> Utc {
        Utc { days: seconds.div_euclid(86_400), seconds: seconds.rem_euclid(86_400) }
    }

    /// Year, month and day: `2000-02-29`.
    pub fn date(self) -> String {
        // Counted from the first of March of a year that is divisible by 400, so that the odd day is
        // the last one of each period.
        let from_march = i128::from(self.days) + 719_468;
        let (era, day) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era * 400 + year + carry;
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Hour, minute and second: `23:59:59`.
    pub fn time(self) -> String {
        let Utc { seconds, .. } = self;
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d @SECONDS` has them.
    #[test]
    fn dates() {
        for (seconds, date, time) in [
            (0, "1970-01-01", "00:00:00"),
            (-1, "1969-12-31", "23:59:59"),
            (951_782_399, "2000-02-28", "23:59:59"),
            (951_782_400, "2000-02-29", "00:00:00"),
            (1_700_000_000, "2023-11-14", "22:13:20"),
            (4_107_542_400, "2100-03-01", "00:00:00"),
            (-62_135_596_801, "0000-12-31", "23:59:59"),
        ] {
            let utc = Utc::of(seconds);
            assert_eq!((utc.date().as_str(), utc.time().as_str()), (date, time));
        }
    }
}
