//! The stop engine and the view of what a program tree does.
//!
//! ```text
//!  kernel stop ─► Call ─► Request ─► Verdict ─► Action ─► resume
//!   (ptrace)     (decode)  (typed)    (vfs)     (rewrite)  (ptrace)
//!                                      └─► Event ─► sinks: text, JSON lines, summary
//! ```
//!
//! Only `ptrace` touches the kernel's tracing interface; everything between is plain values.

pub mod attributes;
mod call;
pub mod cores;
pub mod engine;
pub mod memory;
pub mod observer;
pub mod probe;
pub mod ptrace;
pub mod record;
pub mod registers;
pub mod session;
pub mod signals;
pub mod view;

mod creds;
mod decode;
mod descriptors;
mod fdinfo;
mod handover;
mod messages;
mod precheck;
mod procfs;
mod ready;
mod reply;
mod sockdiag;
mod suspension;
mod ticks;
