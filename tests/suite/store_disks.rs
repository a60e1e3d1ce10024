//! The store on disks of its own: full ones, read-only ones, and file systems of all kinds.
//!
//! Each is mounted in a mount namespace that ends with the test, so that nothing is left behind.

use std::fs;

use crate::kit::{Ran, Sandbox, have, root, run, skipped};
use crate::noise::noise;
use crate::store_crash::Scene;

const SMALL: &str = "mount -t tmpfs -o size=2m none \"$D\"";

/// Runs a shell script with a disk of its own at `$D`, where the store is.
fn on_disk(sandbox: &Sandbox, mount: &str, script: &str) -> Option<Ran> {
    if !root() {
        skipped("mounting a disk needs root");
        return None;
    }
    if !have("unshare") {
        return None;
    }
    let disk = sandbox.path("disk");
    fs::create_dir_all(&disk).expect("a new directory");
    let mut unshare = sandbox.command("unshare");
    unshare.args(["--mount", "--propagation", "private", "sh", "-c"]);
    unshare.arg(format!("{{ {mount}; }} >log 2>&1 || {{ cat log; exit 99; }}\n{script}")).arg("sh");
    unshare.env("D", &disk).env("VR_THE_SOURCE", disk.join("store"));
    let ran = run(unshare.env("V", env!("CARGO_BIN_EXE_vrift")));
    if ran.code() == Some(99) || ran.err().contains("unshare:") {
        skipped(&format!("no disk can be mounted: {ran}"));
        return None;
    }
    Some(ran)
}

#[test]
fn a_full_disk_is_told_and_leaves_a_whole_store() {
    let scene = Scene::new();
    let script = "
        $V ingest old -o old.m || exit 1
        $V ingest new -o new.m 2>err; echo ingest $?
        grep -q 'No space left' err && grep -q \"$D/store\" err && grep -q 'hint:' err || cat err
        $V cas stat | grep leftovers
        $V cas verify >/dev/null; echo verify $?
        $V manifest cat old.m 25; echo
        mount -o remount,size=64m \"$D\"
        $V ingest new -o new.m >/dev/null; echo again $?
        $V cas verify >/dev/null; echo verify $?
        $V manifest cat new.m large | cmp - new/large; echo same $?
    ";
    fs::write(scene.tree.join("large"), noise(3 << 20, 1)).expect("it is ours");
    let Some(ran) = on_disk(&scene.sandbox, SMALL, script) else { return };
    let out = ran.fine();
    let told = &out[out.find("ingest 125").unwrap_or_else(|| panic!("{out}"))..];
    let wanted = "ingest 125\nleftovers  0\nverify 0\ncontent 25\nagain 0\nverify 0\nsame 0\n";
    assert_eq!(told, wanted);
}

#[test]
fn a_read_only_store_serves_and_says_why_it_does_not_store() {
    let scene = Scene::new();
    let script = "
        $V ingest old -o old.m >/dev/null || exit 1
        $V ingest new -o new.m 2>/dev/null; rm -f new.m
        mount -o remount,ro \"$D\"
        $V manifest cat old.m 25; echo
        $V cas verify >/dev/null; echo verify $?
        $V cas stat >/dev/null; echo stat $?
        for command in \"ingest new -o new.m\" \"cas gc --delete --grace 0\"; do
            $V $command >/dev/null 2>err; test $? = 0 && echo it worked
            grep -q 'Read-only file system' err && grep -q \"$D/store\" err || cat err
        done
        ls new.m 2>&1 >/dev/null | grep -c 'No such file'
    ";
    let Some(ran) = on_disk(&scene.sandbox, SMALL, script) else { return };
    let out = ran.fine();
    let told = &out[out.find("content 25").unwrap_or_else(|| panic!("{out}"))..];
    assert_eq!(told, "content 25\nverify 0\nstat 0\n1\n");
}

/// What every file system must give, and whether a long file then shares its extents with its blob.
fn all_kinds(make: &str, mount: &str, shares: &str) {
    if !have(make) || !have("filefrag") {
        return;
    }
    let scene = Scene::new();
    fs::write(scene.tree.join("large"), noise(3 << 20, 1)).expect("it is ours");
    let mount =
        format!("truncate -s 400m image && {make} -q image && mount -o {mount} image \"$D\"");
    let script = "
        cp -a new \"$D/tree\"
        look() { find \"$D/tree\" -printf '%p %y %m %n %s %U %G %T@ %C@\\n' | sort; }
        look >before
        $V ingest \"$D/tree\" -o new.m >/dev/null; echo ingest $?
        look | cmp - before
        $V cas verify
        large=$(find \"$D/store\" -size +1M)
        cmp \"$large\" new/large; stat -c '%a %h' \"$large\"
        sync -f \"$D\"; filefrag -v \"$large\" | grep -c 'last.*shared'
        echo changed | dd of=\"$D/tree/large\" conv=notrunc status=none
        $V cas verify; $V cas protect; $V cas verify
        rm -f \"$large\" 2>/dev/null; ls \"$large\" | wc -l
        $V ingest \"$D/tree\" -o new.m >/dev/null; echo again $?
        $V cas gc --delete --grace 0 | tail -1
        $V cas verify; $V cas stat | grep leftovers
        $V cas unprotect
    ";
    let Some(ran) = on_disk(&scene.sandbox, &mount, script) else { return };
    let wanted = format!(
        "ingest 0\n31 blobs, 3146028 bytes, 0 damaged\n444 1\n{shares}\n\
         31 blobs, 3146028 bytes, 0 damaged\n31 blobs protected, 0 were so already\n\
         31 blobs, 3146028 bytes, 0 damaged\n1\nagain 0\n\
         deleted: 1 blobs, 3145728 bytes, 0 leftovers\n31 blobs, 3146028 bytes, 0 damaged\n\
         leftovers  0\n30 blobs unprotected, 1 were so already\n"
    );
    assert_eq!(ran.fine(), wanted, "{make}");
}

#[test]
fn a_store_on_ext4_copies() {
    all_kinds("mkfs.ext4", "loop", "0");
}

#[test]
fn a_store_on_btrfs_shares() {
    all_kinds("mkfs.btrfs", "loop", "1");
}

#[test]
fn a_store_on_xfs_shares() {
    all_kinds("mkfs.xfs", "loop", "1");
}
