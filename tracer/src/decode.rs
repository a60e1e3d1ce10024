//! From registers to a typed request: the one dispatch over what syscalls mean.
//!
//! Where the paths, flags and descriptors of a call lie, its row says (`vrift_arch::syscall`), so
//! `open`, `openat` and `creat` become the same request here. Everything is read once, at entry.

use nix::errno::Errno;
use vrift_arch::abi::{self, clone, open, resolve};
use vrift_arch::seccomp::{ATTR_REQUESTS, DUP_COMMANDS, MSYNC_WAITS, NOTIFY_COMMAND};
use vrift_arch::syscall::{Flags, Kind};
use vrift_arch::{Arch, Arg, Model, Syscall};
use vrift_vfs::{
    AccessTime, AccessWanted, At, AttrChange, Create, Crossing, Events, Exec, Follow, Handle, Ids,
    Limits, Links, MakeKind, Open, PathOp, Purpose, Removal, RenameMode, Request, Scope, Subject,
    Target, Writes,
};

use crate::attributes;
use crate::call::Call;
use crate::descriptors::End;
use crate::memory::{GuestAddr, Memory};
use crate::messages;
use crate::precheck::{Precheck, open_how, precheck};

/// The longest path with its NUL (`PATH_MAX`).
const PATH_BYTES_MAX: usize = 4096;

/// The longest name of an extended attribute with its NUL.
const XATTR_NAME_BYTES_MAX: usize = 256;

/// A message that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The path of the socket it goes to, if it names one.
    pub(crate) to: Option<PathOp>,
    /// The descriptors of which it carries copies.
    pub(crate) fds: Vec<i32>,
}

/// What a call means for a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A file operation.
    File(Request),
    /// The result is a copy of this descriptor.
    Duplicate(i32),
    /// The result is a copy of a descriptor of another process.
    Fetch {
        /// The pidfd of the process.
        pidfd: i32,
        /// The descriptor there.
        fd: i32,
    },
    /// These messages are sent.
    Send(Vec<Sent>),
    /// What was changed in the mount of this descriptor, or in all, is to be on disk.
    Sync(Option<i32>),
    /// Descriptors may arrive.
    Receive,
    /// The address of whom a connection or a message is from is asked for.
    Peer,
    /// The address of an end of a socket is asked for.
    SocketName {
        /// The socket.
        fd: i32,
        /// Which end.
        end: End,
    },
    /// A child is made with these `CLONE_*` flags.
    Spawn {
        /// The flags.
        flags: u64,
        /// Where they lie.
        place: FlagsPlace,
    },
    /// The task stops sharing.
    Unshare(u64),
    /// The task's credentials change.
    Credentials,
    /// Nothing.
    Nothing,
}

/// Where the flags of a spawning call lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagsPlace {
    /// The call has none.
    None,
    /// In an argument.
    Register(Arg),
    /// In `struct clone_args` at this address.
    Memory(GuestAddr),
}

/// Decodes `call` through the ABI `A`, whose meaning is `model`. *Errors:* what the kernel would answer to the pointers
/// of the call.
pub(crate) fn decode<A: Arch>(
    model: Model,
    call: &Call,
    memory: &dyn Memory,
) -> Result<Operation, Errno> {
    if precheck::<A>(call, memory)? == Precheck::NothingToDo {
        return Ok(Operation::Nothing);
    }
    let call = Decoder::<A> { call, memory, arch: std::marker::PhantomData };
    let file = |request| Ok(Operation::File(request));
    match model {
        Model::Open => file(Request::Open(call.open()?)),
        Model::OpenHow => file(call.open_how()?),
        Model::Stat | Model::Statx => file(Request::Stat(call.target(Follow::Yes)?)),
        Model::Lstat => file(Request::Stat(call.target(Follow::No)?)),
        Model::Fstat => file(Request::Stat(call.descriptor())),
        Model::Access => file(Request::Access(call.target(Follow::Yes)?, call.access())),
        Model::Readlink => file(Request::Readlink(call.link()?)),
        Model::Getdents => file(Request::ReadDir(call.fd(Arg::A0))),
        Model::Chdir => file(Request::Chdir(call.target(Follow::Yes)?)),
        Model::Fchdir => file(Request::Chdir(call.descriptor())),
        Model::Getcwd => file(Request::Getcwd),
        Model::Statfs => file(Request::Statfs(Target::Path(call.path(0, Follow::Yes)?))),
        Model::Fstatfs => file(Request::Statfs(call.descriptor())),
        Model::Exec => file(Request::Exec(call.program()?)),
        Model::Make => file(Request::Make(call.path(0, Follow::No)?, call.made())),
        Model::Symlink => file(call.symlink()?),
        Model::Link => file(Request::Link(call.link_source()?, call.path(1, Follow::No))),
        Model::Unlink => file(Request::Remove(call.path(0, Follow::No)?, Removal::File)),
        Model::Rmdir => file(Request::Remove(call.path(0, Follow::No)?, Removal::Directory)),
        Model::Unlinkat => file(Request::Remove(call.path(0, Follow::No)?, call.removal())),
        Model::Rename => file(call.rename()?),
        Model::SetAttr => file(call.set_attr()?),
        Model::LsetAttr => file(Request::SetAttr(call.target(Follow::No)?, call.change()?)),
        Model::FsetAttr => file(Request::SetAttr(call.content(), call.change()?)),
        Model::Ioctl if call.command_in(ATTR_REQUESTS) => {
            file(Request::SetAttr(call.content(), AttrChange::Other))
        }
        Model::Watch => file(call.watch()?),
        Model::GetXattr => file(Request::GetXattr(call.used(Follow::Yes)?, call.xattr()?)),
        Model::LgetXattr => file(Request::GetXattr(call.target(Follow::No)?, call.xattr()?)),
        Model::FgetXattr => file(Request::GetXattr(call.content(), call.xattr()?)),
        Model::ListXattr => file(Request::ListXattr(call.used(Follow::Yes)?)),
        Model::LlistXattr => file(Request::ListXattr(call.target(Follow::No)?)),
        Model::FlistXattr => file(Request::ListXattr(call.content())),
        Model::Bind => Ok(call.bind(call.arg(Arg::A1), call.arg(Arg::A2))),
        Model::Connect => Ok(call.connect(call.arg(Arg::A1), call.arg(Arg::A2))),
        Model::Sync if call.call.syscall == Some(Syscall::Sync) => Ok(Operation::Sync(None)),
        Model::Sync => Ok(Operation::Sync(Some(call.fd(Arg::A0)))),
        Model::Msync if MSYNC_WAITS.contains(&(call.arg(Arg::A2) as u32)) => {
            Ok(Operation::Sync(None))
        }
        Model::Msync => Ok(Operation::Nothing),
        Model::Lock => file(Request::Lock(call.fd(Arg::A0))),
        Model::SockName => Ok(Operation::SocketName {
            fd: call.fd(Arg::A0),
            end: match call.call.syscall {
                Some(Syscall::Getpeername) => End::Peer,
                _ => End::Own,
            },
        }),
        Model::SendTo => Ok(Operation::Send(vec![Sent {
            to: call.unix_path(call.arg(Arg::A4), call.arg(Arg::A5)),
            fds: Vec::new(),
        }])),
        Model::SendMsg => Ok(call.send()),
        Model::RecvMsg => Ok(Operation::Receive),
        Model::Accept | Model::RecvFrom => Ok(Operation::Peer),
        Model::Getfd => Ok(Operation::Fetch { pidfd: call.fd(Arg::A0), fd: call.fd(Arg::A1) }),
        Model::Socketcall => call.socketcall(),
        Model::Guard(errno) => file(Request::Unmodelled(call.guarded()?, i32::from(errno))),
        Model::Dup => Ok(Operation::Duplicate(call.fd(Arg::A0))),
        Model::Fcntl if call.command_in(DUP_COMMANDS) => Ok(Operation::Duplicate(call.fd(Arg::A0))),
        // What a kernel without dnotify says.
        Model::Fcntl if call.command_in(&[NOTIFY_COMMAND]) => {
            file(Request::Unmodelled(call.content(), Errno::EINVAL as i32))
        }
        Model::Ioctl | Model::Fcntl => Ok(Operation::Nothing),
        Model::Spawn => call.spawn(),
        Model::Unshare => Ok(Operation::Unshare(call.arg(Arg::A0))),
        Model::Creds => Ok(Operation::Credentials),
    }
}

/// The argument that holds the `n`th path of `call`.
pub(crate) fn path_arg<A: Arch>(call: &Call, n: usize) -> Option<Arg> {
    positions::<A>(call, |kind| kind == Kind::Path).nth(n)
}

/// The argument of a kind.
pub(crate) fn arg_of_kind<A: Arch>(call: &Call, wanted: Kind) -> Option<Arg> {
    positions::<A>(call, |kind| kind == wanted).next()
}

/// The argument that holds the structure or buffer the kernel fills in.
pub(crate) fn out_arg<A: Arch>(call: &Call) -> Option<Arg> {
    let filled = |kind| matches!(kind, Kind::Out(_) | Kind::OutBytes | Kind::OutText);
    positions::<A>(call, filled).next()
}

fn positions<A: Arch>(call: &Call, wanted: impl Fn(Kind) -> bool) -> impl Iterator<Item = Arg> {
    let kinds = call.syscall.map_or(&[][..], A::args);
    Arg::ALL.into_iter().zip(kinds).filter(move |&(_, &kind)| wanted(kind)).map(|(arg, _)| arg)
}

struct Decoder<'a, A: Arch> {
    call: &'a Call,
    memory: &'a dyn Memory,
    arch: std::marker::PhantomData<A>,
}

impl<A: Arch> Decoder<'_, A> {
    fn arg(&self, arg: Arg) -> u64 {
        self.call.arg(arg)
    }

    fn fd(&self, arg: Arg) -> i32 {
        self.arg(arg) as i32
    }

    /// Whether the command of an ioctl or fcntl is one of those that matter to a mount.
    fn command_in(&self, commands: &[u32]) -> bool {
        commands.contains(&(self.arg(Arg::A1) as u32))
    }

    fn descriptor(&self) -> Target {
        Target::Open(At::Fd(self.fd(Arg::A0)))
    }

    fn content(&self) -> Target {
        Target::Content(self.fd(Arg::A0))
    }

    /// The argument of a kind, 0 if the call has none.
    fn of_kind(&self, wanted: impl Fn(Kind) -> bool) -> u64 {
        positions::<A>(self.call, wanted).next().map_or(0, |arg| self.arg(arg))
    }

    /// The `AT_*` flags, whatever the call names them.
    fn at_flags(&self) -> u32 {
        self.of_kind(|kind| {
            let Kind::Flags(flags) = kind else { return false };
            matches!(
                flags,
                Flags::At | Flags::AtAccess | Flags::AtUnlink | Flags::AtStatx | Flags::Handle
            )
        }) as u32
    }

    /// Where the `n`th path starts if it is relative: the argument before it says.
    fn start(&self, path: Arg) -> At {
        let kinds = self.call.syscall.map_or(&[][..], A::args);
        match path.index().checked_sub(1) {
            Some(before) if kinds.get(before) == Some(&Kind::DirFd) => {
                match self.call.args[before] as i32 {
                    abi::AT_FDCWD => At::Cwd,
                    fd => At::Fd(fd),
                }
            }
            _ => At::Cwd,
        }
    }

    fn path(&self, n: usize, follow: Follow) -> Result<PathOp, Errno> {
        let arg = path_arg::<A>(self.call, n).ok_or(Errno::ENOSYS)?;
        let path = self.memory.read_cstr(GuestAddr(self.arg(arg)), PATH_BYTES_MAX)?;
        Ok(PathOp { at: self.start(arg), path, follow })
    }

    /// The first path with the call's `AT_*` flags applied: an empty one may mean the descriptor.
    fn target(&self, default: Follow) -> Result<Target, Errno> {
        let flags = self.at_flags();
        let follow = if flags & abi::AT_SYMLINK_NOFOLLOW != 0 { Follow::No } else { default };
        let arg = path_arg::<A>(self.call, 0).ok_or(Errno::ENOSYS)?;
        let empty_allowed = flags & abi::AT_EMPTY_PATH != 0;
        match (self.arg(arg), self.start(arg)) {
            (0, At::Fd(fd)) if self.may_omit_path() => return Ok(Target::Content(fd)),
            (0, at) if empty_allowed && self.may_be_null() => return Ok(Target::Open(at)),
            _ => {}
        }
        let path = self.path(0, follow)?;
        if path.path.is_empty() && empty_allowed {
            return Ok(Target::Open(path.at));
        }
        Ok(Target::Path(path))
    }

    /// The same where an empty path means that the descriptor is used, not only named.
    fn used(&self, default: Follow) -> Result<Target, Errno> {
        Ok(match self.target(default)? {
            Target::Open(At::Fd(fd)) => Target::Content(fd),
            target => target,
        })
    }

    /// What a call that vrift does not model is about: `name_to_handle_at` does not follow a final
    /// symlink unless told so.
    fn guarded(&self) -> Result<Target, Errno> {
        match self.call.syscall {
            Some(Syscall::NameToHandleAt) if self.at_flags() & abi::AT_SYMLINK_FOLLOW == 0 => {
                self.target(Follow::No)
            }
            Some(Syscall::FileGetattr) => self.used(Follow::Yes),
            _ => self.target(Follow::Yes),
        }
    }

    /// `IN_DONT_FOLLOW` and `IN_ONLYDIR` (linux/inotify.h) are the flags of its path; `IN_ACCESS`,
    /// `IN_CLOSE_NOWRITE` and `IN_OPEN` the events that are no changes.
    fn watch(&self) -> Result<Request, Errno> {
        let has = |bit: u32| self.arg(Arg::A2) as u32 & bit != 0;
        let follow = if has(0x0200_0000) { Follow::No } else { Follow::Yes };
        let subject = if has(0x0100_0000) { Subject::Directory } else { Subject::Any };
        let events = if has(0x01 | 0x10 | 0x20) { Events::Uses } else { Events::Changes };
        Ok(Request::Watch(self.path(0, follow)?, subject, events))
    }

    /// The name of an extended attribute, which `precheck` has found good.
    fn xattr(&self) -> Result<Vec<u8>, Errno> {
        let arg =
            positions::<A>(self.call, |kind| kind == Kind::Text).next().ok_or(Errno::ENOSYS)?;
        self.memory.read_cstr(GuestAddr(self.arg(arg)), XATTR_NAME_BYTES_MAX)
    }

    /// The flags of `execveat` are checked after its path has been read.
    fn program(&self) -> Result<Exec, Errno> {
        const ALLOWED: u32 = abi::AT_SYMLINK_NOFOLLOW | abi::AT_EMPTY_PATH | abi::AT_EXECVE_CHECK;
        let target = self.target(Follow::Yes)?;
        let purpose = match self.at_flags() {
            flags if flags & !ALLOWED != 0 => {
                // That there is no name at all is found first.
                let nameless = matches!(&target, Target::Path(op) if op.path.is_empty());
                return Err(if nameless { Errno::ENOENT } else { Errno::EINVAL });
            }
            flags if flags & abi::AT_EXECVE_CHECK != 0 => Purpose::Check,
            _ => Purpose::Run,
        };
        Ok(Exec { target, purpose })
    }

    /// Where `AT_EMPTY_PATH` allows a null pointer as well (`getname_maybe_null` in fs/namei.c).
    fn may_be_null(&self) -> bool {
        use Syscall::{FileGetattr, FileSetattr, Getxattrat, Listxattrat, Newfstatat};
        use Syscall::{Removexattrat, Setxattrat, Statx};
        matches!(
            self.call.syscall,
            Some(
                Newfstatat
                    | Statx
                    | Getxattrat
                    | Listxattrat
                    | Setxattrat
                    | Removexattrat
                    | FileGetattr
                    | FileSetattr
            )
        )
    }

    /// Some calls take a null path for the descriptor itself.
    fn may_omit_path(&self) -> bool {
        use Syscall::{FanotifyMark, Futimesat, Utimensat, UtimensatTime64};
        matches!(self.call.syscall, Some(Utimensat | UtimensatTime64 | Futimesat | FanotifyMark))
    }

    /// `readlinkat` has no flags: an empty path always means the descriptor.
    fn link(&self) -> Result<Target, Errno> {
        let path = self.path(0, Follow::No)?;
        Ok(match path.at {
            At::Fd(_) if path.path.is_empty() => Target::Open(path.at),
            _ => Target::Path(path),
        })
    }

    fn open(&self) -> Result<Open, Errno> {
        let flags = match self.call.syscall {
            Some(Syscall::Creat) => open::O_CREAT | open::O_WRONLY | open::O_TRUNC,
            _ => self.of_kind(|kind| kind == Kind::Flags(Flags::Open)) as u32,
        };
        let mode = match self.call.syscall {
            Some(Syscall::Creat) => self.arg(Arg::A1),
            _ => self.of_kind(|kind| kind == Kind::Mode),
        };
        Ok(open_words::<A>(self.path(0, Follow::Yes)?, flags, mode as u32))
    }

    fn open_how(&self) -> Result<Request, Errno> {
        let how = open_how::<A>(self.call, self.memory)?;
        let path = self.path(0, Follow::Yes)?;
        let open = open_words::<A>(path, how.flags as u32, how.mode as u32);
        Ok(Request::Open(Open { limits: limits(how.resolve), ..open }))
    }

    fn access(&self) -> AccessWanted {
        let bits = self.of_kind(|kind| kind == Kind::Flags(Flags::Access)) as u32 & 7;
        let effective = self.at_flags() & abi::AT_EACCESS != 0;
        AccessWanted { bits, ids: if effective { Ids::FileSystem } else { Ids::Real } }
    }

    fn made(&self) -> MakeKind {
        let mode = self.of_kind(|kind| matches!(kind, Kind::Mode | Kind::NodeMode)) as u32;
        let permissions = mode & 0o7777;
        match (self.call.syscall, mode & abi::S_IFMT) {
            (Some(Syscall::Mkdir | Syscall::Mkdirat), _) => {
                MakeKind::Directory { mode: mode & 0o1777 }
            }
            (_, abi::S_IFIFO) => MakeKind::Fifo { mode: permissions },
            (_, abi::S_IFSOCK) => MakeKind::Socket { mode: permissions },
            (_, abi::S_IFCHR) => self.device(vrift_vfs::Kind::CharDevice, permissions),
            (_, abi::S_IFBLK) => self.device(vrift_vfs::Kind::BlockDevice, permissions),
            _ => MakeKind::File { mode: permissions },
        }
    }

    /// The number comes as 32 bits of the kernel's own encoding (`new_decode_dev`).
    fn device(&self, kind: vrift_vfs::Kind, mode: u32) -> MakeKind {
        let number = self.of_kind(|kind| kind == Kind::Dev) as u32;
        let (major, minor) = (number >> 8 & 0xfff, number >> 12 & 0xfff00 | number & 0xff);
        let rdev = nix::sys::stat::makedev(major.into(), minor.into());
        MakeKind::Device { kind, mode, rdev }
    }

    fn symlink(&self) -> Result<Request, Errno> {
        let target = self.memory.read_cstr(GuestAddr(self.arg(Arg::A0)), PATH_BYTES_MAX)?;
        Ok(Request::Make(self.path(1, Follow::No)?, MakeKind::Symlink { target }))
    }

    /// `link` does not follow; `linkat` does if told so.
    fn link_source(&self) -> Result<Target, Errno> {
        let follow = self.at_flags() & abi::AT_SYMLINK_FOLLOW != 0;
        self.target(if follow { Follow::Yes } else { Follow::No })
    }

    fn removal(&self) -> Removal {
        match self.at_flags() & abi::AT_REMOVEDIR {
            0 => Removal::File,
            _ => Removal::Directory,
        }
    }

    fn rename(&self) -> Result<Request, Errno> {
        const NOREPLACE: u64 = 1;
        const EXCHANGE: u64 = 2;
        let flags = self.of_kind(|kind| kind == Kind::Flags(Flags::Rename));
        let mode = match flags {
            f if f & NOREPLACE != 0 => RenameMode::KeepTarget,
            f if f & EXCHANGE != 0 => RenameMode::Exchange,
            _ => RenameMode::Replace,
        };
        Ok(Request::Rename(self.path(0, Follow::No)?, self.path(1, Follow::No), mode))
    }

    fn set_attr(&self) -> Result<Request, Errno> {
        if let Some(Syscall::Truncate | Syscall::Truncate64) = self.call.syscall {
            return Ok(Request::Truncate(self.path(0, Follow::Yes)?));
        }
        let target = match self.call.syscall {
            Some(Syscall::Setxattrat | Syscall::Removexattrat | Syscall::FileSetattr) => {
                self.used(Follow::Yes)?
            }
            _ => self.target(Follow::Yes)?,
        };
        Ok(Request::SetAttr(target, self.change()?))
    }

    fn change(&self) -> Result<AttrChange, Errno> {
        attributes::change::<A>(self.call, self.memory)
    }

    fn bind(&self, addr: u64, len: u64) -> Operation {
        self.unix_path(addr, len).map_or(Operation::Nothing, |path| {
            Operation::File(Request::Bind(PathOp { follow: Follow::No, ..path }))
        })
    }

    fn connect(&self, addr: u64, len: u64) -> Operation {
        self.unix_path(addr, len)
            .map_or(Operation::Nothing, |path| Operation::File(Request::Connect(path)))
    }

    /// The call inside a call: its arguments are words in memory.
    fn socketcall(&self) -> Result<Operation, Errno> {
        let selector = self.arg(Arg::A0) as u32;
        let outer = self.call.syscall.map_or(&[][..], A::members);
        let Some(&(_, member)) = outer.iter().find(|&&(number, _)| number == selector) else {
            return Ok(Operation::Nothing);
        };
        if !matches!(member, Syscall::Bind | Syscall::Connect) {
            return Ok(Operation::Nothing);
        }
        let word = |n: u64| {
            let at = GuestAddr(self.arg(Arg::A1)).offset(n * A::WORD as u64);
            self.memory.read_u32(at).map(u64::from)
        };
        let (addr, len) = (word(1)?, word(2)?);
        Ok(if member == Syscall::Bind { self.bind(addr, len) } else { self.connect(addr, len) })
    }

    /// The path of a UNIX socket address; `None` for other families and for names without a file.
    fn unix_path(&self, addr: u64, len: u64) -> Option<PathOp> {
        messages::unix_path(self.memory, GuestAddr(addr), len)
    }

    fn send(&self) -> Operation {
        let sent = |message: messages::Message| Sent {
            to: message.destination(self.memory),
            fds: message.descriptors::<A>(self.memory),
        };
        let messages = messages::of::<A>(self.call, self.memory);
        Operation::Send(messages.into_iter().map(sent).collect())
    }

    fn spawn(&self) -> Result<Operation, Errno> {
        let (flags, place) = match self.call.syscall {
            Some(Syscall::Clone) => (self.arg(Arg::A0), FlagsPlace::Register(Arg::A0)),
            Some(Syscall::Clone3) => {
                let at = GuestAddr(self.arg(Arg::A0));
                // The kernel refuses arguments that cannot be read.
                (self.memory.read_u64(at).unwrap_or(0), FlagsPlace::Memory(at))
            }
            Some(Syscall::Vfork) => (clone::CLONE_VM | clone::CLONE_VFORK, FlagsPlace::None),
            _ => (0, FlagsPlace::None),
        };
        Ok(Operation::Spawn { flags, place })
    }
}

/// What a file is opened for by `O_*` flags.
pub(crate) fn handle_word(flags: u32) -> Handle {
    let truncates = flags & open::O_TRUNC != 0;
    match flags & open::O_ACCMODE {
        _ if flags & open::O_PATH != 0 => Handle::Path,
        open::O_RDONLY if truncates => Handle::Write { reads: true, truncates },
        open::O_RDONLY => Handle::Read,
        open::O_WRONLY => Handle::Write { reads: false, truncates },
        _ => Handle::Write { reads: true, truncates },
    }
}

/// The words for `O_*` flags (`build_open_flags` in the kernel's `fs/open.c`).
fn open_words<A: Arch>(path: PathOp, flags: u32, mode: u32) -> Open {
    let has = |bits: u32| flags & bits == bits;
    let follow = if has(A::OPEN.nofollow) { Follow::No } else { Follow::Yes };
    let handle = handle_word(flags);
    let create = match () {
        () if has(open::O_PATH) => Create::No,
        () if has(open::__O_TMPFILE | open::O_EXCL) => Create::NamelessForGood,
        () if has(open::__O_TMPFILE) => Create::Nameless,
        () if has(open::O_CREAT) && has(open::O_EXCL) => Create::New,
        () if has(open::O_CREAT) => Create::IfMissing,
        () => Create::No,
    };
    let nameless = matches!(create, Create::Nameless | Create::NamelessForGood);
    let subject =
        if has(A::OPEN.directory) && !nameless { Subject::Directory } else { Subject::Any };
    let access_time = if has(open::O_NOATIME) { AccessTime::Kept } else { AccessTime::Updated };
    let writes = if has(open::O_DSYNC) { Writes::Durable } else { Writes::Cached };
    let (path, limits) = (PathOp { follow, ..path }, Limits::default());
    let mode = mode & 0o7777;
    Open { path, handle, create, subject, mode, limits, access_time, writes }
}

/// The words for `RESOLVE_*`. `RESOLVE_CACHED` asks for nothing here: manifests are in memory.
fn limits(bits: u64) -> Limits {
    let has = |bit: u64| bits & bit != 0;
    Limits {
        scope: match () {
            () if has(resolve::RESOLVE_BENEATH) => Scope::Beneath,
            () if has(resolve::RESOLVE_IN_ROOT) => Scope::Root,
            () => Scope::Anywhere,
        },
        links: match () {
            () if has(resolve::RESOLVE_NO_SYMLINKS) => Links::None,
            () if has(resolve::RESOLVE_NO_MAGICLINKS) => Links::NoMagic,
            () => Links::All,
        },
        crossing: if has(resolve::RESOLVE_NO_XDEV) { Crossing::Refused } else { Crossing::Allowed },
    }
}
