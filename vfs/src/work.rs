//! Sharing out work that makes more work, as walking a tree does, between threads.
//!
//! The pile is taken from the top, so that a tree is walked depth first: what is kept open for jobs
//! that wait grows with the depth of the tree and the number of threads, not with its width.

use std::num::NonZero;

use parking_lot::{Condvar, Mutex};

/// Jobs that wait to be done.
#[derive(Debug)]
pub(crate) struct Pile<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<J> {
    waiting: Vec<J>,
    /// Threads that are at a job, and so may add others.
    busy: usize,
    stopped: bool,
}

impl<J: Send> Pile<J> {
    /// Does `first` and every job that comes of it on `threads` threads, or as many as the system lets
    /// us have. Each thread makes itself what it needs with `prepare`. Returns when nothing is left, or
    /// soon after [`Pile::stop`].
    pub(crate) fn work<W>(
        first: Vec<J>,
        threads: NonZero<usize>,
        prepare: impl Fn() -> W + Sync,
        each: impl Fn(&Pile<J>, &mut W, J) + Sync,
    ) {
        let state = State { waiting: first, busy: 0, stopped: false };
        let pile = Pile { state: Mutex::new(state), changed: Condvar::new() };
        let run = || {
            let mut own = prepare();
            while let Some(job) = pile.take() {
                let done = Done(&pile);
                each(&pile, &mut own, job);
                drop(done);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.get() {
                if std::thread::Builder::new().spawn_scoped(scope, run).is_err() {
                    break;
                }
            }
            run();
        });
    }

    /// Adds jobs; the last of them is done first.
    pub(crate) fn add(&self, jobs: impl IntoIterator<Item = J>) {
        let mut state = self.state.lock();
        let before = state.waiting.len();
        state.waiting.extend(jobs);
        let added = state.waiting.len() - before;
        drop(state);
        match added {
            0 => {}
            1 => drop(self.changed.notify_one()),
            _ => drop(self.changed.notify_all()),
        }
    }

    /// Lets no further job begin.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.waiting.clear();
    }

    fn take(&self) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(job) = state.waiting.pop() {
                state.busy += 1;
                return Some(job);
            }
            if state.busy == 0 {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }
}

/// A job being done; also one that panics ends, or the other threads would wait for ever.
struct Done<'a, J>(&'a Pile<J>);

impl<J> Drop for Done<'_, J> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.busy -= 1;
        if state.busy == 0 && (state.waiting.is_empty() || state.stopped) {
            self.0.changed.notify_all();
        }
    }
}

/// As many threads as the machine has processors for us.
pub(crate) fn processors() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn threads(count: usize) -> NonZero<usize> {
        NonZero::new(count).unwrap()
    }

    #[test]
    fn every_job_and_what_comes_of_it_is_done_once() {
        for count in [1, 2, 7] {
            let done = AtomicUsize::new(0);
            Pile::work(
                vec![0u32; 3],
                threads(count),
                || (),
                |pile, (), depth| {
                    done.fetch_add(1, Ordering::Relaxed);
                    if depth < 9 {
                        pile.add([depth + 1, depth + 1]);
                    }
                },
            );
            assert_eq!(done.into_inner(), 3 * 1023);
        }
    }

    #[test]
    fn a_stopped_pile_ends() {
        let done = AtomicUsize::new(0);
        Pile::work(
            vec![(); 100],
            threads(4),
            || (),
            |pile, (), ()| {
                if done.fetch_add(1, Ordering::Relaxed) == 10 {
                    pile.stop();
                }
                pile.add([()]);
            },
        );
        assert!(done.into_inner() >= 11);
    }

    #[test]
    fn one_thread_goes_depth_first() {
        let order = Mutex::new(Vec::new());
        Pile::work(
            vec![1],
            threads(1),
            || (),
            |pile, (), job| {
                order.lock().push(job);
                if job < 4 {
                    pile.add([job * 10, job * 2]);
                }
            },
        );
        assert_eq!(order.into_inner(), [1, 2, 4, 20, 10]);
    }
}
