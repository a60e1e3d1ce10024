//! Two traces of the same program, line by line.
//!
//! The processes are compared each with its counterpart. Lines are aligned as `diff` aligns them;
//! what remains on both sides is paired by the name of the call, so that a line spelled
//! differently counts once, and one that only one tracer has counts as well.
//!
//! **Invariant:** `equal` plus the number of differences is the number of lines compared.

use std::collections::{BTreeSet, HashMap};

use super::mask;
use super::trace::{Column, Process, Trace};

/// Whether the kernel put everything at the same address in both runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// Randomisation was off: they have to be equal.
    Fixed,
    /// They have to stand for each other throughout a process.
    Random,
}

/// What came of comparing two traces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) equal: usize,
    pub(crate) differences: Vec<Difference>,
}

/// One line, or a pair of lines, in which the tracers differ; as masked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) strace: Option<String>,
    pub(crate) vrift: Option<String>,
}

impl Comparison {
    /// The number of lines compared.
    pub(crate) fn lines(&self) -> usize {
        self.equal + self.differences.len()
    }

    /// How many of a hundred lines are equal.
    pub(crate) fn percent(&self) -> f64 {
        if self.lines() == 0 { 0.0 } else { 100.0 * self.equal as f64 / self.lines() as f64 }
    }
}

/// Compares a whole run.
pub(crate) fn compare(strace: &Trace, vrift: &Trace, addresses: Addresses) -> Comparison {
    let names: BTreeSet<_> = strace.processes.keys().chain(vrift.processes.keys()).collect();
    let nobody = Process::default();
    let mut comparison = Comparison::default();
    for name in names {
        let side = |trace: &Trace| {
            let process = trace.processes.get(name).unwrap_or(&nobody);
            let masked = mask::masked(process, &trace.places);
            let columns = process.lines.iter().map(|line| line.column);
            masked
                .into_iter()
                .zip(columns)
                .map(|(text, column)| Masked::new(text, column))
                .collect::<Vec<_>>()
        };
        let (strace, vrift) = (side(strace), side(vrift));
        compare_process(&strace, &vrift, addresses, &mut comparison);
    }
    comparison
}

/// A masked line with what alignment needs to know of it.
#[derive(Debug)]
struct Masked {
    text: String,
    /// The text without its addresses.
    key: String,
    /// The name of the call, or how a line of another kind starts.
    name: String,
    column: Column,
}

impl Masked {
    fn new(text: String, column: Column) -> Masked {
        let key = mask::words(&text, |word| is_address(word).then(|| "0x".to_owned()));
        let end = text.find(['(', '{', '+']).filter(|&at| at > 0).unwrap_or(text.len());
        let name = text[..end].to_owned();
        Masked { text, key, name, column }
    }
}

/// Hexadecimal numbers that may lie in a process, but not small ones.
fn is_address(word: &str) -> bool {
    let digits = word.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    digits.is_some_and(|value| (0x1_0000..0x8000_0000_0000).contains(&value))
}

fn compare_process(
    strace: &[Masked],
    vrift: &[Masked],
    addresses: Addresses,
    comparison: &mut Comparison,
) {
    let pairs = align(strace, vrift);
    let partners = Partners::of(&pairs, strace, vrift, addresses);
    for pair in pairs {
        let (s, v) = (pair.0.map(|at| &strace[at]), pair.1.map(|at| &vrift[at]));
        if let (Some(s), Some(v)) = (s, v)
            && s.column == v.column
            && (s.text == v.text || s.key == v.key && partners.agree(s, v))
        {
            comparison.equal += 1;
            continue;
        }
        let text = |line: &Masked| match line.column {
            Column::Right => line.text.clone(),
            Column::Wrong => format!("{} [result not in its column]", line.text),
        };
        comparison.differences.push(Difference { strace: s.map(text), vrift: v.map(text) });
    }
}

/// Which address of one run stands for which of the other.
#[derive(Debug)]
struct Partners {
    addresses: Addresses,
    forth: HashMap<String, String>,
}

impl Partners {
    /// Takes for each address the one it is paired with most often.
    fn of(
        pairs: &[(Option<usize>, Option<usize>)],
        strace: &[Masked],
        vrift: &[Masked],
        addresses: Addresses,
    ) -> Partners {
        let mut counts: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
        for pair in pairs {
            let (Some(s), Some(v)) = *pair else { continue };
            for (s, v) in address_pairs(&strace[s], &vrift[v]) {
                *counts.entry(s).or_default().entry(v).or_default() += 1;
            }
        }
        let most = |others: HashMap<&str, usize>| {
            let most = others.into_iter().max_by_key(|&(other, count)| (count, other.to_owned()));
            most.map(|(other, _)| other.to_owned()).unwrap_or_default()
        };
        let forth = counts.into_iter().map(|(s, others)| (s.to_owned(), most(others))).collect();
        Partners { addresses, forth }
    }

    fn agree(&self, s: &Masked, v: &Masked) -> bool {
        // The environment of the first execve lies in the tracer, wherever that is.
        let by_tracer = s.name == "execve";
        address_pairs(s, v).into_iter().all(|(s, v)| {
            let partner = self.forth.get(s).is_some_and(|partner| partner == v);
            s == v || (by_tracer || self.addresses == Addresses::Random) && partner
        })
    }
}

fn address_pairs<'a>(s: &'a Masked, v: &'a Masked) -> Vec<(&'a str, &'a str)> {
    if s.key != v.key {
        return Vec::new();
    }
    let addresses = |line: &'a Masked| {
        mask::split_words(&line.text).into_iter().filter(|word| is_address(word))
    };
    addresses(s).zip(addresses(v)).collect()
}

type Pair = (Option<usize>, Option<usize>);

/// Pairs equal lines first, then, between those, lines of the same call.
fn align(strace: &[Masked], vrift: &[Masked]) -> Vec<Pair> {
    let equal = common(strace.len(), vrift.len(), |s, v| strace[s].key == vrift[v].key);
    let mut pairs = Vec::new();
    let (mut s, mut v) = (0, 0);
    for (next_s, next_v) in equal.into_iter().chain([(strace.len(), vrift.len())]) {
        let same_call =
            common(next_s - s, next_v - v, |i, j| strace[s + i].name == vrift[v + j].name);
        for (i, j) in same_call.into_iter().chain([(next_s - s, next_v - v)]) {
            let done_s = pairs.iter().rev().find_map(|pair: &Pair| pair.0).map_or(0, |at| at + 1);
            let done_v = pairs.iter().rev().find_map(|pair: &Pair| pair.1).map_or(0, |at| at + 1);
            pairs.extend((done_s..s + i).map(|at| (Some(at), None)));
            pairs.extend((done_v..v + j).map(|at| (None, Some(at))));
            if s + i < next_s && v + j < next_v {
                pairs.push((Some(s + i), Some(v + j)));
            }
        }
        if next_s < strace.len() && next_v < vrift.len() {
            pairs.push((Some(next_s), Some(next_v)));
        }
        (s, v) = (next_s + 1, next_v + 1);
    }
    pairs
}

/// The longest common subsequence, as pairs of positions.
fn common(rows: usize, columns: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let start = (0..rows.min(columns)).take_while(|&at| same(at, at)).count();
    let end = (0..rows.min(columns) - start)
        .take_while(|&at| same(rows - 1 - at, columns - 1 - at))
        .count();
    let (height, width) = (rows - start - end, columns - start - end);
    // Lengths of what is common from (row, column) on.
    let mut lengths = vec![0u32; (height + 1) * (width + 1)];
    let at = |row: usize, column: usize| row * (width + 1) + column;
    for row in (0..height).rev() {
        for column in (0..width).rev() {
            lengths[at(row, column)] = if same(start + row, start + column) {
                lengths[at(row + 1, column + 1)] + 1
            } else {
                lengths[at(row + 1, column)].max(lengths[at(row, column + 1)])
            };
        }
    }
    let mut pairs: Vec<_> = (0..start).map(|at| (at, at)).collect();
    let (mut row, mut column) = (0, 0);
    while row < height && column < width {
        if same(start + row, start + column) {
            pairs.push((start + row, start + column));
            (row, column) = (row + 1, column + 1);
        } else if lengths[at(row + 1, column)] >= lengths[at(row, column + 1)] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs.extend((0..end).rev().map(|at| (rows - 1 - at, columns - 1 - at)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(strace: &str, vrift: &str, addresses: Addresses, equal: usize, different: usize) {
        let comparison = compare(&Trace::parse(strace), &Trace::parse(vrift), addresses);
        let found = (comparison.equal, comparison.differences.len());
        assert_eq!(found, (equal, different), "{comparison:#?}");
    }

    const ONE: &str =
        "7 mmap(NULL, 1) = 0x7f0000001000\n7 close(3) = 0\n7 munmap(0x7f0000001000, 1) = 0\n";
    const TWO: &str =
        "8 mmap(NULL, 1) = 0x7f0000005000\n8 close(3) = 0\n8 munmap(0x7f0000005000, 1) = 0\n";
    const BAD: &str =
        "8 mmap(NULL, 1) = 0x7f0000005000\n8 close(4) = 0\n8 munmap(0x7f0000006000, 1) = 0\n";

    #[test]
    fn addresses_have_to_stand_for_each_other() {
        check(ONE, TWO, Addresses::Random, 3, 0);
        check(ONE, TWO, Addresses::Fixed, 1, 2);
        check(ONE, BAD, Addresses::Random, 1, 2);
    }

    #[test]
    fn a_line_of_one_side_counts() {
        let more = format!("{ONE}7 close(5) = 0\n");
        check(ONE, &more, Addresses::Fixed, 3, 1);
        check(&more, ONE, Addresses::Fixed, 3, 1);
        check("", ONE, Addresses::Fixed, 0, 3);
    }

    #[test]
    fn an_address_that_is_none_is_compared_as_it_is() {
        let (small, other) = ("7 close(0x8) = 0\n", "7 close(0x9) = 0\n");
        check(small, other, Addresses::Random, 0, 1);
    }
}
