//! Counts, errors and times per call, as strace's `-c` table.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use nix::unistd::Pid;
use vrift_arch::{Arch, Native, Syscall};

use super::event::{Event, Sink, Wants};
use super::select::nearest_of;
use crate::call::{Abi, Outcome};

/// One column of the table, and one order of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The part of all time.
    Share,
    /// All time of the call.
    Total,
    /// Its shortest time.
    Shortest,
    /// Its longest time.
    Longest,
    /// Its mean time.
    Mean,
    /// How often it was made.
    Calls,
    /// How often it failed.
    Errors,
    /// Its name.
    Name,
}

/// Names of columns and orders, strace's first.
const COLUMNS: &[(&str, Column)] = &[
    ("time-percent", Column::Share),
    ("total-time", Column::Total),
    ("min-time", Column::Shortest),
    ("max-time", Column::Longest),
    ("avg-time", Column::Mean),
    ("calls", Column::Calls),
    ("errors", Column::Errors),
    ("name", Column::Name),
    ("time", Column::Total),
    ("time-total", Column::Total),
    ("time_total", Column::Total),
    ("min", Column::Shortest),
    ("shortest", Column::Shortest),
    ("max", Column::Longest),
    ("longest", Column::Longest),
    ("avg", Column::Mean),
    ("count", Column::Calls),
    ("error", Column::Errors),
    ("syscall", Column::Name),
    ("syscall-name", Column::Name),
];

/// A name that no column and no order has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownColumn {
    /// The name as given.
    pub name: String,
    /// The known name that resembles it most, if one does.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no column of the summary is called '{}'", self.name)?;
        match self.nearest {
            Some(nearest) => write!(f, "; did you mean '{nearest}'?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownColumn {}

impl Column {
    fn parse(name: &str) -> Result<Column, UnknownColumn> {
        let known = COLUMNS.iter().find(|(known, _)| *known == name);
        known.map(|&(_, column)| column).ok_or_else(|| UnknownColumn {
            name: name.to_owned(),
            nearest: nearest_of(name, COLUMNS.iter().map(|&(known, _)| known)),
        })
    }

    fn heading(self) -> &'static str {
        match self {
            Column::Share => "% time",
            Column::Total => "seconds",
            Column::Shortest => "shortest",
            Column::Longest => "longest",
            Column::Mean => "usecs/call",
            Column::Calls => "calls",
            Column::Errors => "errors",
            Column::Name => "syscall",
        }
    }

    fn width(self) -> usize {
        match self {
            Column::Share => 6,
            Column::Shortest | Column::Longest => 8,
            Column::Total | Column::Mean => 11,
            Column::Calls | Column::Errors => 9,
            Column::Name => 16,
        }
    }

    fn cell(self, row: &Row, all: Duration) -> String {
        let count = &row.count;
        match self {
            Column::Share => format!("{:.2}", row.share(all)),
            Column::Total => format!("{:.6}", count.time.as_secs_f64()),
            Column::Shortest => format!("{:.6}", count.shortest.as_secs_f64()),
            Column::Longest => format!("{:.6}", count.longest.as_secs_f64()),
            Column::Mean => count.mean().as_micros().to_string(),
            Column::Calls => count.calls.to_string(),
            Column::Errors if count.errors == 0 => String::new(),
            Column::Errors => count.errors.to_string(),
            Column::Name => row.name.to_string(),
        }
    }
}

/// Which time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// Processor time in the kernel.
    #[default]
    System,
    /// From entry to exit (`-w`).
    Wall,
}

/// What the table shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    /// `None` leaves the rows in the order of the syscall table.
    order: Option<Column>,
    clock: Clock,
    overhead: Duration,
}

impl Default for Table {
    fn default() -> Table {
        use Column::{Calls, Errors, Mean, Name, Share, Total};
        let columns = vec![Share, Total, Mean, Calls, Errors, Name];
        Table { columns, order: Some(Total), clock: Clock::System, overhead: Duration::ZERO }
    }
}

impl Table {
    /// Reads a list of columns (`-U`) and the name of an order (`-S`).
    ///
    /// # Errors
    /// [`UnknownColumn`] for a name that neither has.
    pub fn parse(columns: &str, order: &str, clock: Clock) -> Result<Table, UnknownColumn> {
        let columns = columns.split(',').map(Column::parse).collect::<Result<_, _>>()?;
        let order = match order {
            "nothing" | "none" => None,
            order => Some(Column::parse(order)?),
        };
        Ok(Table { columns, order, clock, overhead: Duration::ZERO })
    }

    /// The same with so much taken off the time of each call (`-O`).
    pub fn less(self, overhead: Duration) -> Table {
        Table { overhead, ..self }
    }
}

/// What is counted, by the names of calls.
type Counts = HashMap<Cow<'static, str>, Count>;

/// The place of a call in a table.
type Number = fn(Syscall) -> Option<u64>;

/// A sink that counts, and prints a table at the end.
#[derive(Debug)]
pub struct Summary<W: Write> {
    out: W,
    table: Table,
    native: Counts,
    compat: Counts,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    calls: u64,
    errors: u64,
    time: Duration,
    shortest: Duration,
    longest: Duration,
}

impl Default for Count {
    fn default() -> Count {
        let (time, longest) = (Duration::ZERO, Duration::ZERO);
        Count { calls: 0, errors: 0, time, shortest: Duration::MAX, longest }
    }
}

impl Count {
    fn add(&mut self, other: Count) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.time += other.time;
        self.shortest = self.shortest.min(other.shortest);
        self.longest = self.longest.max(other.longest);
    }

    fn mean(&self) -> Duration {
        let nanos = self.time.as_nanos() / u128::from(self.calls.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A row with the name it is printed under.
struct Row {
    name: Cow<'static, str>,
    count: Count,
}

impl Row {
    /// Its part of all time, in percent; all of it for the sum itself.
    fn share(&self, all: Duration) -> f64 {
        match (self.name.as_ref(), all.is_zero()) {
            ("total", _) => 100.0,
            (_, true) => 0.0,
            (_, false) => 100.0 * self.count.time.as_secs_f64() / all.as_secs_f64(),
        }
    }

    /// What comes first by a column: the largest, or the first name.
    fn compare(&self, other: &Row, by: Column) -> Ordering {
        let (a, b) = (&self.count, &other.count);
        match by {
            Column::Share | Column::Total => b.time.cmp(&a.time),
            Column::Shortest => b.shortest.cmp(&a.shortest),
            Column::Longest => b.longest.cmp(&a.longest),
            Column::Mean => b.mean().cmp(&a.mean()),
            Column::Calls => b.calls.cmp(&a.calls),
            Column::Errors => b.errors.cmp(&a.errors),
            Column::Name => self.name.cmp(&other.name),
        }
    }
}

impl<W: Write> Summary<W> {
    /// A sink that prints its table to `out`.
    pub fn new(out: W, table: Table) -> Summary<W> {
        Summary { out, table, native: Counts::new(), compat: Counts::new() }
    }

    /// The writer, for example to read what was written to memory.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// The rows in the order asked for; equal ones in the order of the syscall table.
    fn rows(&self, counts: Counts, number: Number) -> Vec<Row> {
        let mut rows: Vec<Row> =
            counts.into_iter().map(|(name, count)| Row { name, count }).collect();
        rows.sort_by_cached_key(|row| {
            let number = Syscall::from_name(&row.name).and_then(number);
            (number.unwrap_or(u64::MAX), row.name.clone())
        });
        if let Some(order) = self.table.order {
            rows.sort_by(|a, b| a.compare(b, order));
        }
        rows
    }

    fn print(&mut self, counts: Counts, number: Number) -> io::Result<()> {
        let rows = self.rows(counts, number);
        let mut total = Row { name: "total".into(), count: Count::default() };
        rows.iter().for_each(|row| total.count.add(row.count));
        let all = total.count.time;
        let columns = self.table.columns.clone();
        let cells = |row: &Row| columns.iter().map(|column| column.cell(row, all)).collect();
        let body: Vec<Vec<String>> = rows.iter().map(cells).collect();
        let total: Vec<String> = cells(&total);
        let widest = |at: usize, column: &Column| match column {
            Column::Name => column.width(),
            _ => column.width().max(total[at].len()),
        };
        let widths: Vec<usize> =
            columns.iter().enumerate().map(|(at, column)| widest(at, column)).collect();
        let headings: Vec<String> =
            columns.iter().map(|column| column.heading().to_owned()).collect();
        let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        self.line(&headings, &widths)?;
        self.line(&rule, &widths)?;
        for cells in &body {
            self.line(cells, &widths)?;
        }
        self.line(&rule, &widths)?;
        self.line(&total, &widths)
    }

    fn line(&mut self, cells: &[String], widths: &[usize]) -> io::Result<()> {
        let last = cells.len().saturating_sub(1);
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let space = if at == 0 { "" } else { " " };
            match self.table.columns[at] {
                Column::Name if at == last => write!(self.out, "{space}{cell}")?,
                Column::Name => write!(self.out, "{space}{cell:<width$}")?,
                _ => write!(self.out, "{space}{cell:>width$}")?,
            }
        }
        writeln!(self.out)
    }
}

impl<W: Write> Sink for Summary<W> {
    fn event(&mut self, _tid: Pid, _at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        // Strace counts a call at its exit, and does not count one that never returns, nor one without a name.
        if let Event::Leave { call, outcome, spent, system, .. } = event
            && *outcome != Outcome::Never
            && call.has_name()
        {
            let errors = u64::from(matches!(outcome, Outcome::Error(_)));
            let time = match self.table.clock {
                Clock::System => *system,
                Clock::Wall => *spent,
            }
            .saturating_sub(self.table.overhead);
            let count = Count { calls: 1, errors, time, shortest: time, longest: time };
            match call.abi {
                Abi::Native => self.native.entry(call.name.clone()).or_default().add(count),
                Abi::Compat => self.compat.entry(call.name.clone()).or_default().add(count),
                // Its calls have no names.
                Abi::Foreign { .. } => {}
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let (native, compat) = (std::mem::take(&mut self.native), std::mem::take(&mut self.compat));
        if !native.is_empty() {
            self.print(native, Native::number)?;
        }
        if !compat.is_empty() {
            writeln!(self.out, "System call usage summary for 32 bit mode:")?;
            self.print(compat, <Native as Arch>::Compat::number)?;
        }
        self.out.flush()
    }

    fn wants(&self) -> Wants {
        let wall = self.table.clock == Clock::Wall;
        Wants { times: wall, system: !wall, ..Wants::default() }
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;
    use crate::view::spelled::{Comma, ResultForm, Spelled, Split};

    fn leave(name: &'static str, outcome: Outcome, micros: u64) -> (Spelled, Outcome, Duration) {
        let call = Spelled {
            number: 0,
            ip: 0,
            name: name.into(),
            args: Vec::new(),
            result: ResultForm::default(),
            split: Split::Pending(Comma::Now),
            kept: 0,
            abi: Abi::Native,
            meant: None,
        };
        (call, outcome, Duration::from_micros(micros))
    }

    #[test]
    fn table_is_sorted_by_time_and_ends_in_a_total() {
        let mut summary = Summary::new(Vec::new(), Table::default());
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

    #[test]
    fn columns_and_order_are_chosen() {
        let table = Table::parse("name,calls,errors", "name", Clock::Wall).expect("known names");
        let mut summary = Summary::new(Vec::new(), table);
        for (call, outcome, spent) in
            [leave("read", Outcome::Value(0), 3), leave("close", Outcome::Error(Errno::EBADF), 7)]
        {
            let system = Duration::ZERO;
            let event = Event::Leave { call: &call, outcome, note: None, spent, system };
            summary.event(Pid::from_raw(1), SystemTime::UNIX_EPOCH, &event).expect("to memory");
        }
        summary.finish().expect("to memory");
        let expected = [
            "syscall              calls    errors",
            "---------------- --------- ---------",
            "close                    1         1",
            "read                     1          ",
            "---------------- --------- ---------",
            "total                    2         1",
            "",
        ];
        assert_eq!(String::from_utf8_lossy(summary.get_ref()), expected.join("\n"));
    }

    #[test]
    fn unknown_columns_are_refused() {
        let error = Table::parse("name", "tme", Clock::System).expect_err("a typing error");
        assert_eq!(
            error.to_string(),
            "no column of the summary is called 'tme'; did you mean 'time'?"
        );
    }
}
