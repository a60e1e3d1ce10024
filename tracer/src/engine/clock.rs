//! Who watches is told in time: what is held back, to be written in large pieces, and calls that made no
//! stop, are passed on several times a second while anything happens.

use std::time::{Duration, Instant};

use crate::ticks::Ticks;

/// How often.
const INTERVAL: Duration = Duration::from_millis(100);

/// The clock, which stands still while nothing happens.
#[derive(Debug)]
pub(super) struct Clock {
    ticks: Ticks,
    last: Instant,
    since: Since,
}

/// What has happened since it last struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Something,
    Nothing,
}

impl Clock {
    /// `None` if there is no timer: then everything is passed on at the end.
    pub(super) fn new() -> Option<Clock> {
        let ticks = Ticks::every(INTERVAL).ok()?;
        Some(Clock { ticks, last: Instant::now(), since: Since::Nothing })
    }

    /// Something has happened.
    pub(super) fn wind(&mut self) {
        if self.since == Since::Nothing {
            self.since = Since::Something;
            self.ticks.start();
        }
    }

    /// A wait was interrupted: whether it strikes. It goes on if something has happened, or if there is
    /// something `to_come` without a stop.
    pub(super) fn strikes(&mut self, to_come: bool) -> bool {
        if self.last.elapsed() < INTERVAL / 2 {
            return false;
        }
        self.last = Instant::now();
        if std::mem::replace(&mut self.since, Since::Nothing) == Since::Nothing && !to_come {
            self.ticks.stop();
            return false;
        }
        true
    }
}
