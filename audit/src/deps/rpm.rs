//! Which package of Fedora, SUSE and their kin a file belongs to. Their database has had several formats, so
//! rpm itself is asked, once, for the files of all packages.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use vrift_record::Text;

use super::owners::{Owners, Package, Search};

/// A line for each file: the package, its version, and the path.
const FORMAT: &str = "[%{=NAME}.%{=ARCH}\t%{=VERSION}-%{=RELEASE}\t%{FILENAMES}\n]";

/// The packages that these files belong to; `None` if there is no rpm, or no package in its database.
///
/// # Errors
/// Those of running rpm, and what it says if it fails.
pub fn rpm_owners<'a>(files: &BTreeSet<&'a Text>) -> io::Result<Option<Owners<'a>>> {
    let listed = match Command::new("rpm").args(["-qa", "--queryformat", FORMAT]).output() {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !listed.status.success() {
        let said = String::from_utf8_lossy(&listed.stderr).trim().to_owned();
        return Err(io::Error::other(format!("rpm -qa failed ({}): {said}", listed.status)));
    }
    if listed.stdout.is_empty() {
        return Ok(None);
    }
    let mut search = Search::of(files, PathBuf::from("/"));
    for line in listed.stdout.split(|&byte| byte == b'\n') {
        let mut fields = line.splitn(3, |&byte| byte == b'\t');
        if let (Some(name), Some(version), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            search.listed(path, || Package { name: text(name), version: text(version) });
        }
    }
    Ok(Some(search.found()))
}
