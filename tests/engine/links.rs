//! Symlinks on the way to files of the host: the lane reads them itself, finds what the kernel finds, and never passes
//! by what is in a mount.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::bench::{Bench, Way};
use crate::counts::stops;
use crate::kit::have;
use crate::lane::bench;

/// A directory on the way to `links`, so that the path of its file `f` has so many bytes, if it can have.
fn deep(host: &Path, bytes: usize) -> Option<PathBuf> {
    let missing = bytes.checked_sub(host.as_os_str().len() + "/links".len() + "//f".len())?;
    let directory = host.join("links").join("n".repeat(missing.clamp(1, 200)));
    fs::create_dir_all(&directory).expect("a new directory");
    Some(directory)
}

/// A bench whose host has links of all kinds.
fn with_links() -> Option<(Bench, PathBuf)> {
    let (bench, host) = bench("links")?;
    let (links, tree) = (host.join("links"), bench.sandbox.tree());
    fs::create_dir(&links).expect("a new directory");
    let link = |name: &str, target: &Path| {
        symlink(target, links.join(name)).expect("a new link");
    };
    // The kernel follows forty. What begins with a dot is on the way only.
    let name = |n: usize| format!("{}chain-{n}", if (12..38).contains(&n) { "." } else { "" });
    link(&name(0), "../f".as_ref());
    (1..43).for_each(|n| link(&name(n), name(n - 1).as_ref()));
    for (name, target) in [
        ("absolute", host.join("f")),
        ("directory", "../d".into()),
        ("directory-slash", "../d/".into()),
        ("behind", "directory/g".into()),
        ("up", "../d/..".into()),
        ("dots", ".././/d/../f".into()),
        ("itself", "itself".into()),
        ("this", "that".into()),
        ("that", "this".into()),
        ("dangling", "../d/nowhere".into()),
        ("no-directory", "../f/x".into()),
        ("closed", "../closed/x".into()),
        ("root", "/".into()),
        ("system", "/bin/sh".into()),
        ("process", "/proc/self/exe".into()),
        ("processes", "../../../../../../../../../../proc/self/exe".into()),
        ("tree", tree.clone()),
        ("crossing", tree.join("x")),
        ("crossing-late", "crossing".into()),
        ("through", "tree/x".into()),
        ("relative", "../../site/tree/x".into()),
        ("beside", tree.join("../tree2/file")),
        ("begins-like", bench.sandbox.path("site/tree2/file")),
        ("missing-there", tree.join("no")),
    ] {
        link(name, &target);
    }
    // Targets, and directories of links, as long as what there is room for.
    for bytes in 124..130 {
        let dots = "./".repeat((bytes - "../f".len()) / 2);
        let slash = if bytes % 2 == 1 { "/" } else { "" };
        link(&format!("target-{bytes}"), format!("{dots}..{slash}/f").as_ref());
        if let Some(directory) = deep(&host, bytes) {
            fs::write(directory.join("f"), "deep\n").expect("a new file");
            let _ = symlink("f", directory.join("l"));
            link(&format!("deep-{bytes}"), &directory.join("l"));
        }
    }
    Some((bench, host))
}

/// Wants the same natively, and with and without the lane.
#[track_caller]
fn same(command: &str) {
    let Some((bench, host)) = with_links() else { return };
    let host = host.to_string_lossy();
    bench.same_in(&[&[Way::Mounted][..], &Way::FAST].concat(), &[command, &host]);
}

#[test]
fn c_074_every_path_through_links_leads_where_it_does_natively() {
    same("paths");
}

#[test]
fn c_074_links_that_change() {
    same("changing");
}

#[test]
fn c_043_handlers_follow_links_while_links_are_followed() {
    same("signals");
}

/// `VRIFT_FULL=1` takes 500 seeds.
#[test]
fn c_074_links_and_paths_at_random() {
    let seeds = if std::env::var_os("VRIFT_FULL").is_some() { 500 } else { 8 };
    let Some((bench, host)) = bench("links") else { return };
    for seed in 0..seeds {
        let (any, host) = (host.join("any"), host.to_string_lossy());
        let seed = seed.to_string();
        let words = ["random", &host, &seed];
        let clear = || fs::remove_dir_all(&any).expect("the guest has made it");
        let natively = bench.native(&words);
        clear();
        for way in [Way::Fast, Way::AuditedBoth] {
            let ran = bench.run(way, &words);
            clear();
            assert!(ran == natively, "seed {seed} differs when {way:?}\n{natively}\n{ran}");
        }
    }
}

/// What lies on the host where a mount is: links there say nothing about the mount's.
#[test]
fn links_that_a_mount_hides_are_not_followed() {
    let Some((bench, host)) = with_links() else { return };
    let tree = bench.sandbox.tree();
    let natively = bench.native(&["paths", &host.to_string_lossy()]);
    for way in [Way::Mounted, Way::Fast, Way::TapedBoth, Way::AuditedBoth] {
        let mut command = bench.guest_command(way, &["paths", &host.to_string_lossy()]);
        // The tree is out of the way by now.
        fs::create_dir(&tree).expect("a new directory");
        for name in ["x", "sub", "no"] {
            symlink(host.join("g"), tree.join(name)).expect("a new link");
        }
        let ran = crate::bench::guarded(&mut command);
        fs::remove_dir_all(&tree).expect("it is ours");
        assert!(ran == natively, "it differs when {way:?}\nnatively: {natively}\n{ran}");
    }
}

/// Links at the beginning of a path and at its end, several of each.
#[test]
fn paths_through_links_make_no_stops() {
    if !have("strace") {
        return;
    }
    let Some((bench, host)) = with_links() else { return };
    let tree = bench.sandbox.tree();
    let own = ["chain-7", "absolute"].map(|name| (Way::Fast, host.join("links").join(name)));
    // A record waits for the digest of what is new. This is not, and its path begins with a link on most systems.
    let system = [Way::Fast, Way::AuditedBoth].map(|way| (way, PathBuf::from("/bin/sh")));
    for (way, path) in own.into_iter().chain(system) {
        let count = |times: &str| {
            let words = [&bench.guest, Path::new("count"), &tree, &host, times.as_ref(), &path];
            stops(&bench, way, &words.map(|word| OsString::from(word.as_os_str())))
        };
        let [Some(none), Some(many)] = ["0", "100"].map(count) else { return };
        let path = path.display();
        assert!(many <= none + 12, "{way:?}: {path}: {none} stops, {many} with 300 calls");
    }
}
