//! The commands that several benches run; `@` is the directory they work on.

use std::path::Path;

/// A file of Lua that is neither among the longest nor the shortest, compiled as the Makefile does.
pub(crate) const CC: &[&str] =
    &["cc", "-O2", "-Wall", "-fPIC", "-DLUA_USE_LINUX", "-I@", "-c", "@/lapi.c"];

/// A file of the made-up project.
pub(crate) const CC_TINY: &[&str] = &["cc", "-O1", "-I@/include", "-c", "@/part0.c"];

/// Either project.
pub(crate) const MAKE: &[&str] = &["make", "-j2", "-f", "@/Makefile", "ROOT=@"];

/// Two hundred processes.
pub(crate) const EXECS: &[&str] =
    &["sh", "-c", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"];

pub(crate) const FIND: &[&str] = &["find", "/usr/include"];
pub(crate) const LS: &[&str] = &["ls", "-lR", "/usr/include"];

/// A command on a directory.
pub(crate) fn on(root: &Path, command: &[&str]) -> Vec<String> {
    let root = root.to_string_lossy();
    command.iter().map(|word| word.replace('@', &root)).collect()
}
