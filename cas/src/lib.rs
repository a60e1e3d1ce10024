//! The content-addressed store: blobs whose name is the BLAKE3 digest of their content.
//!
//! ```text
//! <root>/
//!   blake3/ab/cd/<64 hex digits>   one blob; ab and cd are the first two bytes of its name
//!   tmp/                           blobs on their way in; what a killed process left behind
//! ```
//!
//! **Invariant (Iron Law):** the content of a blob hashes to its name. What is hashed is what was
//! written, never what was read for the first time, so that a source which changes meanwhile
//! cannot break it.
//! **Invariant:** a blob has mode 0444 before it has its name, and never an execute bit.
//! **Invariant:** a blob is a file of the store's own; no file of the user's is ever linked into it.
//! **Invariant:** any number of threads and processes may insert at once, also the same content.
//!
//! Deliberately absent: deletion and garbage collection, the immutable flag, reflinks, and any
//! knowledge of paths, names or trees (that is `vrift-vfs`).

mod digest;
mod error;
mod insert;
mod map;
mod store;
mod temp;
mod verify;
mod walk;

pub use digest::{Digest, NotADigest};
pub use error::Error;
pub use insert::{Fresh, Inserted};
pub use map::{Mapped, map_file};
pub use store::{Durability, Stats, Store};
pub use temp::Temp;
pub use verify::{Damage, Defect, Verified};
