//! Where guests run: a sandbox with a small tree, some ways to run a program in it, and the guard
//! that nothing hangs and nothing is left over.
//!
//! **Invariant:** only processes that the bench started itself are ever killed, by their ids.
//!
//! Deliberately absent: assertions about time. The guard of a minute is there to end a hang.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::kit::{Ran, Sandbox};

/// After this a run counts as hung.
pub(crate) const GUARD: Duration = Duration::from_secs(240);

/// The variable by which processes of one bench are recognised.
const MARK: &str = "VRIFT_ENGINE_TEST";

/// How a program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By itself, on the real tree.
    Native,
    /// Under `vrift trace` to a file, on the real tree.
    Traced,
    /// Under `vrift run` with the tree in a mount.
    Mounted,
    /// The same with the fast lane in every program.
    Fast,
    /// The same with the fast lane in none.
    Slow,
    /// Under `vrift trace` to a file, with the tree in a mount.
    Both,
    /// Under `vrift trace` to a file, on the real tree, with the fast lane in every program.
    Taped,
    /// The same with the tree in a mount.
    TapedBoth,
    /// The same under `vrift audit`, on the real tree.
    Audited,
    /// The same with the tree in a mount.
    AuditedBoth,
}

impl Way {
    /// All but the native one and the slow one, which is only there to be counted.
    pub(crate) const VRIFT: [Way; 5] =
        [Way::Traced, Way::Mounted, Way::Fast, Way::Both, Way::Taped];

    /// Those with the fast lane in every program.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "only one architecture has a fast lane")
    )]
    pub(crate) const FAST: [Way; 5] =
        [Way::Fast, Way::Taped, Way::TapedBoth, Way::Audited, Way::AuditedBoth];

    fn has_mount(self) -> bool {
        match self {
            Way::Mounted | Way::Fast | Way::Slow => true,
            Way::Both | Way::TapedBoth | Way::AuditedBoth => true,
            Way::Native | Way::Traced | Way::Taped | Way::Audited => false,
        }
    }
}

/// A sandbox whose tree holds `x`, `sub`, `many/0000` to `many/0049`, `fifo` (a link to a FIFO on
/// the host) and `out` (a link to a program on the host).
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) guest: PathBuf,
    mark: String,
    away: Cell<bool>,
    ingested: Cell<bool>,
}

impl Bench {
    /// A bench with a guest of `fixtures/guests/engine`; `None` if there is no compiler.
    pub(crate) fn new(guest: &str) -> Option<Bench> {
        let bench = Bench::empty();
        fs::create_dir(bench.sandbox.path("engine")).expect("a new directory");
        let guest = bench.sandbox.guest(&format!("engine/{guest}"))?;
        Some(Bench { guest, ..bench })
    }

    /// A bench for programs that are there already.
    pub(crate) fn empty() -> Bench {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let sandbox = Sandbox::new();
        let tree = sandbox.tree();
        for directory in ["sub", "many"] {
            fs::create_dir_all(tree.join(directory)).expect("a new directory");
        }
        fs::write(tree.join("x"), "x here\n").expect("a new file");
        for n in 0..50 {
            fs::write(tree.join(format!("many/{n:04}")), format!("{n:04}\n")).expect("a new file");
        }
        mkfifo(&sandbox.path("fifo"), Mode::S_IRWXU).expect("a new FIFO");
        symlink("../../fifo", tree.join("fifo")).expect("a new link");
        symlink("/bin/true", tree.join("out")).expect("a new link");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{count}", std::process::id());
        let (away, ingested) = (Cell::new(false), Cell::new(false));
        Bench { sandbox, guest: PathBuf::new(), mark, away, ingested }
    }

    /// The trace of the last traced run.
    pub(crate) fn trace(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.sandbox.path("trace")).unwrap_or_default())
            .into_owned()
    }

    /// `guest COMMAND TREE MORE...`, to be run in one of the ways.
    pub(crate) fn guest_command(&self, way: Way, words: &[&str]) -> Command {
        let (name, more) = words.split_first().expect("a guest has commands");
        let mut all: Vec<OsString> = vec![self.guest.clone().into_os_string(), name.into()];
        all.push(self.sandbox.tree().into_os_string());
        all.extend(more.iter().map(OsString::from));
        self.command(way, &all)
    }

    /// Any command, to be run in one of the ways. The tree is put where the way needs it.
    pub(crate) fn command(&self, way: Way, words: &[OsString]) -> Command {
        if way.has_mount() && !self.ingested.replace(true) {
            self.put_back();
            self.sandbox.ingest(&self.sandbox.tree());
        }
        match (way.has_mount(), self.away.get()) {
            (true, false) => {
                self.sandbox.move_away();
                self.away.set(true);
            }
            (false, true) => self.put_back(),
            _ => {}
        }
        let mut command = match way {
            Way::Native => self.sandbox.natively(words),
            Way::Mounted => self.sandbox.in_mount(words),
            Way::Fast => self.sandbox.in_mount_with(&["--fast-lane=always"], words),
            Way::Slow => self.sandbox.in_mount_with(&["--fast-lane=never"], words),
            Way::Traced | Way::Both => self.watched("trace", "auto", way, words),
            Way::Taped | Way::TapedBoth => self.watched("trace", "always", way, words),
            Way::Audited | Way::AuditedBoth => self.watched("audit", "always", way, words),
        };
        command.env(MARK, &self.mark);
        command
    }

    fn watched(&self, command: &str, lane: &str, way: Way, words: &[OsString]) -> Command {
        let mut vrift = self.sandbox.vrift([command, "-o"]);
        vrift.arg(self.sandbox.path("trace")).arg(format!("--fast-lane={lane}"));
        if way.has_mount() {
            vrift.arg("--read-only").arg("--manifest").arg(self.sandbox.path("tree.vrift"));
            vrift.arg("--prefix").arg(self.sandbox.tree());
        }
        vrift.arg("--").args(words);
        vrift
    }

    fn put_back(&self) {
        if self.away.replace(false) {
            fs::rename(self.sandbox.away(), self.sandbox.tree()).expect("it was moved away");
        }
    }

    /// Runs a guest natively.
    #[track_caller]
    pub(crate) fn native(&self, words: &[&str]) -> Ran {
        let native = guarded(&mut self.guest_command(Way::Native, words));
        assert!(!native.stdout.is_empty() && !native.out().contains("GUEST FAILED"), "{native}");
        native
    }

    /// Runs a guest in one of the ways and checks that nothing is left over.
    #[track_caller]
    pub(crate) fn run(&self, way: Way, words: &[&str]) -> Ran {
        let ran = guarded(&mut self.guest_command(way, words));
        self.is_clean();
        ran
    }

    /// Wants the same output and status in these ways as natively.
    #[track_caller]
    pub(crate) fn same_in(&self, ways: &[Way], words: &[&str]) {
        let native = self.native(words);
        for &way in ways {
            let ran = self.run(way, words);
            assert!(ran == native, "{words:?} differs when {way:?}\nnatively: {native}\n{ran}");
        }
    }

    /// Processes of this bench that are alive.
    pub(crate) fn survivors(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}\0", self.mark);
        let has_mark =
            |environ: Vec<u8>| environ.windows(mark.len()).any(|window| window == mark.as_bytes());
        fs::read_dir("/proc")
            .expect("/proc is mounted")
            .flatten()
            .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
            .filter(|pid| fs::read(format!("/proc/{pid}/environ")).is_ok_and(has_mark))
            .collect()
    }

    /// Wants no process, and nothing that was made for the time of a run.
    #[track_caller]
    pub(crate) fn is_clean(&self) {
        let survivors = self.survivors();
        assert!(survivors.is_empty(), "processes survive: {survivors:?}");
        assert_eq!(self.left_over(), [""; 0], "files were left over");
    }

    /// What vrift keeps in the store for the time of a run.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let run = fs::read_dir(self.sandbox.store().join("run"));
        run.into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

/// Wants a guest to do the same under vrift, in all ways, as natively.
#[track_caller]
pub(crate) fn same(guest: &str, words: &[&str]) {
    same_in(&Way::VRIFT, guest, words);
}

/// The same in some of the ways.
#[track_caller]
pub(crate) fn same_in(ways: &[Way], guest: &str, words: &[&str]) {
    if let Some(bench) = Bench::new(guest) {
        bench.same_in(ways, words);
    }
}

/// Runs a command to its end, or kills it after a minute and fails.
#[track_caller]
pub(crate) fn guarded(command: &mut Command) -> Ran {
    finish(start(command))
}

/// Starts a command with its output piped.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Waits for a child's end, or kills it after a minute and fails.
#[track_caller]
pub(crate) fn finish(child: Child) -> Ran {
    let pid = Pid::from_raw(child.id().cast_signed());
    let (alive, watched) = channel::<()>();
    let guard = thread::spawn(move || {
        let hung = watched.recv_timeout(GUARD) == Err(RecvTimeoutError::Timeout);
        // Nobody has waited for the child yet, so the id is still its own.
        hung && kill(pid, Signal::SIGKILL).is_ok()
    });
    let output = child.wait_with_output().expect("a child can be waited for");
    drop(alive);
    let hung = guard.join().expect("the guard does not panic");
    let ran = Ran { status: output.status, stdout: output.stdout, stderr: output.stderr };
    assert!(!hung, "it hung and was killed: {ran}");
    ran
}

/// Waits until something holds; fails after a minute.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < GUARD, "waited in vain: {what}");
        thread::yield_now();
    }
}

/// The state letter of a process in `/proc`.
pub(crate) fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
