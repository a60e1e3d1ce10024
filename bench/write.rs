//! What writing to a mount costs.
//!
//! `cargo bench --bench write`. Beside `vrift run` with a manifest and with an overlay, whose sessions are
//! discarded, stand proot, overlayfs in a user namespace and fuse-overlayfs, as far as installed and
//! permitted. Natively the directory itself is written to, under proot what it binds elsewhere; but cargo calls
//! `statx`, which with proot finds nothing there, so it runs where the directory is. Before each run the directory
//! and all around it are made anew (`write/ground.rs`); with `VRIFT_MKFS`, on a file system made for it.
//!
//! The last table sets the overheads of both ways of vrift in relation to proot's, by the clock and by
//! processor time, and tells how many stops a run takes (of what is long only with `VRIFT_STOPS=1`).
//! `VRIFT_SCALE=0.1` makes a tenth of the files and bytes.

#[path = "write/builds.rs"]
mod builds;
#[path = "write/ground.rs"]
mod ground;
#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
mod lab;
#[path = "../tests/engine/requests.rs"]
mod requests;
mod stops;
#[path = "lab/summary.rs"]
mod summary;

use std::path::Path;

use builds::{Build, Proot};
use ground::Ground;
use lab::{Load, Way, say};
use summary::Summary;

/// The way that sees the directory at its own path, with changes on top.
const OVERLAY: &str = "vrift --overlay";

fn main() {
    if !lab::measuring() {
        return;
    }
    let sandbox = kit::Sandbox::new();
    let Some(churn) = sandbox.guest("churn") else { return };
    let ground = Ground::new(&sandbox);
    say(&format!("{}, {}\n", lab::machine(), ground.name()));
    let mut ways = None;
    let mut summary = Summary::default();
    for build in builds::all(&churn, kit::python().unwrap_or("python3")) {
        if !lab::chosen(build.name) {
            continue;
        }
        if let Some(tool) = build.tools.iter().find(|tool| !lab::installed(&sandbox, tool)) {
            say(&format!("\n{} is not measured: there is no {tool}\n", build.name));
            continue;
        }
        if let Err(why) = ground.prepare(build.site).and_then(|()| ground.renew(build.site)) {
            say(&format!("\n{} is not measured: {why}\n", build.name));
            continue;
        }
        let ways = ways.get_or_insert_with(|| all_ways(&sandbox, &ground));
        measured(&sandbox, &ground, &build, ways, &mut summary);
    }
    say(&summary.text());
}

/// Measures a build in all ways.
fn measured(
    sandbox: &kit::Sandbox,
    ground: &Ground<'_>,
    build: &Build,
    ways: &[Way],
    summary: &mut Summary,
) {
    let each: Vec<_> = ways
        .iter()
        .map(|way| {
            let at = match (way.name, build.proot) {
                (summary::PROOT, Proot::InPlace) | (summary::PROOT_BARE, Proot::Bound) => {
                    return None;
                }
                (summary::NATIVE | OVERLAY | summary::PROOT_BARE, _) => ground.source(),
                _ => ground.seen(),
            };
            Some(Load::new(build.name, &["sh", "-ec", &build.script, "sh", &text(&at)]))
        })
        .collect();
    let renew = || ground.renew(build.site).expect("it could be made before");
    let all = lab::measure(sandbox, &each, ways, &renew);
    if all[0].is_none() {
        return say(&format!("{} is not measured: it fails without vrift\n", build.name));
    }
    lab::table(build.name, ways, &all);
    for ours in [summary::VRIFT, OVERLAY] {
        let found = ways.iter().zip(&each).zip(&all).find(|((way, _), _)| way.name == ours);
        let Some(((way, Some(load)), Some(times))) = found else { continue };
        let stops = summary::counts_stops(times).then(|| {
            renew();
            stops::of(sandbox, way, load)
        });
        summary.add(&format!("{}, {ours}", build.name), ours, ways, &all, stops.flatten());
    }
}

fn all_ways(sandbox: &kit::Sandbox, ground: &Ground<'_>) -> Vec<Way> {
    let (source, seen, upper) =
        (text(&ground.source()), text(&ground.seen()), text(&ground.upper()));
    let (vrift, manifest) = (env!("CARGO_BIN_EXE_vrift"), text(&ground.manifest()));
    let run = [vrift, "run", "--discard", "--manifest", &manifest, "--prefix", &seen, "--"];
    let mut ways = vec![
        Way::new::<&str>(summary::NATIVE, &[]),
        Way::new(summary::VRIFT, &run),
        Way::new(OVERLAY, &[vrift, "run", "--discard", "--overlay", &source, "--"]),
    ];
    if lab::installed(sandbox, "proot") {
        ways.push(Way::new(summary::PROOT, &["proot", "-b", &format!("{source}:{seen}")]));
        // It keeps a current directory of its own, which what it does not know does not see.
        let there = ["sh", "-c", "cd \"$0\" && exec proot \"$@\"", &source];
        ways.push(Way::new(summary::PROOT_BARE, &there));
    } else {
        say("proot -b is not measured: there is no proot\n");
    }
    let mut layered = |name, mount| {
        let words = ["sh", "-c", LAYERED, mount, &source, &seen, &upper];
        let mut probe = sandbox.command(words[0]);
        match kit::run(probe.args(&words[1..]).arg("true")).status.success() {
            true => ways.push(Way::new(name, &words)),
            false => say(&format!("{name} is not measured: it cannot be mounted here\n")),
        }
    };
    layered("overlayfs", "mount -t overlay overlay");
    layered("fuse-overlayfs", "fuse-overlayfs");
    ways
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// With `$0` mounts a view of `$1`, whose changes go below `$3`, on `$2`, in a mount namespace of its own,
/// and runs the rest of the arguments.
const LAYERED: &str = "mount=$0 source=$1 seen=$2 upper=$3; shift 3; exec unshare -rm sh -c '
    mount=$1 source=$2 seen=$3 upper=$4; shift 4
    rm -rf \"$upper\" && mkdir -p \"$upper/up\" \"$upper/work\" || exit 1
    $mount -o lowerdir=\"$source\",upperdir=\"$upper/up\",workdir=\"$upper/work\" \"$seen\" && \"$@\"
    status=$?; umount \"$seen\"; exit $status' sh \"$mount\" \"$source\" \"$seen\" \"$upper\" \"$@\"";
