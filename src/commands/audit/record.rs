//! A record that is looked at, and where the result goes.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::Path;

use vrift_audit::{Model, Record};

use crate::failure::{Failure, complain};

/// Reads a record as far as it is whole; says so if it is not.
pub(super) fn read(record: &Path) -> Result<Model, Failure> {
    let model = Model::read(&mut Record::open(record)?);
    if let Some(damage) = model.damage {
        complain(&format!("{}: {damage}; what comes before is shown", record.display()));
    }
    Ok(model)
}

/// Writes to a file, or to standard output. The file is as private as a record: it says as much.
pub(super) fn write(
    output: Option<&Path>,
    text: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let Some(path) = output else {
        let mut out = BufWriter::new(stdout().lock());
        text(&mut out)?;
        return Ok(out.flush()?);
    };
    let failed = |error| Failure::new(format!("cannot write {}", path.display())).because(error);
    let mut out = BufWriter::new(private(path).map_err(failed)?);
    text(&mut out).and_then(|()| out.flush()).map_err(failed)
}

fn private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}
