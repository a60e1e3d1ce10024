//! `vrift manifest`: looking into a manifest.

use std::io::{self, BufWriter, Write, stdout};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use vrift_vfs::manifest::{Kind, Manifest, Node, NodeId};

use crate::cli::ManifestCommand;
use crate::environment;
use crate::failure::Failure;

/// Carries out `vrift manifest …`.
pub(crate) fn manifest(command: &ManifestCommand) -> Result<ExitCode, Failure> {
    match command {
        ManifestCommand::Ls { manifest, path } => ls(manifest, path.as_deref()),
        ManifestCommand::Cat { manifest, path } => cat(manifest, path),
        ManifestCommand::Show { manifest, path: Some(path) } => show(manifest, path),
        ManifestCommand::Show { manifest, path: None } => summarise(manifest),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A path below the root; leading, trailing and doubled slashes do not matter.
fn clean(path: &Path) -> Vec<u8> {
    let names = path.as_os_str().as_bytes().split(|&b| b == b'/').filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(&b'/')
}

fn find(manifest: &Manifest, path: &Path) -> Result<NodeId, Failure> {
    manifest.find(&clean(path))?.ok_or_else(|| {
        Failure::new(format!("{}: no such path in the manifest", path.display())).hint(
            "`vrift manifest ls MANIFEST` lists all paths, relative to the ingested directory",
        )
    })
}

fn ls(file: &Path, path: Option<&Path>) -> Result<(), Failure> {
    let manifest = Manifest::open(file)?;
    let start = path.unwrap_or(Path::new(""));
    let mut out = BufWriter::new(stdout().lock());
    // Depth first, each directory's names in order. Paths are kept, not asked for: a file with
    // several names is listed under each.
    let mut stack = vec![(clean(start), find(&manifest, start)?)];
    while let Some((path, id)) = stack.pop() {
        let node = manifest.node(id)?;
        line(&mut out, &manifest, &path, id, &node)?;
        if node.kind == Kind::Directory {
            let below: Vec<_> = manifest.entries(id, 0)?.collect::<Result<_, _>>()?;
            let below = below.iter().rev().map(|entry| (join(&path, entry.name), entry.node));
            stack.extend(below);
        }
    }
    out.flush().map_err(Failure::from)
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, name].join(&b'/') }
}

fn line(
    out: &mut impl Write,
    manifest: &Manifest,
    path: &[u8],
    id: NodeId,
    node: &Node,
) -> Result<(), Failure> {
    write!(
        out,
        "{}{} {:>5} {:>5} {:>10} ",
        letter(node.kind),
        permissions(node.mode),
        node.uid,
        node.gid,
        node.size
    )?;
    write_path(out, if path.is_empty() { b"." } else { path })?;
    if node.kind == Kind::Symlink {
        out.write_all(b" -> ")?;
        write_path(out, manifest.target(id)?)?;
    }
    out.write_all(b"\n").map_err(Failure::from)
}

fn cat(file: &Path, path: &Path) -> Result<(), Failure> {
    let manifest = Manifest::open(file)?;
    let node = manifest.node(find(&manifest, path)?)?;
    if node.kind != Kind::File {
        return Err(Failure::new(format!("{}: not a regular file", path.display())));
    }
    let mut blob = environment::store()?.open_blob(&node.digest)?;
    io::copy(&mut blob, &mut stdout().lock())?;
    Ok(())
}

fn show(file: &Path, path: &Path) -> Result<(), Failure> {
    let manifest = Manifest::open(file)?;
    let id = find(&manifest, path)?;
    let node = manifest.node(id)?;
    let mut out = stdout().lock();
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
        _ => {}
    }
    Ok(())
}

fn summarise(file: &Path) -> Result<(), Failure> {
    let manifest = Manifest::open(file)?;
    let (mut files, mut directories, mut symlinks, mut bytes) = (0u64, 0u64, 0u64, 0u64);
    for id in (0..manifest.len()).map(NodeId) {
        let node = manifest.node(id)?;
        match node.kind {
            Kind::File => {
                files += 1;
                bytes += node.size;
            }
            Kind::Directory => directories += 1,
            Kind::Symlink => symlinks += 1,
            _ => {}
        }
    }
    let mut out = stdout().lock();
    writeln!(out, "manifest     {}", manifest.id())?;
    writeln!(out, "files        {files}")?;
    writeln!(out, "directories  {directories}")?;
    writeln!(out, "symlinks     {symlinks}")?;
    writeln!(out, "bytes        {bytes}")?;
    Ok(())
}

/// Names are bytes; only what would break the line is escaped, as `ls -b` does.
fn write_path(out: &mut impl Write, path: &[u8]) -> io::Result<()> {
    for &byte in path {
        match byte {
            b'\n' => out.write_all(b"\\n")?,
            b'\\' => out.write_all(b"\\\\")?,
            0..0x20 | 0x7f => write!(out, "\\{byte:03o}")?,
            _ => out.write_all(&[byte])?,
        }
    }
    Ok(())
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::File => '-',
        Kind::Directory => 'd',
        Kind::Symlink => 'l',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
        Kind::CharDevice => 'c',
        Kind::BlockDevice => 'b',
    }
}

/// The permission letters of `ls -l`, set-id and sticky bits included.
fn permissions(mode: u32) -> String {
    let letters = |class: u32, special: bool, lower: char| {
        let bits = mode >> (class * 3);
        let execute = match (bits & 1 != 0, special) {
            (true, true) => lower,
            (false, true) => lower.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        };
        let read = if bits & 4 != 0 { 'r' } else { '-' };
        let write = if bits & 2 != 0 { 'w' } else { '-' };
        [read, write, execute]
    };
    let owner = letters(2, mode & 0o4000 != 0, 's');
    let group = letters(1, mode & 0o2000 != 0, 's');
    let other = letters(0, mode & 0o1000 != 0, 't');
    [owner, group, other].concat().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_spelled_as_ls_does() {
        for (mode, spelled) in [
            (0o644, "rw-r--r--"),
            (0o4755, "rwsr-xr-x"),
            (0o2640, "rw-r-S---"),
            (0o1777, "rwxrwxrwt"),
            (0o1000, "--------T"),
        ] {
            assert_eq!(permissions(mode), spelled);
        }
    }

    #[test]
    fn names_never_break_a_line() {
        let mut out = Vec::new();
        write_path(&mut out, b"a\nb\\\x01\xff").expect("a vector takes everything");
        assert_eq!(out, b"a\\nb\\\\\\001\xff");
    }
}
