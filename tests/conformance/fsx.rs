//! `fsx`, which changes one file by every means at random and checks what it reads.

use std::fs;

use super::{Twin, full};
use crate::kit::have;

const CONFIG: &str = "flen = 262144\n[opsize]\nmax = 65536\n[weights]\nclose_open = 1\nread = 10\n\
    write = 10\nmapread = 5\nmapwrite = 3\ntruncate = 5\ninvalidate = 0.2\nfsync = 0.05\n\
    fdatasync = 0.05\nposix_fallocate = 2\npunch_hole = 3\nsendfile = 1\nposix_fadvise = 1\n\
    copy_file_range = 3\n";

/// Seeds, and operations for each.
const SAMPLE: (u32, &str) = (3, "1000");
const FULL: (u32, &str) = (20, "50000");

#[test]
fn what_fsx_writes_in_a_mount_it_reads_again() {
    if !have("fsx") {
        return;
    }
    let twin = Twin::new();
    let config = twin.sandbox.path("fsx.toml");
    fs::write(&config, CONFIG).expect("the sandbox can be written");
    let (seeds, operations) = if full() { FULL } else { SAMPLE };
    for seed in 1..=seeds {
        let ran = twin.both(|command| {
            command.args(["fsx", "-N", operations, "-S", &seed.to_string()]);
            command.arg("-f").arg(&config).arg("-P").arg(twin.sandbox.path("tmp"));
            command.arg(twin.sandbox.tree().join("file"));
        });
        let [mounted, native] = ran;
        assert!(native.out().contains("All operations completed A-OK!"), "{native}");
        assert_eq!(mounted.out(), native.out(), "seed {seed}: {mounted}");
    }
}
