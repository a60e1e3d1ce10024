//! Files of `/proc/<pid>` in which the kernel tells what is not so for a caller: which ones there are,
//! and what is opened instead.
//!
//! That is a list of that moment, and a regular file.

use std::path::{Path, PathBuf};

use super::{Failure, mappings, mounts, status};
use crate::caller::Caller;
use crate::magic::proc_file;
use crate::namespace::Namespace;
use crate::request::{Handle, Open};

/// What a file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Mappings(mappings::List),
    Mounts(mounts::List),
    Status,
}

/// By the name of the file.
const VIEWS: &[(&[u8], View)] = &[
    (b"maps", View::Mappings(mappings::List::Maps)),
    (b"smaps", View::Mappings(mappings::List::Maps)),
    (b"numa_maps", View::Mappings(mappings::List::Numa)),
    (b"mounts", View::Mounts(mounts::List::Mounts)),
    (b"mountinfo", View::Mounts(mounts::List::MountInfo)),
    (b"status", View::Status),
];

impl Namespace {
    /// What a caller opens instead of the file at `path`, if that is one of them.
    pub(super) fn view(
        &self,
        caller: &dyn Caller,
        open: &Open,
        path: &Path,
    ) -> Result<Option<PathBuf>, Failure> {
        if open.handle != Handle::Read {
            return Ok(None);
        }
        let Some((of, name)) = proc_file(path) else { return Ok(None) };
        let Some((_, view)) = VIEWS.iter().find(|(file, _)| *file == name) else { return Ok(None) };
        // Everybody may read everybody's status.
        let cores = if *view == View::Status { caller.cores(of) } else { None };
        let is_other = match view {
            View::Status => cores.is_some(),
            View::Mappings(_) | View::Mounts(_) => caller.may_look_into(of),
        };
        if !is_other {
            return Ok(None);
        }
        let Ok(text) = std::fs::read(path) else { return Ok(None) };
        let seen = match *view {
            View::Mappings(list) => self.mappings(caller, of, list, &text)?,
            View::Mounts(list) => Some(self.mount_list(list, text)),
            View::Status => cores.map(|cores| status::with_cores(&text, &cores)),
        };
        Ok(seen.map(|seen| self.make_view(&seen, caller.ids().1, path)).transpose()?)
    }
}
