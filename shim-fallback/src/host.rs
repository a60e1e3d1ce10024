//! The host operating system's flag words in the virtual file system's terms.
//!
//! A shim sees the numbers of the system it was compiled for, so `libc`'s constants are the right
//! ones here, unlike in the tracer, which must read another architecture's.

use vrift_vfs::{AccessTime, Create, Follow, Handle, Limits, Open, PathOp, Subject, Writes};

/// What `open(path, flags, mode)` means.
pub fn open_words(path: PathOp, flags: libc::c_int, mode: u32) -> Open {
    let has = |bit: libc::c_int| flags & bit != 0;
    let follow = if has(libc::O_NOFOLLOW) { Follow::No } else { Follow::Yes };
    let create = match () {
        () if has(libc::O_CREAT) && has(libc::O_EXCL) => Create::New,
        () if has(libc::O_CREAT) => Create::IfMissing,
        () => Create::No,
    };
    let subject = if has(libc::O_DIRECTORY) { Subject::Directory } else { Subject::Any };
    Open {
        path: PathOp { follow, ..path },
        handle: handle(flags),
        create,
        subject,
        mode: mode & 0o7777,
        limits: Limits::default(),
        access_time: access_time(flags),
        writes: if has(libc::O_DSYNC) { Writes::Durable } else { Writes::Cached },
    }
}

#[cfg(target_os = "linux")]
fn access_time(flags: libc::c_int) -> AccessTime {
    if flags & libc::O_NOATIME != 0 { AccessTime::Kept } else { AccessTime::Updated }
}

/// Only Linux has such a flag.
#[cfg(not(target_os = "linux"))]
fn access_time(_flags: libc::c_int) -> AccessTime {
    AccessTime::Updated
}

fn handle(flags: libc::c_int) -> Handle {
    let truncates = flags & libc::O_TRUNC != 0;
    match flags & libc::O_ACCMODE {
        libc::O_RDONLY if !truncates => Handle::Read,
        libc::O_WRONLY => Handle::Write { reads: false, truncates },
        _ => Handle::Write { reads: true, truncates },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vrift_vfs::At;

    fn words(flags: libc::c_int) -> Open {
        open_words(PathOp { at: At::Cwd, path: b"x".to_vec(), follow: Follow::Yes }, flags, 0o644)
    }

    #[test]
    fn access_modes_become_handles() {
        assert_eq!(words(libc::O_RDONLY).handle, Handle::Read);
        let write = |reads, truncates| Handle::Write { reads, truncates };
        assert_eq!(words(libc::O_WRONLY).handle, write(false, false));
        assert_eq!(words(libc::O_RDWR).handle, write(true, false));
        assert_eq!(words(libc::O_RDONLY | libc::O_TRUNC).handle, write(true, true));
    }

    #[test]
    fn creation_and_restrictions_become_words() {
        let open = words(libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW);
        assert_eq!((open.create, open.path.follow), (Create::New, Follow::No));
        assert_eq!(words(libc::O_CREAT).create, Create::IfMissing);
        assert_eq!(words(libc::O_DIRECTORY).subject, Subject::Directory);
    }
}
