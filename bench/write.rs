//! What writing to a mount costs.
//!
//! `cargo bench --bench write`. Beside `vrift run` with a manifest and with an overlay, whose sessions are
//! discarded, stand proot, overlayfs in a user namespace and fuse-overlayfs, as far as installed and
//! permitted. Natively, and under proot, the directory itself is written to. Every load removes what it
//! has made.
//!
//! `VRIFT_SCALE=0.1` makes a tenth of the files and bytes.

#[expect(dead_code, reason = "the kit serves the tests")]
#[path = "../tests/suite/kit.rs"]
mod kit;
mod lab;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use lab::{Load, Way, projects, say};

/// Small files that are made, renamed and deleted.
const FILES: f64 = 50_000.0;
/// MiB that are written into one file.
const MEGABYTES: f64 = 1024.0;

/// The way that sees the directory at its own path, with changes on top.
const OVERLAY: &str = "vrift --overlay";

/// What is done in the directory `$1`.
const BUILD: &str =
    "cd \"$1\" && make -s -j2 ROOT=. && make -s -q ROOT=. && rm -f *.o liblua.so program";
const GIT: &str = "cd \"$1\" && git init -q . && git add -A && \
    git -c user.name=n -c user.email=e commit -qm m && git gc -q && rm -rf .git";
const COPY: &str = "cp -a /usr/include/. \"$1/copy\" && rm -rf \"$1/copy\"";
const UNPACK: &str = "tar c -C /usr include | tar x -C \"$1\" && rm -rf \"$1/include\"";
const REPLACE: &str =
    "cd \"$1\" && for i in 1 2 3 4 5; do sed -i s/lua/LuA/ *.c; sed -i s/LuA/lua/ *.c; done";

fn main() {
    if !lab::measuring() {
        return;
    }
    let sandbox = kit::Sandbox::new();
    let Some(churn) = sandbox.guest("churn") else { return };
    let scale = std::env::var("VRIFT_SCALE").ok().and_then(|scale| scale.parse().ok());
    let scaled = |of: f64| ((of * scale.unwrap_or(1.0)) as u64).max(1).to_string();
    say(&format!("{}\n", lab::machine()));
    let churn = churn.to_string_lossy();
    let write =
        format!("dd if=/dev/zero of=\"$1/big\" bs=1M count={} && rm \"$1/big\"", scaled(MEGABYTES));
    let churned = format!("exec '{churn}' \"$1\" {}", scaled(FILES));
    let loads = [
        ("files", "lua", &churned[..]),
        ("write", "lua", &write[..]),
        ("make", "lua", BUILD),
        ("git", "lua", GIT),
        ("cp -a", "lua", COPY),
        ("tar x", "lua", UNPACK),
        ("sed -i", "lua", REPLACE),
        ("make-tiny", "tiny", BUILD),
    ];
    let mut places = HashMap::new();
    for (name, project, script) in loads.into_iter().filter(|(name, ..)| lab::chosen(name)) {
        let place = places.entry(project).or_insert_with(|| Place::new(&sandbox, project));
        let place = match place {
            Ok(place) => place,
            Err(why) => {
                say(&format!("\n{name} is not measured: {why}\n"));
                continue;
            }
        };
        let ways = place.ways(&sandbox);
        let each: Vec<_> = ways
            .iter()
            .map(|way| {
                let in_place = matches!(way.name, "native" | OVERLAY);
                let at = if in_place { &place.source } else { &place.seen };
                Some(Load::new(name, &["sh", "-ec", script, "sh", at]))
            })
            .collect();
        let all = lab::measure(&sandbox, &each, &ways);
        lab::table(name, &ways, &all);
    }
}

/// A directory, and where it is seen.
struct Place {
    source: String,
    seen: String,
    manifest: String,
}

impl Place {
    /// A project of its name, ingested. *Errors:* why it is not to be had.
    fn new(sandbox: &kit::Sandbox, project: &str) -> Result<Place, String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let source = sandbox.path("site").join(project);
        let seen = sandbox.path("site").join(format!("{project}-seen"));
        projects::make(project, &source)?;
        fs::create_dir(&seen).expect("the sandbox is ours");
        let manifest = sandbox.path(format!("{project}.vrift"));
        let mut ingest = sandbox.vrift(["ingest".as_ref(), source.as_os_str(), "-o".as_ref()]);
        let ran = kit::run(ingest.arg(&manifest));
        assert!(ran.status.success(), "{ran}");
        Ok(Place { source: text(&source), seen: text(&seen), manifest: text(&manifest) })
    }

    fn ways(&self, sandbox: &kit::Sandbox) -> Vec<Way> {
        let vrift = env!("CARGO_BIN_EXE_vrift");
        let run = [vrift, "run", "--discard", "--manifest", &self.manifest, "--prefix", &self.seen];
        let mut ways = vec![
            Way::new::<&str>("native", &[]),
            Way::new("vrift run", &[&run[..], &["--"]].concat()),
            Way::new(OVERLAY, &[vrift, "run", "--discard", "--overlay", &self.source, "--"]),
        ];
        if lab::installed(sandbox, "proot") {
            ways.push(Way::new(
                "proot -b",
                &["proot", "-b", &format!("{}:{}", self.source, self.seen)],
            ));
        }
        let upper = sandbox.path("upper").to_string_lossy().into_owned();
        let mut layered = |name, mount| {
            let words = ["sh", "-c", LAYERED, mount, &self.source, &self.seen, &upper];
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
}

/// With `$0` mounts a view of `$1`, whose changes go below `$3`, on `$2`, in a mount namespace of its own,
/// and runs the rest of the arguments.
const LAYERED: &str = "mount=$0 source=$1 seen=$2 upper=$3; shift 3; exec unshare -rm sh -c '
    mount=$1 source=$2 seen=$3 upper=$4; shift 4
    rm -rf \"$upper\" && mkdir -p \"$upper/up\" \"$upper/work\" || exit 1
    $mount -o lowerdir=\"$source\",upperdir=\"$upper/up\",workdir=\"$upper/work\" \"$seen\" && \"$@\"
    status=$?; umount \"$seen\"; exit $status' sh \"$mount\" \"$source\" \"$seen\" \"$upper\" \"$@\"";
