//! What stands at the beginning of a line: the task, times, the call's number and the address.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::unistd::Pid;

use super::clock::{Moment, local};
use super::stamp::{Fraction, Precision, Seconds, Stamp};

/// How lines name the task they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Not at all.
    Never,
    /// `[pid 17] ` while more than one task is alive (strace on a terminal).
    WhenMany,
    /// `17    ` always (strace with an output file).
    Always,
}

/// Whether something optional is part of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// It is not.
    #[default]
    No,
    /// It is.
    Yes,
}

impl From<bool> for Show {
    fn from(shown: bool) -> Show {
        if shown { Show::Yes } else { Show::No }
    }
}

/// The parts of a line's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leader {
    /// The task.
    pub prefix: Prefix,
    /// The time of day.
    pub stamp: Stamp,
    /// The time since the line before (`-r`).
    pub relative: Option<Precision>,
    /// The number of the call (`-n`).
    pub number: Show,
    /// Where the task was (`-i`).
    pub ip: Show,
}

impl Leader {
    /// Nothing but the task.
    pub fn only(prefix: Prefix) -> Leader {
        Leader { prefix, stamp: Stamp::None, relative: None, number: Show::No, ip: Show::No }
    }
}

/// What the beginning of one line tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) tid: Pid,
    pub(super) at: SystemTime,
    pub(super) number: Option<u64>,
    pub(super) ip: Option<u64>,
    /// How many tasks are alive.
    pub(super) tasks: usize,
}

/// Writes beginnings; remembers the time of the last.
#[derive(Debug)]
pub(super) struct Leaders {
    leader: Leader,
    last: Option<SystemTime>,
    moment: Moment,
}

impl Leaders {
    pub(super) fn new(leader: Leader) -> Leaders {
        Leaders { leader, last: None, moment: Moment::default() }
    }

    pub(super) fn push(&mut self, buffer: &mut String, start: &Start) {
        self.push_task(buffer, start).expect("writing to a String cannot fail");
        if self.leader.stamp != Stamp::None || self.leader.relative.is_some() {
            self.push_times(buffer, start.at).expect("writing to a String cannot fail");
        }
        push_place(buffer, self.leader, start).expect("writing to a String cannot fail");
    }

    fn push_task(&self, buffer: &mut String, start: &Start) -> std::fmt::Result {
        match self.leader.prefix {
            Prefix::Never => Ok(()),
            Prefix::Always => write!(buffer, "{:<5} ", start.tid.as_raw()),
            Prefix::WhenMany if start.tasks > 1 => {
                write!(buffer, "[pid {:>5}] ", start.tid.as_raw())
            }
            Prefix::WhenMany => Ok(()),
        }
    }

    fn push_times(&mut self, buffer: &mut String, at: SystemTime) -> std::fmt::Result {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        match self.leader.stamp {
            Stamp::None => {}
            Stamp::Epoch(precision) => write!(buffer, "{} ", Seconds(since, precision))?,
            Stamp::Time(precision) => {
                self.moment = local(since.as_secs(), self.moment);
                let Moment { hour, minute, second, .. } = self.moment;
                let fraction = Fraction(since, precision);
                write!(buffer, "{hour:02}:{minute:02}:{second:02}{fraction} ")?;
            }
        }
        if let Some(precision) = self.leader.relative {
            let last = self.last.replace(at).unwrap_or(at);
            let passed = Seconds(at.duration_since(last).unwrap_or_default(), precision);
            match self.leader.stamp {
                Stamp::None => write!(buffer, "{passed:>6} ")?,
                _ => write!(buffer, "(+{passed:>6}) ")?,
            }
        }
        Ok(())
    }
}

fn push_place(buffer: &mut String, leader: Leader, start: &Start) -> std::fmt::Result {
    match (leader.number, start.number) {
        (Show::No, _) => {}
        (Show::Yes, Some(number)) => write!(buffer, "[{number:>4}] ")?,
        (Show::Yes, None) => buffer.push_str("[????] "),
    }
    match (leader.ip, start.ip) {
        (Show::No, _) => Ok(()),
        (Show::Yes, Some(ip)) => write!(buffer, "[{ip:016x}] "),
        (Show::Yes, None) => {
            buffer.push_str("[????????????????] ");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn begin(leader: Leader, times: &[u64]) -> Vec<String> {
        let mut leaders = Leaders::new(leader);
        let line = |&micros: &u64| {
            let at = UNIX_EPOCH + Duration::from_micros(micros);
            let mut buffer = String::new();
            let tid = Pid::from_raw(7);
            let (number, ip) = (Some(3), Some(0x7f00_0000_1234));
            leaders.push(&mut buffer, &Start { tid, at, number, ip, tasks: 1 });
            buffer
        };
        times.iter().map(line).collect()
    }

    #[test]
    fn times_are_told_as_strace_tells_them() {
        let plain = Leader::only(Prefix::Always);
        let relative = Leader { relative: Some(Precision::Micros), ..Leader::only(Prefix::Never) };
        assert_eq!(begin(plain, &[0]), ["7     "]);
        assert_eq!(begin(relative, &[5, 265]), ["     0.000000 ", "     0.000260 "]);
        let both = Leader { stamp: Stamp::Epoch(Precision::Micros), ..relative };
        assert_eq!(
            begin(both, &[1_795_229_876_172_453, 1_795_229_877_172_454]),
            ["1795229876.172453 (+     0.000000) ", "1795229877.172454 (+     1.000001) "]
        );
    }

    #[test]
    fn the_place_comes_last() {
        let leader = Leader { number: Show::Yes, ip: Show::Yes, ..Leader::only(Prefix::WhenMany) };
        assert_eq!(begin(leader, &[0]), ["[   3] [00007f0000001234] "]);
    }
}
