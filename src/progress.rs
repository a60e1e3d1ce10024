//! The progress of a long operation, on a terminal and nowhere else.
//!
//! The operation counts; a thread of its own looks at the counts and draws. Nobody knows beforehand
//! how much there is, so that there is no bar to fill.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use vrift_vfs::ingest::Progress;

/// How long an operation must take to be worth a line, and how often the line is drawn.
const EVERY: Duration = Duration::from_millis(100);

/// Does `work` and shows meanwhile how many files have been `done`.
pub(crate) fn shown<T>(done: &str, progress: &Progress, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        return work();
    }
    let (ended, end) = channel::<()>();
    std::thread::scope(|scope| {
        let draw = move || draw(done, progress, &|| end.recv_timeout(EVERY));
        // Without a thread nothing is drawn.
        drop(std::thread::Builder::new().spawn_scoped(scope, draw));
        let result = work();
        drop(ended);
        result
    })
}

/// Draws until the operation has dropped its end of the channel that `wait` waits at.
fn draw(done: &str, progress: &Progress, wait: &dyn Fn() -> Result<(), RecvTimeoutError>) {
    let line = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
        line.set_style(style);
    }
    while wait() == Err(RecvTimeoutError::Timeout) {
        let files = HumanCount(progress.files.load(Ordering::Relaxed));
        let bytes = HumanBytes(progress.bytes.load(Ordering::Relaxed));
        line.set_message(format!("{files} files, {bytes} {done}"));
        line.tick();
    }
    line.finish_and_clear();
}
