//! Executions of two runs: which were made in one only, and with which other environments.
//!
//! Executions with the same program, words and directory are the same; whatever order they came in. What
//! remains of a program is paired by the words that executions have in common.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use vrift_record::{Execution, Text, Value};

use super::names::{Names, Numbers};
use super::{Both, ExecutionChange, VariableChange};
use crate::model::Model;

/// Shells set this variable to the path of the program: for the first one, of what started the run.
const UNDERSCORE: &[u8] = b"_";

/// What an execution was, without what is noise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    program: Text,
    argv: Vec<Text>,
    cwd: Text,
}

/// The environment by names; `None` for a value that was kept out.
type Environment = BTreeMap<Text, Option<Text>>;

type Runs = BTreeMap<Key, Vec<Environment>>;

type Executed = (Key, Environment);

/// As many pairs of executions of a program are compared; more are paired in order.
const COMPARED_MAX: usize = 1 << 18;

/// What differs between the executions of two runs.
pub(super) fn compare(
    models: Both<&Model>,
    names: &Both<Names<'_>>,
) -> (Vec<VariableChange>, Vec<ExecutionChange>) {
    let mut a = executions(models.a, &names.a);
    let mut b = executions(models.b, &names.b);
    let mut variables = BTreeMap::new();
    for (key, left) in &mut a {
        let Some(right) = b.get_mut(key) else { continue };
        pair(left, right, &mut variables);
    }
    let changes = unpaired(a, b, &mut variables);
    let variables = variables.into_iter().map(|((name, a, b), processes)| VariableChange {
        name,
        value: Both { a, b },
        processes,
    });
    (variables.collect(), changes)
}

type Variables = BTreeMap<(Text, Setting, Setting), u64>;

/// What a variable was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// It was not there.
    Unset,
    /// It was there, and its value was kept out of the record.
    Redacted,
    /// It had this value.
    Set(Text),
}

fn executions(model: &Model, names: &Names<'_>) -> Runs {
    let mut runs = Runs::new();
    for program in model.processes().iter().flat_map(|process| &process.programs) {
        let Execution { program, argv, env, cwd } = &program.execution;
        let mut numbers = Numbers::default();
        let mut word = |text: &Text| names.word(text, Some(cwd), &mut numbers);
        let key = Key {
            argv: argv.iter().map(&mut word).collect(),
            program: word(program),
            cwd: word(cwd),
        };
        let env = env.iter().filter(|variable| variable.name.as_bytes() != UNDERSCORE);
        let env = env.map(|variable| {
            let value = match &variable.value {
                Value::Plain(value) => Some(word(value)),
                Value::Redacted => None,
            };
            (variable.name.clone(), value)
        });
        runs.entry(key).or_default().push(env.collect());
    }
    runs
}

/// Takes away what is in both: first those with equal environments, then the rest in order.
fn pair(a: &mut Vec<Environment>, b: &mut Vec<Environment>, variables: &mut Variables) {
    let mut unmet: BTreeMap<&Environment, usize> = BTreeMap::new();
    for environment in b.iter() {
        *unmet.entry(environment).or_default() += 1;
    }
    let mut equal: BTreeMap<Environment, usize> = BTreeMap::new();
    for environment in a.iter() {
        if let Some(count) = unmet.get_mut(environment).filter(|count| **count > 0) {
            *count -= 1;
            *equal.entry(environment.clone()).or_default() += 1;
        }
    }
    let mut again = equal.clone();
    let take = |equal: &mut BTreeMap<Environment, usize>, environment: &Environment| match equal
        .get_mut(environment)
        .filter(|count| **count > 0)
    {
        Some(count) => {
            *count -= 1;
            false
        }
        None => true,
    };
    a.retain(|environment| take(&mut equal, environment));
    b.retain(|environment| take(&mut again, environment));
    let paired = a.len().min(b.len());
    for (left, right) in a.drain(..paired).zip(b.drain(..paired)) {
        count(&left, &right, variables);
    }
}

fn count(a: &Environment, b: &Environment, variables: &mut Variables) {
    let setting = |environment: &Environment, name: &Text| match environment.get(name) {
        None => Setting::Unset,
        Some(None) => Setting::Redacted,
        Some(Some(value)) => Setting::Set(value.clone()),
    };
    let only_b = b.keys().filter(|name| !a.contains_key(*name));
    for name in a.keys().chain(only_b) {
        let (left, right) = (setting(a, name), setting(b, name));
        if left != right {
            *variables.entry((name.clone(), left, right)).or_default() += 1;
        }
    }
}

/// What is left over of each program.
fn unpaired(a: Runs, b: Runs, variables: &mut Variables) -> Vec<ExecutionChange> {
    let mut programs: BTreeMap<Text, (Vec<Executed>, Vec<Executed>)> = BTreeMap::new();
    let flat = |runs: Runs| {
        runs.into_iter().flat_map(|(key, all)| all.into_iter().map(move |env| (key.clone(), env)))
    };
    for (key, env) in flat(a) {
        programs.entry(key.program.clone()).or_default().0.push((key, env));
    }
    for (key, env) in flat(b) {
        programs.entry(key.program.clone()).or_default().1.push((key, env));
    }
    let mut changes = Vec::new();
    for (program, (left, right)) in programs {
        for (a, b) in paired(left, right) {
            if let (Some((_, a)), Some((_, b))) = (&a, &b) {
                count(a, b, variables);
            }
            let words = |side: Option<(Key, Environment)>| side.map(|(key, _)| (key.argv, key.cwd));
            let run = Both { a: words(a), b: words(b) };
            changes.push(ExecutionChange { program: program.clone(), run });
        }
    }
    changes
}

/// Pairs what is most alike, then the rest in order.
fn paired(a: Vec<Executed>, b: Vec<Executed>) -> Vec<(Option<Executed>, Option<Executed>)> {
    let sorted = |all: &[Executed]| -> Vec<Vec<Text>> {
        let words = |(key, _): &Executed| {
            let mut words = key.argv.clone();
            words.sort();
            words
        };
        all.iter().map(words).collect()
    };
    let mut of_a = vec![None; a.len()];
    let mut is_free = vec![true; b.len()];
    if a.len().saturating_mul(b.len()) <= COMPARED_MAX {
        let (left, right) = (sorted(&a), sorted(&b));
        let places = (0..a.len()).flat_map(|at| (0..b.len()).map(move |to| (at, to)));
        let mut all: Vec<_> =
            places.map(|(at, to)| (Reverse(in_common(&left[at], &right[to])), at, to)).collect();
        all.sort();
        for (_, at, to) in all {
            if of_a[at].is_none() && is_free[to] {
                (of_a[at], is_free[to]) = (Some(to), false);
            }
        }
    }
    let mut b: Vec<_> = b.into_iter().map(Some).collect();
    let mut found: Vec<_> = a
        .into_iter()
        .zip(of_a)
        .map(|(one, other)| (Some(one), other.and_then(|at| b[at].take())))
        .collect();
    let mut rest = b.into_iter().flatten();
    for (_, other) in found.iter_mut().filter(|(_, other)| other.is_none()) {
        *other = rest.next();
    }
    found.extend(rest.map(|one| (None, Some(one))));
    found
}

/// How many words two sorted lists have in common.
fn in_common(a: &[Text], b: &[Text]) -> usize {
    let (mut at, mut to, mut common) = (0, 0, 0);
    while let (Some(left), Some(right)) = (a.get(at), b.get(to)) {
        match left.cmp(right) {
            Ordering::Less => at += 1,
            Ordering::Greater => to += 1,
            Ordering::Equal => (at, to, common) = (at + 1, to + 1, common + 1),
        }
    }
    common
}
