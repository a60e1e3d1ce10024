//! Counts, errors and times per call, as strace's `-c` table.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use nix::unistd::Pid;
use vrift_arch::Syscall;

use super::event::{Event, Sink};
use crate::call::Outcome;

/// A sink that counts, and prints a table at the end.
#[derive(Debug)]
pub struct Summary<W: Write> {
    out: W,
    calls: HashMap<String, Count>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    calls: u64,
    errors: u64,
    time: Duration,
}

impl Count {
    fn add(&mut self, other: Count) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.time += other.time;
    }
}

impl<W: Write> Summary<W> {
    /// A sink that prints its table to `out`.
    pub fn new(out: W) -> Summary<W> {
        Summary { out, calls: HashMap::new() }
    }

    /// The writer, for example to read what was written to memory.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// The calls, those that took longest first; equal ones in the order of the syscall table.
    fn sorted(&self) -> Vec<(String, Count)> {
        let mut rows: Vec<(String, Count)> =
            self.calls.iter().map(|(name, count)| (name.clone(), *count)).collect();
        let rank = |name: &str| Syscall::from_name(name).map_or(usize::MAX, |call| call as usize);
        rows.sort_by(|(a, x), (b, y)| {
            y.time.cmp(&x.time).then(rank(a).cmp(&rank(b))).then(a.cmp(b))
        });
        rows
    }

    fn row(&mut self, name: &str, count: Count, share: f64) -> io::Result<()> {
        let seconds = count.time.as_secs_f64();
        let each = count.time.as_micros() / u128::from(count.calls.max(1));
        let errors = if count.errors == 0 { String::new() } else { count.errors.to_string() };
        writeln!(
            self.out,
            "{share:>6.2} {seconds:>11.6} {each:>11} {:>9} {errors:>9} {name}",
            count.calls
        )
    }
}

impl<W: Write> Sink for Summary<W> {
    fn event(&mut self, _tid: Pid, _at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        // Strace counts a call at its exit, and does not count one that never returns.
        if let Event::Leave { call, outcome, system, .. } = event
            && *outcome != Outcome::Never
        {
            let errors = u64::from(matches!(outcome, Outcome::Error(_)));
            let count = Count { calls: 1, errors, time: *system };
            self.calls.entry(call.name.to_string()).or_default().add(count);
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.calls.is_empty() {
            return self.out.flush();
        }
        let rows = self.sorted();
        let mut all = Count::default();
        for (_, count) in &rows {
            all.add(*count);
        }
        let rule = "------ ----------- ----------- --------- --------- ----------------";
        writeln!(self.out, "% time     seconds  usecs/call     calls    errors syscall")?;
        writeln!(self.out, "{rule}")?;
        for (name, count) in rows {
            self.row(&name, count, share(count.time, all.time))?;
        }
        writeln!(self.out, "{rule}")?;
        self.row("total", all, 100.0)?;
        self.out.flush()
    }
}

/// A part of a whole in percent.
fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { 100.0 * part.as_secs_f64() / whole.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;
    use crate::view::spelled::{Comma, ResultForm, Spelled, Split};

    fn leave(name: &'static str, outcome: Outcome, micros: u64) -> (Spelled, Outcome, Duration) {
        let call = Spelled {
            name: name.into(),
            args: Vec::new(),
            result: ResultForm::default(),
            split: Split::Pending(Comma::Now),
            kept: 0,
        };
        (call, outcome, Duration::from_micros(micros))
    }

    #[test]
    fn table_is_sorted_by_time_and_ends_in_a_total() {
        let mut summary = Summary::new(Vec::new());
        for (call, outcome, system) in [
            leave("close", Outcome::Value(0), 0),
            leave("wait4", Outcome::Value(5), 1000),
            leave("wait4", Outcome::Error(Errno::ECHILD), 2403),
            leave("read", Outcome::Value(0), 0),
            leave("exit_group", Outcome::Never, 0),
        ] {
            let spent = Duration::ZERO;
            let event = Event::Leave { call: &call, outcome, note: None, spent, system };
            summary.event(Pid::from_raw(1), SystemTime::UNIX_EPOCH, &event).expect("to memory");
        }
        summary.finish().expect("to memory");
        let expected = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
100.00    0.003403        1701         2         1 wait4
  0.00    0.000000           0         1           read
  0.00    0.000000           0         1           close
------ ----------- ----------- --------- --------- ----------------
100.00    0.003403         850         4         1 total
";
        assert_eq!(String::from_utf8_lossy(summary.get_ref()), expected);
    }
}
