//! Arguments that are a set of flags or one of a set of names.

use vrift_arch::syscall::{Choice, Flags};

use super::Cx;
use crate::view::names::{Menu, Set, choices, files, netlink, protocols, sockets, sockopts, tasks};
use crate::view::style::Constants;
use crate::view::value::Value;
use crate::view::word::{Number, Word};

/// `O_ACCMODE`
const ACCESS_MODE: u64 = 3;
/// Where the logarithm of the size of huge pages starts.
const HUGE_SHIFT: u32 = 26;
/// `MAP_TYPE`
const MAP_TYPE: u64 = 0xf;
/// `SOCK_TYPE_MASK`
const SOCKET_TYPE: u64 = 0xf;

/// A set of flags.
pub(super) fn flags(cx: &Cx<'_>, set: Flags, at: usize) -> Value {
    let bits = u64::from(cx.uint(at));
    let text: String = match set {
        Flags::Open => open(cx, bits),
        Flags::Pipe | Flags::Dup3 => open_bits(cx, bits).spell_or(&files::OPEN),
        Flags::AtStatx => return at_statx(cx, bits),
        Flags::Map => {
            let text = Value::Verbatim(map(bits));
            return Value::coded(Value::Hex(cx.arg(at)), text);
        }
        Flags::Memfd if bits == 0 => return Value::Hex(0),
        Flags::Memfd => return Value::coded(Value::Hex(bits), Value::Verbatim(memfd(bits))),
        Flags::SocketType => return Value::flags(socket_type(cx, bits)),
        Flags::Prot => return Value::flags(tasks::PROT.spell(cx.arg(at))),
        Flags::Remap => return Value::flags(tasks::REMAP.spell(cx.arg(at))),
        Flags::Unshare => return Value::flags(tasks::UNSHARE.spell(cx.arg(at))),
        Flags::Mount => return Value::flags(files::MOUNT.spell(cx.arg(at))),
        _ => match table(set) {
            Some(table) => return Value::flags(table.spell(bits)),
            None => return Value::Hex(cx.arg(at)),
        },
    };
    Value::flags(Word::hex(text, bits))
}

/// The table of a set whose members are independent bits.
fn table(set: Flags) -> Option<&'static Set> {
    let table = match set {
        Flags::At | Flags::AtUnlink => &files::AT,
        Flags::AtAccess => &files::AT_ACCESS,
        Flags::StatxMask => &files::STATX_MASK,
        Flags::Access => &files::ACCESS,
        Flags::Msync => &tasks::MSYNC,
        Flags::Mlock2 | Flags::MlockOnfault => &tasks::MLOCK2,
        Flags::Mlockall => &tasks::MLOCKALL,
        Flags::Membarrier => &tasks::MEMBARRIER,
        Flags::EpollCreate => &files::EPOLL_CREATE,
        Flags::Eventfd => &files::EVENTFD,
        Flags::Signalfd => &files::SIGNALFD,
        Flags::TimerfdCreate => &files::TIMERFD,
        Flags::TimerSet => &tasks::TIMER,
        Flags::Inotify => &files::INOTIFY,
        Flags::InotifyMask => &files::INOTIFY_MASK,
        Flags::Clone => &tasks::CLONE,
        Flags::Namespace => &tasks::NAMESPACE,
        Flags::MemfdSecret => &tasks::MEMFD_SECRET,
        Flags::Wait | Flags::WaitId => &tasks::WAIT,
        Flags::Rename => &files::RENAME,
        Flags::Random => &tasks::RANDOM,
        Flags::Falloc => &files::FALLOC,
        Flags::Splice => &files::SPLICE,
        Flags::Rwf => &files::RWF,
        Flags::Msg => &sockets::MSG,
        Flags::Accept4 => &sockets::SOCKET,
        Flags::CloseRange => &files::CLOSE_RANGE,
        Flags::Umount => &files::UMOUNT,
        Flags::Xattr => &files::XATTR,
        Flags::PidfdOpen => &tasks::PIDFD,
        Flags::SyncFileRange => &files::SYNC_FILE_RANGE,
        Flags::Handle => &files::HANDLE,
        Flags::MoveMount => &files::MOVE_MOUNT,
        Flags::OpenTree => &files::OPEN_TREE,
        Flags::Fsopen => &files::FSOPEN,
        Flags::Fsmount => &files::FSMOUNT,
        Flags::Fspick => &files::FSPICK,
        Flags::MountAttr => &files::FSMOUNT_ATTRIBUTE,
        Flags::MountSetattr => &files::MOUNT_SETATTR,
        Flags::DeleteModule => &tasks::DELETE_MODULE,
        Flags::FinitModule => &tasks::FINIT_MODULE,
        Flags::Landlock => &tasks::LANDLOCK,
        Flags::Seccomp => &tasks::SECCOMP,
        _ => return None,
    };
    Some(table)
}

/// Open flags as x86_64 numbers them.
struct OpenFlags(u64);

impl OpenFlags {
    fn spell_or(&self, table: &Set) -> String {
        table.spell(self.0).into()
    }
}

/// Moves the bits that differ between architectures to where the table has them.
fn open_bits(cx: &Cx<'_>, bits: u64) -> OpenFlags {
    let native = cx.layouts.open;
    let moves = [
        (native.directory, 0x10000),
        (native.nofollow, 0x20000),
        (native.direct, 0x4000),
        (native.largefile, 0x8000),
    ];
    let known: u64 = moves.iter().fold(0, |known, &(from, _)| known | u64::from(from));
    let moved = moves
        .iter()
        .filter(|&&(from, _)| from != 0 && bits & u64::from(from) != 0)
        .fold(0, |moved, &(_, to)| moved | to);
    OpenFlags(bits & !known | moved)
}

/// The access mode and the other flags of an open file.
pub(super) fn open(cx: &Cx<'_>, bits: u64) -> String {
    let access = match bits & ACCESS_MODE {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        2 => "O_RDWR",
        _ => "O_ACCMODE",
    };
    beside(access.to_owned(), &files::OPEN, open_bits(cx, bits & !ACCESS_MODE).0)
}

/// A name that is always there, and the members of a set.
fn beside(first: String, table: &Set, bits: u64) -> String {
    let (parts, rest) = table.split(bits);
    let mut text = first;
    for part in parts {
        text.push('|');
        text.push_str(&part);
    }
    if rest != 0 {
        text.push_str(&format!("|{rest:#x}"));
    }
    text
}

/// `AT_STATX_*`, of which one is always named, and `AT_*`.
fn at_statx(cx: &Cx<'_>, bits: u64) -> Value {
    const SYNC: u64 = 0x6000;
    let constants = cx.style.constants;
    let mut sync = files::STATX_SYNC.spell(bits & SYNC);
    sync.dress(constants);
    // A zero that has no number of its own leaves its place empty.
    if bits & SYNC == 0 && constants == Constants::Raw {
        sync = "".into();
    }
    match bits & !SYNC {
        0 => Value::flags(sync),
        rest => {
            let mut rest = files::AT_STATX.spell(rest);
            rest.dress(constants);
            Value::flags(format!("{sync}|{rest}"))
        }
    }
}

/// The type of a mapping, its flags, and the size of huge pages.
pub(super) fn map(bits: u64) -> String {
    let kind = match bits & MAP_TYPE {
        0 => "MAP_FILE".to_owned(),
        1 => "MAP_SHARED".to_owned(),
        2 => "MAP_PRIVATE".to_owned(),
        3 => "MAP_SHARED_VALIDATE".to_owned(),
        other => format!("{other:#x} /* MAP_??? */"),
    };
    let huge = bits >> HUGE_SHIFT;
    let mut text = beside(kind, &tasks::MAP, bits & !MAP_TYPE & !(huge << HUGE_SHIFT));
    if huge != 0 {
        text.push_str(&format!("|{huge}<<MAP_HUGE_SHIFT"));
    }
    text
}

/// `MFD_*` and the size of huge pages.
fn memfd(bits: u64) -> String {
    let huge = bits >> HUGE_SHIFT;
    let low = bits & !(huge << HUGE_SHIFT);
    match (low, huge) {
        (_, 0) => tasks::MEMFD.spell(low).into(),
        (0, _) => format!("{huge}<<MFD_HUGE_SHIFT"),
        _ => format!("{}|{huge}<<MFD_HUGE_SHIFT", tasks::MEMFD.spell(low)),
    }
}

/// The type of a socket and its flags.
fn socket_type(cx: &Cx<'_>, bits: u64) -> Word {
    let (kind, flags) = (bits & SOCKET_TYPE, bits & !SOCKET_TYPE);
    match (choices::SOCKET_TYPE.name(kind), flags) {
        // Without a type all bits are flags.
        (None, _) => sockets::SOCKET.spell(bits),
        (Some(name), 0) => Word::hex(name, kind),
        (Some(name), _) => {
            Word::hex(name, kind).beside(sockets::SOCKET.spell(flags), cx.style.constants)
        }
    }
}

/// A symbolic constant.
pub(super) fn choice(cx: &Cx<'_>, choice: Choice, at: usize) -> Value {
    let value = u64::from(cx.uint(at));
    match choice {
        Choice::SocketProtocol => protocol(cx.int(0), cx.arg(at)),
        Choice::Flock => Value::flags(files::FLOCK.spell(value)),
        Choice::Personality => Value::flags(persona(cx, value)),
        _ => match menu(choice) {
            Some(menu) => Value::name(menu.spell(value)),
            None => Value::Hex(cx.arg(at)),
        },
    }
}

/// The table of an enumeration.
fn menu(choice: Choice) -> Option<&'static Menu> {
    let menu = match choice {
        Choice::Whence => &choices::WHENCE,
        Choice::Resource => &choices::RESOURCE,
        Choice::ClockId => &choices::CLOCK,
        Choice::SigprocmaskHow => &choices::SIGPROCMASK,
        Choice::Itimer => &choices::ITIMER,
        Choice::Madvise => &choices::MADVISE,
        Choice::Fadvise => &choices::FADVISE,
        Choice::ArchPrctl => &choices::ARCH_PRCTL,
        Choice::AddressFamily => &choices::FAMILY,
        Choice::SockLevel => &sockopts::LEVEL,
        Choice::Shutdown => &choices::SHUTDOWN,
        Choice::EpollCtl => &choices::EPOLL_CTL,
        Choice::IdType => &choices::ID_TYPE,
        Choice::RusageWho => &choices::RUSAGE,
        Choice::Sched => &choices::SCHED,
        Choice::PriorityWhich => &choices::PRIORITY,
        Choice::IoprioWho => &choices::IOPRIO,
        Choice::SeccompOp => &choices::SECCOMP_OP,
        Choice::Reboot => &choices::REBOOT,
        Choice::Ptrace => &choices::PTRACE,
        Choice::KcmpType => &choices::KCMP,
        Choice::MembarrierCmd => &choices::MEMBARRIER_CMD,
        Choice::Keyctl => &choices::KEYCTL,
        Choice::Bpf => &choices::BPF,
        Choice::Mempolicy => &choices::MEMPOLICY,
        Choice::FsconfigCommand => &choices::FSCONFIG,
        _ => return None,
    };
    Some(menu)
}

/// What the protocol number means in the address family.
fn protocol(family: i32, value: u64) -> Value {
    let low = value & 0xffff_ffff;
    match family {
        libc::AF_INET | libc::AF_INET6 => Value::name(choices::PROTOCOL.spell(low)),
        libc::AF_NETLINK => Value::name(choices::NETLINK.spell(low)),
        libc::AF_PACKET => {
            let protocol = (value as u16).swap_bytes();
            Value::call("htons", [Value::name(ethernet(protocol))])
        }
        // Its names are in no header that programs have, so the number is told with them.
        libc::AF_AX25 => {
            let number = Number::Hex(value);
            match protocols::AX25.name(value) {
                Some(name) => Value::name(Word::hex(format!("{number} /* {name} */"), value)),
                None => Value::name(String::from(protocols::AX25.spell(value))),
            }
        }
        _ => match protocols::PROTOCOLS.iter().find(|(known, _)| *known == family) {
            Some((_, menu)) => Value::name(menu.spell(value)),
            None => Value::UInt(value),
        },
    }
}

/// An Ethernet protocol.
pub(super) fn ethernet(protocol: u16) -> Word {
    netlink::ETHERNET.spell(protocol.into())
}

/// An execution domain and its flags; all ones asks for the present one.
pub(super) fn persona(cx: &Cx<'_>, value: u64) -> Word {
    if value == u64::from(u32::MAX) {
        return Word::hex("0xffffffff", value);
    }
    let domain = choices::PERSONA.spell(value & 0xff);
    match value & !0xff {
        0 => domain,
        flags => {
            let bare = Set { unknown: "", ..tasks::PERSONALITY };
            domain.beside(bare.spell(flags), cx.style.constants)
        }
    }
}
