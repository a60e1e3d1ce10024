//! `/proc/<pid>/mem`, through which memory is written that its process may only read. A tracer relies on what it
//! has put into tracees, and on its own memory.
//!
//! Deliberately absent: reading it.

use std::path::Path;

use crate::caller::Caller;
use crate::host::{is_of_proc, link_target};
use crate::magic::{magic_link, proc_file};

/// The name of the file.
const NAME: &str = "mem";

/// Whether the file of the host at `path`, which has no symlinks but a last one that jumps, is memory that nobody is to
/// write to.
pub(super) fn is_kept(caller: &dyn Caller, path: &Path) -> bool {
    let jump = magic_link(path).and_then(|_| link_target(path));
    let path = jump.as_deref().unwrap_or(path);
    if !path.ends_with(NAME) {
        return false;
    }
    match proc_file(path) {
        Some((of, _)) => caller.keeps_memory_of(of),
        // Whose it is cannot be told by a path of another mount.
        None => is_of_proc(path),
    }
}
