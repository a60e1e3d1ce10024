//! Points in time as RFC 3339 has them, in UTC and whole seconds.

use vrift_record::Utc;

/// The date and time of a number of nanoseconds since 1970.
pub(super) fn rfc3339(nanoseconds: u64) -> String {
    let utc = Utc::of((nanoseconds / 1_000_000_000) as i64);
    format!("{}T{}Z", utc.date(), utc.time())
}
