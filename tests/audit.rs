//! `vrift audit` through the real binary.
//!
//! The oracles are strace, which runs the same commands, and the files themselves, whose digests are
//! made anew.

#[path = "audit/denied.rs"]
mod denied;
#[path = "audit/digests.rs"]
mod digests;
#[path = "audit/escapes.rs"]
mod escapes;
#[path = "audit/exports.rs"]
mod exports;
#[path = "audit/killed.rs"]
mod killed;
#[path = "suite/kit.rs"]
#[expect(dead_code, reason = "the kit serves other tests too")]
mod kit;
#[path = "audit/lanes.rs"]
mod lanes;
#[path = "audit/like_strace.rs"]
mod like_strace;
#[path = "audit/lookups.rs"]
mod lookups;
#[path = "audit/mounts.rs"]
mod mounts;
#[path = "audit/network.rs"]
mod network;
#[path = "audit/paths.rs"]
mod paths;
#[path = "audit/policy.rs"]
mod policy;
#[path = "audit/programs.rs"]
mod programs;
#[path = "audit/reading.rs"]
mod reading;
#[path = "audit/recorded.rs"]
mod recorded;
#[path = "audit/strace.rs"]
mod strace;
#[path = "audit/symlinks.rs"]
mod symlinks;
#[path = "audit/tree.rs"]
mod tree;
#[path = "audit/verify.rs"]
mod verify;
