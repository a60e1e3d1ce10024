//! Where programs run: the same directory, made anew for each run, under either tracer.
//!
//! **Invariant:** both tracers start the same command in the same path, with the same environment
//! and the same descriptors.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::fcntl::AT_FDCWD;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::Pid;

use super::compare::Addresses;
use super::kit::{self, Sandbox};
use super::programs::{Program, Start};
use super::trace::Trace;

/// After this long a run has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// The time of every file that a program finds: long ago, so that nothing is younger.
const LONG_AGO: i64 = 1_000_000_000;

/// A sandbox with a directory that is always at the same place.
#[derive(Debug)]
pub(crate) struct Stage {
    sandbox: Sandbox,
    addresses: Addresses,
    keep: Option<PathBuf>,
}

/// When vrift has calls made without a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// If a program makes many.
    Auto,
    /// From the first on.
    Always,
}

impl Lane {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Lane::Auto => "auto",
            Lane::Always => "always",
        }
    }
}

/// A program with everything it needs.
#[derive(Debug)]
pub(crate) struct Ready {
    program: &'static Program,
    command: Vec<OsString>,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("bin")).expect("the sandbox is empty");
        let mut fixed = sandbox.command("setarch");
        let fixed = fixed.args([std::env::consts::ARCH, "-R", "true"]).output();
        let addresses = match fixed.is_ok_and(|output| output.status.success()) {
            true => Addresses::Fixed,
            false => Addresses::Random,
        };
        Stage { sandbox, addresses, keep: std::env::var_os("VRIFT_KEEP").map(PathBuf::from) }
    }

    /// Whether randomisation is off.
    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// A command in the environment of the stage.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = self.sandbox.command(program);
        command
            .current_dir(self.directory())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("PYTHONHASHSEED", "0");
        command
    }

    /// Where programs start.
    pub(crate) fn directory(&self) -> PathBuf {
        self.sandbox.tree()
    }

    /// Sets everything below the directory to the same time.
    pub(crate) fn age(&self) {
        age(&self.directory());
    }

    /// Finds or compiles what the program needs; `None` if that is not to be had.
    pub(crate) fn ready(&self, program: &'static Program) -> Option<Ready> {
        if !program.tools.iter().all(|tool| kit::have(tool)) {
            return None;
        }
        let command = match program.start {
            Start::Command(words) => words.iter().map(OsString::from).collect(),
            Start::Guest => vec![self.guest(program.name, &["-pthread", "-no-pie"])?.into()],
            Start::NarrowGuest => vec![self.narrow_guest(program.name)?.into()],
            Start::Python(code) => vec![self.python()?, "-c".into(), code.into()],
        };
        Some(Ready { program, command })
    }

    /// A C program of `tests/agreement/guests`. Warnings are off: it does what no one should.
    fn guest(&self, name: &str, flags: &[&str]) -> Option<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/agreement/guests")
            .join(name)
            .with_extension("c");
        let program = self.sandbox.path("bin").join(name);
        let mut cc = self.sandbox.command("cc");
        let ran = kit::run(cc.args(["-O1", "-w", "-o"]).arg(&program).arg(source).args(flags));
        if !ran.status.success() {
            kit::skipped(&format!("{name}.c does not compile: {ran}"));
            return None;
        }
        Some(program)
    }

    /// The same for 32 bits, if this machine can run such programs.
    fn narrow_guest(&self, name: &str) -> Option<PathBuf> {
        if !cfg!(target_arch = "x86_64") {
            return None;
        }
        let flags = ["-m32", "-static", "-nostdlib", "-ffreestanding", "-fno-pic", "-no-pie"];
        let program = self.guest(name, &flags)?;
        // Without anything said it only ends.
        kit::run(&mut self.sandbox.command(&program)).status.success().then_some(program)
    }

    /// The program behind whatever wrapper is called python3.
    fn python(&self) -> Option<OsString> {
        let mut ask = self.sandbox.command("python3");
        let ran = kit::run(ask.args(["-c", "import sys; print(sys.executable)"]));
        ran.status.success().then(|| ran.out().trim_end().into())
    }

    /// Runs a program under strace, with options that both tracers have.
    pub(crate) fn strace(
        &self,
        ready: &Ready,
        options: &[&str],
        attempt: usize,
    ) -> Result<Trace, String> {
        let strace = [&["strace", "-f"], options, &["-o"]].concat();
        self.run(ready, "strace", &strace, &[], attempt)
    }

    /// Runs a program under vrift.
    pub(crate) fn vrift(
        &self,
        ready: &Ready,
        lane: Lane,
        options: &[&str],
        attempt: usize,
    ) -> Result<Trace, String> {
        let lane = format!("--fast-lane={}", lane.word());
        let vrift = [&[env!("CARGO_BIN_EXE_vrift"), "trace", &lane], options, &["-o"]].concat();
        self.run(ready, "vrift", &vrift, &["--"], attempt)
    }

    fn run(
        &self,
        ready: &Ready,
        tracer: &str,
        before: &[&str],
        after: &[&str],
        attempt: usize,
    ) -> Result<Trace, String> {
        self.clear();
        (ready.program.prepare)(self);
        let output = self.sandbox.path("trace");
        let mut words: Vec<&str> = Vec::new();
        if self.addresses == Addresses::Fixed {
            words.extend(["setarch", std::env::consts::ARCH, "-R"]);
        }
        words.extend(before);
        let mut command = self.command(words[0]);
        command.args(&words[1..]).arg(&output).args(after).args(&ready.command);
        let said = File::create(self.sandbox.path("said")).expect("the sandbox is ours");
        let said_too = said.try_clone().expect("a descriptor is to be had");
        command.stdin(Stdio::null()).stdout(said).stderr(said_too);
        let name = ready.program.name;
        let status = finish(command, &format!("{name} under {tracer}"))?;
        if let Some(keep) = &self.keep {
            let kept = keep.join(format!("{name}.{attempt}.{tracer}"));
            fs::copy(&output, kept).expect("VRIFT_KEEP is a directory");
        }
        let right = match ready.program.ends_by {
            Some(signal) => status.signal() == Some(signal as i32),
            None => status.success(),
        };
        let said = fs::read(self.sandbox.path("said")).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        if !right {
            return Err(format!("{name} under {tracer}: {status}\n{said}"));
        }
        let text = fs::read(output).expect("the tracer wrote it");
        Ok(Trace::parse(&String::from_utf8_lossy(&text)))
    }

    /// Empties the directory and the one for temporary files.
    fn clear(&self) {
        for directory in [self.directory(), self.sandbox.path("tmp")] {
            if directory.exists() {
                fs::remove_dir_all(&directory).expect("it is ours");
            }
            fs::create_dir(directory).expect("it was just removed");
        }
    }
}

/// Runs a command to its end, but not for ever.
fn finish(mut command: Command, what: &str) -> Result<ExitStatus, String> {
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("process ids are small"));
    let (sender, ended) = mpsc::channel();
    let waiting = thread::spawn(move || {
        let status = child.wait();
        let _ = sender.send(());
        status
    });
    let in_time = ended.recv_timeout(PATIENCE).is_ok();
    if !in_time {
        let _ = kill(pid, Signal::SIGKILL);
    }
    let status = waiting.join().expect("waiting does not panic").expect("it is our child");
    if in_time { Ok(status) } else { Err(format!("{what}: no end after {PATIENCE:?}")) }
}

fn age(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).expect("it is ours").flatten() {
            if entry.file_name().as_bytes() != b".git" {
                age(&entry.path());
            }
        }
    }
    let time = TimeSpec::new(LONG_AGO, 0);
    utimensat(AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink).expect("it is ours");
}
