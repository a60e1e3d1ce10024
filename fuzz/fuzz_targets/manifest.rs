//! Any bytes as a manifest, as they are and with checksums that fit: no question may panic, fail to
//! end, or be answered from outside of the file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vrift_vfs::manifest::{Error, Kind, Manifest, NodeId, diff, seal};

fuzz_target!(|data: &[u8]| {
    let open = |bytes: &[u8]| Manifest::from_bytes(bytes.to_vec(), Path::new("fuzzed"));
    let as_it_is = open(data);
    let mut sealed = data.to_vec();
    seal(&mut sealed);
    let Ok(manifest) = open(&sealed) else { return };
    let _ = ask_everything(&manifest, data.len());
    if let Ok(other) = as_it_is {
        let mut changes = 0;
        let _ = diff(&other, &manifest, &mut |_, _| changes += 1);
        assert!(changes <= 2 * data.len(), "a name is at least one byte");
    }
});

fn ask_everything(manifest: &Manifest, length: usize) -> Result<(), Error> {
    for id in (0..manifest.len() + 1).map(NodeId) {
        let _ = manifest.parent(id);
        let _ = manifest.name_of(id);
        let _ = manifest.target(id);
        let _ = manifest.xattr(id, b"user.a");
        let _ = manifest.lookup(id, b"a");
        if let Ok(xattrs) = manifest.xattrs(id) {
            assert!(xattrs.take_while(Result::is_ok).count() <= length);
        }
        if let Ok(path) = manifest.path_of(id) {
            let _ = manifest.find(&path);
        }
        let Ok(entries) = manifest.entries(id, 0) else { continue };
        for entry in entries.flatten() {
            if entry.kind == Kind::Directory {
                assert!(entry.node > id, "directories make a tree");
            }
        }
    }
    manifest.verify()
}
