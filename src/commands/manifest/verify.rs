//! `vrift manifest verify`: whether a manifest is what was written, and the store has its contents.

use std::collections::{HashMap, HashSet};
use std::io::{Write, stdout};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;
use vrift_cas::{Digest, Store};
use vrift_vfs::manifest::{BlobDefect, Error, Kind, Manifest, NodeId};

use super::spell::write_path;
use crate::cli::VerifyArgs;
use crate::environment;
use crate::failure::{Failure, chain, complain};

/// Checks the manifest, then every content. Exit status 1 if something is wrong.
pub(super) fn verify(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let whole = Manifest::open(&args.manifest).and_then(|open| open.verify().map(|()| open));
    let manifest = match whole {
        Err(error @ Error::Damaged { .. }) => {
            complain(&chain(&error));
            return Ok(ExitCode::FAILURE);
        }
        other => other?,
    };
    let store = environment::store()?;
    let mut defects = Vec::new();
    let contents = manifest.verify_blobs(&store, &mut |defect| defects.push(defect))?;
    for defect in &defects {
        complain(&format!("{}: {}", name(&manifest, defect.node)?, missing(defect)));
    }
    let mut wrong = defects.len() as u64;
    if args.deep {
        wrong += hash_all(&manifest, &store, &defects)?;
    }
    let mut out = stdout().lock();
    if args.json {
        let object = json!({
            "manifest": args.manifest.to_string_lossy(),
            "id": manifest.id().to_string(),
            "nodes": manifest.len(),
            "contents": contents,
            "deep": args.deep,
            "wrong": wrong,
        });
        writeln!(out, "{object}")?;
    } else {
        let how = if args.deep { "hashed" } else { "looked for" };
        writeln!(out, "{} nodes, {contents} contents {how}, {wrong} wrong", manifest.len())?;
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The path of a node, as it is shown.
fn name(manifest: &Manifest, id: NodeId) -> Result<String, Failure> {
    let mut name = Vec::new();
    write_path(&mut name, &manifest.path_of(id)?)?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

fn missing(defect: &BlobDefect) -> String {
    let BlobDefect { digest, wanted, found, .. } = defect;
    match found {
        Some(found) => format!("blob {digest} has {found} bytes instead of {wanted}"),
        None => format!("blob {digest} is not in the store; ingest the source again"),
    }
}

/// Reads each content that is there once, and tells of the files whose content is another.
fn hash_all(manifest: &Manifest, store: &Store, known: &[BlobDefect]) -> Result<u64, Failure> {
    let mut met: HashSet<Digest> = known.iter().map(|defect| defect.digest).collect();
    let mut contents = Vec::new();
    let mut files = Vec::new();
    for id in (0..manifest.len()).map(NodeId) {
        let node = manifest.node(id)?;
        if node.kind == Kind::File {
            files.push((id, node.digest));
            contents.extend(met.insert(node.digest).then_some(node.digest));
        }
    }
    let faults = faults(store, &contents);
    let mut wrong = 0;
    for (id, digest) in files {
        if let Some(fault) = faults.get(&digest) {
            complain(&format!("{}: {fault}", name(manifest, id)?));
            wrong += 1;
        }
    }
    Ok(wrong)
}

/// What is wrong with those of these contents that are not right. All processors read.
fn faults(store: &Store, contents: &[Digest]) -> HashMap<Digest, String> {
    let next = AtomicUsize::new(0);
    let read = || {
        let mut faults = Vec::new();
        while let Some(digest) = contents.get(next.fetch_add(1, Ordering::Relaxed)) {
            faults.extend(fault(store, digest).map(|fault| (*digest, fault)));
        }
        faults
    };
    let count = thread::available_parallelism().map_or(1, usize::from).min(contents.len());
    thread::scope(|scope| {
        // As many as the system lets us have.
        let start = |_| thread::Builder::new().spawn_scoped(scope, read).ok();
        let threads: Vec<_> = (1..count).map_while(start).collect();
        let mut faults: HashMap<_, _> = read().into_iter().collect();
        for thread in threads {
            faults.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        faults
    })
}

/// What is wrong with a blob, after reading it.
fn fault(store: &Store, digest: &Digest) -> Option<String> {
    let hashed = store.open_blob(digest).map_err(|error| chain(&error)).and_then(|mut blob| {
        let read = Digest::of_reader(&mut blob);
        read.map_err(|error| format!("blob {digest} cannot be read: {error}"))
    });
    match hashed {
        Ok(found) if found == *digest => None,
        Ok(found) => Some(format!("blob {digest} hashes to {found}; ingest the source again")),
        Err(error) => Some(error),
    }
}
