//! `vrift cas gc`: what nothing reaches. A dry run unless told to delete.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use vrift_cas::{Alone, Amount, Deleted, Fate, Garbage, Store, path_of_root};
use vrift_vfs::reach::Reach;

use super::{shown, told};
use crate::cli::GcArgs;
use crate::environment;
use crate::failure::{Failure, chain, complain, store_hint};

/// What a collection found and did.
struct Outcome {
    reach: Reach,
    garbage: Garbage,
    /// `None` for a dry run.
    deleted: Option<Deleted>,
    /// Registrations of manifests that are gone, which were dropped.
    dropped: Vec<PathBuf>,
}

/// Shows or deletes. Exit status 1 if something could not be deleted.
pub(crate) fn gc(args: &GcArgs) -> Result<ExitCode, Failure> {
    let store = environment::store()?;
    let forgotten: Vec<_> = args.forget.iter().map(|path| path_of_root(path)).collect();
    refuse_strangers(&store, &forgotten)?;
    let outcome = match args.delete {
        true => delete(&store, &forgotten, args)?,
        false => look(&store, &forgotten, args)?,
    };
    for failure in outcome.deleted.iter().flat_map(|deleted| &deleted.failures) {
        complain(&chain(failure));
    }
    if let Some(hint) = outcome.deleted.iter().flat_map(|d| &d.failures).find_map(store_hint) {
        complain(hint);
    }
    let mut out = stdout().lock();
    match args.json {
        true => writeln!(out, "{}", as_json(&store, &outcome))?,
        false => out.write_all(as_text(&outcome).as_bytes())?,
    }
    let failed = outcome.deleted.is_some_and(|deleted| !deleted.failures.is_empty());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A manifest that is not registered cannot be forgotten; most likely its name was mistyped.
fn refuse_strangers(store: &Store, forgotten: &[PathBuf]) -> Result<(), Failure> {
    let roots = store.roots()?;
    match forgotten.iter().find(|path| roots.iter().all(|root| root.path != **path)) {
        Some(path) => Err(Failure::new(format!("{} is not registered", path.display()))
            .hint("`vrift cas gc --json` lists what is")),
        None => Ok(()),
    }
}

fn look(store: &Store, forgotten: &[PathBuf], args: &GcArgs) -> Result<Outcome, Failure> {
    let reach = known(Reach::of(store, forgotten)?)?;
    let garbage = store.garbage(&|digest| reach.digests.contains(digest), args.grace)?;
    Ok(Outcome { reach, garbage, deleted: None, dropped: Vec::new() })
}

fn delete(store: &Store, forgotten: &[PathBuf], args: &GcArgs) -> Result<Outcome, Failure> {
    let alone = store.alone(&mut || {
        complain("waiting for those who are storing something in the store");
    })?;
    let reach = known(Reach::of(store, forgotten)?)?;
    for path in forgotten {
        store.forget(path)?;
    }
    let (garbage, deleted) = alone.collect(&|digest| reach.digests.contains(digest), args.grace)?;
    // After the deletions, so that a full disk has room for it.
    let dropped = settle(&alone, &reach, args)?;
    Ok(Outcome { reach, garbage, deleted: Some(deleted), dropped })
}

/// Refuses to go on with what is not known.
fn known(reach: Reach) -> Result<Reach, Failure> {
    if reach.unknown.is_empty() {
        return Ok(reach);
    }
    let reasons: Vec<_> = reach.unknown.iter().map(ToString::to_string).collect();
    Err(Failure::new(format!("it is not known what must be kept: {}", reasons.join("; "))).hint(
        "mend or restore it, wait for the process to end, or let a registered manifest not count \
         with --forget MANIFEST",
    ))
}

/// Starts and ends the grace periods of registrations.
fn settle(alone: &Alone, reach: &Reach, args: &GcArgs) -> Result<Vec<PathBuf>, Failure> {
    for root in &reach.present {
        alone.seen(root)?;
    }
    let mut dropped = Vec::new();
    for root in &reach.gone {
        if alone.missed(root, args.grace)? == Fate::Dropped {
            dropped.push(root.path.clone());
        }
    }
    Ok(dropped)
}

fn as_text(outcome: &Outcome) -> String {
    let Outcome { reach, garbage, deleted, dropped } = outcome;
    let mut lines = Vec::new();
    for root in &reach.gone {
        let fate = match dropped.contains(&root.path) {
            true => "it is not registered any more",
            false => "`vrift cas register` takes it at its new place",
        };
        lines.push(format!("gone: {}; {fate}", root.path.display()));
    }
    let amount = |Amount { count, bytes }: Amount| format!("{count} blobs, {bytes} bytes");
    lines.push(format!(
        "kept: {}, for {} manifests and {} mounts",
        amount(garbage.reached),
        reach.present.len(),
        reach.mounts
    ));
    if garbage.unripe.count > 0 {
        let unripe = amount(garbage.unripe);
        lines.push(format!("kept: {unripe}, garbage within its grace period"));
    }
    lines.push(match deleted {
        Some(deleted) => {
            format!("deleted: {}, {} leftovers", amount(deleted.blobs), deleted.leftovers.count)
        }
        None => format!(
            "would delete: {}, {} leftovers; --delete does it",
            amount(garbage.ripe),
            garbage.leftovers.count
        ),
    });
    lines.push(String::new());
    lines.join("\n")
}

fn as_json(store: &Store, outcome: &Outcome) -> Value {
    let Outcome { reach, garbage, deleted, dropped } = outcome;
    let amount = |Amount { count, bytes }: Amount| json!({"count": count, "bytes": bytes});
    let present: Vec<_> = reach.present.iter().map(|root| shown(&root.path)).collect();
    let gone: Vec<_> = reach
        .gone
        .iter()
        .map(|root| json!({"path": shown(&root.path), "dropped": dropped.contains(&root.path)}))
        .collect();
    json!({
        "store": shown(store.root()),
        "manifests": present,
        "gone": gone,
        "mounts": reach.mounts,
        "unknown": told(&reach.unknown),
        "kept": amount(garbage.reached),
        "in_grace": amount(garbage.unripe),
        "garbage": amount(garbage.ripe),
        "leftovers": amount(garbage.leftovers),
        "deleted": deleted.as_ref().map(|deleted| json!({
            "blobs": amount(deleted.blobs),
            "leftovers": amount(deleted.leftovers),
            "failures": deleted.failures.iter().map(|f| chain(f)).collect::<Vec<_>>(),
        })),
    })
}
