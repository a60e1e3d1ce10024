//! Access control lists in the form of the attribute `system.posix_acl_access`
//! (linux/posix_acl_xattr.h): a version, then entries of a tag, permissions and an id.
//!
//! Deliberately absent: lists that new files inherit, and setting a list (mounts refuse it).

use crate::creds::Creds;

/// The attribute that holds a file's list.
pub(crate) const ACCESS: &[u8] = b"system.posix_acl_access";

/// The attribute that holds the list which files get that are made in a directory. It takes the place of
/// the umask.
pub(crate) const DEFAULT: &str = "system.posix_acl_default";

/// The only version there is.
const VERSION: [u8; 4] = 2u32.to_le_bytes();

/// The size of an entry.
const ENTRY: usize = 8;

/// Whom an entry is about (linux/posix_acl.h).
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    tag: u16,
    permissions: u16,
    id: u32,
}

/// The entries of a list; none if it is damaged.
fn entries(list: &[u8]) -> impl Iterator<Item = Entry> + Clone {
    let rest = list.strip_prefix(&VERSION).unwrap_or_default();
    rest.chunks_exact(ENTRY).map(|entry| Entry {
        tag: u16::from_le_bytes([entry[0], entry[1]]),
        permissions: u16::from_le_bytes([entry[2], entry[3]]),
        id: u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]),
    })
}

/// Whether `list` grants every permission of `want` to somebody who is not the owner of the file; `gid`
/// is the file's group (`posix_acl_permission` in fs/posix_acl.c).
pub(crate) fn grants(list: &[u8], creds: &Creds, gid: u32, want: u32) -> bool {
    let covers = |entry: Entry| u32::from(entry.permissions) & want == want;
    let masked = |entry: Entry| {
        covers(entry) && entries(list).find(|other| other.tag == MASK).is_none_or(covers)
    };
    let is_in = |gid: u32| creds.gid == gid || creds.groups.contains(&gid);
    let mut in_a_group = false;
    for entry in entries(list) {
        match entry.tag {
            USER if entry.id == creds.uid => return masked(entry),
            GROUP_OBJ if is_in(gid) => in_a_group = true,
            GROUP if is_in(entry.id) => in_a_group = true,
            OTHER => return !in_a_group && covers(entry),
            _ => continue,
        }
        if in_a_group && covers(entry) {
            return masked(entry);
        }
    }
    false
}

/// The list that says what the permissions of `mode` say.
pub(crate) fn of_mode(mode: u32) -> Vec<u8> {
    let mut list = VERSION.to_vec();
    for (tag, shift) in [(USER_OBJ, 6), (GROUP_OBJ, 3), (OTHER, 0)] {
        list.extend(tag.to_le_bytes());
        // Three bits fit.
        list.extend(((mode >> shift & 7) as u16).to_le_bytes());
        list.extend(u32::MAX.to_le_bytes());
    }
    list
}

/// The list after a change of the file's mode (`__posix_acl_chmod_masq`).
pub(crate) fn with_mode(list: &[u8], mode: u32) -> Vec<u8> {
    let has_mask = entries(list).any(|entry| entry.tag == MASK);
    let mut changed = VERSION.to_vec();
    for entry in entries(list) {
        let shift = match entry.tag {
            USER_OBJ => Some(6),
            MASK => Some(3),
            GROUP_OBJ if !has_mask => Some(3),
            OTHER => Some(0),
            _ => None,
        };
        // Three bits fit.
        let permissions = shift.map_or(entry.permissions, |shift| (mode >> shift & 7) as u16);
        changed.extend(entry.tag.to_le_bytes());
        changed.extend(permissions.to_le_bytes());
        changed.extend(entry.id.to_le_bytes());
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut list = VERSION.to_vec();
        for (tag, permissions, id) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(permissions.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        list
    }

    #[test]
    fn the_first_entry_that_names_the_caller_decides() {
        let list = list(&[
            (USER_OBJ, 7, 0),
            (USER, 6, 1),
            (GROUP_OBJ, 0, 0),
            (GROUP, 4, 30),
            (GROUP, 1, 31),
            (MASK, 5, 0),
            (OTHER, 7, 0),
        ]);
        let may = |uid, gid, want| {
            grants(&list, &Creds { uid, gid, groups: vec![31], ..Creds::default() }, 20, want)
        };
        assert!(may(1, 99, 4) && !may(1, 99, 2), "the mask limits a user");
        assert!(may(2, 30, 4) && may(2, 30, 1), "any group of the caller's will do");
        assert!(!may(2, 30, 5), "but one must grant all");
        assert!(!may(2, 20, 2), "a member of a group is not one of the others");
        let other = Creds { uid: 2, gid: 99, ..Creds::default() };
        assert!(grants(&list, &other, 20, 7), "the mask does not limit the others");
    }

    #[test]
    fn a_list_can_say_what_a_mode_says() {
        let all = u32::MAX;
        assert_eq!(
            of_mode(0o4754),
            list(&[(USER_OBJ, 7, all), (GROUP_OBJ, 5, all), (OTHER, 4, all)])
        );
    }

    #[test]
    fn a_damaged_list_grants_nothing() {
        let other = Creds { uid: 2, gid: 99, ..Creds::default() };
        for damaged in [&b""[..], b"\x02\0\0", b"\x03\0\0\0\x20\0\x07\0\0\0\0\0"] {
            assert!(!grants(damaged, &other, 20, 4));
        }
    }

    #[test]
    fn a_mode_goes_into_the_mask_if_there_is_one() {
        let before =
            list(&[(USER_OBJ, 7, 0), (USER, 6, 1), (GROUP_OBJ, 5, 0), (MASK, 7, 0), (OTHER, 0, 0)]);
        let after =
            list(&[(USER_OBJ, 6, 0), (USER, 6, 1), (GROUP_OBJ, 5, 0), (MASK, 4, 0), (OTHER, 1, 0)]);
        assert_eq!(with_mode(&before, 0o641), after);
        let before = list(&[(USER_OBJ, 7, 0), (GROUP_OBJ, 5, 0), (OTHER, 0, 0)]);
        assert_eq!(
            with_mode(&before, 0o641),
            list(&[(USER_OBJ, 6, 0), (GROUP_OBJ, 4, 0), (OTHER, 1, 0)])
        );
    }
}
