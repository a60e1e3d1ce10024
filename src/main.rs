//! `vrift`: trace a program tree, serve its files from a manifest, show what it did.

mod cli;
mod commands;
mod environment;
mod failure;
mod inherited;
mod mounts;
mod program;
mod progress;
mod reader;

use std::io::{self, Write};
use std::process::ExitCode;

use cli::Cli;
use failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(usage) => return failure::usage(&usage),
    };
    match commands::dispatch(cli.command).and_then(printed) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// What is behind the last line end of standard output is written now: at the end of the process nobody would
/// be told that it cannot be.
fn printed(code: ExitCode) -> Result<ExitCode, Failure> {
    io::stdout().flush().map_err(|error| Failure::new("standard output").because(error))?;
    Ok(code)
}
