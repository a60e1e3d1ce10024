//! What the comparison found: a table of programs, then every difference, most frequent first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use super::compare::{Addresses, Comparison, Difference};
use super::programs::{Program, Wanted};
use super::stage::Lane;

/// One program, compared once or several times.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) program: &'static str,
    lane: Lane,
    pub(crate) wanted: Wanted,
    /// The attempt with the fewest differences: what a race in the program adds is not the
    /// tracer's, and what the tracer spells wrong is there each time.
    pub(crate) best: Comparison,
    percent_min: f64,
    worst: f64,
    attempts: usize,
    /// Differences of the best attempt that some other attempt does not have.
    fleeting: BTreeSet<Difference>,
}

impl Measured {
    /// Chooses among attempts, of which there is at least one.
    pub(crate) fn new(program: &'static Program, lane: Lane, all: Vec<Comparison>) -> Measured {
        let attempts = all.len();
        let worst = all.iter().map(Comparison::percent).fold(100.0, f64::min);
        let seen: Vec<BTreeSet<_>> =
            all.iter().map(|attempt| attempt.differences.iter().cloned().collect()).collect();
        let best = all.into_iter().min_by_key(|attempt| attempt.differences.len());
        let best = best.expect("there is at least one attempt");
        let everywhere = |difference: &&Difference| !seen.iter().all(|s| s.contains(*difference));
        let fleeting = best.differences.iter().filter(everywhere).cloned().collect();
        Measured {
            program: program.name,
            lane,
            wanted: program.wanted,
            best,
            percent_min: program.percent_min,
            worst,
            attempts,
            fleeting,
        }
    }

    /// What it fell short of, if less agrees than has to.
    pub(crate) fn shortfall(&self) -> Option<String> {
        let (percent, least) = (self.best.percent(), self.percent_min);
        let (program, lane) = (self.program, self.lane.word());
        (percent < least).then(|| format!("{program}, lane {lane}: {percent:.2} % of {least} %"))
    }
}

/// Everything that was found.
#[derive(Debug)]
pub(crate) struct Report {
    addresses: Addresses,
    all: Vec<Measured>,
}

impl Report {
    pub(crate) fn new(addresses: Addresses) -> Report {
        Report { addresses, all: Vec::new() }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        self.all.push(measured);
    }

    pub(crate) fn measured(&self) -> impl Iterator<Item = &Measured> {
        self.all.iter()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let addresses = match self.addresses {
            Addresses::Fixed => "compared as they are",
            Addresses::Random => "random: compared by what they stand for",
        };
        writeln!(f, "\nagreement with strace (addresses {addresses})\n")?;
        writeln!(
            f,
            "{:<10} {:<6} {:>6} {:>6} {:>8} {:>8} {:>8}",
            "program", "lane", "lines", "equal", "percent", "worst", "attempts"
        )?;
        for m in &self.all {
            let mark = if m.wanted == Wanted::ByTheIssue { "" } else { " (besides)" };
            writeln!(
                f,
                "{:<10} {:<6} {:>6} {:>6} {:>8.2} {:>8.2} {:>8}{mark}",
                m.program,
                m.lane.word(),
                m.best.lines(),
                m.best.equal,
                m.best.percent(),
                m.worst,
                m.attempts
            )?;
        }
        self.all.iter().try_for_each(|measured| differences(f, measured))
    }
}

/// The differences of a program: `- strace`, `+ vrift`, and how often.
fn differences(f: &mut Formatter<'_>, measured: &Measured) -> fmt::Result {
    let mut counts: BTreeMap<&Difference, usize> = BTreeMap::new();
    for difference in &measured.best.differences {
        *counts.entry(difference).or_default() += 1;
    }
    if counts.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    writeln!(f, "\n{}: {} differences", measured.program, measured.best.differences.len())?;
    for (difference, count) in sorted {
        let fleeting = match measured.fleeting.contains(difference) {
            true => " (not in every attempt)",
            false => "",
        };
        writeln!(f, "@@ {count} time(s){fleeting}")?;
        if let Some(line) = &difference.strace {
            writeln!(f, "- {line}")?;
        }
        if let Some(line) = &difference.vrift {
            writeln!(f, "+ {line}")?;
        }
    }
    Ok(())
}
