//! The record of what a program tree did: event types, writer, reader, and the tables made of it.
//!
//! ```text
//!  recorder ─► Writer ─► frames on disk ─► Reader ─► Entry ─► Model (processes, files, findings)
//!                                                               └──► report, diff, export
//! ```
//!
//! A record is a file of frames, each chained to the one before it, so that a cut or an edit is found
//! and named. `docs/record-format.md` has every byte.
//!
//! Deliberately absent: how events are learned of (the recorder watches the tracer's), the numbers of
//! system calls (a record names them), and the command line.

pub mod deps;
pub mod diff;
mod error;
mod event;
pub mod export;
mod header;
mod model;
pub mod policy;
mod reader;
mod redact;
pub mod report;
mod text;
mod wire;
mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use error::{Damage, Error, Fault};
pub use event::{
    Access, Act, Class, Content, Endpoint, Entry, Escape, Event, Execution, How, Kin, Left,
    NetworkAct, Origin, Outcome, Part, Response, Tid, Usage, Value, Variable, Verdict, VersionId,
};
pub use header::{Ending, Header, Mount, MountAccess, Totals};
pub use model::{
    Before, Connection, Counts, FileUse, Finding, Model, Order, Process, ProcessId, Program, Tally,
    Version, What,
};
pub use reader::{Reader, Record};
pub use redact::{Redaction, redact};
pub use text::Text;
pub use writer::Writer;
