//! What every test stands on: a sandbox with a store of its own, the real `vrift` binary, and runs
//! whose every byte can be compared.
//!
//! **Invariant:** a sandbox leaves nothing behind, whatever modes a test gave to its directories.
//! **Invariant:** no test depends on the environment of the one who runs it, except for `PATH`.
//!
//! Deliberately absent: waiting for time to pass, and files that this process writes and then
//! executes (a concurrent fork would hold them open for writing, which is `ETXTBSY`).

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use tempfile::TempDir;

/// A private directory: `site/tree` is what gets ingested, `store` the store, `tmp` the place for
/// temporary files of whatever runs.
#[derive(Debug)]
pub(crate) struct Sandbox {
    root: PathBuf,
    _temp: TempDir,
}

impl Sandbox {
    /// Makes an empty sandbox.
    pub(crate) fn new() -> Sandbox {
        let temp =
            tempfile::Builder::new().prefix("vrift-").tempdir().expect("a temporary directory");
        let root = temp.path().canonicalize().expect("the directory was just made");
        // tempfile makes it 0700; tests that change their user have to get in.
        fs::set_permissions(&root, Permissions::from_mode(0o755)).expect("it is ours");
        for directory in ["site", "tmp"] {
            fs::create_dir(root.join(directory)).expect("the sandbox is empty");
        }
        Sandbox { root, _temp: temp }
    }

    /// A place in the sandbox.
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// The place of the tree, in which a test may build one.
    pub(crate) fn tree(&self) -> PathBuf {
        self.path("site/tree")
    }

    /// Where an ingested tree has gone.
    pub(crate) fn away(&self) -> PathBuf {
        self.path("site/tree.away")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// A command that knows nothing of the environment around the test, started in the sandbox.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", &self.root)
            .env("TMPDIR", self.path("tmp"))
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("VR_THE_SOURCE", self.store());
        command
    }

    /// `vrift` with these arguments.
    pub(crate) fn vrift<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_vrift"));
        command.args(args);
        command
    }

    /// Ingests a directory and returns the manifest.
    pub(crate) fn ingest(&self, directory: &Path) -> PathBuf {
        let manifest = self.path("tree.vrift");
        let ran = run(self
            .vrift(["ingest".as_ref(), directory.as_os_str(), "-o".as_ref()])
            .arg(&manifest));
        assert!(ran.status.success() && ran.stderr.is_empty(), "ingest failed: {ran}");
        manifest
    }

    /// Moves the tree to [`Sandbox::away`]. The directory above looks as before: same times, and as
    /// many directories in it.
    pub(crate) fn move_away(&self) {
        let site = self.path("site");
        let before = fs::metadata(&site).expect("the site exists");
        fs::rename(self.tree(), self.away()).expect("the tree exists");
        let time = |sec, nsec| TimeSpec::new(sec, nsec);
        utimensat(
            AT_FDCWD,
            &site,
            &time(before.atime(), before.atime_nsec()),
            &time(before.mtime(), before.mtime_nsec()),
            UtimensatFlags::FollowSymlink,
        )
        .expect("the site is ours");
    }

    /// A command as it is.
    pub(crate) fn natively<A: AsRef<OsStr>>(&self, command: &[A]) -> Command {
        let (program, args) = command.split_first().expect("a command has a name");
        let mut native = self.command(program);
        native.args(args);
        native
    }

    /// A command with the manifest of [`Sandbox::ingest`] seen where the tree was.
    pub(crate) fn in_mount<A: AsRef<OsStr>>(&self, command: &[A]) -> Command {
        self.in_mount_with(&[], command)
    }

    /// The same with options.
    pub(crate) fn in_mount_with<A: AsRef<OsStr>>(
        &self,
        options: &[&str],
        command: &[A],
    ) -> Command {
        let mut vrift = self.vrift(["run"]);
        vrift.args(options).args(["--read-only", "--manifest"]);
        vrift.arg(self.path("tree.vrift")).arg("--prefix").arg(self.tree()).arg("--").args(command);
        vrift
    }

    /// Compiles a C program of `fixtures/guests` against the C library.
    pub(crate) fn guest(&self, name: &str) -> Option<PathBuf> {
        self.compiled(name, &["-pthread"])
    }

    /// Compiles one that has no library at all.
    pub(crate) fn bare_guest(&self, name: &str) -> Option<PathBuf> {
        self.compiled(name, &["-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector"])
    }

    /// Compiles one with other flags.
    pub(crate) fn compiled(&self, name: &str, flags: &[&str]) -> Option<PathBuf> {
        if !have("cc") {
            return None;
        }
        let program = self.path(name);
        let mut cc = self.command("cc");
        cc.args(["-O1", "-Wall", "-Werror"]).args(flags).arg("-o").arg(&program);
        let ran = run(cc.arg(fixture(format!("guests/{name}.c"))));
        assert!(ran.status.success(), "{name}.c does not compile: {ran}");
        Some(program)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // An unprivileged user cannot empty a directory that may not be searched.
        open_up(&self.root);
    }
}

/// Makes every directory below one its owner's again, so that it can be removed.
pub(crate) fn open_up(directory: &Path) {
    let _ = fs::set_permissions(directory, Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// A file of the fixtures.
pub(crate) fn fixture(inside: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(inside)
}

/// The directories of `PATH` that this user may search: one that is closed would turn every
/// "not found" into "permission denied".
fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let open = std::env::split_paths(&path).filter(|directory| directory.join(".").exists());
    std::env::join_paths(open).expect("they came from a PATH")
}

/// Whether a tool is installed; if not, the caller's test says so and does nothing.
pub(crate) fn have(tool: &str) -> bool {
    let found = std::env::split_paths(&search_path()).any(|dir| dir.join(tool).is_file());
    if !found {
        skipped(&format!("there is no {tool}"));
    }
    found
}

/// A Python that is a program: a version manager's wrapper is a shell script of many processes.
pub(crate) fn python() -> Option<&'static str> {
    if Path::new("/usr/bin/python3").exists() {
        return Some("/usr/bin/python3");
    }
    have("python3").then_some("python3")
}

/// Says that a test did nothing, past the harness, which would hide it.
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Whether the tests run as root.
pub(crate) fn root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Does something as somebody without privilege: gives what stands before a command then. Skips if the tests
/// are not run by root.
pub(crate) fn as_nobody(mut act: impl FnMut(&[&str])) {
    if !root() {
        return skipped("only root can become somebody else");
    }
    if have("setpriv") {
        act(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    }
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Ran {
    /// The exit status, if it was no signal.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Asserts success without a word on standard error, and returns standard output.
    #[track_caller]
    pub(crate) fn fine(self) -> String {
        assert!(self.status.success() && self.stderr.is_empty(), "{self}");
        self.out()
    }

    /// Asserts that vrift itself failed: status 125, a message of its own, no panic.
    #[track_caller]
    pub(crate) fn vrift_failed(self) -> String {
        let err = self.err();
        assert_eq!(self.code(), Some(125), "{self}");
        assert!(err.starts_with("vrift: ") || err.starts_with("error: "), "{self}");
        assert!(!err.contains("panicked"), "{self}");
        err
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}--- stderr\n{}---", self.status, self.out(), self.err())
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ran { status: output.status, stdout: output.stdout, stderr: output.stderr }
}

/// Runs commands on the real tree and in the mount, and wants the same.
#[derive(Debug)]
pub(crate) struct Twin {
    pub(crate) sandbox: Sandbox,
    mask: fn(String) -> String,
}

impl Twin {
    /// A tree made by `build`.
    pub(crate) fn new(build: impl FnOnce(&Sandbox)) -> Twin {
        let sandbox = Sandbox::new();
        build(&sandbox);
        Twin::of(sandbox)
    }

    /// The tree of a sandbox.
    pub(crate) fn of(sandbox: Sandbox) -> Twin {
        Twin { sandbox, mask: |text| text }
    }

    /// Hides from the comparison what may differ.
    pub(crate) fn masked(self, mask: fn(String) -> String) -> Twin {
        Twin { mask, ..self }
    }

    /// Runs each of the shell scripts in the tree (`$T` is its path, `$S` the sandbox), first
    /// natively, then, with the tree moved away, in a mount. All differences are reported at once.
    #[track_caller]
    pub(crate) fn scripts(&self, scripts: &[&str]) {
        let commands: Vec<_> = scripts.iter().map(|script| self.in_tree(script)).collect();
        self.compare(&commands);
    }

    /// The command that runs a shell script in the tree.
    pub(crate) fn in_tree(&self, script: &str) -> Vec<OsString> {
        let mut words: Vec<OsString> =
            vec!["sh".into(), "-c".into(), format!("cd \"$T\" && {script}").into()];
        words.push("sh".into());
        words
    }

    /// The same for any commands.
    #[track_caller]
    pub(crate) fn compare(&self, commands: &[Vec<OsString>]) {
        let sandbox = &self.sandbox;
        let run =
            |mut command: Command| run(command.env("T", sandbox.tree()).env("S", sandbox.path("")));
        let native: Vec<_> = commands.iter().map(|words| run(sandbox.natively(words))).collect();
        sandbox.ingest(&sandbox.tree());
        sandbox.move_away();
        let mut report = String::new();
        for (words, native) in commands.iter().zip(&native) {
            let mounted = run(sandbox.in_mount(words));
            if let Some(difference) = self.difference(native, &mounted) {
                let _ = writeln!(report, "=== {words:?}\n{difference}");
            }
        }
        assert!(report.is_empty(), "the mount differs from the real directory\n{report}");
    }

    fn difference(&self, native: &Ran, mounted: &Ran) -> Option<String> {
        let mut text = String::new();
        if native.status != mounted.status {
            let _ = writeln!(text, "status: {} but {}", native.status, mounted.status);
        }
        for (name, real, seen) in [
            ("stdout", &native.stdout, &mounted.stdout),
            ("stderr", &native.stderr, &mounted.stderr),
        ] {
            // Latin 1 keeps every byte apart from every other.
            let latin = |bytes: &[u8]| bytes.iter().map(|&b| char::from(b)).collect::<String>();
            let (real, seen) = ((self.mask)(latin(real)), (self.mask)(latin(seen)));
            if real != seen {
                let _ = writeln!(text, "{name}:\n{}", line_difference(&real, &seen));
            }
        }
        (!text.is_empty()).then_some(text)
    }
}

/// The lines that differ, as `diff` shows lines that were replaced.
pub(crate) fn line_difference(real: &str, seen: &str) -> String {
    const LINES_MAX: usize = 40;
    let (mut real, mut seen) = (real.lines(), seen.lines());
    let mut text = String::new();
    let mut count = 0;
    loop {
        let pair = (real.next(), seen.next());
        if pair == (None, None) {
            break;
        }
        if pair.0 == pair.1 {
            continue;
        }
        count += 1;
        if count <= LINES_MAX {
            let _ =
                writeln!(text, "- {}\n+ {}", pair.0.unwrap_or("(end)"), pair.1.unwrap_or("(end)"));
        }
    }
    let _ = write!(text, "({count} lines differ)");
    text
}

/// A stable description of everything below a directory: names, kinds, modes, owners, times, sizes,
/// link counts, targets and contents. Two equal descriptions mean that nothing was touched.
pub(crate) fn fingerprint(directory: &Path) -> String {
    let mut text = String::new();
    describe(directory, &mut text);
    text
}

/// What is in a directory, in one order.
pub(crate) fn listed(directory: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> = found.map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn describe(path: &Path, text: &mut String) {
    let meta = fs::symlink_metadata(path).expect("it was just listed");
    let kind = meta.file_type();
    let _ = write!(
        text,
        "{path:?} {:o} {}:{} links {} mtime {}.{:09} ctime {}.{:09} inode {} ",
        meta.mode(),
        meta.uid(),
        meta.gid(),
        meta.nlink(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
        meta.ino()
    );
    if kind.is_symlink() {
        let _ = writeln!(text, "-> {:?}", fs::read_link(path).expect("it is a link"));
    } else if kind.is_dir() {
        let _ = writeln!(text, "directory");
        listed(path).iter().for_each(|name| describe(name, text));
    } else {
        // What may not be read cannot have been written either; a FIFO would be waited for.
        let content = if kind.is_file() { fs::read(path).unwrap_or_default() } else { Vec::new() };
        let sum = content.iter().fold(0u64, |sum, &b| sum.wrapping_mul(31).wrapping_add(b.into()));
        let _ = writeln!(text, "{} bytes {sum:016x}", meta.len());
    }
}
