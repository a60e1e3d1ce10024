//! The virtual file system: manifests, mounts, path resolution, and what every file operation
//! means in a mount.
//!
//! The crate speaks in typed words ([`Request`], [`Verdict`]) and knows no register, no guest
//! address and no `O_*` number; the tracer and the preload shim translate. A request is judged
//! ([`Namespace::judge`]) without any effect on the caller; what must be remembered after the
//! kernel has acted travels as an [`Effect`]. Names and attributes of a mount with a session are
//! changed as they are judged; what is written to files, the kernel writes.
//!
//! Lock order: a namespace is used by one thread and has no locks; where several threads work
//! (`ingest`, `export`), none takes a lock while it holds another.

#![forbid(unsafe_code)]

pub mod apply;
pub mod archive;
pub mod export;
pub mod ingest;
pub mod lower;
pub mod manifest;
pub mod reach;
pub mod session;
pub mod tree;

mod acl;
mod attr;
mod border;
mod caller;
mod copies;
mod creds;
mod elf;
mod error;
mod files;
mod host;
mod image;
mod judge;
mod lease;
mod listing;
mod magic;
mod mutate;
mod namespace;
mod place;
mod problem;
mod request;
mod resolve;
#[cfg(test)]
mod scene;
pub mod script;
mod skeleton;
mod sticky;
mod verdict;
mod work;

pub use attr::{Attr, Figures, Kind, Timestamp};
pub use border::Held;
pub use caller::{Caller, Exe, Jump, MagicLink, ProcEntry, ProcId};
pub use creds::{Creds, Ids};
pub use error::Error;
pub use files::{Backing, FdTable, OpenNode, Shared, Usage};
pub use host::gains_rights;
pub use listing::{DirEntry, Positions};
pub use namespace::{LOST, Mount, Namespace};
pub use place::{MountId, NodeRef, Place};
pub use problem::Problem;
pub use request::{
    AccessTime, AccessWanted, At, AttrChange, Create, Crossing, Events, Exec, Follow, Given,
    Handle, Limits, Links, MakeKind, Open, PathOp, Purpose, Removal, RenameMode, Request, Scope,
    Subject, Target, TimeChange, Writes, XattrMode,
};
pub use skeleton::Skeleton;
pub use verdict::{Cause, Effect, Fresh, Judged, Launch, Made, Paths, Reply, Verdict};
