//! The file system that a run finds: made anew before each, so that nobody pays for what others have left
//! behind. (An ext4 without a journal gives no inode away again that was freed within the last minutes, and
//! searches past all of them.)
//!
//! With `VRIFT_MKFS`, the words that make a file system in an image behind them, it is one of its own on a loop
//! device (needs root); else a directory where `TMPDIR` is.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::builds::Site;
use super::kit::{self, Sandbox};
use super::lab::projects;

/// The size of an image; what is not written takes no room.
const IMAGE_BYTES: u64 = 8 << 30;

/// Where everything that is written lies.
pub(super) struct Ground<'a> {
    sandbox: &'a Sandbox,
    /// What makes a file system, if there is to be one.
    mkfs: Vec<String>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(sandbox: &'a Sandbox) -> Ground<'a> {
        let mkfs = std::env::var("VRIFT_MKFS").unwrap_or_default();
        let mkfs = mkfs.split_whitespace().map(str::to_owned).collect();
        // The store is on it too, at the place where vrift looks for it.
        symlink(sandbox.path("ground/store"), sandbox.store()).expect("the sandbox is ours");
        fs::create_dir(sandbox.path("ground")).expect("the sandbox is ours");
        fs::create_dir(sandbox.path("sites")).expect("the sandbox is ours");
        Ground { sandbox, mkfs }
    }

    /// What it is, for whoever reads the numbers.
    pub(super) fn name(&self) -> String {
        match self.mkfs.is_empty() {
            true => format!("in a new directory of {}", std::env::temp_dir().display()),
            false => format!("on a new file system of `{}`", self.mkfs.join(" ")),
        }
    }

    fn root(&self) -> PathBuf {
        self.sandbox.path("ground")
    }

    /// The directory that is written to natively.
    pub(super) fn source(&self) -> PathBuf {
        self.root().join("source")
    }

    /// Where others see it.
    pub(super) fn seen(&self) -> PathBuf {
        self.root().join("seen")
    }

    /// Where overlays keep their changes.
    pub(super) fn upper(&self) -> PathBuf {
        self.root().join("upper")
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.root().join("manifest.vrift")
    }

    /// Makes what lies in a site, once. *Errors:* why it is not to be had.
    pub(super) fn prepare(&self, site: Site) -> Result<(), String> {
        let path = self.site(site);
        match site {
            _ if path.exists() => Ok(()),
            Site::Project(name) => projects::make(name, &path),
            Site::Fixture(name) => {
                self.done("cp", &["-r".into(), kit::fixture(name).into(), path.into()])
            }
            Site::Empty => fs::create_dir(&path).map_err(|error| error.to_string()),
        }
    }

    fn site(&self, site: Site) -> PathBuf {
        let name = match site {
            Site::Project(name) | Site::Fixture(name) => name,
            Site::Empty => "empty",
        };
        self.sandbox.path("sites").join(name.replace('/', "-"))
    }

    /// An empty file system with a site in it, which is also ingested. *Errors:* why not.
    pub(super) fn renew(&self, site: Site) -> Result<(), String> {
        self.clear()?;
        for dir in [self.seen(), self.root().join("store")] {
            fs::create_dir(dir).map_err(|error| error.to_string())?;
        }
        let (source, manifest) = (self.source(), self.manifest());
        self.done("cp", &["-a".into(), self.site(site).into(), source.clone().into()])?;
        let vrift = env!("CARGO_BIN_EXE_vrift");
        self.done(vrift, &["ingest".into(), source.into(), "-o".into(), manifest.into()])
    }

    fn clear(&self) -> Result<(), String> {
        let root = self.root();
        if self.mkfs.is_empty() {
            let anew = fs::remove_dir_all(&root).and_then(|()| fs::create_dir(&root));
            return anew.map_err(|error| format!("emptying {}: {error}", root.display()));
        }
        self.leave();
        let image = self.sandbox.path("image");
        let _ = fs::remove_file(&image);
        File::create(&image)
            .and_then(|file| file.set_len(IMAGE_BYTES))
            .map_err(|error| format!("making {}: {error}", image.display()))?;
        let words: Vec<OsString> = self.mkfs.iter().skip(1).map(OsString::from).collect();
        self.done(&self.mkfs[0], &[&words[..], &[image.clone().into()]].concat())?;
        self.done("mount", &["-o".into(), "loop".into(), image.into(), root.into()])
    }

    /// Unmounts what is mounted.
    fn leave(&self) {
        if !self.mkfs.is_empty() && self.is_mounted() {
            let left = self.done("umount", &[self.root().into()]);
            left.expect("all who used the file system have ended");
        }
    }

    fn is_mounted(&self) -> bool {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        mounts.lines().any(|line| line.split(' ').nth(1).map(Path::new) == Some(&self.root()))
    }

    fn done(&self, program: impl AsRef<OsStr>, args: &[OsString]) -> Result<(), String> {
        let ran = kit::run(self.sandbox.command(program).args(args));
        if ran.status.success() { Ok(()) } else { Err(format!("{args:?}: {ran}")) }
    }
}

impl Drop for Ground<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
