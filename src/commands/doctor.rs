//! `vrift doctor`: what this machine forbids, and the mend.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::utsname::uname;
use vrift_cas::Store;
use vrift_tracer::probe::probe;

use crate::environment;
use crate::failure::{Failure, chain};

/// The oldest kernel that is supported.
const KERNEL_MIN: (u32, u32) = (5, 15);

/// The outcome of one check.
struct Check {
    name: &'static str,
    found: Result<String, (String, String)>,
}

/// Runs every check and prints a line for each.
pub(crate) fn doctor() -> Result<ExitCode, Failure> {
    let checks = [kernel()?, tracing(), store()?];
    let mut out = stdout().lock();
    for Check { name, found } in &checks {
        match found {
            Ok(text) => writeln!(out, "ok    {name}: {text}")?,
            Err((cause, mend)) => {
                writeln!(out, "FAIL  {name}: {cause}")?;
                writeln!(out, "      mend: {mend}")?;
            }
        }
    }
    let healthy = checks.iter().all(|check| check.found.is_ok());
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn kernel() -> Result<Check, Failure> {
    let uname = uname()?;
    let release = uname.release().to_string_lossy().into_owned();
    let machine = uname.machine().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let found = if version >= KERNEL_MIN {
        Ok(format!("Linux {release} on {machine}"))
    } else {
        let (major, minor) = KERNEL_MIN;
        Err((
            format!("Linux {release} is too old"),
            format!("vrift needs Linux {major}.{minor} or newer"),
        ))
    };
    Ok(Check { name: "kernel", found })
}

fn tracing() -> Check {
    let found = match probe() {
        Ok(()) => Ok("a child was seized, stopped by a filter, read and written".to_owned()),
        Err(obstacle) => Err((obstacle.to_string(), obstacle.mend().to_owned())),
    };
    Check { name: "tracing", found }
}

/// Whether the kernel runs nothing that lies there, and so no executable copy of a blob.
fn forbids_programs(store: &Path) -> bool {
    statvfs(store).is_ok_and(|found| found.flags().contains(FsFlags::ST_NOEXEC))
}

/// A store that does not exist yet is no fault.
fn store() -> Result<Check, Failure> {
    let root = environment::store_root()?;
    let shown = root.display();
    let found = if !root.exists() {
        Ok(format!("{shown} will be made by the first ingest"))
    } else {
        match Store::create(&root) {
            Ok(_) if forbids_programs(&root) => Err((
                format!("{shown} is on a file system mounted noexec: no program runs from a mount"),
                "set VR_THE_SOURCE to a directory elsewhere, or mount it without noexec".to_owned(),
            )),
            Ok(_) => Ok(format!("{shown} can be written")),
            Err(error) => Err((
                chain(&error),
                "set VR_THE_SOURCE to a directory you may write, or mend its owner".to_owned(),
            )),
        }
    };
    Ok(Check { name: "store", found })
}
