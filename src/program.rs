//! From words to a program: which file a command name means.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::stat;
use nix::unistd::{AccessFlags, access};
use vrift_tracer::engine::Served;
use vrift_tracer::ptrace::Program;

use crate::failure::{CANNOT_EXECUTE, Failure, NOT_FOUND};
use crate::inherited;

/// Prepares `command` to be run with `changes` to the environment: `VAR=VAL`, or `VAR` to remove
/// it.
pub(crate) fn prepare(
    command: &[OsString],
    changes: &[OsString],
    directory: Option<&Path>,
    served: Option<&mut Served>,
) -> Result<Program, Failure> {
    let name = command.first().ok_or_else(|| Failure::new("no command was given"))?;
    let path = find(name, served)?;
    let argv = command.iter().map(|arg| c_string(arg)).collect::<Result<_, _>>()?;
    let envp = changed(env::vars_os().collect(), changes)
        .into_iter()
        .map(|(name, value)| {
            let mut variable = name;
            variable.push("=");
            variable.push(value);
            c_string(&variable)
        })
        .collect::<Result<_, _>>()?;
    let directory = directory.map(|d| c_string(d.as_os_str())).transpose()?;
    let path = c_string(path.as_os_str())?;
    Ok(Program { path, argv, envp, ignored: inherited::ignored_signals(), directory })
}

/// An environment after the changes, in their order.
fn changed(
    mut variables: Vec<(OsString, OsString)>,
    changes: &[OsString],
) -> Vec<(OsString, OsString)> {
    for change in changes {
        let bytes = change.as_bytes();
        let (name, value) = match bytes.iter().position(|&byte| byte == b'=') {
            Some(at) => (&bytes[..at], Some(OsStr::from_bytes(&bytes[at + 1..]))),
            None => (bytes, None),
        };
        let known = variables.iter_mut().find(|(known, _)| known.as_bytes() == name);
        match (known, value) {
            (Some((_, old)), Some(value)) => *old = value.to_owned(),
            (None, Some(value)) => {
                variables.push((OsStr::from_bytes(name).to_owned(), value.to_owned()));
            }
            (_, None) => variables.retain(|(known, _)| known.as_bytes() != name),
        }
    }
    variables
}

/// Searches `PATH`, with the mounts over it, as `execvp(3)` does: the first file that may be executed; a file that may not
/// decides between "not found" and "cannot execute".
fn find(name: &OsStr, mut served: Option<&mut Served>) -> Result<PathBuf, Failure> {
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        // Nothing is traced of a child that has no program to become. A mount's path is the mount's to tell.
        return match (&served, stat(&path)) {
            (None, Err(errno)) => Err(not_executed(name, errno)),
            _ => Ok(path),
        };
    }
    let mut forbidden = false;
    let path = env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    for directory in env::split_paths(&path) {
        let file = directory.join(name);
        let given =
            served.as_deref_mut().map_or(Ok(file.clone()), |served| served.program_at(&file));
        match given.and_then(|given| access(&given, AccessFlags::X_OK).map(|()| given)) {
            Ok(given) if given.is_file() => return Ok(file),
            Err(Errno::EACCES) => forbidden = true,
            _ => {}
        }
    }
    let name = Path::new(name).display();
    Err(match forbidden {
        true => Failure::new(format!("{name}: permission denied")).status(CANNOT_EXECUTE),
        false => Failure::new(format!("{name}: command not found")).status(NOT_FOUND),
    })
}

/// The failure for a program that execve refused.
pub(crate) fn not_executed(name: &OsStr, errno: Errno) -> Failure {
    let status = if errno == Errno::ENOENT { NOT_FOUND } else { CANNOT_EXECUTE };
    Failure::new(format!("{}: {}", Path::new(name).display(), errno.desc())).status(status)
}

fn c_string(text: &OsStr) -> Result<CString, Failure> {
    CString::new(text.to_owned().into_vec()).map_err(Failure::from)
}
