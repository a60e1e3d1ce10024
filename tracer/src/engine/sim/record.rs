//! A sink that remembers of every task what it was told, and refuses what cannot be.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::SystemTime;

use nix::unistd::Pid;

use crate::call::Outcome;
use crate::view::event::{Event, Sink};

/// What was told of one life of a tid.
#[derive(Debug, Default)]
struct Life {
    /// The call that was entered and not left.
    open: Option<String>,
    /// The call that was left last.
    left: Option<(String, Outcome)>,
    told: bool,
    ended: bool,
}

/// What was told of all.
#[derive(Debug, Default)]
pub(super) struct Record {
    lives: HashMap<i32, Life>,
}

/// The end of a record that the engine writes to.
pub(super) struct Writer(pub(super) Rc<RefCell<Record>>);

impl Record {
    /// The kernel has given `tid` to a new task.
    pub(super) fn born(&mut self, tid: i32) {
        self.lives.insert(tid, Life::default());
    }

    /// A task has ended; `known` if the engine knew it.
    pub(super) fn check_end(&self, tid: i32, known: bool) {
        let life = self.lives.get(&tid).expect("every task is born");
        assert!(life.ended == known || !life.told, "{tid} has ended, told: {}", life.ended);
        assert!(life.ended || !known, "the end of {tid} was not told");
    }

    /// A call whose entry the engine has seen is over.
    pub(super) fn check_left(&mut self, tid: i32, name: &str, outcome: Outcome) {
        let life = self.lives.get_mut(&tid).expect("every task is born");
        assert_eq!(life.open, None, "{name} of {tid} is over but was not left");
        let left = life.left.take();
        assert_eq!(left, Some((name.to_owned(), outcome)), "the last call of {tid}");
    }

    /// `former` goes on under the id `tid`.
    pub(super) fn renamed(&mut self, former: i32, tid: i32) {
        let life = self.lives.remove(&former).expect("every task is born");
        self.lives.insert(tid, life);
    }

    fn told(&mut self, tid: i32, event: &Event<'_>) {
        let life = self.lives.get_mut(&tid).expect("only what lives is told of");
        assert!(!life.ended, "told of {tid} after its end: {event:?}");
        life.told = true;
        match event {
            Event::Enter { call } => {
                assert_eq!(life.open, None, "{tid} enters {} too", call.name);
                life.open = Some(call.name.to_string());
            }
            Event::Leave { call, outcome, .. } => {
                assert_eq!(life.open.take().as_deref(), Some(&*call.name), "{tid} leaves");
                life.left = Some((call.name.to_string(), *outcome));
            }
            Event::Exited { .. } | Event::Killed { .. } | Event::Superseded { .. } => {
                life.ended = true;
            }
            _ => {}
        }
    }
}

impl Sink for Writer {
    fn event(&mut self, tid: Pid, _at: SystemTime, event: &Event<'_>) -> io::Result<()> {
        self.0.borrow_mut().told(tid.as_raw(), event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
