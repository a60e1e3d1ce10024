//! `vrift cas`: the content-addressed store.

mod gc;
mod verify;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vrift_cas::Protection;
use vrift_vfs::manifest::Manifest;
use vrift_vfs::reach::Unknown;

use crate::cli::CasCommand;
use crate::environment;
use crate::failure::{Failure, complain};

/// Carries out `vrift cas …`.
pub(crate) fn cas(command: &CasCommand) -> Result<ExitCode, Failure> {
    match command {
        CasCommand::Stat { json } => stat(*json),
        CasCommand::Verify { json } => verify::verify(*json),
        CasCommand::Gc(args) => gc::gc(args),
        CasCommand::Register { manifests } => register(manifests),
        CasCommand::Protect => protect(Protection::On),
        CasCommand::Unprotect => protect(Protection::Off),
    }
}

fn stat(json: bool) -> Result<ExitCode, Failure> {
    let store = environment::store()?;
    let stats = store.stat()?;
    let numbers = [
        ("blobs", stats.blobs),
        ("bytes", stats.bytes),
        ("protected", stats.protected),
        ("manifests", stats.roots),
        ("leftovers", stats.leftovers),
    ];
    let mut out = stdout().lock();
    if json {
        let mut object = serde_json::Map::new();
        object.insert("store".into(), shown(store.root()).into());
        object.extend(numbers.map(|(name, number)| (name.to_owned(), number.into())));
        writeln!(out, "{}", serde_json::Value::Object(object))?;
    } else {
        writeln!(out, "store      {}", store.root().display())?;
        for (name, number) in numbers {
            writeln!(out, "{name:<10} {number}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn register(manifests: &[PathBuf]) -> Result<ExitCode, Failure> {
    let store = environment::store()?;
    let hold = store.hold()?;
    for path in manifests {
        // Whatever is registered must be readable: else no collection would delete anything.
        let manifest = Manifest::open(path)?;
        let id = hold.publish(path, || Ok::<_, Failure>(manifest.id()))?;
        let mut lost = 0;
        manifest.verify_blobs(&store, &mut |_| lost += 1)?;
        if lost > 0 {
            complain(&format!("{}: {lost} files have no content in the store", path.display()));
        }
        writeln!(stdout(), "{}  {id}", path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn protect(wanted: Protection) -> Result<ExitCode, Failure> {
    let store = environment::store()?;
    let done = store.protect(wanted)?;
    let word = match wanted {
        Protection::On => "protected",
        Protection::Off => "unprotected",
    };
    let already = done.unchanged;
    writeln!(stdout(), "{} blobs {word}, {already} were so already", done.changed)?;
    Ok(ExitCode::SUCCESS)
}

/// A path in JSON; what is no UTF-8 is replaced.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What could not be found out, for JSON.
fn told(unknown: &[Unknown]) -> Vec<serde_json::Value> {
    let told = |it: &Unknown| serde_json::json!({"path": shown(&it.path), "why": it.to_string()});
    unknown.iter().map(told).collect()
}
