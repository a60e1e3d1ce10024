//! A record that is looked at, and where the result goes.

use std::fs::File;
use std::io::{self, BufWriter, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use vrift_audit::{Model, Record};
use vrift_cas::Temp;

use crate::failure::{Failure, complain};

/// Reads a record as far as it is whole; says so if it is not.
pub(super) fn read(record: &Path) -> Result<Model, Failure> {
    let model = Model::read(&mut Record::open(record)?);
    if let Some(damage) = model.damage {
        complain(&format!("{}: {damage}; what comes before is shown", record.display()));
    }
    Ok(model)
}

/// Exit status 1 if the record is damaged, so that what was made of it may lack something.
pub(super) fn told_all(model: &Model) -> ExitCode {
    match model.damage {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    }
}

/// Writes to a file, or to standard output.
pub(super) fn write(
    output: Option<&Path>,
    text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let Some(path) = output else {
        let mut out = BufWriter::new(stdout().lock());
        text(&mut out)?;
        return Ok(out.flush()?);
    };
    place(path, |file, _| {
        let mut out = BufWriter::new(file);
        text(&mut out).and_then(|()| out.flush()).map_err(|error| unwritten(path).because(error))
    })
}

/// Has a file made under another name, and gives it this one when it is whole: what is there is replaced by all of
/// it or not at all. It is as private as a record, because it says as much, or as what is there. What is no
/// regular file, or lies where nobody may make another, is written to as it is.
pub(super) fn place(
    path: &Path,
    make: impl FnOnce(&File, &Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error| unwritten(path).because(error);
    let to = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let before = to.symlink_metadata().ok();
    let is_replaced = before.as_ref().is_none_or(std::fs::Metadata::is_file);
    let temp = match is_replaced.then(|| beside(&to)).transpose() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        temp => temp.map_err(failed)?,
    };
    let Some(temp) = temp else {
        let options = &mut File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        return make(&file.map_err(failed)?, path);
    };
    if let Some(before) = before {
        // Who may not write to it may not replace it.
        File::options().write(true).open(&to).map_err(failed)?;
        temp.file().set_permissions(before.permissions()).map_err(failed)?;
    }
    make(temp.file(), temp.path())?;
    temp.replace(&to).map_err(failed)
}

fn beside(path: &Path) -> io::Result<Temp> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Temp::create(directory.unwrap_or(Path::new(".")), ".vrift-", 0o600)
}

fn unwritten(path: &Path) -> Failure {
    Failure::new(format!("cannot write {}", path.display()))
}
