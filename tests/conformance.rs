//! Test suites of others for file systems, run on a real directory and in a mount that can be written
//! to: what passes there must pass here. `docs/conformance.md` has the commands and the numbers.
//!
//! `pjdfstest` and `fsx` are programs of crates.io, which `cargo install` makes; a test whose tool is
//! not in PATH says so and does nothing. A usual run takes a sample; `VRIFT_FULL=1` takes all.

#[path = "conformance/fsx.rs"]
mod fsx;
#[path = "suite/kit.rs"]
#[expect(dead_code, reason = "the kit serves another test program, which uses all of it")]
mod kit;
#[path = "conformance/pjdfstest.rs"]
mod pjdfstest;
#[path = "conformance/stressors.rs"]
mod stressors;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use self::kit::{Sandbox, run};

/// Whether everything is to be run.
fn full() -> bool {
    std::env::var_os("VRIFT_FULL").is_some_and(|value| value == "1")
}

/// What came of each case of a suite, by its name.
type Results = BTreeMap<String, String>;

/// An empty directory, and a mount of it that can be written to.
struct Twin {
    sandbox: Sandbox,
}

impl Twin {
    fn new() -> Twin {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.tree()).expect("the sandbox can be written");
        // Suites become other users.
        for path in [sandbox.path("."), sandbox.path("site"), sandbox.tree()] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).expect("it is ours");
        }
        sandbox.ingest(&sandbox.tree());
        Twin { sandbox }
    }

    /// The output of the same words in the mount and on the real directory.
    fn both(&self, words: impl Fn(&mut Command)) -> [kit::Ran; 2] {
        let mut mounted = self.sandbox.vrift(["run", "--discard", "--manifest"]);
        mounted.arg(self.sandbox.path("tree.vrift")).arg("--prefix").arg(self.sandbox.tree());
        mounted.args(["--", "env"]);
        let mut native = self.sandbox.command("env");
        [&mut mounted, &mut native].map(|command| {
            words(command);
            run(command)
        })
    }
}

/// Compares the results of a suite: what `passes` natively passes in the mount, but for `exceptions`,
/// which fail there.
#[track_caller]
fn compare(mounted: &Results, native: &Results, passes: &str, exceptions: &[&str]) {
    let fine = native.iter().filter(|(_, result)| *result == passes);
    let (mut count, mut wrong) = (0, Vec::new());
    for (case, _) in fine {
        let here = mounted.get(case).map_or("nothing", |result| &result[..]);
        count += 1;
        if (here == passes) == exceptions.contains(&&case[..]) {
            wrong.push(format!("{case}: {here}"));
        }
    }
    assert!(count > 0, "no case passed natively: {native:?}");
    let of = native.len();
    let here = mounted.iter().filter(|(case, result)| {
        *result == passes && native.get(*case).is_some_and(|native| native == passes)
    });
    let line =
        format!("{count} of {of} cases pass natively, {} of them in the mount", here.count());
    let _ = writeln!(std::io::stderr(), "conformance: {line}");
    assert!(wrong.is_empty(), "otherwise in the mount than expected:\n{}", wrong.join("\n"));
}
