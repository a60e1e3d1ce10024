//! A timer whose only effect is to interrupt a wait.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::signals::interrupt_on;

/// Rarely used by anybody, and never sent by the kernel on its own account.
const SIGNAL: Signal = Signal::SIGVTALRM;

/// Whether the timer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Resting,
}

/// The timer, at rest at first.
#[derive(Debug)]
pub(crate) struct Ticks {
    timer: Timer,
    interval: Duration,
    state: State,
}

impl Ticks {
    /// One that interrupts a wait so often.
    pub(crate) fn every(interval: Duration) -> Result<Ticks, Errno> {
        interrupt_on(SIGNAL)?;
        let notify = SigevNotify::SigevSignal { signal: SIGNAL, si_value: 0 };
        let timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(notify))?;
        Ok(Ticks { timer, interval, state: State::Resting })
    }

    pub(crate) fn start(&mut self) {
        if self.state == State::Resting {
            self.set(self.interval, State::Running);
        }
    }

    pub(crate) fn stop(&mut self) {
        if self.state == State::Running {
            self.set(Duration::ZERO, State::Resting);
        }
    }

    /// A timer that cannot be set costs speed only.
    fn set(&mut self, interval: Duration, state: State) {
        let expiration = Expiration::Interval(interval.into());
        if self.timer.set(expiration, TimerSetTimeFlags::empty()).is_ok() {
            self.state = state;
        }
    }
}
