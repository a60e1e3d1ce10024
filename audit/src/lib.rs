//! What is made of a record: tables, reports, what differs between two, what a run needed, and the words
//! of others for it.
//!
//! ```text
//!  Reader ─► Entry ─► Model (processes, files, findings) ─► report, diff, deps, export
//! ```
//!
//! Deliberately absent: the format of records (`vrift-record`), and the command line.

pub mod deps;
pub mod diff;
pub mod export;
mod model;
pub mod report;

#[cfg(test)]
mod tests;

pub use model::{
    Before, Came, Connection, Counts, FileUse, Finding, Model, Order, Process, ProcessId, Program,
    Tally, Version, What,
};
/// What tables are made of.
pub use vrift_record::*;
