//! Permission checks by a caller's real credentials, as `generic_permission` in the kernel's
//! `fs/namei.c` makes them.

use crate::acl;
use crate::attr::Kind;
use crate::manifest::Node;

/// Whose identity a check is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// The file-system ids: every operation but plain `access(2)`.
    FileSystem,
    /// The real ids: `access(2)` without `AT_EACCESS`.
    Real,
}

/// The part of a task's credentials that decides access to files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Creds {
    /// The user id the check is made with.
    pub uid: u32,
    /// The group id the check is made with.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// `CAP_DAC_OVERRIDE`
    pub dac_override: bool,
    /// `CAP_DAC_READ_SEARCH`
    pub dac_read_search: bool,
    /// `CAP_CHOWN`
    pub chown: bool,
    /// `CAP_FOWNER`
    pub owner: bool,
    /// `CAP_FSETID`
    pub fsetid: bool,
    /// `CAP_MKNOD`
    pub mknod: bool,
    /// `CAP_SYS_ADMIN`
    pub admin: bool,
}

/// Read permission.
pub(crate) const READ: u32 = 4;
/// Write permission.
pub(crate) const WRITE: u32 = 2;
/// Execute or search permission.
pub(crate) const EXEC: u32 = 1;

impl Creds {
    /// Whether an access control list of `node` would count: its owner has the rights of the mode, the
    /// group's bits are the list's mask, and who may do everything is not asked.
    pub(crate) fn heeds_list(&self, node: &Node) -> bool {
        self.uid != node.uid && node.mode & 0o070 != 0 && !self.dac_override
    }

    /// Whether every permission of `want` (READ, WRITE, EXEC bits) is granted on `node`, whose access
    /// control list is `list`, if it has one and [`Creds::heeds_list`].
    pub(crate) fn may(&self, node: &Node, list: Option<&[u8]>, want: u32) -> bool {
        let class = if self.uid == node.uid {
            node.mode >> 6
        } else if self.gid == node.gid || self.groups.contains(&node.gid) {
            node.mode >> 3
        } else {
            node.mode
        };
        let granted = match list {
            Some(list) => acl::grants(list, self, node.gid, want),
            None => want & !(class & 7) == 0,
        };
        if granted {
            return true;
        }
        let directory = node.kind == Kind::Directory;
        if self.dac_override {
            // Root may execute a file only if somebody may.
            return directory || want & EXEC == 0 || node.mode & 0o111 != 0;
        }
        self.dac_read_search && (want == READ || directory && want & WRITE == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: Kind, mode: u32) -> Node {
        Node { kind, mode, uid: 10, gid: 20, ..Node::default() }
    }

    #[test]
    fn the_first_matching_class_decides() {
        let owner = Creds { uid: 10, gid: 99, ..Creds::default() };
        let group = Creds { uid: 1, gid: 2, groups: vec![20], ..Creds::default() };
        let other = Creds { uid: 1, gid: 2, ..Creds::default() };
        let file = node(Kind::File, 0o047);
        assert!(
            !owner.may(&file, None, READ),
            "the owner's empty class is not widened by the others"
        );
        assert!(group.may(&file, None, READ) && !group.may(&file, None, WRITE));
        assert!(other.may(&file, None, READ | WRITE | EXEC));
    }

    #[test]
    fn capabilities_override() {
        let root = Creds { dac_override: true, dac_read_search: true, ..Creds::default() };
        assert!(root.may(&node(Kind::File, 0), None, READ | WRITE));
        assert!(!root.may(&node(Kind::File, 0), None, EXEC));
        assert!(root.may(&node(Kind::File, 0o010), None, EXEC));
        assert!(root.may(&node(Kind::Directory, 0), None, READ | WRITE | EXEC));
        let reader = Creds { uid: 1, dac_read_search: true, ..Creds::default() };
        assert!(
            reader.may(&node(Kind::File, 0), None, READ)
                && !reader.may(&node(Kind::File, 0), None, WRITE)
        );
        assert!(reader.may(&node(Kind::Directory, 0), None, READ | EXEC));
    }
}
