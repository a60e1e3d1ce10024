//! What sockets are connected to, as the kernel's sock_diag(7) tells it.
//!
//! Only sockets of vrift's own network namespace can be asked about, which is where its tracees are
//! unless they have left it.
//!
//! What was told of a socket is kept, as strace keeps it: a socket that gets a name or a peer later stays
//! what it was when more than its number was first known.
#![expect(unsafe_code, reason = "getxattr(2) has no safe wrapper")]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Mutex;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use nix::unistd::Pid;

use crate::view::names::choices;
use crate::view::value::{Cut, Quoting, Text, Value};

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH`
const DUMP: u16 = 0x301;
/// `NLM_F_REQUEST`
const ONE: u16 = 1;
/// `NLMSG_DONE` and `NLMSG_ERROR`
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// The length of `struct nlmsghdr`, of `struct unix_diag_msg` and of `struct inet_diag_msg`.
const HEADER: usize = 16;
const UNIX_ANSWER: usize = 16;
const INET_ANSWER: usize = 72;

/// The protocols whose names are shown; of others strace shows the number of the socket alone.
const PROTOCOLS: &[&str] = &[
    "UNIX",
    "UNIX-STREAM",
    "UNIX-DGRAM",
    "UNIX-SEQPACKET",
    "TCP",
    "UDP",
    "UDPLITE",
    "DCCP",
    "SCTP",
    "L2TP/IP",
    "PING",
    "RAW",
    "TCPv6",
    "UDPv6",
    "UDPLITEv6",
    "DCCPv6",
    "SCTPv6",
    "L2TP/IPv6",
    "PINGv6",
    "RAWv6",
    NETLINK,
];

/// What is known of the socket with this inode behind a descriptor: `TCP:[127.0.0.1:80]`.
pub(crate) fn describe(tid: Pid, fd: i32, inode: u64) -> Option<String> {
    if let Some(kept) = kept(inode, |told| told.clone()) {
        return Some(kept);
    }
    let protocol = protocol(tid, fd).filter(|name| PROTOCOLS.contains(&name.as_str()))?;
    let details = match protocol.as_str() {
        "UNIX" | "UNIX-STREAM" | "UNIX-DGRAM" | "UNIX-SEQPACKET" => unix(inode),
        "TCP" => inet(libc::AF_INET, libc::IPPROTO_TCP, inode),
        "UDP" => inet(libc::AF_INET, libc::IPPROTO_UDP, inode),
        "TCPv6" => inet(libc::AF_INET6, libc::IPPROTO_TCP, inode),
        "UDPv6" => inet(libc::AF_INET6, libc::IPPROTO_UDP, inode),
        NETLINK => netlink(inode),
        _ => None,
    };
    Some(match details {
        Some(details) => keep(inode, format!("{protocol}:[{details}]")),
        None => format!("{protocol}:[{inode}]"),
    })
}

/// As many sockets as strace keeps, each at a place that its inode gives.
const KEPT: usize = 1024;

static TOLD: Mutex<BTreeMap<usize, (u64, String)>> = Mutex::new(BTreeMap::new());

/// What was told of a socket before.
fn kept<T>(inode: u64, read: impl FnOnce(&String) -> T) -> Option<T> {
    let told = TOLD.lock().ok()?;
    let (known, text) = told.get(&(inode as usize % KEPT))?;
    (*known == inode).then(|| read(text))
}

fn keep(inode: u64, text: String) -> String {
    if let Ok(mut told) = TOLD.lock() {
        told.insert(inode as usize % KEPT, (inode, text.clone()));
    }
    text
}

/// The name of the protocol of `AF_NETLINK`.
const NETLINK: &str = "NETLINK";

/// Whether a descriptor is a socket of netlink.
pub(crate) fn is_netlink(tid: Pid, fd: i32) -> bool {
    fd >= 0 && protocol(tid, fd).as_deref() == Some(NETLINK)
}

/// Which protocol of netlink the socket with this inode has.
pub(crate) fn netlink_protocol(inode: u64) -> Option<u32> {
    netlink_socket(inode).map(|(protocol, _)| protocol)
}

/// `ROUTE:4711`
fn netlink(inode: u64) -> Option<String> {
    let (protocol, port) = netlink_socket(inode)?;
    let name =
        choices::NETLINK.name(protocol.into()).and_then(|name| name.strip_prefix("NETLINK_"));
    Some(match name {
        Some(name) => format!("{name}:{port}"),
        None => protocol.to_string(),
    })
}

/// The protocol and the port of a socket of netlink.
fn netlink_socket(inode: u64) -> Option<(u32, u32)> {
    // NDIAG_PROTO_ALL
    let mut request = vec![libc::AF_NETLINK as u8, 255];
    request.extend([0; 18]);
    let answers = ask(&request, DUMP)?;
    let word =
        |answer: &[u8], at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let answer = answers.iter().find(|answer| word(answer, 16) == Some(inode as u32))?;
    Some((u32::from(*answer.get(2)?), word(answer, 4)?))
}

/// The name of a socket's protocol.
fn protocol(tid: Pid, fd: i32) -> Option<String> {
    let path = CString::new(format!("/proc/{tid}/fd/{fd}")).ok()?;
    let mut name = [0u8; 64];
    // SAFETY: both strings end in NUL and live until the call returns; at most `name.len()` bytes
    // are written.
    let length = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"system.sockprotoname".as_ptr(),
            name.as_mut_ptr().cast(),
            name.len(),
        )
    };
    let name = name.get(..usize::try_from(length).ok()?)?;
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    String::from_utf8(name[..end].to_vec()).ok()
}

/// `1234->1235,"/path"`
fn unix(inode: u64) -> Option<String> {
    let mut request = vec![libc::AF_UNIX as u8, 0, 0, 0];
    request.extend(u32::MAX.to_ne_bytes());
    request.extend((inode as u32).to_ne_bytes());
    // UDIAG_SHOW_NAME | UDIAG_SHOW_PEER; no cookie.
    request.extend(5u32.to_ne_bytes());
    request.extend([0xff; 8]);
    let answers = ask(&request, ONE)?;
    let answer = answers.first()?;
    let (mut text, mut name) = (inode.to_string(), String::new());
    for (kind, value) in Attributes(answer.get(UNIX_ANSWER..)?) {
        match kind {
            // UNIX_DIAG_NAME, UNIX_DIAG_PEER
            0 => name = unix_name(value),
            2 => {
                let peer = u32::from_ne_bytes(value.first_chunk().copied()?);
                if peer != 0 {
                    let _ = write!(text, "->{peer}");
                }
            }
            _ => {}
        }
    }
    // Nothing but its number is known.
    let known = text.contains("->") || !name.is_empty();
    known.then_some(text + &name)
}

fn unix_name(name: &[u8]) -> String {
    match name {
        [] => String::new(),
        [0, rest @ ..] => format!(",@{}", quoted(rest)),
        _ => format!(",{}", quoted(name)),
    }
}

/// A name up to its first NUL.
fn quoted(name: &[u8]) -> String {
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    let (bytes, quoting) = (name[..end].to_vec(), Quoting::Octal);
    Value::Str(Text { bytes, cut: Cut::Whole, quoting }).to_string()
}

/// `127.0.0.1:80->127.0.0.1:4711`
fn inet(family: i32, protocol: i32, inode: u64) -> Option<String> {
    let mut request = vec![family as u8, protocol as u8, 0, 0];
    request.extend(u32::MAX.to_ne_bytes());
    request.extend([0; 48]);
    let answers = ask(&request, DUMP)?;
    let answer = answers.iter().find(|answer| inet_inode(answer) == Some(inode as u32))?;
    let source = address(family, answer.get(8..)?, answer.get(4..)?)?;
    let destination = address(family, answer.get(24..)?, answer.get(6..)?)?;
    let connected = destination.port() != 0 || !destination.ip().is_unspecified();
    Some(match connected {
        false => source.to_string(),
        true => format!("{source}->{destination}"),
    })
}

fn inet_inode(answer: &[u8]) -> Option<u32> {
    let field = answer.get(INET_ANSWER - 4..INET_ANSWER)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}

fn address(family: i32, ip: &[u8], port: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(port.first_chunk().copied()?);
    let ip: IpAddr = if family == libc::AF_INET {
        Ipv4Addr::from(*ip.first_chunk::<4>()?).into()
    } else {
        Ipv6Addr::from(*ip.first_chunk::<16>()?).into()
    };
    Some(SocketAddr::new(ip, port))
}

/// Sends a request; returns the bodies of the answers.
fn ask(request: &[u8], flags: u16) -> Option<Vec<Vec<u8>>> {
    let diag = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )
    .ok()?;
    let mut message = Vec::new();
    message.extend(((HEADER + request.len()) as u32).to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(request);
    sendto(diag.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty()).ok()?;
    receive(&diag, flags)
}

fn receive(diag: &OwnedFd, flags: u16) -> Option<Vec<Vec<u8>>> {
    let mut buffer = vec![0; 1 << 16];
    let mut answers = Vec::new();
    loop {
        let got = recv(diag.as_raw_fd(), &mut buffer, MsgFlags::empty()).ok()?;
        let mut rest = &buffer[..got];
        while let Some((length, kind)) = header(rest) {
            match kind {
                DONE => return Some(answers),
                ERROR => return None,
                _ => answers.push(rest[HEADER..length].to_vec()),
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        if flags == ONE || got == 0 {
            return Some(answers);
        }
    }
}

/// The length and kind of the message at the start of `bytes`.
fn header(bytes: &[u8]) -> Option<(usize, u16)> {
    let length = u32::from_ne_bytes(bytes.first_chunk().copied()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    (HEADER..=bytes.len()).contains(&length).then_some((length, kind))
}

/// The attributes behind the body of an answer.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16::from_ne_bytes(self.0.first_chunk().copied()?));
        let kind = u16::from_ne_bytes(self.0.get(2..4)?.try_into().ok()?);
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use nix::unistd::getpid;

    use super::*;
    use crate::procfs;

    fn of(fd: i32) -> Option<String> {
        let link = procfs::link(getpid(), fd).expect("it is open");
        let link = link.to_string_lossy().into_owned();
        let inode = link.trim_start_matches("socket:[").trim_end_matches(']').parse();
        describe(getpid(), fd, inode.expect("a number"))
    }

    #[test]
    fn a_connection_is_told_by_both_ends() {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0") else {
            return eprintln!("skipped: there is no loopback");
        };
        let here = listener.local_addr().expect("it is bound");
        let stream = TcpStream::connect(here).expect("somebody listens");
        let there = stream.local_addr().expect("it is bound");
        if protocol(getpid(), stream.as_raw_fd()).is_none() {
            return eprintln!("skipped: the kernel does not name protocols");
        }
        assert_eq!(of(stream.as_raw_fd()), Some(format!("TCP:[{there}->{here}]")));
        assert_eq!(of(listener.as_raw_fd()), Some(format!("TCP:[{here}]")));
    }

    #[test]
    fn a_pair_names_each_other() {
        let (a, b) = UnixStream::pair().expect("a pair");
        let (Some(a), Some(b)) = (of(a.as_raw_fd()), of(b.as_raw_fd())) else {
            return eprintln!("skipped: the kernel does not name protocols");
        };
        let inodes = |text: &str| {
            let inside = text.trim_start_matches("UNIX-STREAM:[").trim_end_matches(']');
            inside.split_once("->").map(|(x, y)| (x.to_owned(), y.to_owned()))
        };
        let ((a, to_b), (b, to_a)) = (inodes(&a).expect("a peer"), inodes(&b).expect("a peer"));
        assert_eq!((a, b), (to_a, to_b));
    }
}
