//! The subcommands, one file each.

mod archive;
mod audit;
mod cas;
mod doctor;
mod export;
mod ingest;
mod manifest;
mod run;
mod session;
mod trace;

use std::process::ExitCode;

pub(crate) use run::die_of;

use crate::cli::Command;
use crate::failure::Failure;

/// Carries out a command.
pub(crate) fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Trace(args) => trace::trace(&args),
        Command::Run(args) => run::run(&args),
        Command::Audit(args) => audit::audit(&args),
        Command::Ingest(args) => ingest::ingest(&args),
        Command::Export(args) => export::export(&args),
        Command::Manifest(command) => manifest::manifest(&command),
        Command::Session(command) => session::session(&command),
        Command::Cas(command) => cas::cas(&command),
        Command::Doctor => doctor::doctor(),
    }
}
