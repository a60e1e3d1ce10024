//! The mounts that are served, and the tasks that ask for them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Arch;
use vrift_vfs::session::Staged;
use vrift_vfs::{
    At, Backing, Caller, Cause, Creds, Effect, Exe, Exec, FdTable, Follow, Fresh, Held, Ids,
    Judged, Jump, MagicLink, Namespace, NodeRef, OpenNode, PathOp, Place, ProcEntry, ProcId,
    Purpose, Request, Target, Verdict,
};

use super::task::Task;
use crate::cores::Cores;
use crate::creds::TaskCreds;
use crate::descriptors;
use crate::procfs;
use crate::view::places::Places;

/// The namespace tracees see, and where the first of them starts.
#[derive(Debug)]
pub struct Served {
    namespace: Namespace,
    start: Option<NodeRef>,
}

impl Served {
    /// Serves `namespace` to a root tracee that starts at `start`.
    pub fn new(namespace: Namespace, start: Place) -> Served {
        let start = match start {
            Place::Node(node) => Some(node),
            Place::Host(_) => None,
        };
        Served { namespace, start }
    }

    pub(super) fn start(&self) -> Option<NodeRef> {
        self.start
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The paths of the host that lead into a mount.
    pub(crate) fn covered(&self) -> impl Iterator<Item = &Path> {
        self.namespace.covered()
    }

    /// Whether a mount can be written to.
    pub(crate) fn can_change(&self) -> bool {
        self.namespace.can_be_written_to()
    }

    /// Waits until what was changed in the mount of `node`, or in all, is on disk.
    pub(super) fn sync(&mut self, node: Option<NodeRef>) -> Result<(), vrift_vfs::Error> {
        self.namespace.sync(node.map(|node| node.mount))
    }

    /// The nodes whose real object has become another since this was last asked.
    pub(super) fn take_moved(&mut self) -> Vec<NodeRef> {
        self.namespace.take_moved()
    }

    /// What a descriptor of `node` is open on if it is opened now.
    pub(super) fn real(&self, node: NodeRef) -> Option<(PathBuf, Backing)> {
        let path = self.namespace.real_path(node).ok()?;
        let meta = std::fs::metadata(&path).ok()?;
        Some((path, Backing { dev: meta.dev(), ino: meta.ino() }))
    }

    /// Whether it is worth asking which of the files without a name are in use.
    pub(super) fn has_much_to_forget(&self) -> bool {
        self.namespace.has_much_to_forget()
    }

    /// Forgets the files without a name that are not among those in use.
    pub(super) fn forget_nameless(&mut self, used: &HashSet<NodeRef>) {
        self.namespace.forget_nameless(used);
    }

    /// Takes back a name whose call has failed.
    pub(super) fn take_back(&mut self, fresh: &Fresh) -> Result<(), vrift_vfs::Error> {
        self.namespace.take_back(fresh)
    }

    /// The digest of a file's content.
    pub(super) fn blob(&self, node: NodeRef) -> Option<String> {
        self.namespace.digest(node).ok().flatten().map(|digest| digest.to_string())
    }

    /// The file the kernel will execute if the root tracee executes `path`. *Errors:* why the
    /// mounts do not let it.
    pub fn program_at(&mut self, path: &Path) -> Result<PathBuf, Errno> {
        let cwd = match (self.start, std::env::current_dir()) {
            (Some(node), _) => Place::Node(node),
            (None, Ok(directory)) => Place::Host(directory),
            (None, Err(_)) => Place::Host("/".into()),
        };
        let bytes = path.as_os_str().as_bytes().to_vec();
        let target = Target::Path(PathOp { at: At::Cwd, path: bytes, follow: Follow::Yes });
        let request = Request::Exec(Exec { target, purpose: Purpose::Check });
        match self.namespace.judge(&Ourselves { cwd }, &request) {
            Ok(Judged { verdict: Verdict::Launch(launch), .. }) => Ok(launch.path),
            Ok(Judged { verdict: Verdict::Deny(errno, _), .. }) => Err(errno),
            Ok(_) => Ok(path.to_owned()),
            Err(error) => Err(error.errno()),
        }
    }

    /// Judges what a task asks.
    pub(super) fn judge<A: Arch>(
        &mut self,
        tasks: &BTreeMap<Pid, Task<A>>,
        tid: Pid,
        cores: Option<&Cores>,
        request: &Request,
    ) -> Result<Judged, vrift_vfs::Error> {
        let Some(task) = tasks.get(&tid) else {
            return Ok(Judged { verdict: vrift_vfs::Verdict::Pass, effect: Effect::None });
        };
        let mut judged = self.namespace.judge(&TaskCaller { tid, task, tasks, cores }, request)?;
        if let Verdict::Deny(errno, Cause::Ordinary) = &mut judged.verdict
            && is_late(*errno, request)
            && descriptors::are_used_up(tid) == Ok(true)
        {
            *errno = Errno::EMFILE;
        }
        Ok(judged)
    }
}

/// Whether the kernel would fail with this only after it has found a descriptor for what is to be opened
/// (`do_sys_openat2` in fs/open.c): flags and an empty path are wrong before.
fn is_late(errno: Errno, request: &Request) -> bool {
    match request {
        Request::Open(open) => errno != Errno::EINVAL && !open.path.path.is_empty(),
        _ => false,
    }
}

/// This process, before there is a tracee: it asks for the program to be run.
struct Ourselves {
    cwd: Place,
}

impl Caller for Ourselves {
    fn cwd(&self) -> Result<Place, Errno> {
        Ok(self.cwd.clone())
    }

    fn open_node(&self, _fd: i32) -> Option<OpenNode> {
        None
    }

    fn host_path(&self, fd: i32) -> Result<PathBuf, Errno> {
        procfs::opened(nix::unistd::getpid(), fd)
    }

    fn creds(&self, ids: Ids) -> Creds {
        TaskCreds::of(nix::unistd::gettid()).get(ids).clone()
    }

    fn ids(&self) -> (i32, i32) {
        (nix::unistd::getpid().as_raw(), nix::unistd::gettid().as_raw())
    }

    fn may_look_into(&self, _of: ProcId) -> bool {
        false
    }

    fn umask(&self) -> u32 {
        procfs::umask(nix::unistd::gettid())
    }

    fn staged(&self, _fd: i32) -> Option<Staged> {
        None
    }

    fn is_executed(&self, _node: NodeRef) -> bool {
        false
    }

    fn is_open_to_write(&self, path: &Path) -> bool {
        descriptors::is_open_to_write(path)
    }

    fn closes_on_exec(&self, fd: i32) -> bool {
        procfs::closes_on_exec(nix::unistd::getpid(), fd)
    }

    fn magic(&self, _link: MagicLink) -> Option<Jump> {
        None
    }
}

/// A task in the role of the one that asks.
struct TaskCaller<'a, A: Arch> {
    tid: Pid,
    task: &'a Task<A>,
    tasks: &'a BTreeMap<Pid, Task<A>>,
    cores: Option<&'a Cores>,
}

impl<A: Arch> Caller for TaskCaller<'_, A> {
    fn cwd(&self) -> Result<Place, Errno> {
        match self.task.place() {
            Some(place) => Ok(place),
            None => procfs::directory(self.tid).map(Place::Host),
        }
    }

    fn open_node(&self, fd: i32) -> Option<OpenNode> {
        open_node(self.tid, &self.task.files, fd)
    }

    fn host_path(&self, fd: i32) -> Result<PathBuf, Errno> {
        procfs::opened(self.tid, fd)
    }

    fn creds(&self, ids: Ids) -> Creds {
        let mut known = self.task.creds.borrow_mut();
        known.get_or_insert_with(|| Rc::new(TaskCreds::of(self.tid))).get(ids).clone()
    }

    fn ids(&self) -> (i32, i32) {
        (self.task.tgid.as_raw(), self.tid.as_raw())
    }

    /// As `ptrace_may_access` in kernel/ptrace.c decides, with one capability in the place of
    /// another: whoever may read every file may look into every tracee.
    fn may_look_into(&self, of: ProcId) -> bool {
        let (ProcId::Process(id) | ProcId::Thread(id)) = of;
        let Some(task) = self.tasks.get(&Pid::from_raw(id)) else { return false };
        let creds = self.creds(Ids::FileSystem);
        task.tgid == self.task.tgid || creds.dac_override || owned_by(id, &creds)
    }

    fn keeps_memory_of(&self, of: ProcId) -> bool {
        let (ProcId::Process(id) | ProcId::Thread(id)) = of;
        let tid = Pid::from_raw(id);
        self.tasks.contains_key(&tid) || procfs::is_ours(tid)
    }

    fn cores(&self, of: ProcId) -> Option<Vec<usize>> {
        let (ProcId::Process(id) | ProcId::Thread(id)) = of;
        let tid = Pid::from_raw(id);
        self.cores.filter(|_| self.tasks.contains_key(&tid))?.given(tid)
    }

    fn umask(&self) -> u32 {
        let umask = &self.task.umask;
        umask.get().unwrap_or_else(|| {
            let read = procfs::umask(self.tid);
            umask.set(Some(read));
            read
        })
    }

    fn staged(&self, fd: i32) -> Option<Staged> {
        procfs::staged(self.tid, fd)
    }

    fn is_executed(&self, node: NodeRef) -> bool {
        let is_node = |exe: &Exe| exe.place == Place::Node(node);
        // From the start of its execution: a parent that waits for that goes on before the event.
        self.tasks.values().any(|task| {
            task.exe.as_ref().is_some_and(is_node) || task.executing().is_some_and(is_node)
        })
    }

    fn is_open_to_write(&self, path: &Path) -> bool {
        descriptors::is_open_to_write(path)
    }

    fn closes_on_exec(&self, fd: i32) -> bool {
        procfs::closes_on_exec(self.tid, fd)
    }

    fn magic(&self, link: MagicLink) -> Option<Jump> {
        let (ProcId::Process(id) | ProcId::Thread(id)) = link.of;
        let tid = Pid::from_raw(id);
        let task = self.tasks.get(&tid)?;
        let node = match link.entry {
            ProcEntry::Cwd => *task.directory.borrow(),
            ProcEntry::Fd(fd) => open_node(tid, &task.files, fd).map(|open| open.node),
            ProcEntry::Exe => {
                let Exe { place, path } = task.exe.clone()?;
                return Some(Jump { place, text: Some(path) });
            }
        };
        node.map(|node| Jump { place: Place::Node(node), text: None })
    }
}

/// Whether every id of a task is the caller's.
fn owned_by(id: i32, creds: &Creds) -> bool {
    let target = TaskCreds::of(Pid::from_raw(id));
    let all = [Ids::FileSystem, Ids::Real].map(|ids| target.get(ids));
    all.iter().all(|ids| ids.uid == creds.uid && ids.gid == creds.gid)
}

/// What mounts make of descriptors, for the view.
pub(super) struct Mounted<'a, A: Arch> {
    pub(super) served: Option<&'a Served>,
    pub(super) tasks: &'a BTreeMap<Pid, Task<A>>,
    pub(super) tid: Pid,
}

impl<A: Arch> Mounted<'_, A> {
    fn path(&self, node: NodeRef) -> Option<PathBuf> {
        self.served?.namespace.shown_path(node).ok()
    }
}

impl<A: Arch> Places for Mounted<'_, A> {
    fn mounted(&self, tid: Pid, fd: i32) -> Option<PathBuf> {
        self.served?;
        let task = self.tasks.get(&tid)?;
        self.path(open_node(tid, &task.files, fd)?.node)
    }

    fn mounted_directory(&self) -> Option<PathBuf> {
        self.mounted_directory_of(self.tid)
    }

    fn mounted_directory_of(&self, tid: Pid) -> Option<PathBuf> {
        self.served?;
        let node = *self.tasks.get(&tid)?.directory.borrow();
        self.path(node?)
    }

    fn held(&self, path: &Path, follow: Follow) -> Option<Held> {
        self.served?.namespace.held(path, follow)
    }

    fn led(&self, path: &Path, follow: Follow) -> Option<PathBuf> {
        self.served?.namespace.led(path, follow)
    }

    fn behind(&self, real: &Path) -> Option<(PathBuf, Held)> {
        self.served?.namespace.file_behind(real)
    }

    fn viewed(&self, real: &Path) -> Option<PathBuf> {
        self.served?.namespace.viewed(real)
    }
}

/// What a descriptor of a mount is, if it still is what it was opened as.
pub(super) fn open_node(tid: Pid, files: &RefCell<FdTable>, fd: i32) -> Option<OpenNode> {
    let known = files.borrow().get(fd)?;
    match procfs::backing(tid, fd) {
        Some(backing) if backing == known.backing => Some(known),
        // It has been closed, or is being replaced in this instant.
        Some(_) if files.borrow().outdated().iter().any(|&(outdated, _)| outdated == fd) => None,
        Some(_) => {
            files.borrow_mut().remove(fd);
            None
        }
        // The task's own view of the table is gone (a leader that has exited); others may use it.
        None => None,
    }
}
