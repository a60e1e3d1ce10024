//! `vrift manifest show`, `stat` and `cat`: the whole, one path, one content.

use std::io::{self, BufWriter, Write, stdout};
use std::path::Path;

use serde_json::json;
use vrift_vfs::manifest::{Kind, Manifest, NodeId, Timestamp};

use super::spell::{date, device, letter, permissions, value, write_path};
use super::{clean, find, json, shown};
use crate::cli::{ShowArgs, StatArgs};
use crate::environment;
use crate::failure::Failure;

/// Copies a file's content to standard output.
pub(super) fn cat(file: &Path, path: &Path) -> Result<(), Failure> {
    let manifest = Manifest::open(file)?;
    let node = manifest.node(find(&manifest, path)?)?;
    if node.kind != Kind::File {
        return Err(Failure::new(format!("{}: not a regular file", path.display())));
    }
    let mut blob = environment::store()?.open_blob(&node.digest)?;
    io::copy(&mut blob, &mut stdout().lock())?;
    Ok(())
}

/// Shows the main attributes of a path, or what the manifest is.
pub(super) fn show(args: &ShowArgs) -> Result<(), Failure> {
    let manifest = Manifest::open(&args.manifest)?;
    let Some(path) = &args.path else { return summarise(&manifest, args.json) };
    let id = find(&manifest, path)?;
    let mut out = stdout().lock();
    if args.json {
        writeln!(out, "{}", json::node(&manifest, &clean(path), id)?)?;
        return Ok(());
    }
    let node = manifest.node(id)?;
    out.write_all(b"path    ")?;
    write_path(&mut out, &manifest.path_of(id)?)?;
    writeln!(out, "\nnode    {}", id.0)?;
    writeln!(out, "kind    {}", node.kind.word())?;
    writeln!(out, "mode    {:04o} {}", node.mode, permissions(node.mode))?;
    writeln!(out, "owner   {}:{}", node.uid, node.gid)?;
    writeln!(out, "links   {}", node.nlink)?;
    writeln!(out, "size    {}", node.size)?;
    writeln!(out, "mtime   {}.{:09}", node.mtime.sec, node.mtime.nsec)?;
    match node.kind {
        Kind::File => writeln!(out, "digest  {}", node.digest)?,
        Kind::Symlink => {
            out.write_all(b"target  ")?;
            write_path(&mut out, manifest.target(id)?)?;
            out.write_all(b"\n")?;
        }
        Kind::Directory => writeln!(out, "names   {}", manifest.entries(id, 0)?.count())?,
        Kind::CharDevice | Kind::BlockDevice => {
            let (major, minor) = device(node.rdev);
            writeln!(out, "device  {major},{minor}")?;
        }
        Kind::Fifo | Kind::Socket => {}
    }
    Ok(())
}

fn summarise(manifest: &Manifest, json: bool) -> Result<(), Failure> {
    let (mut files, mut directories, mut symlinks, mut others) = (0u64, 0u64, 0u64, 0u64);
    let (mut bytes, mut with_xattrs) = (0u64, 0u64);
    for id in (0..manifest.len()).map(NodeId) {
        let node = manifest.node(id)?;
        match node.kind {
            Kind::File => {
                files += 1;
                bytes = bytes.saturating_add(node.size);
            }
            Kind::Directory => directories += 1,
            Kind::Symlink => symlinks += 1,
            _ => others += 1,
        }
        with_xattrs += u64::from(manifest.xattrs(id)?.next().is_some());
    }
    let mut out = stdout().lock();
    if json {
        let object = json!({
            "manifest": manifest.path().to_string_lossy(),
            "id": manifest.id().to_string(),
            "files": files,
            "directories": directories,
            "symlinks": symlinks,
            "others": others,
            "with_xattrs": with_xattrs,
            "bytes": bytes,
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    writeln!(out, "manifest     {}", manifest.id())?;
    writeln!(out, "files        {files}")?;
    writeln!(out, "directories  {directories}")?;
    writeln!(out, "symlinks     {symlinks}")?;
    // Most trees have none.
    for (name, count) in [("others     ", others), ("with xattrs", with_xattrs)] {
        if count > 0 {
            writeln!(out, "{name}  {count}")?;
        }
    }
    writeln!(out, "bytes        {bytes}")?;
    Ok(())
}

/// Shows all attributes of paths.
pub(super) fn stat(args: &StatArgs) -> Result<(), Failure> {
    let manifest = Manifest::open(&args.manifest)?;
    let mut out = BufWriter::new(stdout().lock());
    for path in &args.paths {
        let id = find(&manifest, path)?;
        match args.json {
            true => writeln!(out, "{}", json::node(&manifest, &clean(path), id)?)?,
            false => describe(&mut out, &manifest, &clean(path), id)?,
        }
    }
    out.flush().map_err(Failure::from)
}

fn describe(
    out: &mut impl Write,
    manifest: &Manifest,
    path: &[u8],
    id: NodeId,
) -> Result<(), Failure> {
    let node = manifest.node(id)?;
    out.write_all(b"  File: ")?;
    write_path(out, shown(path))?;
    if node.kind == Kind::Symlink {
        out.write_all(b" -> ")?;
        write_path(out, manifest.target(id)?)?;
    }
    writeln!(out, "\n  Size: {:<15} Blocks: {:<10} {}", node.size, node.blocks, node.kind.word())?;
    write!(out, "  Node: {:<15} Links: {}", id.0, node.nlink)?;
    if matches!(node.kind, Kind::CharDevice | Kind::BlockDevice) {
        let (major, minor) = device(node.rdev);
        write!(out, "     Device type: {major},{minor}")?;
    }
    writeln!(
        out,
        "\nAccess: ({:04o}/{}{})  Uid: {}  Gid: {}",
        node.mode,
        letter(node.kind),
        permissions(node.mode),
        node.uid,
        node.gid
    )?;
    let time = |time: Timestamp| format!("{}.{:09} +0000", date(time), time.nsec);
    writeln!(out, "Access: {}", time(node.atime))?;
    writeln!(out, "Modify: {}", time(node.mtime))?;
    writeln!(out, "Change: {}", time(node.ctime))?;
    writeln!(out, " Birth: {}", node.btime.map_or_else(|| "-".to_owned(), time))?;
    if node.kind == Kind::File {
        writeln!(out, "Digest: {}", node.digest)?;
    }
    for xattr in manifest.xattrs(id)? {
        let (name, bytes) = xattr?;
        out.write_all(b" Xattr: ")?;
        write_path(out, name)?;
        writeln!(out, "={}", value(bytes))?;
    }
    Ok(())
}
