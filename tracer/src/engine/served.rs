//! The mounts that are served, and the tasks that ask for them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use nix::errno::Errno;
use nix::unistd::Pid;
use vrift_arch::Arch;
use vrift_vfs::{
    Caller, Creds, Effect, FdTable, Ids, Judged, MagicLink, Namespace, NodeRef, OpenNode, Place,
    ProcEntry, ProcId, Request,
};

use super::task::Task;
use crate::creds::TaskCreds;
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

    /// Judges what a task asks.
    pub(super) fn judge<A: Arch>(
        &self,
        tasks: &HashMap<Pid, Task<A>>,
        tid: Pid,
        request: &Request,
    ) -> Result<Judged, vrift_vfs::Error> {
        let Some(task) = tasks.get(&tid) else {
            return Ok(Judged { verdict: vrift_vfs::Verdict::Pass, effect: Effect::None });
        };
        self.namespace.judge(&TaskCaller { tid, task, tasks }, request)
    }
}

/// A task in the role of the one that asks.
struct TaskCaller<'a, A: Arch> {
    tid: Pid,
    task: &'a Task<A>,
    tasks: &'a HashMap<Pid, Task<A>>,
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

    fn magic(&self, link: MagicLink) -> Option<NodeRef> {
        let (ProcId::Process(id) | ProcId::Thread(id)) = link.of;
        let tid = Pid::from_raw(id);
        let task = self.tasks.get(&tid)?;
        match link.entry {
            ProcEntry::Cwd => *task.directory.borrow(),
            ProcEntry::Fd(fd) => open_node(tid, &task.files, fd).map(|open| open.node),
        }
    }
}

/// What mounts make of a task's descriptors, for the view.
pub(super) struct Mounted<'a, A: Arch> {
    pub(super) served: Option<&'a Served>,
    pub(super) tasks: &'a HashMap<Pid, Task<A>>,
    pub(super) tid: Pid,
}

impl<A: Arch> Mounted<'_, A> {
    fn path(&self, node: NodeRef) -> Option<PathBuf> {
        self.served?.namespace.path_of(node).ok()
    }
}

impl<A: Arch> Places for Mounted<'_, A> {
    fn mounted(&self, fd: i32) -> Option<PathBuf> {
        self.served?;
        let task = self.tasks.get(&self.tid)?;
        self.path(open_node(self.tid, &task.files, fd)?.node)
    }

    fn mounted_directory(&self) -> Option<PathBuf> {
        self.served?;
        let node = *self.tasks.get(&self.tid)?.directory.borrow();
        self.path(node?)
    }
}

/// What a descriptor of a mount is, if it still is what it was opened as.
pub(super) fn open_node(tid: Pid, files: &RefCell<FdTable>, fd: i32) -> Option<OpenNode> {
    let known = files.borrow().get(fd)?;
    match procfs::backing(tid, fd) {
        Some(backing) if backing == known.backing => Some(known),
        Some(_) => {
            files.borrow_mut().remove(fd);
            None
        }
        // The task's own view of the table is gone (a leader that has exited); others may use it.
        None => None,
    }
}
