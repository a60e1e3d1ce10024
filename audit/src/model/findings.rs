//! What somebody should look at.

use std::time::Duration;

use vrift_record::{Class, Escape, Outcome, Response, Text};

use super::processes::ProcessId;

/// A possible escape, or a violation of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// When.
    pub at: Duration,
    /// Who; `None` for what the recorder itself found.
    pub process: Option<ProcessId>,
    /// By which system call; empty for what the recorder found.
    pub call: Text,
    /// What it was about.
    pub subject: Text,
    /// What it is.
    pub what: What,
}

/// The kinds of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something may have happened that the record does not tell.
    Escape {
        /// How.
        kind: Escape,
        /// Whether it came to that.
        outcome: Outcome,
    },
    /// A rule of the policy was broken.
    Violation {
        /// The kind of rule.
        class: Class,
        /// The rule; empty if the class itself is forbidden.
        rule: Text,
        /// What was done about it.
        response: Response,
    },
}
