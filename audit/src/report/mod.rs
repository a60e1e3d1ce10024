//! What a record comes to: whether the run complied and why, and the same for a terminal, for programs and
//! for a page.
//!
//! Deliberately absent: reading records (the caller has a [`crate::Model`]), and writing to files.

mod compliance;
mod conclusion;
mod escaped;
mod html;
mod json;
mod markdown;
mod page;
mod sqlite;
mod summary;

pub use compliance::{Compliance, Complies, Row};
pub use conclusion::{Conclusion, Reason, Standing};
pub use html::Html;
pub use json::{SCHEMA_VERSION, bytes as json_bytes, hex, report as json};
pub use markdown::Markdown;
pub use page::Page;
pub use sqlite::sqlite;
pub use summary::{Summary, Used, digest, quoted, size};
