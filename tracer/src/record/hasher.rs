//! Digests of files, made while the tree goes on.

use std::collections::HashMap;
use std::fs::File;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use vrift_cas::Digest;
use vrift_record::{Content, Escape, Event, Outcome, VersionId};

use super::output::{Output, in_background};
use super::stat::{Inode, Stat};

/// How many files may wait, open, for their digests; the tree waits with the next one.
const QUEUE_MAX: usize = 64;

/// A file whose digest is to be made.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) file: File,
    /// As it was when the tree opened it.
    pub(super) stat: Stat,
    pub(super) version: VersionId,
    pub(super) path: Vec<u8>,
}

/// The thread that hashes, and what it still has to do.
#[derive(Debug)]
pub(super) struct Hasher {
    jobs: Option<SyncSender<Job>>,
    waiting: Arc<Waiting>,
    thread: Option<JoinHandle<()>>,
    /// The cores vrift was given: the tracer is bound to one of them while one task is at work.
    cores: Option<CpuSet>,
    out: Output,
}

#[derive(Debug, Default)]
struct Waiting {
    inodes: Mutex<HashMap<Inode, usize>>,
    less: Condvar,
}

impl Hasher {
    pub(super) fn new(out: Output) -> Hasher {
        let cores = sched_getaffinity(Pid::from_raw(0)).ok();
        Hasher { jobs: None, waiting: Arc::default(), thread: None, cores, out }
    }

    /// Hashes a file some time soon.
    pub(super) fn submit(&mut self, job: Job) {
        let inode = job.stat.inode;
        *lock(&self.waiting.inodes).entry(inode).or_default() += 1;
        if self.thread.is_none() {
            self.begin();
        }
        match &self.jobs {
            Some(jobs) => match jobs.send(job) {
                Ok(()) => {}
                Err(unsent) => work(unsent.0, &self.out, &self.waiting),
            },
            None => work(job, &self.out, &self.waiting),
        }
    }

    fn begin(&mut self) {
        let (sender, receiver) = sync_channel::<Job>(QUEUE_MAX);
        let (out, waiting, cores) = (self.out.clone(), Arc::clone(&self.waiting), self.cores);
        let run = move || {
            if let Some(cores) = cores {
                // Where it cannot be had the tracer's core does.
                let _ = sched_setaffinity(Pid::from_raw(0), &cores);
            }
            run(&receiver, &out, &waiting);
        };
        if let Ok(thread) = in_background("vrift-hash", run) {
            (self.jobs, self.thread) = (Some(sender), Some(thread));
        }
    }

    /// Returns when nothing of a file waits to be hashed any more.
    pub(super) fn settle(&self, inode: Inode) {
        let mut inodes = lock(&self.waiting.inodes);
        while inodes.contains_key(&inode) {
            inodes = self.waiting.less.wait(inodes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether anything waits.
    pub(super) fn is_busy(&self) -> bool {
        !lock(&self.waiting.inodes).is_empty()
    }

    /// Returns when all is done.
    pub(super) fn end(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has told nothing of its last file, which the reader sees.
            let _ = thread.join();
        }
    }
}

fn run(jobs: &Receiver<Job>, out: &Output, waiting: &Waiting) {
    for job in jobs {
        work(job, out, waiting);
    }
}

fn work(job: Job, out: &Output, waiting: &Waiting) {
    let inode = job.stat.inode;
    conclude(&job, out);
    let mut inodes = lock(&waiting.inodes);
    if let Some(count) = inodes.get_mut(&inode) {
        *count -= 1;
        if *count == 0 {
            inodes.remove(&inode);
        }
    }
    waiting.less.notify_all();
}

/// Hashes a file and tells what it held.
pub(super) fn conclude(job: &Job, out: &Output) -> Content {
    let content = content(job);
    let nobody = Pid::from_raw(0);
    let version = job.version;
    out.tell::<&[u8]>(nobody, Event::Content { version, content });
    let kind = match content {
        Content::Whole(_) => return content,
        Content::Changing(_) => Escape::ChangedWhileHashed,
        Content::Unreadable(_) => Escape::NotHashed,
    };
    out.incomplete();
    let (call, detail, outcome) = (&b""[..], &job.path[..], Outcome::Done);
    out.tell(nobody, Event::Escape { kind, call, detail, outcome });
    content
}

fn content(job: &Job) -> Content {
    let unreadable = |error: std::io::Error| {
        Content::Unreadable(error.raw_os_error().unwrap_or(libc::EIO) as u16)
    };
    let digest = match Digest::of_file(&job.file) {
        Ok(digest) => digest,
        Err(error) => return unreadable(error),
    };
    match job.file.metadata().map(Stat::from) {
        Ok(now) if now.has_content_of(&job.stat) => Content::Whole(digest),
        Ok(_) => Content::Changing(digest),
        Err(error) => unreadable(error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use vrift_record::{Event, Header, Reader};

    use super::*;

    /// What is told of a file that is changed between its opening and the end of its hashing.
    #[test]
    fn a_file_that_changes_while_it_is_hashed_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (path, record) = (directory.path().join("f"), directory.path().join("rec"));
        let told = |change: &str| {
            std::fs::write(&path, "before").unwrap();
            let out = Output::create(&record, &Header::default(), None).unwrap();
            let file = File::open(&path).unwrap();
            let stat = Stat::from(file.metadata().unwrap());
            let mut writer = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
            writer.write_all(change.as_bytes()).unwrap();
            let job = Job { file, stat, version: VersionId(1), path: b"/f".to_vec() };
            let content = conclude(&job, &out);
            out.finish(vrift_record::Ending::Exited(0)).unwrap();
            let entries = Reader::open(&record).unwrap().map_while(Result::ok);
            let escapes = entries.filter_map(|entry| match entry.event {
                Event::Escape { kind, .. } => Some(kind),
                _ => None,
            });
            (content, escapes.collect::<Vec<_>>())
        };
        assert_eq!(told(""), (Content::Whole(Digest::of(b"before")), vec![]));
        let changed = Content::Changing(Digest::of(b"before, after"));
        assert_eq!(told(", after"), (changed, vec![Escape::ChangedWhileHashed]));
    }
}
