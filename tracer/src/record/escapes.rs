//! Calls through which something may happen that a record does not tell.

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::abi::clone;
use vrift_arch::{Arg, Syscall};
use vrift_record::{Act, Escape, Event as Told, Outcome};
use vrift_vfs::{At, Follow, PathOp};

use super::Recorder;
use super::enforced::leads_to;
use super::paths::absolute;
use crate::call::{Abi, Call};
use crate::memory::GuestAddr;
use crate::procfs;
use crate::view::places::Seat;

/// `FAN_REPORT_FID`, `FAN_REPORT_DIR_FID` and `FAN_REPORT_MNT` (linux/fanotify.h): events of such a group open nothing.
const FANOTIFY_WITHOUT_DESCRIPTORS: u64 = 0x200 | 0x400 | 0x4000;

/// What a call may be, whatever its arguments.
pub(super) fn kind(syscall: Syscall) -> Option<Escape> {
    use Syscall as S;
    Some(match syscall {
        S::IoUringSetup | S::IoUringEnter | S::IoUringRegister => Escape::IoUring,
        S::Ptrace => Escape::Ptrace,
        S::Setns
        | S::Mount
        | S::Umount2
        | S::Umount
        | S::PivotRoot
        | S::Chroot
        | S::OpenTree
        | S::OpenTreeAttr
        | S::MoveMount
        | S::Fsopen
        | S::Fsconfig
        | S::Fsmount
        | S::Fspick
        | S::MountSetattr => Escape::Namespace,
        S::ProcessVmReadv | S::ProcessVmWritev | S::PidfdGetfd | S::ProcessMadvise => {
            Escape::OtherProcess
        }
        S::OpenByHandleAt => Escape::FileHandle,
        S::FanotifyInit => Escape::Fanotify,
        // The kernel goes on writing to the file by itself.
        S::Acct
        | S::Swapon
        | S::InitModule
        | S::FinitModule
        | S::DeleteModule
        | S::Bpf
        | S::KexecLoad
        | S::KexecFileLoad => Escape::Kernel,
        _ => return None,
    })
}

/// What a call is, and what it is about.
pub(super) fn of(
    call: &Call,
    seat: &Seat<'_>,
    is_of_tree: impl Fn(i32) -> bool,
) -> Option<(Escape, String)> {
    if let Abi::Foreign { audit_arch } = call.abi {
        return Some((
            Escape::ForeignAbi,
            format!("audit_arch {audit_arch:#x}, number {}", call.nr),
        ));
    }
    let Some(syscall) = call.syscall else {
        return Some((Escape::UnknownCall, format!("number {}", call.nr)));
    };
    let flags = match syscall {
        Syscall::Unshare | Syscall::Clone => call.arg(Arg::A0),
        // The kernel refuses arguments that cannot be read.
        Syscall::Clone3 => seat.memory.read_u64(GuestAddr(call.arg(Arg::A0))).unwrap_or(0),
        _ => 0,
    };
    if flags & clone::NAMESPACES != 0 {
        return Some((Escape::Namespace, format!("flags {:#x}", flags & clone::NAMESPACES)));
    }
    if syscall == Syscall::FanotifyInit && call.arg(Arg::A0) & FANOTIFY_WITHOUT_DESCRIPTORS != 0 {
        return None;
    }
    let kind = kind(syscall)?;
    let detail = match kind {
        Escape::Ptrace => {
            format!("request {}, of process {}", call.arg(Arg::A0), call.arg(Arg::A1))
        }
        Escape::OtherProcess => match other(syscall, call.arg(Arg::A0) as i32, seat.tid) {
            Some(process) if is_of_tree(process) => return None,
            Some(process) => format!("process {process}"),
            None => String::new(),
        },
        _ => about(syscall).and_then(|arg| path_at(call.arg(arg), seat)).map_or_else(
            String::new,
            |path| {
                let path = match kind {
                    Escape::Kernel => leads_to(Act::Write, &path, seat),
                    _ => path,
                };
                String::from_utf8_lossy(&path).into_owned()
            },
        ),
    };
    Some((kind, detail))
}

/// The path that a call is about.
fn about(syscall: Syscall) -> Option<Arg> {
    use Syscall as S;
    match syscall {
        S::Acct | S::Swapon | S::Chroot | S::Umount | S::Umount2 | S::PivotRoot => Some(Arg::A0),
        S::Mount => Some(Arg::A1),
        _ => None,
    }
}

fn path_at(at: u64, seat: &Seat<'_>) -> Option<Vec<u8>> {
    let path = seat.memory.read_cstr(GuestAddr(at), libc::PATH_MAX as usize).ok()?;
    Some(absolute(&PathOp { at: At::Cwd, path, follow: Follow::Yes }, seat))
}

/// The process whose memory or descriptors a call is about.
fn other(syscall: Syscall, given: i32, tid: Pid) -> Option<i32> {
    match syscall {
        Syscall::PidfdGetfd | Syscall::ProcessMadvise => procfs::pidfd(tid, given),
        _ => Some(given),
    }
}

/// The task whose memory a file of `/proc` is.
fn memory_of(path: &[u8]) -> Option<i32> {
    let mut names = path.strip_prefix(b"/proc/")?.rsplit(|&byte| byte == b'/');
    let task = (names.next() == Some(b"mem")).then(|| names.next()).flatten()?;
    std::str::from_utf8(task).ok()?.parse().ok()
}

impl Recorder {
    /// What it is to open a file: that of another process' memory is a way into that.
    pub(super) fn reached(&self, path: &[u8], tid: Pid) -> Option<(Escape, String)> {
        let process = memory_of(path).filter(|&process| !self.is_of_tree(process, tid))?;
        Some((Escape::OtherProcess, format!("process {process}")))
    }

    /// Whether a process is one that the command has started, or itself.
    pub(super) fn is_of_tree(&self, process: i32, tid: Pid) -> bool {
        let process = Pid::from_raw(process);
        self.has_started(process) || procfs::process(tid) == Some(process)
    }

    /// Whether the process with this id is, or was, one that the command has started. When that has ended, the kernel
    /// may have given its id to another.
    pub(super) fn has_started(&self, process: Pid) -> bool {
        self.known.contains(&process) && !procfs::is_of_others(process)
    }

    /// Records that a call has failed, or a program ended, because it would have changed what vrift has put into its process.
    pub(crate) fn meddled(&self, tid: Pid, call: &str, place: &str, errno: Errno) {
        let (call, detail) = (call.as_bytes(), place.as_bytes());
        let outcome = Outcome::Failed(errno as u16);
        self.tell(tid, Told::Escape { kind: Escape::FastLane, call, detail, outcome });
    }
}
