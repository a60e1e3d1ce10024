//! Runs a command and records what it does.

use std::env;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::utsname::uname;
use nix::unistd::geteuid;
use vrift_record::policy::{Places, Policy, Violation};
use vrift_record::{Header, Mount, MountAccess, Response, Text, Unstopped, redact_words, secret};
use vrift_tracer::observer::Observer;
use vrift_tracer::probe::find_proc;
use vrift_tracer::record::{
    Enforcement, Held, Mounts, Recorder, Violations, unstopped, watched_names,
};
use vrift_vfs::lower::Lower;
use vrift_vfs::manifest::Manifest;

use crate::cli::{MountArgs, RecordArgs};
use crate::commands::run::{complain_about, end_as, hindered, observed};
use crate::failure::{Failure, complain};
use crate::mounts;

/// The exit status if the policy was broken.
const VIOLATED: u8 = 3;

/// Runs the command; the exit status is its own, unless it breaks the policy.
pub(super) fn record(args: &RecordArgs) -> Result<ExitCode, Failure> {
    find_proc().map_err(hindered)?;
    let held = args.policy.as_deref().map(|file| held(file, args.enforce)).transpose()?;
    let mut header = header(args)?;
    header.policy = held.as_ref().map(|held| held.policy.digest());
    header.unstopped = unstopped(args.root.fast_lane.into(), held.as_ref());
    let mounts = if header.mounts.is_empty() { Mounts::None } else { Mounts::Some };
    let (mut violations, mut made) = (None, None);
    let ended = observed(&args.root, &args.words, &[], || {
        let recorder = Recorder::create(&args.output, &header, mounts, held)?;
        violations = Some(recorder.violations());
        made = identity(&args.output);
        Ok(Observer::silent(Box::new(complain_about)).recording(recorder))
    });
    if ended.is_err() && violations.as_ref().is_some_and(|violations| violations.nothing_happened())
    {
        discard(&args.output);
        return ended.map(end_as);
    }
    if made.is_some() && identity(&args.output) != made {
        let output = args.output.display();
        complain(&format!(
            "the command has removed the record {output}, or put something in its place"
        ));
    }
    let broken = violations.as_ref().map_or(0, told);
    match ended {
        Err(failure) if broken > 0 && failure.is_of_command() => _ = failure.report(),
        Err(failure) => return Err(failure),
        Ok(ending) if broken == 0 => return Ok(end_as(ending)),
        Ok(_) => {}
    }
    Ok(ExitCode::from(VIOLATED))
}

/// The device and inode number of what is at a path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Removes a record of nothing: it would look as if vrift had been killed.
fn discard(record: &Path) {
    if record.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        // One that stays says that it has no end.
        let _ = std::fs::remove_file(record);
    }
}

/// Reads the policy.
fn held(file: &Path, enforce: bool) -> Result<Held, Failure> {
    let wrong = || Failure::new(format!("the policy {} cannot be used", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong().because(error))?;
    let places = Places {
        cwd: env::current_dir().map_err(|error| wrong().because(error))?,
        home: env::var_os("HOME").map(PathBuf::from),
        leads_to: |path| path.canonicalize().ok(),
    };
    let policy = Policy::parse(&text, &places).map_err(|error| wrong().because(error))?;
    let enforcement = if enforce { Enforcement::Deny } else { Enforcement::Note };
    Ok(Held { policy, enforcement })
}

/// Tells what broke the policy; returns how often.
fn told(violations: &Violations) -> u64 {
    let (count, first) = violations.told();
    for Violation { broken, tid, call, subject, response } in &first {
        let rule = if broken.rule.is_empty() { "" } else { &format!(" by '{}'", broken.rule) };
        let by = match (call.is_empty(), tid) {
            (true, _) => "found by vrift".to_owned(),
            (false, tid) => format!("{} of task {tid}", Text::from(&call[..])),
        };
        let denied = match response {
            Response::Noted => "",
            Response::Denied => ", denied",
        };
        let (class, subject) = (broken.class.word(), Text::from(&subject[..]));
        complain(&format!("{class}{rule}: {subject} ({by}{denied})"));
    }
    if count > first.len() as u64 {
        complain(&format!("{} more violations are in the record", count - first.len() as u64));
    }
    count
}

/// Where and how the record is made.
fn header(args: &RecordArgs) -> Result<Header, Failure> {
    let mounts = mounts_of(&args.root.mounts)?;
    let recorded = if mounts.is_empty() { Mounts::None } else { Mounts::Some };
    let system = uname()?;
    let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
    let kernel = [system.sysname(), system.release(), system.version()].map(text).join(" ");
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let variables: Vec<Vec<u8>> = env::vars_os()
        .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat())
        .collect();
    let secrets: Vec<_> = variables.iter().filter_map(|variable| secret(variable)).collect();
    let mut command: Vec<_> = args.words.iter().map(|word| word.as_bytes().to_vec()).collect();
    redact_words(&mut command, &secrets);
    Ok(Header {
        vrift: env!("CARGO_PKG_VERSION").to_owned(),
        kernel,
        machine: text(system.machine()),
        host: text(system.nodename()),
        uid: geteuid().as_raw(),
        start_ns: start.as_nanos() as u64,
        command,
        cwd: env::current_dir().map(|cwd| cwd.into_os_string().into_vec()).unwrap_or_default(),
        mounts,
        policy: None,
        watched: watched_names(recorded),
        unstopped: Unstopped::default(),
    })
}

fn mounts_of(args: &MountArgs) -> Result<Vec<Mount>, Failure> {
    let access = match args.session.read_only {
        true => MountAccess::ReadOnly,
        false => MountAccess::Writable,
    };
    let bytes = |path: PathBuf| path.into_os_string().into_vec();
    let points = if args.manifest.is_empty() { Vec::new() } else { mounts::points(args)? };
    let mut mounts = Vec::new();
    for (file, point) in args.manifest.iter().zip(points) {
        let manifest = Some(Manifest::open(file)?.id().0);
        let file = bytes(absolute(file).unwrap_or_else(|_| file.clone()));
        mounts.push(Mount { point: bytes(point), manifest, file, access });
    }
    for directory in &args.overlay {
        let file = bytes(Lower::open(directory)?.root().to_owned());
        mounts.push(Mount { point: file.clone(), manifest: None, file, access });
    }
    Ok(mounts)
}
