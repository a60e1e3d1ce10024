//! Whether a run complied, and why not.
//!
//! A run complies if its record is whole, no rule of its policy was broken, nothing may have acted for it
//! unseen, and no call that a mount had to answer was refused or went past it (RFC-0047). An escape that was
//! tried and failed is no reason: it is told of, and did not happen.

use std::collections::BTreeMap;
use std::fmt;

use vrift_record::{Class, Damage, Escape, Outcome, Response, Text, Verdict};

use crate::model::{Finding, Model, What};

/// What a record comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The answer.
    pub standing: Standing,
    /// Why it is not yes, the weightiest first.
    pub reasons: Vec<Reason>,
}

/// Whether a run complied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It did.
    Compliant,
    /// It did not.
    NotCompliant,
    /// Nothing speaks against it, but the record does not tell everything.
    Unknown,
}

impl Standing {
    /// The standing in a word.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Compliant => "compliant",
            Standing::NotCompliant => "not-compliant",
            Standing::Unknown => "unknown",
        }
    }
}

/// Why a run does not comply, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A rule of the policy was broken.
    Violations {
        /// The kind of rule.
        class: Class,
        /// What was done about it.
        response: Response,
        /// How often.
        count: u64,
        /// What it was about, the first time.
        first: Text,
    },
    /// Something may have acted for the tree unseen.
    Escapes {
        /// How.
        kind: Escape,
        /// How often.
        count: u64,
        /// What it was about, the first time.
        first: Text,
    },
    /// A call was not answered as a plain file system would.
    Calls {
        /// Its name.
        call: Text,
        /// On which grounds: refused or unmodelled.
        verdict: Verdict,
        /// How often.
        count: u64,
    },
    /// The record stops being readable.
    Damaged(Damage),
    /// Events could not be recorded in full.
    Incomplete(u64),
}

impl Reason {
    /// What kind of reason it is, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Reason::Violations { .. } => "violation",
            Reason::Escapes { .. } => "escape",
            Reason::Calls { .. } => "call",
            Reason::Damaged(_) => "damaged-record",
            Reason::Incomplete(_) => "incomplete-record",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Violations { class, response, count, first } => {
                let done = response.word();
                write!(f, "policy: {} {done} {}: {first}", class.word(), times(*count))
            }
            Reason::Escapes { kind, count, first } => {
                write!(f, "possible escape: {} {}: {first}", kind.word(), times(*count))
            }
            Reason::Calls { call, verdict, count } => {
                write!(f, "{call} was {} {}", verdict.word(), times(*count))
            }
            Reason::Damaged(damage) => write!(f, "the record is not whole: {damage}"),
            Reason::Incomplete(count) => {
                write!(f, "the record is not complete: {count} events could not be told in full")
            }
        }
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

impl Conclusion {
    /// Judges a run by its record.
    pub fn of(model: &Model) -> Conclusion {
        let mut reasons = found(&model.findings);
        for (call, tally) in &model.calls {
            for verdict in [Verdict::Unmodelled, Verdict::Refused] {
                if let Some(&count) = tally.verdicts.get(&verdict) {
                    reasons.push(Reason::Calls { call: call.clone(), verdict, count });
                }
            }
        }
        let against = !reasons.is_empty();
        reasons.extend(model.damage.map(Reason::Damaged));
        let incomplete = model.totals.as_ref().map_or(0, |totals| totals.incomplete);
        reasons.extend((incomplete > 0).then_some(Reason::Incomplete(incomplete)));
        let standing = match (against, reasons.is_empty()) {
            (true, _) => Standing::NotCompliant,
            (false, false) => Standing::Unknown,
            (false, true) => Standing::Compliant,
        };
        Conclusion { standing, reasons }
    }
}

/// Violations first, then escapes, each kind once, in the order of first appearance.
fn found(findings: &[Finding]) -> Vec<Reason> {
    let mut violations: Vec<Reason> = Vec::new();
    let mut escapes: Vec<Reason> = Vec::new();
    let mut known = (BTreeMap::new(), BTreeMap::new());
    for Finding { subject, what, .. } in findings {
        match what {
            What::Violation { class, response, .. } => {
                let key = (class.word(), response.word());
                let at = *known.0.entry(key).or_insert(violations.len());
                match violations.get_mut(at) {
                    Some(Reason::Violations { count, .. }) => *count += 1,
                    _ => violations.push(Reason::Violations {
                        class: *class,
                        response: *response,
                        count: 1,
                        first: subject.clone(),
                    }),
                }
            }
            What::Escape { outcome: Outcome::Failed(_), .. } => {}
            What::Escape { kind, outcome: Outcome::Done | Outcome::Never } => {
                let at = *known.1.entry(*kind).or_insert(escapes.len());
                match escapes.get_mut(at) {
                    Some(Reason::Escapes { count, .. }) => *count += 1,
                    _ => escapes.push(Reason::Escapes {
                        kind: *kind,
                        count: 1,
                        first: subject.clone(),
                    }),
                }
            }
        }
    }
    violations.append(&mut escapes);
    violations
}
