//! Runs a command and records what it does.

use std::env;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::absolute;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::utsname::uname;
use nix::unistd::geteuid;
use vrift_audit::{Header, Mount, MountAccess};
use vrift_tracer::observer::Observer;
use vrift_tracer::record::{Mounts, Recorder, watched_names};
use vrift_vfs::manifest::Manifest;

use crate::cli::{MountArgs, RecordArgs};
use crate::commands::run::{complain_about, end_as, observed};
use crate::failure::Failure;
use crate::mounts;

/// Runs the command; the exit status is its own.
pub(super) fn record(args: &RecordArgs) -> Result<ExitCode, Failure> {
    let header = header(args)?;
    let mounts = if header.mounts.is_empty() { Mounts::None } else { Mounts::Some };
    let recorder = Recorder::create(&args.output, &header, mounts)?;
    let observer = Observer::silent(Box::new(complain_about)).recording(recorder);
    observed(&args.root, &args.words, &[], observer).map(end_as)
}

/// Where and how the record is made.
fn header(args: &RecordArgs) -> Result<Header, Failure> {
    let mounts = mounts_of(&args.root.mounts)?;
    let recorded = if mounts.is_empty() { Mounts::None } else { Mounts::Some };
    let system = uname()?;
    let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
    let kernel = [system.sysname(), system.release(), system.version()].map(text).join(" ");
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Header {
        vrift: env!("CARGO_PKG_VERSION").to_owned(),
        kernel,
        machine: text(system.machine()),
        host: text(system.nodename()),
        uid: geteuid().as_raw(),
        start_ns: start.as_nanos() as u64,
        command: args.words.iter().map(|word| word.as_bytes().to_vec()).collect(),
        cwd: env::current_dir().map(|cwd| cwd.into_os_string().into_vec()).unwrap_or_default(),
        mounts,
        policy: None,
        watched: watched_names(recorded),
    })
}

fn mounts_of(args: &MountArgs) -> Result<Vec<Mount>, Failure> {
    if args.manifest.is_empty() {
        return Ok(Vec::new());
    }
    let access = match args.session.read_only {
        true => MountAccess::ReadOnly,
        false => MountAccess::Writable,
    };
    let bytes = |path: std::path::PathBuf| path.into_os_string().into_vec();
    let mount = |(file, point): (&std::path::PathBuf, std::path::PathBuf)| {
        let manifest = Manifest::open(file)?.id().0;
        let file = bytes(absolute(file).unwrap_or_else(|_| file.clone()));
        Ok(Mount { point: bytes(point), manifest, file, access })
    };
    args.manifest.iter().zip(mounts::points(args)?).map(mount).collect()
}
