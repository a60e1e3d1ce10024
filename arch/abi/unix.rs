//! The name in a `struct sockaddr_un` (`net/unix/af_unix.c`).

use crate::bytes::get_u16;

/// The address family of local sockets.
pub const AF_UNIX: u16 = 1;

/// Where the name starts.
const PATH: usize = 2;
/// How many bytes the name may have.
const PATH_BYTES_MAX: usize = 108;

/// What a local socket address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnixName<'a> {
    /// Only the family was given: the kernel picks an abstract name.
    Unnamed,
    /// A name outside of every file system, without its leading NUL.
    Abstract(&'a [u8]),
    /// A path, without a final NUL.
    Path(&'a [u8]),
}

/// What `sockaddr`, as long as the caller said, names; `None` if it is of another family or too
/// long for one.
pub fn unix_name(sockaddr: &[u8]) -> Option<UnixName<'_>> {
    if get_u16(sockaddr, 0)? != AF_UNIX || sockaddr.len() > PATH + PATH_BYTES_MAX {
        return None;
    }
    Some(match &sockaddr[PATH..] {
        [] => UnixName::Unnamed,
        [0, name @ ..] => UnixName::Abstract(name),
        path => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            UnixName::Path(&path[..end])
        }
    })
}

/// The address of the socket at `path`; `None` if that is too long for one.
pub fn unix_address(path: &[u8]) -> Option<Vec<u8>> {
    if path.len() >= PATH_BYTES_MAX {
        return None;
    }
    Some([&AF_UNIX.to_le_bytes(), path, b"\0"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |bytes: &[u8], expected| assert_eq!(unix_name(bytes), expected);
        check(b"", None);
        check(b"\x01", None);
        check(b"\x02\0/s", None);
        check(b"\x01\0", Some(UnixName::Unnamed));
        check(b"\x01\0\0x\0y", Some(UnixName::Abstract(b"x\0y")));
        check(b"\x01\0/run/s\0rest", Some(UnixName::Path(b"/run/s")));
        check(b"\x01\0/run/s", Some(UnixName::Path(b"/run/s")));
        let mut long = b"\x01\0".to_vec();
        long.resize(PATH + PATH_BYTES_MAX, b'x');
        check(&long, Some(UnixName::Path(&[b'x'; 108])));
        long.push(b'x');
        check(&long, None);
        assert_eq!(unix_address(b"/run/s"), Some(b"\x01\0/run/s\0".to_vec()));
        assert_eq!(unix_address(&[b'x'; 108]), None);
    }
}
