//! The record of what a program tree did: event types, writer, reader, and the policies it is held to.
//!
//! ```text
//!  recorder ─► Writer ─► frames on disk ─► Reader ─► Entry
//! ```
//!
//! A record is a file of frames, each chained to the one before it, so that a cut or an edit is found
//! and named. `docs/record-format.md` has every byte.
//!
//! Deliberately absent: how events are learned of (the recorder watches the tracer's), the numbers of
//! system calls (a record names them), and what is made of a record (`vrift-audit`), which needs more crates
//! than a tracer should.

mod act;
mod error;
mod event;
mod header;
pub mod policy;
mod reader;
mod redact;
mod text;
mod utc;
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
pub use header::{Ending, Header, Mount, MountAccess, Totals, Unstopped};
pub use reader::{Reader, Record};
pub use redact::{REDACTED, Redaction, redact, redact_words, secret};
pub use text::Text;
pub use utc::Utc;
pub use words::names_memory;
pub use writer::{Appended, Writer};
