//! `vrift cas`: the content-addressed store.

use std::io::{Write, stdout};
use std::process::ExitCode;

use crate::cli::CasCommand;
use crate::environment;
use crate::failure::{Failure, complain};

/// Carries out `vrift cas …`.
pub(crate) fn cas(command: &CasCommand) -> Result<ExitCode, Failure> {
    match command {
        CasCommand::Stat { json } => stat(*json),
        CasCommand::Verify => verify(),
    }
}

fn stat(json: bool) -> Result<ExitCode, Failure> {
    let store = environment::store()?;
    let stats = store.stat()?;
    let mut out = stdout().lock();
    if json {
        let object = serde_json::json!({
            "store": store.root().to_string_lossy(),
            "blobs": stats.blobs,
            "bytes": stats.bytes,
            "leftovers": stats.leftovers,
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "store      {}", store.root().display())?;
        writeln!(out, "blobs      {}", stats.blobs)?;
        writeln!(out, "bytes      {}", stats.bytes)?;
        writeln!(out, "leftovers  {}", stats.leftovers)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify() -> Result<ExitCode, Failure> {
    let store = environment::store()?;
    let verified = store.verify(&mut |damage| complain(&damage.to_string()))?;
    writeln!(
        stdout(),
        "{} blobs, {} bytes, {} damaged",
        verified.blobs,
        verified.bytes,
        verified.damaged
    )?;
    Ok(if verified.damaged == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
