//! The preload back end of vrift: for hosts where ptrace is forbidden.
//!
//! So far it holds the one part that needs no hook: the translation of a host's flag words into
//! the virtual file system's ([`host`]). No symbol is interposed yet; see this crate's README.

#![forbid(unsafe_code)]

pub mod host;
