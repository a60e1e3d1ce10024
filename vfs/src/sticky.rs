//! What Linux refuses in directories that everybody may write to and only owners may empty
//! (`fs.protected_*`, proc_sys_fs(5)): following another's symlink, opening another's file with
//! `O_CREAT`.

use std::fs;

use nix::errno::Errno;

use crate::attr::Kind;
use crate::manifest::Node;

const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

/// The host's settings, as they were when the mounts were made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protections {
    symlinks: u32,
    regular: u32,
    fifos: u32,
}

impl Protections {
    /// Reads them; a kernel that has none protects nothing.
    pub(crate) fn of_host() -> Protections {
        let setting = |name: &str| {
            let text = fs::read_to_string(format!("/proc/sys/fs/protected_{name}"));
            text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
        };
        Protections {
            symlinks: setting("symlinks"),
            regular: setting("regular"),
            fifos: setting("fifos"),
        }
    }

    /// Whether the user may follow `link` at the end of a path (`may_follow_link` in fs/namei.c).
    pub(crate) fn may_follow(&self, dir: &Node, link: &Node, uid: u32) -> Result<(), Errno> {
        let open_to_all = dir.mode & (STICKY | OTHERS_WRITE) == STICKY | OTHERS_WRITE;
        let own = link.uid == uid || link.uid == dir.uid;
        if self.symlinks == 0 || !open_to_all || own { Ok(()) } else { Err(Errno::EACCES) }
    }

    /// Whether the user may open what exists with `O_CREAT` (`may_create_in_sticky`).
    pub(crate) fn may_create_over(&self, dir: &Node, node: &Node, uid: u32) -> Result<(), Errno> {
        let level = match node.kind {
            Kind::File => self.regular,
            Kind::Fifo => self.fifos,
            // Anything else is protected in any case, but not against a group.
            _ => 1,
        };
        let own = node.uid == uid || node.uid == dir.uid;
        let exposed = dir.mode & OTHERS_WRITE != 0 || level >= 2 && dir.mode & GROUP_WRITES != 0;
        if dir.mode & STICKY == 0 || level == 0 || own || !exposed {
            return Ok(());
        }
        Err(Errno::EACCES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: Kind, mode: u32, uid: u32) -> Node {
        Node { kind, mode, uid, ..Node::default() }
    }

    #[test]
    fn settings_decide_whose_files_are_protected() {
        let all = Protections { symlinks: 1, regular: 2, fifos: 1 };
        let none = Protections { symlinks: 0, regular: 0, fifos: 0 };
        let (public, group) = (node(Kind::Directory, 0o1777, 1), node(Kind::Directory, 0o1770, 1));
        let (link, file) = (node(Kind::Symlink, 0o777, 2), node(Kind::File, 0o644, 2));
        let refused = Err(Errno::EACCES);
        assert_eq!(all.may_follow(&public, &link, 3), refused);
        assert_eq!(all.may_follow(&public, &link, 2), Ok(()), "their own");
        assert_eq!(all.may_follow(&group, &link, 3), Ok(()));
        assert_eq!(none.may_follow(&public, &link, 3), Ok(()));
        assert_eq!(all.may_create_over(&public, &file, 3), refused);
        assert_eq!(all.may_create_over(&group, &file, 3), refused, "level 2 is about groups too");
        assert_eq!(all.may_create_over(&group, &node(Kind::Fifo, 0o644, 2), 3), Ok(()));
        assert_eq!(none.may_create_over(&public, &file, 3), Ok(()));
        assert_eq!(none.may_create_over(&public, &node(Kind::Socket, 0o644, 2), 3), refused);
        assert_eq!(all.may_create_over(&public, &node(Kind::File, 0o644, 1), 3), Ok(()));
    }
}
