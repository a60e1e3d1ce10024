//! Orders of events played by hand, each named after its row of the kernel checklist. In all of
//! them the world checks every decision, and at the end that nobody is left over; what is asserted
//! here besides is what the row is about.
//!
//! Deliberately absent: rows that only a real kernel can show; `docs/kernel-notes.md` lists them.

use std::cell::RefCell;
use std::rc::Rc;

use nix::unistd::Pid;
use vrift_arch::abi::clone;

use super::random::Random;
use super::task::{At, How, Intent, Run, Until};
use super::world::{Setup, World};
use crate::call::Abi;
use crate::engine::Stop;
use crate::engine::scratch::{Scratch, Slot, region_bytes};
use crate::engine::task::Phase;
use crate::memory::GuestAddr;

const THREAD: u64 = clone::CLONE_VM | clone::CLONE_SIGHAND | clone::CLONE_THREAD;
const SLEEP: Intent = Intent::Sleep { code: -512, until: Until::Signal };
const EXEC: Intent = Intent::Exec { fails: false };

fn world(setup: Setup) -> World {
    World::new(format!("{setup:?}"), Random::new(0), setup)
}

fn spawns(how: How, flags: u64) -> Intent {
    Intent::Spawn { how, flags, fails: false }
}

impl World {
    /// Starts a call and lets it run as far as it gets.
    fn starts(&mut self, tid: i32, intent: Intent) {
        assert!(self.begin(tid, intent), "{tid} is busy");
        self.runs(tid);
    }

    /// Lets a task run as far as it gets.
    fn runs(&mut self, tid: i32) {
        while self.kernel.borrow().can_run(tid) {
            self.kernel.borrow_mut().advance(tid);
        }
    }

    /// Decides on the stop or end of a task.
    fn hears(&mut self, tid: i32) {
        self.wait(tid);
        while self.act() {}
    }

    /// Lets a task stop and go on so many times.
    fn passes(&mut self, tid: i32, stops: usize) {
        for _ in 0..stops {
            self.hears(tid);
            self.runs(tid);
        }
    }

    /// The task that was made last.
    fn newest(&self) -> i32 {
        let kernel = self.kernel.borrow();
        kernel.tasks.values().max_by_key(|task| task.life).expect("somebody lives").tid
    }

    /// A child that is known and idle; its parent is idle again.
    fn child(&mut self, parent: i32, how: How, flags: u64) -> i32 {
        assert!(self.begin(parent, spawns(how, flags)));
        self.settle();
        self.newest()
    }

    /// A child that has been made while its parent is about to say so.
    fn unannounced(&mut self, parent: i32, how: How, flags: u64) -> i32 {
        assert!(self.begin(parent, spawns(how, flags)), "{parent} is busy");
        while !matches!(self.at(parent), At::Announcing(..)) {
            if self.kernel.borrow().can_run(parent) {
                self.kernel.borrow_mut().advance(parent);
            } else {
                self.hears(parent);
            }
        }
        self.newest()
    }

    fn scratch(&self, tid: i32) -> Rc<RefCell<Scratch>> {
        Rc::clone(&self.engine.tasks[&Pid::from_raw(tid)].scratch)
    }

    /// A task is about to execute a program whose path lies in scratch memory, as in a mount.
    fn uses_a_slot(&mut self, tid: i32) -> Slot {
        self.starts(tid, EXEC);
        self.hears(tid);
        let scratch = self.scratch(tid);
        scratch.borrow_mut().add(GuestAddr(0x10_0000), region_bytes(1));
        let slot = scratch.borrow_mut().take(Abi::Native).expect("a region has just been mapped");
        let task = self.engine.tasks.get_mut(&Pid::from_raw(tid)).expect("it lives");
        let Phase::Inside(pending) = &mut task.phase else { panic!("the exec is shown") };
        pending.slots.push(slot);
        slot
    }

    fn run(&self, tid: i32) -> Run {
        self.kernel.borrow().tasks[&tid].run
    }

    fn at(&self, tid: i32) -> At {
        self.kernel.borrow().tasks[&tid].at
    }

    fn sends(&mut self, tid: i32, signo: i32) {
        self.kernel.borrow_mut().send(tid, signo);
    }

    fn kills(&mut self, tgid: i32) {
        self.kernel.borrow_mut().kill(tgid);
    }
}

#[test]
fn c_003_a_group_stop_is_left_alone_until_sigcont() {
    let mut world = world(Setup::All);
    let root = world.root;
    let thread = world.child(root, How::Clone, THREAD);
    world.starts(thread, SLEEP);
    world.passes(thread, 1);
    world.sends(root, libc::SIGSTOP);
    world.settle();
    assert_eq!((world.run(root), world.run(thread)), (Run::Listening, Run::Listening));
    world.sends(root, libc::SIGCONT);
    world.settle();
    assert_eq!((world.run(root), world.run(thread)), (Run::Running, Run::Running));
    assert_eq!(world.at(thread), At::Sleeping, "the call was made again");
    world.finish();
}

#[test]
fn c_003_a_thread_that_is_born_into_a_group_stop_takes_part_in_it() {
    let mut world = world(Setup::All);
    let root = world.root;
    let other = world.child(root, How::Clone, THREAD);
    let thread = world.unannounced(root, How::Clone, THREAD);
    world.sends(other, libc::SIGSTOP);
    world.runs(other);
    world.passes(other, 1);
    world.runs(thread);
    world.hears(thread);
    world.settle();
    assert_eq!(world.run(thread), Run::Listening);
    world.finish();
}

#[test]
fn c_004_a_trap_changes_nothing() {
    for setup in [Setup::All, Setup::None, Setup::Attached] {
        let mut world = world(setup);
        let root = world.root;
        world.settle();
        assert!(world.begin(root, SLEEP));
        for _ in 0..3 {
            world.settle();
            world.kernel.borrow_mut().interrupt(root);
        }
        world.settle();
        assert_eq!(world.at(root), At::Sleeping);
        world.finish();
    }
}

#[test]
fn c_005_child_stops_before_its_parents_event() {
    for how in [How::Clone, How::Clone3 { sealed: false }, How::Fork, How::Vfork] {
        let mut world = world(Setup::All);
        let root = world.root;
        let child = world.unannounced(root, how, 0);
        world.runs(child);
        world.hears(child);
        world.runs(child);
        // If it may go on already, it is in the middle of a call when the event comes.
        if world.begin(child, SLEEP) {
            world.runs(child);
            world.passes(child, 1);
        }
        world.runs(root);
        world.settle();
        // The call is interrupted, left and made again.
        world.sends(child, libc::SIGCHLD);
        world.settle();
        world.finish();
    }
}

#[test]
fn c_005_a_held_child_stops_at_every_border_like_its_parent() {
    let mut world = world(Setup::Attached);
    let root = world.root;
    world.settle();
    let child = world.unannounced(root, How::Clone, 0);
    world.runs(child);
    world.hears(child);
    world.settle();
    assert!(world.begin(child, SLEEP));
    world.settle();
    world.finish();
}

#[test]
fn c_006_parent_dies_before_its_event() {
    let mut world = world(Setup::All);
    let root = world.root;
    let parent = world.child(root, How::Fork, 0);
    let child = world.unannounced(parent, How::Clone, 0);
    world.runs(child);
    world.hears(child);
    world.kills(parent);
    world.settle();
    assert_eq!(world.run(child), Run::Running);
    world.finish();
}

#[test]
fn c_006_child_dies_before_its_parents_event() {
    // Without its parent's call having stopped, the child is not held and may have run.
    let ways = [(Setup::All, How::Clone), (Setup::None, How::Vfork)];
    for (heard, (setup, how)) in [false, true].into_iter().flat_map(|h| ways.map(|way| (h, way))) {
        let mut world = world(setup);
        let root = world.root;
        let child = world.unannounced(root, how, 0);
        if heard {
            world.runs(child);
            world.hears(child);
        }
        world.kills(child);
        world.runs(child);
        world.hears(child);
        world.settle();
        assert_eq!(world.engine.count(), 1);
        world.finish();
    }
}

#[test]
fn c_006_an_orphan_does_not_wait_for_a_clone_that_failed() {
    let mut world = world(Setup::All);
    let root = world.root;
    let parent = world.child(root, How::Fork, 0);
    assert!(world.begin(root, Intent::Spawn { how: How::Clone, flags: 0, fails: true }));
    world.settle();
    let child = world.unannounced(parent, How::Clone, 0);
    world.runs(child);
    world.hears(child);
    world.kills(parent);
    world.settle();
    assert_eq!(world.run(child), Run::Running);
    world.finish();
}

#[test]
fn c_006_an_orphan_does_not_wait_for_the_child_of_another() {
    let mut world = world(Setup::All);
    let root = world.root;
    let parent = world.child(root, How::Fork, 0);
    let orphan = world.unannounced(parent, How::Clone, 0);
    world.runs(orphan);
    world.hears(orphan);
    let other = world.unannounced(root, How::Clone, 0);
    world.kills(parent);
    world.runs(parent);
    world.hears(parent);
    world.settle();
    assert_eq!((world.run(orphan), world.run(other)), (Run::Running, Run::Running));
    world.finish();
}

#[test]
fn c_008_a_stop_of_a_task_that_has_been_killed_is_forgotten() {
    let mut world = world(Setup::All);
    let root = world.root;
    world.starts(root, SLEEP);
    world.wait(root);
    world.kills(root);
    world.runs(root);
    world.wait(root);
    assert!(world.act() && world.act());
    assert_eq!(world.engine.count(), 0);
    world.finish();
}

#[test]
fn c_009_an_id_that_comes_again_is_another_task() {
    let mut world = world(Setup::All);
    let root = world.root;
    let mut seen = Vec::new();
    for _ in 0..20 {
        let child = world.child(root, How::Clone, THREAD);
        assert!(world.begin(child, Intent::Exit { code: 3 }));
        world.settle();
        seen.push(child);
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() < all, "no id came again");
    world.finish();
}

#[test]
fn c_013_killed_at_any_instant() {
    let calls = [
        spawns(How::Clone, clone::CLONE_UNTRACED),
        spawns(How::Clone3 { sealed: false }, clone::CLONE_UNTRACED),
        spawns(How::Vfork, 0),
        EXEC,
        Intent::Filter { tsync: false, fails: false },
        SLEEP,
        Intent::ExitGroup { code: 1 },
    ];
    for setup in [Setup::All, Setup::Some, Setup::Attached] {
        for (call, steps) in calls.iter().flat_map(|call| (0..16).map(move |n| (call, n))) {
            let mut world =
                World::new(format!("{setup:?} {call:?} {steps}"), Random::new(0), setup);
            let root = world.root;
            world.settle();
            let thread = world.child(root, How::Clone, THREAD);
            assert!(world.begin(thread, call.clone()));
            for _ in 0..steps {
                let ready = world.kernel.borrow().waitable();
                match ready.first() {
                    Some(&tid) => world.hears(tid),
                    None => match world.runnable().first() {
                        Some(&tid) => world.kernel.borrow_mut().advance(tid),
                        None => break,
                    },
                }
            }
            world.kills(root);
            world.settle();
            world.finish();
        }
    }
}

#[test]
fn c_016_a_signal_is_delivered_as_it_came() {
    for signo in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGCHLD, libc::SIGTRAP] {
        let mut world = world(Setup::All);
        let root = world.root;
        world.starts(root, SLEEP);
        world.passes(root, 1);
        world.sends(root, signo);
        world.settle();
        if signo != libc::SIGCHLD {
            assert!(world.begin(root, Intent::Sigreturn), "it is in its handler");
            world.settle();
        }
        let again = [libc::SIGUSR1, libc::SIGCHLD].contains(&signo);
        assert_eq!(world.at(root), if again { At::Sleeping } else { At::User });
        world.finish();
    }
}

#[test]
fn c_049_the_kernel_does_not_see_clone_untraced() {
    let mut world = world(Setup::None);
    let root = world.root;
    world.child(root, How::Clone, clone::CLONE_UNTRACED);
    world.child(root, How::Clone, clone::CLONE_UNTRACED | THREAD);
    assert_eq!(world.engine.count(), 3);
    world.finish();
}

#[test]
fn c_050_the_flags_of_clone3_are_as_before() {
    let mut world = world(Setup::None);
    let root = world.root;
    world.child(root, How::Clone3 { sealed: false }, clone::CLONE_UNTRACED);
    assert_eq!(world.engine.count(), 2);
    world.finish();
}

#[test]
fn c_050_flags_that_cannot_be_changed_are_refused() {
    let mut world = world(Setup::None);
    let root = world.root;
    assert!(world.begin(root, spawns(How::Clone3 { sealed: true }, clone::CLONE_UNTRACED)));
    world.settle();
    assert_eq!(world.at(root), At::User);
    world.finish();
}

#[test]
fn c_051_a_vfork_child_gives_back_what_it_used_of_its_parents_memory() {
    let mut world = world(Setup::All);
    let root = world.root;
    assert!(world.begin(root, spawns(How::Vfork, 0)));
    world.settle();
    let child = world.newest();
    assert!(matches!(world.at(root), At::LendsMemory { .. }));
    let slot = world.uses_a_slot(child);
    world.settle();
    assert_eq!(world.scratch(root).borrow_mut().take(Abi::Native), Some(slot));
    assert_eq!(
        world.scratch(child).borrow_mut().take(Abi::Native),
        None,
        "nothing is mapped there"
    );
    world.finish();
}

#[test]
fn c_052_a_child_in_its_parents_memory_becomes_a_program() {
    for flags in [clone::CLONE_VM | clone::CLONE_VFORK, clone::CLONE_VFORK, clone::CLONE_VM] {
        let mut world = world(Setup::All);
        let root = world.root;
        assert!(world.begin(root, spawns(How::Clone3 { sealed: false }, flags)));
        world.settle();
        let child = world.newest();
        assert!(world.begin(child, EXEC));
        world.settle();
        assert_eq!((world.at(root), world.at(child)), (At::User, At::User));
        world.finish();
    }
}

/// What the leader does while another thread of its process executes a program.
const LEADERS: [Option<Intent>; 4] =
    [None, Some(SLEEP), Some(Intent::Exit { code: 0 }), Some(Intent::Plain { nr: 39, ret: 1 })];

#[test]
fn c_054_exec_from_a_thread_that_is_not_the_leader() {
    for setup in [Setup::All, Setup::Some, Setup::None, Setup::Attached] {
        for leader in LEADERS {
            let mut world = world(setup);
            let root = world.root;
            world.settle();
            let thread = world.child(root, How::Clone, THREAD);
            let sibling = world.child(root, How::Clone, THREAD);
            assert!(world.begin(sibling, SLEEP));
            world.settle();
            if let Some(intent) = leader {
                world.starts(root, intent);
            }
            assert!(world.begin(thread, EXEC));
            world.settle();
            assert_eq!((world.engine.count(), world.at(root)), (1, At::User));
            world.finish();
        }
    }
}

#[test]
fn c_054_killed_before_the_exec_is_told() {
    let mut world = world(Setup::All);
    let root = world.root;
    let thread = world.child(root, How::Clone, THREAD);
    world.starts(thread, EXEC);
    world.passes(thread, 1);
    world.runs(root);
    world.runs(thread);
    world.runs(root);
    let told = Stop::Exec { former: Pid::from_raw(thread) };
    assert!(matches!(world.run(root), Run::Stopped { stop, .. } if stop == told));
    world.kills(root);
    world.settle();
    assert_eq!(world.engine.count(), 0);
    world.finish();
}

/// The leader's stop has been taken when another thread executes and gets its id.
#[test]
fn c_054_a_stop_taken_before_another_thread_had_the_id() {
    let mut world = world(Setup::All);
    let root = world.root;
    let thread = world.child(root, How::Clone, THREAD);
    world.settle();
    world.starts(root, Intent::Plain { nr: 39, ret: 7 });
    world.starts(thread, EXEC);
    world.wait(thread);
    world.wait(root);
    assert!(world.act());
    world.runs(thread);
    world.runs(root);
    world.runs(thread);
    world.runs(root);
    let exec = Stop::Exec { former: Pid::from_raw(thread) };
    assert!(matches!(world.run(root), Run::Stopped { stop, told: false, .. } if stop == exec));
    world.settle();
    assert_eq!((world.engine.count(), world.at(root)), (1, At::User));
    world.finish();
}

#[test]
fn c_054_the_child_of_a_leader_that_exec_has_ended_goes_on() {
    let mut world = world(Setup::All);
    let root = world.root;
    let thread = world.child(root, How::Clone, THREAD);
    let child = world.unannounced(root, How::Clone, 0);
    world.runs(child);
    world.hears(child);
    assert!(world.begin(thread, EXEC));
    world.runs(thread);
    world.passes(thread, 1);
    world.settle();
    assert_eq!(world.run(child), Run::Running);
    world.finish();
}

#[test]
fn c_055_what_the_old_program_had_is_gone_after_exec() {
    let mut world = world(Setup::All);
    let root = world.root;
    world.uses_a_slot(root);
    world.settle();
    assert_eq!(world.scratch(root).borrow_mut().take(Abi::Native), None, "nothing is mapped");
    world.finish();
}

#[test]
fn c_056_a_failed_exec_changes_nothing() {
    let mut world = world(Setup::All);
    let root = world.root;
    let thread = world.child(root, How::Clone, THREAD);
    assert!(world.begin(thread, Intent::Exec { fails: true }));
    world.settle();
    assert_eq!((world.engine.count(), world.at(thread)), (2, At::User));
    world.finish();
}

#[test]
fn a_filter_of_its_own_makes_every_border_a_stop() {
    for tsync in [false, true] {
        let mut world = world(Setup::All);
        let root = world.root;
        let thread = world.child(root, How::Clone, THREAD);
        let getpid = Intent::Plain { nr: 39, ret: 7 };
        let calls = [Intent::Filter { tsync, fails: false }, getpid.clone(), getpid];
        for (tid, intent) in [root, root, thread].into_iter().zip(calls) {
            assert!(world.begin(tid, intent));
            world.settle();
        }
        let child = world.child(root, How::Fork, 0);
        assert!(world.begin(child, SLEEP));
        world.settle();
        assert!(world.kernel.borrow().tasks[&child].borders);
        world.finish();
    }
}
