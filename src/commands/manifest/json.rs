//! What a program reads: nodes as JSON objects. `docs/manifest-format.md` lists the fields.

use serde_json::{Map, Value, json};
use vrift_vfs::manifest::{Error, Kind, Manifest, NodeId, Timestamp};

use super::spell;

/// Bytes: `{"text": …}` if they are UTF-8, else `{"bytes": …}` in hexadecimal, as in traces.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ "text": text }),
        Err(_) => json!({ "bytes": spell::hex(bytes) }),
    }
}

/// The kind in one word.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::CharDevice => "chardev",
        Kind::BlockDevice => "blockdev",
        other => other.word(),
    }
}

/// A time as seconds with all nine decimals, in a string: no number holds them all.
fn time(time: Timestamp) -> String {
    // The nanoseconds are added, also before 1970.
    match time.sec < 0 && time.nsec > 0 {
        true => {
            let whole = (time.sec + 1).unsigned_abs();
            format!("-{whole}.{:09}", 1_000_000_000 - time.nsec)
        }
        false => format!("{}.{:09}", time.sec, time.nsec),
    }
}

/// All that a manifest says of a node that was found at `path`.
pub(super) fn node(manifest: &Manifest, path: &[u8], id: NodeId) -> Result<Value, Error> {
    let node = manifest.node(id)?;
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    set("path", bytes(path));
    set("node", id.0.into());
    set("kind", kind(node.kind).into());
    set("mode", format!("{:04o}", node.mode).into());
    set("uid", node.uid.into());
    set("gid", node.gid.into());
    set("links", node.nlink.into());
    set("size", node.size.into());
    set("blocks", node.blocks.into());
    set("atime", time(node.atime).into());
    set("mtime", time(node.mtime).into());
    set("ctime", time(node.ctime).into());
    set("btime", node.btime.map(time).into());
    match node.kind {
        Kind::File => set("digest", node.digest.to_string().into()),
        Kind::Symlink => set("target", bytes(manifest.target(id)?)),
        Kind::CharDevice | Kind::BlockDevice => {
            let (major, minor) = spell::device(node.rdev);
            set("device", json!([major, minor]));
        }
        Kind::Directory | Kind::Fifo | Kind::Socket => {}
    }
    let mut xattrs = Vec::new();
    for xattr in manifest.xattrs(id)? {
        let (name, value) = xattr?;
        xattrs.push(json!({ "name": bytes(name), "value": bytes(value) }));
    }
    if !xattrs.is_empty() {
        set("xattrs", xattrs.into());
    }
    Ok(object.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_on_both_sides_of_1970() {
        for (sec, nsec, wanted) in [
            (0, 5, "0.000000005"),
            (-1, 0, "-1.000000000"),
            (-1, 999_999_999, "-0.000000001"),
            (-2, 500_000_000, "-1.500000000"),
            (i64::MIN, 0, "-9223372036854775808.000000000"),
        ] {
            assert_eq!(time(Timestamp { sec, nsec }), wanted);
        }
    }
}
