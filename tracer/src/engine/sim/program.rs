//! What happens in a seed: random programs, random signals, random order.

use vrift_arch::Syscall;
use vrift_arch::abi::clone;

use super::random::Random;
use super::signals::RESTARTS;
use super::task::{At, How, Intent, Run, Until, number};
use super::world::{Setup, World};

/// More tasks than this are not made.
const TASKS_MAX: usize = 12;

/// How long a seed is, in turns.
const TURNS: usize = 1_500;

/// The first process rarely ends by itself, so that a seed does not end with it so soon.
const EARLY_ENDS: usize = 20;

/// Bits that a clone may have or not; those that matter to the engine and one that does not.
const SHARED: [u64; 4] =
    [clone::CLONE_FS, clone::CLONE_FILES, clone::CLONE_PARENT, clone::CLONE_SYSVSEM];

/// Signals from outside and how often.
const SIGNALS: [i32; 12] = [
    libc::SIGUSR1,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGCHLD,
    libc::SIGTRAP,
    libc::SIGSTOP,
    libc::SIGTSTP,
    libc::SIGCONT,
    libc::SIGCONT,
    libc::SIGCONT,
    libc::SIGTERM,
    libc::SIGKILL,
];

/// Plays one seed.
pub(super) fn play(seed: u64) {
    let mut random = Random::new(seed);
    let setup = random.pick(&[Setup::All, Setup::All, Setup::Some, Setup::None, Setup::Attached]);
    let murder = random.pick(&[0, 0, 100, 1000]);
    let calm = random.pick(&[10, 40, 1000]);
    let mut world = World::new(format!("VRIFT_SEED={seed} ({setup:?})"), random, setup);
    world.kernel.get_mut().murder = murder;
    for _ in 0..TURNS {
        turn(&mut world, calm);
    }
    world.finish();
}

/// One turn: somebody runs, a stop is told or decided, or something comes from outside.
fn turn(world: &mut World, calm: usize) {
    let kernel = world.kernel.get_mut();
    match kernel.random.below(8) {
        0..4 => {
            let running = |tid: &i32| kernel.tasks[tid].run == Run::Running;
            let running: Vec<i32> = kernel.tasks.keys().copied().filter(running).collect();
            if running.is_empty() {
                return wake(world);
            }
            let tid = kernel.random.pick(&running);
            run(world, tid);
        }
        4 | 5 => {
            let waitable = kernel.waitable();
            if !waitable.is_empty() {
                let tid = kernel.random.pick(&waitable);
                world.wait(tid);
            }
        }
        6 => {
            world.act();
        }
        _ if kernel.random.one_in(calm) => outside(world),
        _ => {
            world.act();
        }
    }
}

/// One step of a task that runs, or its next intent; all wait for something if it has none.
fn run(world: &mut World, tid: i32) {
    let kernel = world.kernel.get_mut();
    if kernel.can_run(tid) {
        return kernel.advance(tid);
    }
    if kernel.tasks[&tid].at == At::User {
        let intent = intent(world, tid);
        world.begin(tid, intent);
        return;
    }
    kernel.ring(tid);
    wake(world);
}

/// If all wait for something, it comes from outside.
fn wake(world: &mut World) {
    if world.act() || !world.runnable().is_empty() {
        return;
    }
    let kernel = world.kernel.get_mut();
    if kernel.waitable().is_empty() && kernel.random.one_in(4) {
        outside(world);
    }
}

/// Something that no program asked for.
fn outside(world: &mut World) {
    let kernel = world.kernel.get_mut();
    let alive: Vec<i32> = kernel.tasks.keys().copied().collect();
    if alive.is_empty() {
        return;
    }
    let tid = kernel.random.pick(&alive);
    if kernel.random.one_in(3) {
        kernel.interrupt(tid);
    } else {
        let mut signo = kernel.random.pick(&SIGNALS);
        let ends = [libc::SIGTERM, libc::SIGKILL].contains(&signo);
        if ends && kernel.tasks[&tid].tgid == world.root && !kernel.random.one_in(EARLY_ENDS) {
            signo = libc::SIGCONT;
        }
        kernel.send(tid, signo);
    }
}

/// What `tid` does next.
fn intent(world: &mut World, tid: i32) -> Intent {
    let kernel = world.kernel.get_mut();
    let lives: Vec<u64> = kernel.tasks.values().map(|task| task.life).collect();
    let (own, in_handler) = (kernel.tasks[&tid].life, !kernel.tasks[&tid].frames.is_empty());
    let stays = tid == world.root;
    let random = &mut kernel.random;
    if in_handler && random.one_in(2) {
        return Intent::Sigreturn;
    }
    match random.below(20) {
        0..5 => plain(random),
        5..8 => {
            let other = Some(random.pick(&lives)).filter(|&life| life != own);
            let until = match random.below(3) {
                0 => Until::Signal,
                1 => Until::Timer,
                _ => other.map_or(Until::Timer, Until::EndOf),
            };
            Intent::Sleep { code: random.pick(&RESTARTS), until }
        }
        8..15 if lives.len() < TASKS_MAX => spawn(random),
        15 | 16 => Intent::Exec { fails: random.one_in(3) },
        17 if !stays || random.one_in(EARLY_ENDS) => Intent::Exit { code: random.below(3) as i32 },
        18 if !stays || random.one_in(EARLY_ENDS) => {
            Intent::ExitGroup { code: random.below(3) as i32 }
        }
        19 => Intent::Filter { tsync: random.one_in(2), fails: random.one_in(3) },
        _ => plain(random),
    }
}

fn plain(random: &mut Random) -> Intent {
    let nr = match random.below(4) {
        0 => 0x7777,
        1 => number(Syscall::Read),
        2 => number(Syscall::Prctl),
        _ => number(Syscall::Getpid),
    };
    Intent::Plain { nr, ret: random.pick(&[0, 7, -9, -11]) }
}

fn spawn(random: &mut Random) -> Intent {
    let how = match random.below(8) {
        0..3 => How::Clone,
        3..6 => How::Clone3 { sealed: random.one_in(16) },
        6 => How::Fork,
        _ => How::Vfork,
    };
    let mut flags = random.some_of(&SHARED);
    if random.one_in(4) {
        flags |= clone::CLONE_UNTRACED;
    }
    flags |= match random.below(4) {
        0 | 1 => clone::CLONE_VM | clone::CLONE_SIGHAND | clone::CLONE_THREAD,
        2 => clone::CLONE_VM | clone::CLONE_VFORK,
        _ => random.some_of(&[clone::CLONE_VM, clone::CLONE_VFORK]),
    };
    Intent::Spawn { how, flags, fails: random.one_in(5) }
}
