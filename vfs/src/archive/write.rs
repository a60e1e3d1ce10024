//! Writing an archive from a manifest.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use rustix::fs::{major, minor};
use tar::{EntryType, Header};
use vrift_cas::{Digest, Store};

use super::pax::{Records, spell_time, xattr_key};
use super::{Error, Problem, Report};
use crate::manifest::{Kind, Manifest, Node, NodeId};

const BLOCK: u64 = 512;
/// The longest path and target that a header has room for.
const FIELD: usize = 100;
/// The largest numbers in eight and in twelve octal digits, one of which is the end.
const OCTAL_8: u64 = 0o777_7777;
const OCTAL_12: u64 = 0o777_7777_7777;

/// Writes the tree of `manifest` as a PAX archive to `output`.
///
/// # Errors
/// [`Error::Write`] if `output` fails, [`Error::Store`] and [`Error::Manifest`] if these cannot be
/// read. A blob that is damaged or missing is a [`Problem`]; zeros stand for what is missing of it.
pub fn export(manifest: &Manifest, store: &Store, output: &mut dyn Write) -> Result<Report, Error> {
    let _hold = store.hold()?;
    let report = Report { manifest: manifest.id(), ..Report::default() };
    let mut writer = Writer { manifest, store, output, report, named: HashMap::new() };
    let mut stack = vec![(b".".to_vec(), NodeId::ROOT)];
    while let Some((path, id)) = stack.pop() {
        let node = manifest.node(id)?;
        writer.member(&path, id, &node)?;
        if node.kind == Kind::Directory {
            let below: Vec<_> = manifest.entries(id, 0)?.collect::<Result<_, _>>()?;
            let join = |name: &[u8]| [&path[..], name].join(&b'/');
            stack.extend(below.iter().rev().map(|entry| (join(entry.name), entry.node)));
        }
    }
    // Two blocks of zeros are the end.
    writer.write(&[0; 2 * BLOCK as usize])?;
    writer.output.flush().map_err(|source| Error::Write { source })?;
    Ok(writer.report)
}

struct Writer<'a> {
    manifest: &'a Manifest,
    store: &'a Store,
    output: &'a mut dyn Write,
    report: Report,
    /// The first path of each node with several names.
    named: HashMap<NodeId, Vec<u8>>,
}

impl Writer<'_> {
    fn member(&mut self, path: &[u8], id: NodeId, node: &Node) -> Result<(), Error> {
        if node.kind == Kind::Socket {
            self.problem(path, "an archive cannot hold a socket");
            return Ok(());
        }
        let mut stored = path.to_vec();
        if node.kind == Kind::Directory {
            stored.push(b'/');
        }
        self.report.members += 1;
        if node.nlink > 1 && node.kind != Kind::Directory {
            if let Some(first) = self.named.get(&id).cloned() {
                return self.header(&stored, EntryType::Link, &first, node, Records::default());
            }
            self.named.insert(id, path.to_vec());
        }
        let (entry_type, target) = match node.kind {
            Kind::File => (EntryType::Regular, &b""[..]),
            Kind::Directory => (EntryType::Directory, &b""[..]),
            Kind::Symlink => (EntryType::Symlink, self.manifest.target(id)?),
            Kind::CharDevice => (EntryType::Char, &b""[..]),
            Kind::BlockDevice => (EntryType::Block, &b""[..]),
            Kind::Fifo | Kind::Socket => (EntryType::Fifo, &b""[..]),
        };
        let mut records = Records::default();
        for attribute in self.manifest.xattrs(id)? {
            let (name, value) = attribute?;
            records.add(&xattr_key(name), value);
        }
        self.header(&stored, entry_type, target, node, records)?;
        match node.kind {
            Kind::File => self.content(path, node),
            _ => Ok(()),
        }
    }

    fn header(
        &mut self,
        path: &[u8],
        entry_type: EntryType,
        target: &[u8],
        node: &Node,
        mut records: Records,
    ) -> Result<(), Error> {
        let mut header = Header::new_ustar();
        let size = if entry_type == EntryType::Regular { node.size } else { 0 };
        let fields = header.as_old_mut();
        put(&mut fields.name, path, b"path", &mut records);
        put(&mut fields.linkname, target, b"linkpath", &mut records);
        octal(&mut fields.uid, node.uid.into(), OCTAL_8, b"uid", &mut records);
        octal(&mut fields.gid, node.gid.into(), OCTAL_8, b"gid", &mut records);
        octal(&mut fields.size, size, OCTAL_12, b"size", &mut records);
        let whole = u64::try_from(node.mtime.sec).ok().filter(|&sec| sec <= OCTAL_12);
        if whole.is_none() || node.mtime.nsec > 0 {
            records.add(b"mtime", spell_time(node.mtime).as_bytes());
        }
        records.add(b"atime", spell_time(node.atime).as_bytes());
        header.set_mtime(whole.unwrap_or(0));
        header.set_mode(node.mode);
        header.set_entry_type(entry_type);
        let io = |source| Error::Write { source };
        let device = matches!(node.kind, Kind::CharDevice | Kind::BlockDevice);
        let (major, minor) = if device { (major(node.rdev), minor(node.rdev)) } else { (0, 0) };
        header.set_device_major(major).map_err(io)?;
        header.set_device_minor(minor).map_err(io)?;
        header.set_cksum();
        let records = records.encode();
        let mut extended = Header::new_ustar();
        extended.set_entry_type(EntryType::XHeader);
        extended.set_mode(0o644);
        extended.set_size(records.len() as u64);
        extended.set_mtime(0);
        extended.set_uid(0);
        extended.set_gid(0);
        extended.as_old_mut().name[..9].copy_from_slice(b"PaxHeader");
        extended.set_cksum();
        self.write(extended.as_bytes())?;
        self.write(&records)?;
        self.pad(records.len() as u64)?;
        self.write(header.as_bytes())
    }

    /// Writes exactly as many bytes as the header said, whatever the blob holds.
    fn content(&mut self, path: &[u8], node: &Node) -> Result<(), Error> {
        let mut hasher = blake3::Hasher::new();
        let mut wrong = None;
        match self.store.open_blob(&node.digest) {
            Ok(blob) => {
                let mut blob = blob.take(node.size);
                let mut buffer = vec![0; 1 << 16];
                loop {
                    match blob.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(read) => {
                            hasher.update(&buffer[..read]);
                            self.write(&buffer[..read])?;
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(_) => {
                            wrong = Some("its blob cannot be read");
                            break;
                        }
                    }
                }
            }
            Err(vrift_cas::Error::Missing { .. }) => wrong = Some("its blob is not in the store"),
            Err(error) => return Err(Error::Store(error)),
        }
        let length = hasher.count();
        if Digest::from(hasher.finalize()) != node.digest {
            self.problem(path, wrong.unwrap_or("its blob is damaged"));
        }
        let missing = io::copy(&mut io::repeat(0).take(node.size - length), &mut self.output);
        missing.map_err(|source| Error::Write { source })?;
        self.report.bytes += node.size;
        self.pad(node.size)
    }

    fn problem(&mut self, path: &[u8], what: &'static str) {
        self.report.problems.push(Problem::at(path, what));
    }

    fn pad(&mut self, size: u64) -> Result<(), Error> {
        let rest = (size.wrapping_neg() % BLOCK) as usize;
        self.write(&[0; BLOCK as usize][..rest])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.output.write_all(bytes).map_err(|source| Error::Write { source })
    }
}

/// Puts a string into its field, or as much as fits, and then all of it into a record.
fn put(field: &mut [u8; FIELD], value: &[u8], key: &[u8], records: &mut Records) {
    let length = value.len().min(FIELD);
    field[..length].copy_from_slice(&value[..length]);
    if value.len() > FIELD {
        records.add(key, value);
    }
}

/// Puts a number into its field, or into a record if it is too large.
fn octal(field: &mut [u8], value: u64, max: u64, key: &[u8], records: &mut Records) {
    let fits = value <= max;
    if !fits {
        records.add(key, value.to_string().as_bytes());
    }
    let digits = field.len() - 1;
    let spelled = format!("{:0digits$o}", if fits { value } else { 0 });
    field[..digits].copy_from_slice(spelled.as_bytes());
}
