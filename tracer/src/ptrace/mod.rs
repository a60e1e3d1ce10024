//! The kernel's side of the pipeline: launching, waiting, registers, memory, resuming.
//!
//! A stopped tracee is a [`Stopped`] token: only its holder can look into the tracee, and resuming
//! consumes it, so no stop is resumed twice. Nothing outside this module makes ptrace requests.

mod attach;
mod memory;
mod raw;
mod seccomp;
mod spawn;
mod stopped;
mod wait;

pub use attach::{AttachError, attach, interrupt};
pub use spawn::{LaunchError, Launched, Program, launch};
pub use stopped::Stopped;
pub use wait::{Measure, Patience, Used, Waited, has_news, wait};
