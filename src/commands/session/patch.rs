//! The differences of a session as a patch, in the form of `git diff`.
//!
//! What git has no words for (owners, extended attributes, all bits of a mode but one, directories,
//! FIFOs, sockets, devices) is left out; [`missing`] counts it. A rename is one only if the file is
//! the same node: similar files are not looked for.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};
use vrift_vfs::Kind;
use vrift_vfs::session::{Difference, Session, Side, What, When};

use crate::failure::Failure;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// How much of a file is searched for a zero byte, which makes it binary (`buffer_is_binary` in
/// git's xdiff-interface.c).
const HEAD: usize = 8000;

/// After this time the shortest way from one text to the other is no longer looked for, but a way.
const PATIENCE: Duration = Duration::from_secs(5);

/// The patch of one file.
#[derive(Debug)]
pub(super) struct Piece {
    /// The number of the difference it belongs to.
    pub(super) difference: usize,
    /// Its text.
    pub(super) text: Vec<u8>,
    /// The number of the difference whose path a renamed file had.
    renamed_from: Option<usize>,
}

/// A file on one side.
#[derive(Debug)]
struct Face<'a> {
    path: &'a [u8],
    when: When,
    side: Side,
}

/// The pieces, sorted by path.
pub(super) fn of(session: &Session, found: &[Difference]) -> Result<Vec<Piece>, Failure> {
    let mut renamed = renames(found);
    let left: Vec<usize> = renamed.values().copied().collect();
    let mut pieces = Vec::new();
    for (number, difference) in found.iter().enumerate() {
        let path = &difference.path[..];
        let old = difference.before.and_then(|side| face(path, When::Before, side));
        let new = difference.after.and_then(|side| face(path, When::Now, side));
        let mut add = |text: Vec<u8>, renamed_from| {
            if !text.is_empty() {
                pieces.push(Piece { difference: number, text, renamed_from });
            }
        };
        match difference.what {
            What::Removed if left.contains(&number) => {}
            What::Content | What::Kind if is_remade(difference) => {
                add(between(session, old.as_ref(), None)?, None);
                add(between(session, None, new.as_ref())?, None);
            }
            What::Added => match renamed.remove(&number) {
                Some(from) => {
                    let path = &found[from].path[..];
                    let old = found[from].before.and_then(|side| face(path, When::Before, side));
                    add(between(session, old.as_ref(), new.as_ref())?, Some(from));
                }
                None => add(between(session, None, new.as_ref())?, None),
            },
            _ => add(between(session, old.as_ref(), new.as_ref())?, None),
        }
    }
    Ok(pieces)
}

/// How many differences, which are sorted by path, the pieces do not show at all.
pub(super) fn missing(found: &[Difference], pieces: &[Piece]) -> usize {
    let own = pieces.iter().map(|piece| piece.difference);
    let shown: HashSet<usize> = own.chain(pieces.iter().filter_map(|p| p.renamed_from)).collect();
    let holds = |dir: &[u8]| {
        let inside = [dir, b"/"].concat();
        let first = found.partition_point(|other| other.path < inside);
        found.get(first).is_some_and(|other| other.path.starts_with(&inside))
    };
    let lost = |(number, difference): &(usize, &Difference)| match difference.what {
        What::Time => false,
        // A patch makes and removes directories with what is in them.
        What::Added | What::Removed if difference.kind() == Kind::Directory => {
            !holds(&difference.path)
        }
        _ => !shown.contains(number),
    };
    found.iter().enumerate().filter(lost).count()
}

/// Whether a difference is shown as a removal and a creation: for patch(1) to know that it is about a
/// symlink, its mode must be told.
fn is_remade(difference: &Difference) -> bool {
    difference.what == What::Kind || difference.kind() == Kind::Symlink
}

/// By the number of an added path: the number of the removed path that named the same node.
fn renames(found: &[Difference]) -> HashMap<usize, usize> {
    let mut gone = HashMap::new();
    for (number, difference) in found.iter().enumerate() {
        if let (What::Removed, Some(side)) = (difference.what, difference.before) {
            gone.entry(side.id).or_insert(number);
        }
    }
    let mut renamed = HashMap::new();
    for (number, difference) in found.iter().enumerate() {
        if let (What::Added, Some(side)) = (difference.what, difference.after)
            && matches!(side.node.kind, Kind::File | Kind::Symlink)
            && let Some(from) = gone.remove(&side.id)
        {
            renamed.insert(number, from);
        }
    }
    renamed
}

fn face(path: &[u8], when: When, side: Side) -> Option<Face<'_>> {
    matches!(side.node.kind, Kind::File | Kind::Symlink).then_some(Face { path, when, side })
}

impl Face<'_> {
    /// The mode as git knows modes.
    fn mode(&self) -> &'static str {
        match (self.side.node.kind, self.side.node.mode & 0o100) {
            (Kind::Symlink, _) => "120000",
            (_, 0) => "100644",
            _ => "100755",
        }
    }

    /// Its content; `None` if it is binary.
    fn text(&self, session: &Session) -> Result<Option<Vec<u8>>, Failure> {
        if self.side.node.kind == Kind::Symlink {
            return Ok(Some(session.target(self.when, &self.side)?));
        }
        let file = session.open_content(self.when, &self.side)?;
        let mut bytes = Vec::new();
        (&file).take(HEAD as u64).read_to_end(&mut bytes)?;
        if bytes.contains(&0) {
            return Ok(None);
        }
        (&file).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

/// The patch that makes `new` of `old`; nothing if git would say nothing.
fn between(
    session: &Session,
    old: Option<&Face<'_>>,
    new: Option<&Face<'_>>,
) -> Result<Vec<u8>, Failure> {
    let Some(one) = old.or(new) else { return Ok(Vec::new()) };
    let other = new.unwrap_or(one);
    let names = (quoted(b"a/", one.path), quoted(b"b/", other.path));
    let moved = one.path != other.path;
    let differ = match (old, new) {
        (Some(old), Some(new)) => session.content_differs(&old.side, &new.side)?,
        _ => one.side.node.size > 0,
    };
    if old.is_some() && new.is_some() && !moved && !differ && one.mode() == other.mode() {
        return Ok(Vec::new());
    }
    let text = |face: Option<&Face<'_>>| match face {
        Some(face) if differ => face.text(session),
        _ => Ok(Some(Vec::new())),
    };
    let (before, after) = (text(old)?, text(new)?);
    let mut out = Vec::new();
    let (from, to) = (apart(&names.0), apart(&names.1));
    out.extend([b"diff --git ", &from[..], b" ", &to[..], b"\n"].concat());
    match (old, new) {
        (None, _) => writeln!(out, "new file mode {}", other.mode())?,
        (_, None) => writeln!(out, "deleted file mode {}", one.mode())?,
        _ if one.mode() != other.mode() => {
            writeln!(out, "old mode {}\nnew mode {}", one.mode(), other.mode())?;
        }
        _ => {}
    }
    let lines = before.as_deref().zip(after.as_deref()).map(|(a, b)| (split(a), split(b)));
    let changes = lines.as_ref().map(|(a, b)| {
        let deadline = Some(Instant::now() + PATIENCE);
        capture_diff_slices_deadline(Algorithm::Myers, a, b, deadline)
    });
    if moved {
        let alike = match (&changes, &lines) {
            _ if !differ => 100,
            (Some(changes), Some((a, b))) => similarity(changes, a, b),
            _ => 0,
        };
        writeln!(out, "similarity index {alike}%")?;
        let (from, to) = (quoted(b"", one.path), quoted(b"", other.path));
        out.extend([b"rename from ", &from[..], b"\nrename to ", &to[..], b"\n"].concat());
    }
    if !differ {
        return Ok(out);
    }
    let nothing = || b"/dev/null".to_vec();
    let from = if old.is_some() { names.0 } else { nothing() };
    let to = if new.is_some() { names.1 } else { nothing() };
    match (changes, lines) {
        (Some(changes), Some((a, b))) => {
            // A tab after a name with a space, so that what reads it does not take the rest for a
            // time.
            let tab = |name: &[u8]| if name.contains(&b' ') { "\t" } else { "" };
            out.extend([b"--- ", &from[..], tab(&from).as_bytes(), b"\n"].concat());
            out.extend([b"+++ ", &to[..], tab(&to).as_bytes(), b"\n"].concat());
            hunks(&mut out, changes, &a, &b)?;
        }
        _ => out.extend([b"Binary files ", &from[..], b" and ", &to[..], b" differ\n"].concat()),
    }
    Ok(out)
}

/// The lines of a text, each with its line end. Only `\n` ends one, as for git and patch.
fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').collect()
}

fn hunks(out: &mut Vec<u8>, changes: Vec<DiffOp>, a: &[&[u8]], b: &[&[u8]]) -> io::Result<()> {
    for group in group_diff_ops(changes, CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let old = first.old_range().start..last.old_range().end;
        let new = first.new_range().start..last.new_range().end;
        let span = |range: &std::ops::Range<usize>| match range.len() {
            0 => format!("{},0", range.start),
            1 => format!("{}", range.start + 1),
            length => format!("{},{length}", range.start + 1),
        };
        writeln!(out, "@@ -{} +{} @@", span(&old), span(&new))?;
        for change in &group {
            let (old, new) = (change.old_range(), change.new_range());
            match change {
                DiffOp::Equal { .. } => all(out, b' ', &a[old]),
                _ => {
                    all(out, b'-', &a[old]);
                    all(out, b'+', &b[new]);
                }
            }
        }
    }
    Ok(())
}

fn all(out: &mut Vec<u8>, sign: u8, lines: &[&[u8]]) {
    for line in lines {
        out.push(sign);
        out.extend(*line);
        if !line.ends_with(b"\n") {
            out.extend(b"\n\\ No newline at end of file\n");
        }
    }
}

/// How much of the longer text is in both, in percent.
fn similarity(changes: &[DiffOp], a: &[&[u8]], b: &[&[u8]]) -> usize {
    let length = |lines: &[&[u8]]| lines.iter().map(|line| line.len()).sum::<usize>();
    let equal = changes.iter().filter(|change| matches!(change, DiffOp::Equal { .. }));
    let kept: usize = equal.map(|change| length(&a[change.old_range()])).sum();
    kept * 100 / length(a).max(length(b)).max(1)
}

/// A name as it can stand before another one. git leaves one with spaces as it is and compares the
/// two; patch(1) would not find its end.
fn apart(name: &[u8]) -> Vec<u8> {
    match name.contains(&b' ') && !name.starts_with(b"\"") {
        true => [b"\"", name, b"\""].concat(),
        false => name.to_vec(),
    }
}

/// A path as git spells it: with C's escapes between quotation marks if it needs any.
fn quoted(prefix: &[u8], path: &[u8]) -> Vec<u8> {
    let plain = |&byte: &u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    let whole = [prefix, path].concat();
    if whole.iter().all(plain) {
        return whole;
    }
    let mut out = vec![b'"'];
    for byte in whole {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            0x0b => out.extend(b"\\v"),
            0x0c => out.extend(b"\\f"),
            plain @ 0x20..0x7f => out.push(plain),
            other => out.extend(format!("\\{other:03o}").into_bytes()),
        }
    }
    out.push(b'"');
    out
}
