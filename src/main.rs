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

use std::process::ExitCode;

use cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(usage) => return failure::usage(&usage),
    };
    match commands::dispatch(cli.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
