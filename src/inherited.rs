//! What vrift was started with, noted before the language's runtime changes it: the runtime ignores
//! SIGPIPE and opens standard descriptors that are closed, both before `main`.
//!
//! The hook runs from the program's initialisers, where no part of the standard library may be used.
#![expect(unsafe_code, reason = "code that runs before the runtime, and signal dispositions")]

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// The signals that were ignored, as bits (signal 1 is bit 0).
static IGNORED: AtomicU64 = AtomicU64::new(0);

/// The signals ignored when vrift was started.
pub(crate) fn ignored_signals() -> u64 {
    IGNORED.load(Ordering::Relaxed)
}

// SAFETY: the section holds pointers to functions that are called once, before `main`; the function
// uses nothing that the runtime has yet to set up.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = note;

extern "C" fn note() {
    let mut ignored = 0;
    for signo in 1..=64 {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: only asks, into a local of the type the C library writes; all-zero bytes are a
        // valid sigaction, so it may be looked at even where the library refuses the number.
        let action = unsafe {
            libc::sigaction(signo, ptr::null(), action.as_mut_ptr());
            action.assume_init()
        };
        if action.sa_sigaction == libc::SIG_IGN {
            ignored |= 1 << (signo - 1);
        }
    }
    IGNORED.store(ignored, Ordering::Relaxed);
    // A file that would become too large is an error like a full disk, and no reason to die: programs
    // would be left without their tracer.
    // SAFETY: sets a standard action; no handler of ours is involved.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    occupy_standard_descriptors();
}

/// Takes the numbers of closed standard descriptors, so that no file of vrift's gets one; the
/// command finds them closed again. What is written there fails as if they were closed.
fn occupy_standard_descriptors() {
    for fd in 0..3 {
        // SAFETY: fcntl takes numbers here; open takes a constant string, and gives the lowest free
        // number, which is this one.
        unsafe {
            if libc::fcntl(fd, libc::F_GETFD) < 0 {
                let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
                libc::open(c"/".as_ptr(), flags);
            }
        }
    }
}
