//! The ptrace requests that have no safe wrapper which takes every signal and register set.
#![expect(unsafe_code, reason = "ptrace(2) takes untyped addresses")]

use std::mem::size_of;

use nix::errno::Errno;
use nix::unistd::Pid;

/// `linux/ptrace.h`; libc has it for some targets only.
const PTRACE_GETSIGMASK: libc::c_uint = 0x420a;
/// The same.
const PTRACE_SETSIGMASK: libc::c_uint = 0x420b;

/// `NT_PRSTATUS`: the general registers.
pub(super) const NT_PRSTATUS: u32 = 1;

/// A request whose operands are plain numbers.
fn number(request: libc::c_uint, tid: Pid, addr: usize, data: usize) -> Result<(), Errno> {
    // SAFETY: the requests passed here (see the callers below) take numbers, not pointers, so the
    // kernel neither reads nor writes our memory.
    let result = unsafe { libc::ptrace(request, tid.as_raw(), addr, data) };
    Errno::result(result).map(drop)
}

/// Lets a stopped tracee run, delivering `signo` unless it is 0.
pub(super) fn cont(tid: Pid, signo: i32) -> Result<(), Errno> {
    number(libc::PTRACE_CONT, tid, 0, signo as usize)
}

/// The same, up to the next entry to or exit from a syscall.
pub(super) fn to_syscall(tid: Pid, signo: i32) -> Result<(), Errno> {
    number(libc::PTRACE_SYSCALL, tid, 0, signo as usize)
}

/// Leaves a tracee in its group stop, but listens for what ends it.
pub(super) fn listen(tid: Pid) -> Result<(), Errno> {
    number(libc::PTRACE_LISTEN, tid, 0, 0)
}

/// Stops a running tracee.
pub(super) fn interrupt(tid: Pid) -> Result<(), Errno> {
    number(libc::PTRACE_INTERRUPT, tid, 0, 0)
}

/// Lets a stopped tracee go for good.
pub(super) fn detach(tid: Pid, signo: i32) -> Result<(), Errno> {
    number(libc::PTRACE_DETACH, tid, 0, signo as usize)
}

/// Attaches without stopping.
pub(super) fn seize(tid: Pid, options: i32) -> Result<(), Errno> {
    number(libc::PTRACE_SEIZE, tid, 0, options as usize)
}

/// Writes one word of the user area.
pub(super) fn poke_user(tid: Pid, offset: u64, value: u64) -> Result<(), Errno> {
    number(libc::PTRACE_POKEUSER, tid, offset as usize, value as usize)
}

/// Reads one word of the user area.
pub(super) fn peek_user(tid: Pid, offset: u64) -> Result<u64, Errno> {
    nix::sys::ptrace::read_user(tid, offset as nix::sys::ptrace::AddressType)
        .map(|word| word as u64)
}

/// A number that comes with an event: the new child, the exec's former tid, the seccomp data.
pub(super) fn event_message(tid: Pid) -> Result<u64, Errno> {
    nix::sys::ptrace::getevent(tid).map(|message| message as u64)
}

/// Fills `bytes` from a register set and returns how many the kernel has.
pub(super) fn get_regset(tid: Pid, set: u32, bytes: &mut [u8]) -> Result<usize, Errno> {
    let mut iov = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: `iov` describes `bytes`, which outlives the call and is exclusively borrowed; the
    // kernel writes at most `iov_len` bytes to it.
    let result =
        unsafe { libc::ptrace(libc::PTRACE_GETREGSET, tid.as_raw(), set as usize, &raw mut iov) };
    Errno::result(result)?;
    Ok(iov.iov_len)
}

/// Writes a register set.
pub(super) fn set_regset(tid: Pid, set: u32, bytes: &[u8]) -> Result<(), Errno> {
    let mut iov = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: `iov` describes `bytes`, which outlives the call; PTRACE_SETREGSET only reads it.
    let result =
        unsafe { libc::ptrace(libc::PTRACE_SETREGSET, tid.as_raw(), set as usize, &raw mut iov) };
    Errno::result(result).map(drop)
}

/// The size of `struct ptrace_syscall_info` up to the seccomp data (include/uapi/linux/ptrace.h).
pub(super) const SYSCALL_INFO_SIZE: usize = 88;

/// `PTRACE_GET_SYSCALL_INFO`: what the kernel says of the stop, zeros where it says nothing.
pub(super) fn syscall_info(tid: Pid) -> Result<[u8; SYSCALL_INFO_SIZE], Errno> {
    let mut info = [0u8; SYSCALL_INFO_SIZE];
    // SAFETY: the kernel writes at most the size given in the third operand to the buffer in the
    // fourth, which is exactly that large.
    let result = unsafe {
        libc::ptrace(
            libc::PTRACE_GET_SYSCALL_INFO,
            tid.as_raw(),
            size_of::<[u8; SYSCALL_INFO_SIZE]>(),
            info.as_mut_ptr(),
        )
    };
    Errno::result(result)?;
    Ok(info)
}

/// The signals that a tracee has blocked: a `sigset_t` of the kernel's, whose size the request takes.
pub(super) fn signal_mask(tid: Pid) -> Result<u64, Errno> {
    let mut mask = 0u64;
    // SAFETY: the kernel writes as many bytes as the third operand says, which are those of `mask`.
    let result =
        unsafe { libc::ptrace(PTRACE_GETSIGMASK, tid.as_raw(), size_of::<u64>(), &raw mut mask) };
    Errno::result(result).map(|_| mask)
}

/// Makes a tracee block these signals.
pub(super) fn set_signal_mask(tid: Pid, mask: u64) -> Result<(), Errno> {
    // SAFETY: the kernel reads as many bytes as the third operand says, which are those of `mask`.
    let result =
        unsafe { libc::ptrace(PTRACE_SETSIGMASK, tid.as_raw(), size_of::<u64>(), &raw const mask) };
    Errno::result(result).map(drop)
}

/// The size of `siginfo_t`.
pub(super) const SIGINFO_SIZE: usize = 128;

/// The `siginfo_t` of a signal-delivery stop.
pub(super) fn siginfo(tid: Pid) -> Result<[u8; SIGINFO_SIZE], Errno> {
    let mut info = [0u8; SIGINFO_SIZE];
    // SAFETY: the kernel writes one siginfo_t, which is SIGINFO_SIZE bytes on every architecture.
    let result =
        unsafe { libc::ptrace(libc::PTRACE_GETSIGINFO, tid.as_raw(), 0usize, info.as_mut_ptr()) };
    Errno::result(result)?;
    Ok(info)
}
