//! What it costs to hand control from one processor core to another and back.
//!
//! It is 5 µs on some machines and 100 µs on others, where idle cores of a virtual machine have to be
//! woken by its host. So it is measured, once, when it is first asked for: a byte goes to a thread on
//! another core and comes back.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// The least of so many rounds counts: whatever else happens makes a round longer.
const ROUNDS: usize = 8;

/// The cost, once it is known.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    cost: Option<Duration>,
}

impl Handover {
    /// Whether two tasks that, sharing one of the `cores` with vrift, stop once in `interval` would be
    /// slower on several.
    ///
    /// Sharing, two stops take two intervals. Apart, they take one, less what a stop costs on one core,
    /// and a hand-over: the fourth part of the hand-over is left for what a stop costs.
    pub(crate) fn is_dearer_than(&mut self, interval: Duration, cores: CpuSet) -> bool {
        // Where it cannot be measured, cores are taken to be close.
        let cost = *self.cost.get_or_insert_with(|| measure(&cores).unwrap_or_default());
        interval < cost * 3 / 4
    }

    /// Whether it has been measured, so that the next answer costs nothing.
    pub(crate) fn is_known(&self) -> bool {
        self.cost.is_some()
    }
}

fn measure(cores: &CpuSet) -> io::Result<Duration> {
    let here = sched_getcpu()?;
    let another = (0..CpuSet::count()).find(|&n| n != here && cores.is_set(n) == Ok(true));
    let Some(another) = another else { return Ok(Duration::ZERO) };
    let (ours, theirs) = UnixStream::pair()?;
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, move || echo(theirs, another))?;
        let least = (0..ROUNDS).map(|_| round(&ours)).min_by_key(|r| r.as_ref().ok().copied());
        // The thread ends when nothing more comes.
        ours.shutdown(Shutdown::Both)?;
        least.unwrap_or(Ok(Duration::ZERO))
    })
}

/// How long a byte takes there and back.
fn round(mut stream: &UnixStream) -> io::Result<Duration> {
    let began = Instant::now();
    stream.write_all(&[0])?;
    stream.read_exact(&mut [0])?;
    Ok(began.elapsed())
}

/// Sends back what comes, on the core numbered `core`.
fn echo(mut stream: UnixStream, core: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    let mut byte = [0];
    while stream.read(&mut byte)? == 1 {
        stream.write_all(&byte)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sched::sched_getaffinity;

    #[test]
    fn a_long_interval_is_never_shorter_than_a_handover() {
        let cores = sched_getaffinity(Pid::from_raw(0)).expect("our own cores");
        let mut handover = Handover::default();
        assert!(!handover.is_dearer_than(Duration::from_secs(3600), cores));
        let again = handover.cost;
        assert!(again.is_some());
        handover.is_dearer_than(Duration::ZERO, cores);
        assert_eq!(handover.cost, again, "it is measured once");
    }
}
