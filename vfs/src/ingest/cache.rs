//! What an earlier ingest of the same sources read, so that it need not be read again.
//!
//! A file in the store, `cache/ingest/<digest of the sources' paths>`: for each file its identity,
//! size and times, and the digest and extended attributes that were found with them. It saves
//! reading and is believed only as far as this goes:
//!
//! **Invariant:** an entry is used only if device, inode number, time of creation, size, times of
//! modification and change are all as they were, and the store has a blob of that size, or may be
//! counted on to have it (`trust.rs`).
//! **Invariant:** an entry is kept only if the file had last changed for so long before it was read
//! that any later change must have given it another time (git's "racily clean" rule).
//! **Invariant:** a cache that is damaged in any byte is not used at all.
//!
//! A write through a shared mapping that is older than the reading can leave the times alone until
//! the page is written back. No tool that trusts times sees it; `--rehash` does.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use vrift_cas::{Digest, Mapped, Store, Temp, map_file};

use super::source::{Identity, Stat};
use crate::manifest::{Timestamp, Xattr};

const MAGIC: [u8; 8] = *b"vrftseen";
const VERSION: u32 = 3;
/// Magic number, version, four zero bytes; number of records, the store's mark (or zeros), the
/// manifest's id, its distinct bytes; the digest of these four and of all that follows.
const HEADER: usize = 16 + KNOWN + 32;
const KNOWN: usize = 8 + 32 + 32 + 8;
const RECORD: usize = 120;
/// How many files a cache knows at most: 480 MB.
const RECORDS_MAX: usize = 4_000_000;
/// How many caches a store has at most; the oldest go first.
const CACHES_MAX: usize = 64;

/// How old a change must be if the file system counts nanoseconds: twice the longest tick of the
/// kernel's coarse clock, from which such times are taken.
const FINE_NS: i128 = 20_000_000;
/// How old it must be otherwise: FAT counts two seconds.
const COARSE_NS: i128 = 2_000_000_000;

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    key: Key,
    pub(super) digest: Digest,
    pub(super) xattrs: Vec<Xattr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    identity: Identity,
    size: u64,
    mtime: Timestamp,
    ctime: Timestamp,
}

impl Key {
    fn of(stat: &Stat) -> Key {
        Key {
            identity: stat.identity(),
            size: stat.size(),
            mtime: stat.mtime(),
            ctime: stat.ctime(),
        }
    }
}

impl Entry {
    /// The size of the content.
    pub(super) fn size(&self) -> u64 {
        self.key.size
    }

    /// What was read of a file with these attributes, if a change after `start`, a moment before
    /// the reading began, could not go unnoticed.
    pub(super) fn new(
        stat: &Stat,
        digest: Digest,
        xattrs: &[Xattr],
        start: SystemTime,
    ) -> Option<Entry> {
        let start = start.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        let ctime = stat.ctime();
        let changed = i128::from(ctime.sec) * 1_000_000_000 + i128::from(ctime.nsec);
        let fine = !ctime.nsec.is_multiple_of(1_000_000);
        let margin = if fine { FINE_NS } else { COARSE_NS };
        (changed + margin < i128::try_from(start).ok()?).then(|| Entry {
            key: Key::of(stat),
            digest,
            xattrs: xattrs.to_vec(),
        })
    }
}

/// An earlier ingest's cache; empty if there is none.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    map: Option<Mapped>,
    count: usize,
    origin: Origin,
}

/// The ingest that left a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Origin {
    /// The mark that the store had when all blobs of the cache were there.
    pub(super) mark: Option<Digest>,
    /// The id of the manifest that it wrote, or found.
    pub(super) manifest: Digest,
    /// What its report said.
    pub(super) distinct_bytes: u64,
}

/// Why a cache is not used.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) path: PathBuf,
    pub(super) reason: io::Error,
}

impl Cache {
    /// A cache that knows nothing, to be replaced by what this ingest finds.
    pub(super) fn empty(store: &Store, sources: &[PathBuf]) -> Cache {
        let mut name = blake3::Hasher::new();
        for source in sources {
            let bytes = source.as_os_str().as_encoded_bytes();
            name.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        }
        let name = Digest::from(name.finalize()).to_string();
        Cache {
            path: store.root().join("cache/ingest").join(name),
            map: None,
            count: 0,
            origin: Origin::default(),
        }
    }

    /// Reads what the last ingest of these sources left.
    pub(super) fn open(store: &Store, sources: &[PathBuf]) -> Result<Cache, Unusable> {
        let empty = Cache::empty(store, sources);
        let unusable = |reason| Unusable { path: empty.path.clone(), reason };
        let map = match fs::File::open(&empty.path).and_then(|file| map_file(&file)) {
            Ok(map) => map,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(empty),
            Err(error) => return Err(unusable(error)),
        };
        match check(&map) {
            Some((count, origin)) => Ok(Cache { map: Some(map), count, origin, ..empty }),
            None => Err(unusable(io::Error::new(io::ErrorKind::InvalidData, "it is damaged"))),
        }
    }

    /// How many files it knows.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The ingest that left it.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// What is known of the file with these attributes, and the number of its record, for which
    /// `near` is a guess.
    pub(super) fn find(&self, stat: &Stat, near: usize) -> Option<(usize, Entry)> {
        let (map, wanted) = (self.map.as_ref()?, Key::of(stat));
        let (mut low, mut high) = (0, self.count);
        let mut at = near;
        while low < high {
            // A guess that is wrong is one step more.
            if !(low..high).contains(&at) {
                at = low + (high - low) / 2;
            }
            let (key, rest) = read_key(map.get(HEADER + at * RECORD..)?)?;
            match key.cmp(&wanted) {
                std::cmp::Ordering::Less => low = at + 1,
                std::cmp::Ordering::Greater => high = at,
                std::cmp::Ordering::Equal => {
                    let (digest, strings) = read_rest(rest)?;
                    let xattrs = match strings {
                        0 => Vec::new(),
                        start => read_xattrs(map.get(usize::try_from(start).ok()?..)?)?,
                    };
                    return Some((at, Entry { key, digest, xattrs }));
                }
            }
            at = usize::MAX;
        }
        None
    }

    /// Replaces the cache by `entries`, in any order, that an ingest leaves. If they are exactly what it holds already, `found` says how many of them came from it, and
    /// nothing is written.
    ///
    /// # Errors
    /// What the system says; the old cache is still there then.
    pub(super) fn replace(
        &self,
        mut entries: Vec<Entry>,
        found: usize,
        origin: Origin,
    ) -> io::Result<()> {
        if found == entries.len() && found == self.count && origin == self.origin {
            return Ok(());
        }
        entries.sort_unstable_by_key(|entry| entry.key);
        entries.dedup_by_key(|entry| entry.key);
        entries.truncate(RECORDS_MAX);
        let bytes = encode(&entries, &origin);
        let dir = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        prune(dir)?;
        let temp = Temp::create(dir, "new-", 0o600)?;
        temp.file().write_all(&bytes)?;
        temp.replace(&self.path)
    }
}

/// Makes room for one more cache, and removes what killed ingests left.
fn prune(dir: &Path) -> io::Result<()> {
    let hour_ago = SystemTime::now() - std::time::Duration::from_secs(3600);
    let mut caches = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(changed) = entry.metadata().and_then(|meta| meta.modified()) else { continue };
        match entry.file_name().to_str().map(str::parse::<Digest>) {
            Some(Ok(_)) => caches.push((changed, entry.path())),
            _ if changed < hour_ago => fs::remove_file(entry.path())?,
            _ => {}
        }
    }
    caches.sort_unstable();
    let surplus = (caches.len() + 1).saturating_sub(CACHES_MAX);
    for (_, path) in caches.into_iter().take(surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The number of records and who left them, if every byte is what was written.
fn check(bytes: &[u8]) -> Option<(usize, Origin)> {
    let (head, body) = bytes.split_at_checked(HEADER)?;
    let start = [&MAGIC[..], &VERSION.to_le_bytes(), &[0; 4]].concat();
    let rest = head.strip_prefix(&start[..])?;
    let (known, digest) = rest.split_at_checked(KNOWN)?;
    let (count, origin) = known.split_first_chunk()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    let (mark, origin) = origin.split_first_chunk()?;
    let mark = Some(Digest(*mark)).filter(|mark| *mark != Digest::default());
    let (manifest, distinct_bytes) = origin.split_first_chunk()?;
    let distinct_bytes = u64::from_le_bytes(distinct_bytes.try_into().ok()?);
    let origin = Origin { mark, manifest: Digest(*manifest), distinct_bytes };
    let whole = count.checked_mul(RECORD).is_some_and(|records| records <= body.len());
    (whole && checksum(known, body).0 == *digest).then_some((count, origin))
}

/// The digest of what the header knows and of all that follows it.
fn checksum(known: &[u8], body: &[u8]) -> Digest {
    blake3::Hasher::new().update(known).update(body).finalize().into()
}

/// The bytes of a cache of these entries, which are sorted.
fn encode(entries: &[Entry], origin: &Origin) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + entries.len() * RECORD);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((entries.len() as u64).to_le_bytes());
    bytes.extend(origin.mark.unwrap_or_default().0);
    bytes.extend(origin.manifest.0);
    bytes.extend(origin.distinct_bytes.to_le_bytes());
    bytes.extend([0; 32]);
    let mut strings: Vec<u8> = Vec::new();
    for Entry { key, digest, xattrs } in entries {
        let at = match xattrs.is_empty() {
            true => 0,
            false => (HEADER + entries.len() * RECORD + strings.len()) as u64,
        };
        write_key(key, &mut bytes);
        bytes.extend(digest.0);
        bytes.extend(at.to_le_bytes());
        if !xattrs.is_empty() {
            strings.extend((xattrs.len() as u32).to_le_bytes());
        }
        for part in xattrs.iter().flat_map(|(name, value)| [name, value]) {
            strings.extend((part.len() as u32).to_le_bytes());
            strings.extend_from_slice(part);
        }
    }
    bytes.extend(strings);
    let digest = checksum(&bytes[16..16 + KNOWN], &bytes[HEADER..]);
    bytes[HEADER - 32..HEADER].copy_from_slice(&digest.0);
    bytes
}

fn write_key(key: &Key, bytes: &mut Vec<u8>) {
    let Identity { dev, ino, btime } = key.identity;
    for number in [dev, ino, key.size] {
        bytes.extend(number.to_le_bytes());
    }
    // A time of creation that is not known has more nanoseconds than a second.
    let btime = btime.unwrap_or(Timestamp { sec: 0, nsec: u32::MAX });
    for time in [btime, key.mtime, key.ctime] {
        bytes.extend(time.sec.to_le_bytes());
    }
    for time in [btime, key.mtime, key.ctime] {
        bytes.extend(time.nsec.to_le_bytes());
    }
    bytes.extend([0; 20]);
}

fn read_key(bytes: &[u8]) -> Option<(Key, &[u8])> {
    let (head, rest) = bytes.split_at_checked(RECORD - 40)?;
    let long = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let time = |number: usize| {
        let nsec = head.get(48 + 4 * number..52 + 4 * number)?.try_into().ok()?;
        let sec = long(24 + 8 * number)?.cast_signed();
        Some(Timestamp { sec, nsec: u32::from_le_bytes(nsec) })
    };
    let btime = Some(time(0)?).filter(|time| time.nsec != u32::MAX);
    let identity = Identity { dev: long(0)?, ino: long(8)?, btime };
    Some((Key { identity, size: long(16)?, mtime: time(1)?, ctime: time(2)? }, rest))
}

fn read_rest(bytes: &[u8]) -> Option<(Digest, u64)> {
    let (digest, rest) = bytes.split_first_chunk::<32>()?;
    Some((Digest(*digest), u64::from_le_bytes(*rest.first_chunk()?)))
}

fn read_xattrs(bytes: &[u8]) -> Option<Vec<Xattr>> {
    fn number(bytes: &mut &[u8]) -> Option<usize> {
        let (number, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        usize::try_from(u32::from_le_bytes(*number)).ok()
    }
    fn part(bytes: &mut &[u8]) -> Option<Box<[u8]>> {
        let length = number(bytes)?;
        let (part, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        Some(part.into())
    }
    let mut bytes = bytes;
    let count = number(&mut bytes)?;
    (0..count).map(|_| Some((part(&mut bytes)?, part(&mut bytes)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        let time = |sec| Timestamp { sec, nsec: 7 };
        let btime = number.is_multiple_of(2).then(|| time(-3));
        let identity = Identity { dev: number % 3, ino: number, btime };
        Key { identity, size: number * 10, mtime: time(5), ctime: time(number as i64) }
    }

    fn entries() -> Vec<Entry> {
        let entry = |number: u64| {
            let xattrs = (0..number % 4)
                .map(|n| (Box::from(*b"user.x"), vec![n as u8; n as usize].into()))
                .collect();
            Entry { key: key(number), digest: Digest::of(&number.to_le_bytes()), xattrs }
        };
        let mut entries: Vec<_> = (0..50).map(entry).collect();
        entries.sort_unstable_by_key(|entry| entry.key);
        entries
    }

    #[test]
    fn records_and_attributes_are_read_as_they_were_written() {
        let entries = entries();
        let mark = Some(Digest::of(b"mark"));
        let origin = Origin { mark, manifest: Digest::of(b"manifest"), distinct_bytes: 1 << 40 };
        let bytes = encode(&entries, &origin);
        assert_eq!(check(&bytes), Some((50, origin)));
        let unmarked = Origin { mark: None, ..origin };
        assert_eq!(check(&encode(&entries, &unmarked)), Some((50, unmarked)));
        for (at, entry) in entries.iter().enumerate() {
            let (key, rest) = read_key(&bytes[HEADER + at * RECORD..]).unwrap();
            let (digest, at) = read_rest(rest).unwrap();
            let xattrs = match at {
                0 => Vec::new(),
                at => read_xattrs(&bytes[at as usize..]).unwrap(),
            };
            assert_eq!(Entry { key, digest, xattrs }, *entry);
        }
    }

    #[test]
    fn no_damaged_byte_and_no_cut_goes_unnoticed() {
        let bytes = encode(&entries()[..5], &Origin::default());
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(check(&flipped), None, "byte {at}");
            assert_eq!(check(&bytes[..at]), None, "cut to {at} bytes");
        }
    }

    #[test]
    fn a_store_keeps_a_limited_number_of_caches() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        for number in 0..CACHES_MAX + 10 {
            let cache = Cache::empty(&store, &[PathBuf::from(number.to_string())]);
            cache.replace(entries(), 0, Origin::default()).unwrap();
        }
        let left = fs::read_dir(dir.path().join("cache/ingest")).unwrap().count();
        assert_eq!(left, CACHES_MAX);
    }
}
