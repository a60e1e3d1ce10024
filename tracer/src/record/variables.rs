//! The variables of an environment, as a record has them.
//!
//! Most programs of a tree have the same: what is no secret is looked at once.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use vrift_record::{Value, Variable, secret};

/// How many variables are remembered, and up to which length.
const KNOWN_MAX: usize = 1 << 10;
const BYTES_MAX: usize = 1 << 10;

/// The variables that have been found to be no secrets.
#[derive(Debug, Default)]
pub(super) struct Variables {
    plain: HashSet<Vec<u8>, RandomState>,
}

impl Variables {
    /// What of each variable is kept out of a record.
    pub(super) fn secrets<'a>(&mut self, variables: &'a [Vec<u8>]) -> Vec<Option<&'a [u8]>> {
        variables.iter().map(|variable| self.secret(variable)).collect()
    }

    fn secret<'a>(&mut self, variable: &'a [u8]) -> Option<&'a [u8]> {
        if self.plain.contains(variable) {
            return None;
        }
        let secret = secret(variable);
        if secret.is_none() && variable.len() <= BYTES_MAX {
            if self.plain.len() >= KNOWN_MAX {
                self.plain.clear();
            }
            self.plain.insert(variable.to_owned());
        }
        secret
    }
}

/// A variable as a record has it.
pub(super) fn told<'a>(variable: &'a [u8], secret: Option<&[u8]>) -> Variable<&'a [u8]> {
    let end = variable.iter().position(|&byte| byte == b'=').unwrap_or(variable.len());
    let value = match secret {
        None => Value::Plain(variable.get(end + 1..).unwrap_or_default()),
        Some(_) => Value::Redacted,
    };
    Variable { name: &variable[..end], value }
}
