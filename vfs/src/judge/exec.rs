//! Executing a program: what of it the kernel can be left to do, and what it must be given instead.
//!
//! The kernel opens three kinds of file itself: the program, the interpreter of a `#!` line, and
//! the dynamic linker. As soon as one of them lies in a mount, the walk over them is made here, in
//! the order of `do_execveat_common` in fs/exec.c and `load_script` in fs/binfmt_script.c, and the
//! kernel is given the program at the walk's end: an executable copy of a blob, or the host's file.
//!
//! Deliberately absent: set-id bits and file capabilities, which a mount ignores as one made with
//! `nosuid` does, and binfmt_misc, which is asked about the copy by the kernel itself.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::errno::Errno;

use super::{Failure, Outcome};
use crate::attr::Kind;
use crate::caller::{Caller, Exe};
use crate::copies::{Loader, Source};
use crate::creds::{EXEC, Ids};
use crate::elf::Interpreter;
use crate::error::Error;
use crate::host;
use crate::image::Head;
use crate::namespace::{LOST, Namespace};
use crate::place::{NodeRef, Place};
use crate::request::{At, Exec, Follow, PathOp, Purpose, Target};
use crate::resolve::{Course, Ending, Found, resolve};
use crate::verdict::{Judged, Launch, Made};

/// How often one script may name another as its interpreter (`exec_binprm` in fs/exec.c).
const DEPTH_MAX: usize = 5;

/// A file that is to be executed, or to help with it.
struct Image {
    place: Place,
    course: Course,
    /// The path `/proc/<pid>/exe` shows.
    path: PathBuf,
    /// The link of `/proc` that leads to it, if nothing else does.
    link: Option<PathBuf>,
}

impl Image {
    /// What a process that runs it is shown.
    fn exe(&self) -> Exe {
        let place = match self.place {
            Place::Node(node) => Place::Node(node),
            // Not the descriptor, which may be closed.
            Place::Host(_) => Place::Host(self.path.clone()),
        };
        Exe { place, path: self.path.clone() }
    }

    /// Whether the kernel finds and opens it as the caller named it.
    fn is_plain(&self) -> bool {
        self.course == Course::Plain && matches!(self.place, Place::Host(_))
    }
}

impl Namespace {
    pub(super) fn exec(&self, caller: &dyn Caller, exec: &Exec) -> Outcome {
        let image = self.image(caller, &exec.target)?;
        match self.load(caller, exec, image) {
            Err(Failure::Guest(errno)) => Ok(Judged::deny_after_arguments(errno)),
            loaded => loaded,
        }
    }

    /// Goes on where the kernel has opened the program and copied its arguments.
    fn load(&self, caller: &dyn Caller, exec: &Exec, mut image: Image) -> Outcome {
        let filename = filename(&exec.target);
        let mut plain = image.is_plain();
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut named = filename.clone();
        let mut depth = 0;
        let interpreter = loop {
            let line = match self.head(exec.purpose, &image)? {
                Head::Script(line) => line,
                Head::Dynamic(interpreter) => break Some(interpreter),
                Head::Other => break None,
            };
            if let Place::Host(path) = &image.place
                && let Err(errno) = host::may_execute(path, &caller.creds(Ids::FileSystem))
            {
                // The kernel knows better why, if it can be asked.
                return if plain { Ok(Judged::pass()) } else { Err(errno.into()) };
            }
            if is_lost(caller, &exec.target) {
                return if plain { Ok(Judged::pass()) } else { Err(Errno::ENOENT.into()) };
            }
            let mut leading = vec![line.interpreter.clone()];
            leading.extend(line.argument);
            leading.push(std::mem::replace(&mut named, line.interpreter));
            // What the interpreter was called takes the place of the words' first.
            leading.extend(words.into_iter().skip(1));
            words = leading;
            if named.is_empty() {
                // An empty name is the current directory, as no empty path of a caller is.
                return if plain { Ok(Judged::pass()) } else { Err(Errno::EACCES.into()) };
            }
            image = self.image(caller, &by_name(named.clone()))?;
            plain &= image.is_plain();
            depth += 1;
            if depth > DEPTH_MAX {
                return if plain { Ok(Judged::pass()) } else { Err(Errno::ELOOP.into()) };
            }
        };
        let loader = match &interpreter {
            Some(interpreter) => self.loader(caller, interpreter)?,
            None => None,
        };
        if plain && loader.is_none() {
            return Ok(Judged::pass());
        }
        let loader = interpreter.as_ref().zip(loader.as_deref());
        let loader = loader.map(|(named, path)| Loader { named, path });
        let name = name_of_task(&exec.target, &filename, &image);
        let (path, made) = self.launched(caller, &image, &name, loader)?;
        let program = image.exe();
        Ok(Judged::launch(Launch { path, program, filename, words, made }))
    }

    /// Finds the file to be executed, and checks what `do_open_execat` checks.
    fn image(&self, caller: &dyn Caller, target: &Target) -> Result<Image, Failure> {
        let op = match target {
            Target::Path(op) => op,
            Target::Open(At::Cwd) => return Err(Errno::EACCES.into()),
            Target::Open(At::Fd(fd)) | Target::Content(fd) => {
                let link = PathBuf::from(format!("/proc/{}/fd/{fd}", caller.ids().1));
                return match caller.node(*fd) {
                    Some(node) => {
                        let link = self.nameless(node, Some(&link))?;
                        self.image_of(caller, node, None, link)
                    }
                    None => Ok(host_image(link, Course::Plain)),
                };
            }
        };
        let at = resolve(self, caller, op, Ending::Lookup)?;
        match at.found {
            Found::Host(path) if at.course == Course::Crossed && op.follow == Follow::No => {
                if host::link_target(&path).is_some() {
                    return Err(Errno::ELOOP.into());
                }
                Ok(host_image(path, at.course))
            }
            Found::Host(path) => Ok(host_image(path, at.course)),
            Found::Node(node) => {
                let link = self.nameless(node, at.link.as_ref())?;
                self.image_of(caller, node, at.entry, link)
            }
            Found::Absent | Found::TooLong => Err(Errno::ENOENT.into()),
            Found::Magic(..) => Err(Errno::ELOOP.into()),
        }
    }

    fn image_of(
        &self,
        caller: &dyn Caller,
        at: NodeRef,
        entry: Option<(NodeRef, Vec<u8>)>,
        link: Option<PathBuf>,
    ) -> Result<Image, Failure> {
        let node = self.node(at)?;
        match node.kind {
            Kind::Symlink => return Err(Errno::ELOOP.into()),
            Kind::File => {}
            _ => return Err(Errno::EACCES.into()),
        }
        if !self.allows(&caller.creds(Ids::FileSystem), (at, &node), EXEC)? {
            return Err(Errno::EACCES.into());
        }
        let path = match entry {
            Some((directory, name)) if link.is_none() => {
                self.shown_path(directory)?.join(OsStr::from_bytes(&name))
            }
            _ => self.shown_path(at)?,
        };
        let image = Image { place: Place::Node(at), course: Course::Crossed, path, link };
        // Only a staging file can be written to (`deny_write_access` in include/linux/fs.h).
        if self.digest(at)?.is_none() && caller.is_open_to_write(&self.staged(&image, at)?) {
            return Err(Errno::ETXTBSY.into());
        }
        Ok(image)
    }

    /// What the start of a file says of how it is run.
    fn head(&self, purpose: Purpose, image: &Image) -> Result<Head, Failure> {
        match (purpose, &image.place) {
            // The kernel would not look.
            (Purpose::Check, _) => Ok(Head::Other),
            (Purpose::Run, Place::Node(at)) => match self.digest(*at)? {
                Some(blob) => Ok(self.images().head(blob, || self.open_content(image))?),
                // It may change before it is run again.
                None => Ok(Head::read(&self.open_content(image)?).unwrap_or_default()),
            },
            (Purpose::Run, Place::Host(path)) => Ok(self.images().host_head(path)),
        }
    }

    /// The way to the staging file of an image.
    fn staged(&self, image: &Image, at: NodeRef) -> Result<PathBuf, Error> {
        image.link.as_ref().map_or_else(|| self.content_path(at), |link| Ok(link.clone()))
    }

    fn open_content(&self, image: &Image) -> Result<File, Error> {
        let unread = |source: Box<dyn std::error::Error + Send + Sync>| Error::Content {
            file: image.path.clone(),
            source,
        };
        match &image.place {
            Place::Node(at) => match self.digest(*at)? {
                Some(blob) => self.open_blob(&blob).map_err(|e| unread(e.into())),
                None => File::open(self.staged(image, *at)?).map_err(|e| unread(e.into())),
            },
            Place::Host(path) => File::open(path).map_err(|e| unread(e.into())),
        }
    }

    /// The path the kernel must open instead of the interpreter an ELF file names, if it would not
    /// find that by itself.
    fn loader(
        &self,
        caller: &dyn Caller,
        interpreter: &Interpreter,
    ) -> Result<Option<PathBuf>, Failure> {
        let image = self.image(caller, &by_name(interpreter.path.clone()))?;
        if image.is_plain() {
            return Ok(None);
        }
        let name = image.path.file_name().unwrap_or(OsStr::new("ld.so")).to_owned();
        self.launched(caller, &image, &name, None).map(|(path, _)| Some(path))
    }

    /// The path the kernel is given for `image`.
    fn launched(
        &self,
        caller: &dyn Caller,
        image: &Image,
        name: &OsStr,
        loader: Option<Loader<'_>>,
    ) -> Result<(PathBuf, Made), Failure> {
        let exe = image.exe();
        let images = self.images();
        let open = || self.open_content(image);
        match (&image.place, loader) {
            (Place::Node(at), loader) => {
                let source = match self.digest(*at)? {
                    Some(blob) => Source::Blob(blob),
                    None => {
                        let meta = self.staged(image, *at)?.metadata();
                        Source::host(&meta.map_err(|source| Error::Copy { source })?)
                    }
                };
                Ok((images.copy(source, open, name, loader, &exe)?, Made::Copy))
            }
            (Place::Host(path), Some(loader)) => {
                let meta = host::may_execute(path, &caller.creds(Ids::FileSystem))?;
                let path = images.copy(Source::host(&meta), open, name, Some(loader), &exe)?;
                Ok((path, Made::Copy))
            }
            (Place::Host(path), None) => {
                let kept = path.file_name().is_none_or(|known| known == name)
                    || path.as_os_str().as_bytes().ends_with(b"/");
                let path = if kept { path.clone() } else { images.link(path, name)? };
                Ok((path, Made::Itself))
            }
        }
    }
}

fn host_image(path: PathBuf, course: Course) -> Image {
    let jump = if path.starts_with("/proc") { host::link_target(&path) } else { None };
    let shown = jump.unwrap_or_else(|| path.clone());
    Image { place: Place::Host(path), course, path: shown, link: None }
}

/// An interpreter: relative to the current directory, whatever the program was relative to.
fn by_name(path: Vec<u8>) -> Target {
    Target::Path(PathOp { at: At::Cwd, path, follow: Follow::Yes })
}

/// The name the program goes by: what scripts are told of themselves, and `AT_EXECFN`
/// (`alloc_bprm` in fs/exec.c).
fn filename(target: &Target) -> Vec<u8> {
    match target {
        Target::Path(PathOp { at: At::Fd(fd), path, .. }) if !path.starts_with(b"/") => {
            [format!("/dev/fd/{fd}/").as_bytes(), path].concat()
        }
        Target::Path(op) => op.path.clone(),
        Target::Open(At::Fd(fd)) | Target::Content(fd) => format!("/dev/fd/{fd}").into_bytes(),
        Target::Open(At::Cwd) => Vec::new(),
    }
}

/// Whether a script could not be opened any more under its [`filename`].
fn is_lost(caller: &dyn Caller, target: &Target) -> bool {
    match target {
        Target::Path(PathOp { at: At::Fd(fd), path, .. }) => {
            !path.starts_with(b"/") && caller.closes_on_exec(*fd)
        }
        Target::Open(At::Fd(fd)) => caller.closes_on_exec(*fd),
        _ => false,
    }
}

/// The file name the kernel must see, of which it makes the name of the task.
fn name_of_task(target: &Target, filename: &[u8], image: &Image) -> OsString {
    let last = filename.rsplit(|&b| b == b'/').next().unwrap_or(filename);
    match (target, image.path.file_name()) {
        (Target::Open(_), Some(name)) if host::names_task_by_file() => {
            let lost = name.as_bytes().strip_suffix(LOST).filter(|_| image.link.is_some());
            OsStr::from_bytes(lost.unwrap_or(name.as_bytes())).to_owned()
        }
        _ => OsStr::from_bytes(last).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_goes_by_the_name_the_kernel_gives_it() {
        let path =
            |at, path: &[u8]| Target::Path(PathOp { at, path: path.to_vec(), follow: Follow::Yes });
        assert_eq!(filename(&path(At::Cwd, b"x/y")), b"x/y");
        assert_eq!(filename(&path(At::Fd(4), b"x/y")), b"/dev/fd/4/x/y");
        assert_eq!(filename(&path(At::Fd(4), b"/x")), b"/x");
        assert_eq!(filename(&Target::Open(At::Fd(4))), b"/dev/fd/4");
        assert_eq!(
            name_of_task(&path(At::Cwd, b"a/b"), b"a/b", &host_image("/c".into(), Course::Plain)),
            "b"
        );
    }
}
