//! The view: what a program tree did, as text, as JSON lines and as a table.
//!
//! ```text
//!  Call + Memory ─► Speller ─► Spelled (name, values, form of the result) ─► Event ─► Sink
//!                                                                      text, json, summary
//! ```
//!
//! A call is spelled once, into [`value::Value`]s; text and JSON are two ways to write the same
//! values. The text is strace's own spelling, so that eyes and scripts trained on strace can read
//! it. Whatever a tracee puts into memory, spelling it neither panics nor reads without bound.
//!
//! Deliberately absent: deciding what to stop for (the engine does, asking
//! [`select::Selection`]), and any change to the tracee.

pub mod event;
pub mod filter;
pub mod json;
pub mod lineage;
pub mod note;
pub mod paths;
pub mod patient;
pub mod places;
pub mod qualifier;
pub mod select;
pub mod separate;
pub mod spelled;
pub mod style;
pub mod summary;
pub mod text;
pub mod timeline;
pub mod tree;
pub mod value;
pub(crate) mod window;
pub mod word;

mod clock;
pub(crate) mod inside;
mod kinds;
mod leader;
pub(crate) mod names;
mod quote;
mod stamp;
#[cfg(test)]
mod tests;

pub use event::{Core, Event, Kin, Resources, Sink, Wants};
pub use filter::{Filter, Words};
pub use note::Note;
pub use places::{Places, Seat};
pub use qualifier::Qualifier;
pub use select::Selection;
pub use spelled::{Spelled, Speller};
pub use style::Style;
