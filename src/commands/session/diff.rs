//! `vrift session diff`: what a session has changed, as a list or as a patch.

use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

use vrift_vfs::session::{Difference, What};

use super::patch::{self, Piece};
use super::{open, summary};
use crate::commands::manifest::write_path;
use crate::failure::{Failure, complain};

/// How differences are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for each path.
    List,
    /// The contents, as `git diff` shows them.
    Patch,
}

/// Exit status 1 if there are differences, as diff(1) has it.
pub(super) fn diff(name: &str, form: Form, json: bool) -> Result<ExitCode, Failure> {
    let session = open(name)?;
    let found = session.differences()?;
    let pieces = match form {
        Form::List => Vec::new(),
        Form::Patch => patch::of(&session, &found)?,
    };
    let mut out = BufWriter::new(stdout().lock());
    match (json, form) {
        (true, _) => objects(&mut out, &found, form, &pieces)?,
        (false, Form::List) => list(&mut out, &found)?,
        (false, Form::Patch) => {
            for piece in &pieces {
                out.write_all(&piece.text)?;
            }
        }
    }
    out.flush()?;
    if form == Form::Patch {
        let missing = patch::missing(&found, &pieces);
        if missing > 0 {
            complain(&format!(
                "{missing} differences have no place in a patch (owners, attributes, empty \
                 directories, special files); `vrift session diff {name}` lists them"
            ));
        }
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(out: &mut impl Write, found: &[Difference]) -> Result<(), Failure> {
    for difference in found {
        write!(out, "{:<10} ", word(difference.what))?;
        write_path(out, &difference.path)?;
        let (before, after) = sizes(difference);
        match difference.what {
            What::Content | What::Kind => writeln!(out, "  {before} -> {after} bytes")?,
            _ => writeln!(out)?,
        }
    }
    Ok(writeln!(out, "{}", summary(found))?)
}

fn objects(
    out: &mut impl Write,
    found: &[Difference],
    form: Form,
    pieces: &[Piece],
) -> Result<(), Failure> {
    for (number, difference) in found.iter().enumerate() {
        let (before, after) = sizes(difference);
        let mut object = serde_json::json!({
            "path": String::from_utf8_lossy(&difference.path),
            "what": word(difference.what),
            "kind": difference.kind().word(),
            "size_before": before,
            "size_after": after,
        });
        if form == Form::Patch {
            let own = pieces.iter().filter(|piece| piece.difference == number);
            let text: Vec<u8> = own.flat_map(|piece| piece.text.clone()).collect();
            object["patch"] = String::from_utf8_lossy(&text).into();
        }
        writeln!(out, "{object}")?;
    }
    Ok(())
}

fn sizes(difference: &Difference) -> (u64, u64) {
    let size = |side: Option<vrift_vfs::session::Side>| side.map_or(0, |side| side.node.size);
    (size(difference.before), size(difference.after))
}

fn word(what: What) -> &'static str {
    match what {
        What::Added => "added",
        What::Removed => "removed",
        What::Kind => "kind",
        What::Content => "changed",
        What::Attributes => "attributes",
        What::Time => "time",
    }
}
