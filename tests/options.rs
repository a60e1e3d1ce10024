//! The options of `vrift trace`, through the real binary.
//!
//! Where strace is installed it is the oracle: both run the same program, and what they print must
//! be equal line by line once ids, addresses and times are out of the way.

#[path = "options/attached.rs"]
mod attached;
#[path = "options/beyond.rs"]
mod beyond;
#[path = "options/failures.rs"]
mod failures;
#[path = "suite/kit.rs"]
#[expect(dead_code, reason = "the kit serves other tests too")]
mod kit;
#[path = "options/like_strace.rs"]
mod like_strace;
#[path = "options/mask.rs"]
mod mask;
