//! `vrift manifest ls` and `tree`: what is below a path.

use std::io::{BufWriter, Write, stdout};
use std::path::Path;

use vrift_vfs::manifest::{Kind, Manifest, Node, NodeId};

use super::spell::{date, device, letter, permissions, write_path};
use super::{clean, find, join, json, shown};
use crate::cli::{LsArgs, PlaceArgs};
use crate::failure::Failure;

/// Lists all paths from a place on, each directory before what is in it.
pub(super) fn ls(args: &LsArgs) -> Result<(), Failure> {
    let manifest = Manifest::open(&args.place.manifest)?;
    let start = args.place.path.as_deref().unwrap_or(Path::new(""));
    let mut out = BufWriter::new(stdout().lock());
    // Depth first, each directory's names in order. Paths are kept, not asked for: a file with
    // several names is listed under each.
    let mut stack = vec![(clean(start), find(&manifest, start)?)];
    while let Some((path, id)) = stack.pop() {
        let node = manifest.node(id)?;
        if args.json {
            writeln!(out, "{}", json::node(&manifest, &path, id)?)?;
        } else if args.null {
            out.write_all(shown(&path))?;
            out.write_all(&[0])?;
        } else {
            line(&mut out, &manifest, (&path, id, &node), args.long)?;
        }
        if node.kind == Kind::Directory {
            let below: Vec<_> = manifest.entries(id, 0)?.collect::<Result<_, _>>()?;
            let below = below.iter().rev().map(|entry| (join(&path, entry.name), entry.node));
            stack.extend(below);
        }
    }
    out.flush().map_err(Failure::from)
}

fn line(
    out: &mut impl Write,
    manifest: &Manifest,
    (path, id, node): (&[u8], NodeId, &Node),
    long: bool,
) -> Result<(), Failure> {
    let mark = if manifest.xattrs(id)?.next().is_some() { '+' } else { ' ' };
    write!(out, "{}{}{mark}", letter(node.kind), permissions(node.mode))?;
    if long {
        write!(out, "{:>2} ", node.nlink)?;
    }
    let size = match node.kind {
        Kind::CharDevice | Kind::BlockDevice => {
            let (major, minor) = device(node.rdev);
            format!("{major}, {minor}")
        }
        _ => node.size.to_string(),
    };
    write!(out, "{:>5} {:>5} {size:>10} ", node.uid, node.gid)?;
    if long {
        write!(out, "{} ", date(node.mtime))?;
    }
    write_path(out, shown(path))?;
    points_to(out, manifest, id, node.kind)?;
    out.write_all(b"\n").map_err(Failure::from)
}

/// The target, after a symlink.
fn points_to(
    out: &mut impl Write,
    manifest: &Manifest,
    id: NodeId,
    kind: Kind,
) -> Result<(), Failure> {
    if kind == Kind::Symlink {
        out.write_all(b" -> ")?;
        write_path(out, manifest.target(id)?)?;
    }
    Ok(())
}

/// A directory that is being drawn.
struct Branch {
    below: std::vec::IntoIter<(Vec<u8>, NodeId)>,
    /// What begins the lines of what is in it.
    indent: String,
}

/// Draws what is below a place.
pub(super) fn tree(args: &PlaceArgs) -> Result<(), Failure> {
    let manifest = Manifest::open(&args.manifest)?;
    let start = args.path.as_deref().unwrap_or(Path::new(""));
    let id = find(&manifest, start)?;
    let mut out = BufWriter::new(stdout().lock());
    write_path(&mut out, shown(&clean(start)))?;
    let kind = manifest.node(id)?.kind;
    points_to(&mut out, &manifest, id, kind)?;
    out.write_all(b"\n")?;
    let (mut directories, mut others) = (0u64, 0u64);
    let mut stack = Vec::new();
    if kind == Kind::Directory {
        stack.push(branch(&manifest, id, String::new())?);
    }
    while let Some(top) = stack.last_mut() {
        let Some((name, id)) = top.below.next() else {
            stack.pop();
            continue;
        };
        let last = top.below.len() == 0;
        write!(out, "{}{}", top.indent, if last { "└── " } else { "├── " })?;
        write_path(&mut out, &name)?;
        let kind = manifest.node(id)?.kind;
        points_to(&mut out, &manifest, id, kind)?;
        out.write_all(b"\n")?;
        if kind == Kind::Directory {
            directories += 1;
            let indent = format!("{}{}", top.indent, if last { "    " } else { "│   " });
            stack.push(branch(&manifest, id, indent)?);
        } else {
            others += 1;
        }
    }
    let plural = |count, one, many| if count == 1 { one } else { many };
    writeln!(
        out,
        "\n{directories} {}, {others} {}",
        plural(directories, "directory", "directories"),
        plural(others, "file", "files")
    )?;
    out.flush().map_err(Failure::from)
}

fn branch(manifest: &Manifest, id: NodeId, indent: String) -> Result<Branch, Failure> {
    let entries = manifest.entries(id, 0)?;
    let below = entries.map(|entry| entry.map(|entry| (entry.name.to_vec(), entry.node)));
    Ok(Branch { below: below.collect::<Result<Vec<_>, _>>()?.into_iter(), indent })
}
