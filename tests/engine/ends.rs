//! Ends that come early: of tracees, of vrift, of the ones they were started by.

use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, mkfifo};

use crate::bench::{Bench, Way, finish, guarded, start, until};

/// A tree of processes that never rests: shells, their children, and looks into the tree. The root
/// waits at a FIFO for a line that never comes.
const BUSY: &str = "busy() { while :; do \
                    (cat \"$1/x\" | cat > /dev/null; ls \"$1/many\" > /dev/null); \
                    sh -c 'test -e \"$1/x\"' sh \"$1\" & wait $!; done; }; \
                    busy \"$1\" & busy \"$1\" & busy \"$1\" & exec 3<> \"$2\"; read line <&3";

fn busy(bench: &Bench, way: Way) -> Command {
    let mut words = ["sh", "-c", BUSY, "sh"].map(OsString::from).to_vec();
    words.extend([bench.sandbox.tree().into(), bench.sandbox.path("fifo").into()]);
    let mut command = bench.command(way, &words);
    command.stdin(Stdio::null());
    command
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

/// Returns once the tree has grown, at an instant that differs from round to round.
fn grown(bench: &Bench, dice: &mut Dice) {
    until("the tree of processes grows", || bench.survivors().len() > 3);
    let mut looks = dice.below(40);
    until("an instant", || {
        let _ = bench.survivors();
        looks = looks.saturating_sub(1);
        looks == 0
    });
}

#[test]
fn c_020_nothing_survives_vrift() {
    nothing_survives(8, Dice(1), grown);
}

/// Vrift is killed as early as can be, before and while it launches the command.
#[test]
fn c_020_nothing_survives_a_vrift_that_is_killed_while_it_starts() {
    nothing_survives(60, Dice(2), |_, dice| {
        for _ in 0..dice.below(3000) {
            std::thread::yield_now();
        }
    });
}

/// Kills vrift in each of some rounds, after what `before` waits for.
fn nothing_survives(rounds: usize, mut dice: Dice, before: impl Fn(&Bench, &mut Dice)) {
    let bench = Bench::empty();
    for round in 0..rounds {
        let mut child = start(&mut busy(&bench, Way::VRIFT[round % Way::VRIFT.len()]));
        before(&bench, &mut dice);
        child.kill().expect("it has not been waited for");
        child.wait().expect("it was killed");
        until("all tracees die", || bench.survivors().is_empty());
    }
    // The next vrift on the store removes what the killed ones left.
    let words = ["cat".into(), bench.sandbox.tree().join("x").into_os_string()];
    assert_eq!(guarded(&mut bench.command(Way::Mounted, &words)).fine(), "x here\n");
    bench.is_clean();
}

/// Tracees are killed at any instant; vrift goes on with the others, and ends with the last.
#[test]
fn c_008_tracees_killed_at_any_instant() {
    let bench = Bench::empty();
    let mut dice = Dice(3);
    for way in Way::VRIFT {
        let child = start(&mut busy(&bench, way));
        grown(&bench, &mut dice);
        let vrift = child.id().cast_signed();
        let root = || {
            let children = fs::read_to_string(format!("/proc/{vrift}/task/{vrift}/children"));
            children.ok()?.split_whitespace().next()?.parse::<i32>().ok()
        };
        let root = root().expect("vrift has one child");
        for _ in 0..150 {
            let mut alive = bench.survivors();
            alive.retain(|&pid| pid != vrift && pid != root);
            if !alive.is_empty() {
                let _ = kill(Pid::from_raw(alive[dice.below(alive.len())]), Signal::SIGKILL);
            }
        }
        kill(Pid::from_raw(root), Signal::SIGKILL).expect("it lives");
        // The shells below outlive the root; they are ended one by one, as long as there are any.
        until("only vrift is left", || {
            let mut alive = bench.survivors();
            alive.retain(|&pid| pid != vrift);
            for &pid in &alive {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            alive.is_empty()
        });
        let ran = finish(child);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ran.status), Some(9), "{ran}");
        bench.is_clean();
    }
}

/// A child of vrift's that it did not start: it was there before, in the process that became vrift.
#[test]
fn c_006_c_015_a_child_from_before_is_not_waited_for() {
    let bench = Bench::empty();
    let fifo = bench.sandbox.path("held");
    mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a new FIFO");
    for way in Way::VRIFT {
        let inner = bench.command(way, &["sh".into(), "-c".into(), "exit 4".into()]);
        // The child ends only when the test says so, and holds none of the test's pipes.
        let script = "cat \"$0\" > /dev/null 2>&1 < /dev/null & exec \"$@\"";
        let mut outer = bench.sandbox.natively(&["sh", "-c", script]);
        outer.arg(&fifo).arg(inner.get_program()).args(inner.get_args());
        let mut child = start(&mut outer);
        let mut status = None;
        let begin = std::time::Instant::now();
        while status.is_none() && begin.elapsed().as_secs() < 20 {
            status = child.try_wait().expect("it can be waited for");
            std::thread::yield_now();
        }
        // Opening it for writing lets the child see an end.
        let writer = fs::File::options().write(true).open(&fifo);
        drop(writer);
        let ran = finish(child);
        assert!(status.is_some(), "{way:?} waits for a child that is not its own: {ran}");
        assert_eq!(ran.code(), Some(4), "{way:?}: {ran}");
    }
}
