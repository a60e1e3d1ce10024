//! The content-addressed store: blobs whose name is the BLAKE3 digest of their content.
//!
//! ```text
//! <root>/
//!   blake3/ab/cd/<64 hex digits>   one blob; ab and cd are the first two bytes of its name
//!   roots/<64 hex digits>          one registered manifest: where it is
//!   unreached                      since when which blobs have been garbage
//!   undeleted                      there while no collection has deleted a blob
//!   tmp/                           what is on its way in; what a killed process left behind
//! ```
//!
//! **Invariant (Iron Law):** the content of a blob hashes to its name. What is hashed is what the
//! blob holds, never what was read for the first time, so that a source which changes meanwhile
//! cannot break it.
//! **Invariant:** a blob has mode 0444 before it has its name, and never an execute bit.
//! **Invariant:** a blob is a file of the store's own; no file of the user's is ever linked into it.
//! **Invariant:** any number of threads and processes may insert at once, also the same content.
//! **Invariant:** whoever counts on a blob that no registered manifest names has a [`Hold`].
//!
//! Deliberately absent: repair, and any knowledge of what is in a manifest, of names or of trees
//! (that is `vrift-vfs`).

mod copy;
mod digest;
mod error;
mod gc;
mod hold;
mod incoming;
mod insert;
mod ioctl;
mod map;
mod mark;
mod name;
mod protect;
mod roots;
mod store;
mod temp;
mod unreached;
mod verify;
mod walk;

pub use digest::{Digest, NotADigest};
pub use error::Error;
pub use gc::{Amount, Deleted, Fate, Garbage};
pub use hold::{Alone, Hold};
pub use insert::{Fresh, Inserted};
pub use map::{Mapped, map_file};
pub use protect::{Protected, Protection};
pub use roots::{Root, path_of_root};
pub use store::{Durability, Stats, Store};
pub use temp::Temp;
pub use verify::{Damage, Defect, Verified};
