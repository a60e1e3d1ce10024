//! Calls that name endpoints, and who is behind them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use vrift_arch::abi::{AF_UNIX, UnixName, unix_name};
use vrift_arch::{Arch, Arg, Syscall};
use vrift_record::{Act, Endpoint, Escape, Event as Told, NetworkAct, Part, Response, Verdict};
use vrift_vfs::{At, Follow, Held, PathOp};

use super::Recorder;
use super::enforced::leads_to;
use super::noted::Ended;
use super::paths::{absolute, path};
use crate::call::{Call, Outcome};
use crate::descriptors;
use crate::memory::GuestAddr;
use crate::messages;
use crate::view::places::Seat;

/// The longest socket address (`struct sockaddr_storage`).
const ADDRESS_BYTES_MAX: u64 = 128;

/// `struct sockaddr_in`
const INET_ADDRESS_BYTES: usize = 16;

/// What of a socket's type is no flag, and the type that has another name by now (linux/net.h).
const SOCK_TYPE_MASK: i32 = 0xf;
pub(super) const SOCK_PACKET: i32 = 10;

const AF_UNSPEC: u16 = 0;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;

/// An endpoint a call is about.
#[derive(Debug)]
pub(super) struct Peer {
    act: NetworkAct,
    /// The socket.
    fd: i32,
    at: Where,
}

impl Peer {
    /// What is to be done, and with whom, if the caller says.
    pub(super) fn given(&self) -> Option<(NetworkAct, &Endpoint<Vec<u8>>)> {
        match &self.at {
            Where::Given(endpoint) => Some((self.act, endpoint)),
            Where::Told(..) => None,
        }
    }
}

/// Where its address is.
#[derive(Debug)]
enum Where {
    /// The caller gave it.
    Given(Endpoint<Vec<u8>>),
    /// The kernel will write it here, and its length there.
    Told(GuestAddr, GuestAddr),
}

impl Recorder {
    /// The endpoints a call names; `None` if it is not about any.
    pub(super) fn peers<A: Arch>(&self, call: &Call, seat: &Seat<'_>) -> Option<Vec<Peer>> {
        let fd = call.arg(Arg::A0) as i32;
        let given = |act, addr: u64, len: u64| {
            let at = Where::Given(endpoint(act, GuestAddr(addr), len, seat));
            vec![Peer { act, fd, at }]
        };
        let (second, third) = (call.arg(Arg::A1), call.arg(Arg::A2));
        Some(match call.syscall? {
            Syscall::Connect => given(NetworkAct::Connect, second, third),
            Syscall::Bind => given(NetworkAct::Bind, second, third),
            Syscall::Sendto if call.arg(Arg::A4) != 0 => {
                given(NetworkAct::Send, call.arg(Arg::A4), call.arg(Arg::A5))
            }
            Syscall::Sendto => Vec::new(),
            Syscall::Socket => {
                let family = opened_bare(fd, second as i32)?;
                let at = Where::Given(Endpoint::Other { family });
                vec![Peer { act: NetworkAct::Open, fd, at }]
            }
            Syscall::Listen => {
                let at = Where::Given(unbound(seat.tid, fd)?);
                vec![Peer { act: NetworkAct::Listen, fd, at }]
            }
            Syscall::Sendmsg | Syscall::Sendmmsg => {
                let named = messages::of::<A>(call, seat.memory);
                let named = named.iter().filter_map(|message| message.name());
                named.flat_map(|(at, len)| given(NetworkAct::Send, at.0, len)).collect()
            }
            Syscall::Accept | Syscall::Accept4 => {
                let at = Where::Told(GuestAddr(second), GuestAddr(third));
                vec![Peer { act: NetworkAct::Accept, fd, at }]
            }
            _ => return None,
        })
    }

    /// Records what came of a call that names endpoints.
    pub(super) fn network(&mut self, peers: Vec<Peer>, ended: &Ended, seat: &Seat<'_>) {
        for (number, Peer { act, fd, at }) in peers.into_iter().enumerate() {
            let socket = match (act, ended.outcome) {
                (NetworkAct::Accept, Outcome::Value(accepted)) => accepted as i32,
                _ => fd,
            };
            let endpoint = match at {
                Where::Given(endpoint) => endpoint,
                Where::Told(at, len) if ended.succeeded() => {
                    let len = seat.memory.read_u32(len).unwrap_or(0);
                    endpoint(act, at, u64::from(len), seat)
                }
                Where::Told(..) => Endpoint::Other { family: 0 },
            };
            let call = ended.call;
            let outcome = match ended.outcome {
                // It goes on by itself.
                Outcome::Error(Errno::EINPROGRESS) => vrift_record::Outcome::Done,
                _ => ended.told(),
            };
            if let Some(path) = node(act, &endpoint) {
                let path = self.place(path.to_vec(), Follow::No, seat);
                if ended.succeeded() {
                    self.changed.did(Act::MakeNode, &path, None);
                }
                self.access(Act::MakeNode, &path, None, None, Part::Further, ended, seat);
            }
            if let (NetworkAct::Bind, Some(name), true) =
                (act, led_name(act, &endpoint, seat), ended.succeeded())
            {
                self.bound.insert(name);
            }
            // A socket of one's own is nobody else's.
            let asks_others = act != NetworkAct::Bind && ended.response == Response::Denied;
            if let (true, Some(detail)) = (asks_others, led_name(act, &endpoint, seat)) {
                let (kind, call) = (Escape::Daemon, call.as_bytes().to_vec());
                let told = Told::Escape { kind, call, detail, outcome };
                self.out.tell_as(seat.tid, told, ended.response);
            }
            if ended.succeeded() {
                self.look_behind(act, socket, &endpoint, call, seat);
            }
            let part = if number == 0 { Part::First } else { Part::Further };
            let waits = matches!(act, NetworkAct::Bind | NetworkAct::Listen);
            let given = match endpoint {
                Endpoint::Inet { port: 0, .. } if waits && ended.succeeded() => own(seat.tid, fd),
                _ => None,
            };
            let (call, verdict) = (call.as_bytes().to_vec(), answered(&endpoint, ended, seat));
            let tell = |endpoint, part| {
                let call = call.clone();
                let told = Told::Network { call, act, endpoint, part, verdict, outcome };
                self.out.tell_as(seat.tid, told, ended.response);
            };
            tell(endpoint, part);
            if let Some(given) = given {
                tell(given, Part::Further);
            }
        }
    }

    /// Whoever is not of the tree may do anything for it.
    fn look_behind(
        &mut self,
        act: NetworkAct,
        socket: i32,
        endpoint: &Endpoint<Vec<u8>>,
        call: &'static str,
        seat: &Seat<'_>,
    ) {
        let detail = match (led_name(act, endpoint, seat), endpoint, act) {
            (Some(name), ..) => name,
            (None, Endpoint::Unnamed, NetworkAct::Accept) => b"accepted".to_vec(),
            _ => return,
        };
        if act == NetworkAct::Bind {
            return;
        }
        // Of a socket for datagrams nobody is told; then it is whoever has bound it.
        let is_own = match peer(seat.tid, socket) {
            Some(peer) => self.has_started(peer),
            None => act != NetworkAct::Accept && self.bound.contains(&detail),
        };
        if is_own {
            return;
        }
        let (kind, call) = (Escape::Daemon, call.as_bytes().to_vec());
        let outcome = vrift_record::Outcome::Done;
        self.tell(seat.tid, Told::Escape { kind, call, detail, outcome });
    }
}

/// On what grounds a call was answered: the kernel knows sockets of a mount by other paths.
fn answered(endpoint: &Endpoint<Vec<u8>>, ended: &Ended, seat: &Seat<'_>) -> Verdict {
    let Endpoint::Unix(name) = endpoint else { return ended.verdict };
    match (ended.verdict, seat.places.held(path(name), Follow::Yes)) {
        (verdict, None | Some(Held::Host(_))) => verdict,
        (Verdict::Host, Some(_)) => Verdict::Manifest,
        (verdict, Some(_)) => verdict,
    }
}

/// The path at which a call makes a socket.
pub(super) fn node(act: NetworkAct, endpoint: &Endpoint<Vec<u8>>) -> Option<&[u8]> {
    match (act, endpoint) {
        (NetworkAct::Bind, Endpoint::Unix(path)) => Some(path),
        _ => None,
    }
}

/// The name of a UNIX socket: what its path leads to.
pub(super) fn led_name(
    act: NetworkAct,
    endpoint: &Endpoint<Vec<u8>>,
    seat: &Seat<'_>,
) -> Option<Vec<u8>> {
    match endpoint {
        Endpoint::Unix(name) => Some(match seat.places.held(path(name), Follow::Yes) {
            None if act == NetworkAct::Bind => leads_to(Act::MakeNode, name, seat),
            None => leads_to(Act::Probe, name, seat),
            Some(_) => name.clone(),
        }),
        Endpoint::Abstract(name) => Some([b"@", &name[..]].concat()),
        _ => None,
    }
}

/// The process at the other end of a task's UNIX socket: the one that listens there, or that
/// connected.
fn peer(tid: Pid, fd: i32) -> Option<Pid> {
    let process = crate::procfs::process(tid)?;
    let socket = descriptors::copied(tid, process, fd).ok()?;
    let pid = getsockopt(&socket, PeerCredentials).ok()?.pid();
    (pid > 0).then(|| Pid::from_raw(pid))
}

/// The family of a socket that gets what comes from its network as soon as it is opened: of packets
/// (`SOCK_PACKET` is its old name), or a raw one. Raw netlink is the kernel, and raw UNIX is datagrams.
fn opened_bare(family: i32, kind: i32) -> Option<u16> {
    let family = match (family, kind & SOCK_TYPE_MASK) {
        (libc::AF_PACKET, _) | (libc::AF_INET, SOCK_PACKET) => libc::AF_PACKET,
        (libc::AF_UNIX | libc::AF_NETLINK, _) => return None,
        (family, libc::SOCK_RAW) => family,
        _ => return None,
    };
    u16::try_from(family).ok()
}

/// What a socket of IP waits at that has no address so far: the kernel gives it a port of any address.
fn unbound(tid: Pid, fd: i32) -> Option<Endpoint<Vec<u8>>> {
    own(tid, fd).filter(|endpoint| matches!(endpoint, Endpoint::Inet { port: 0, .. }))
}

/// The address of a socket of IP.
fn own(tid: Pid, fd: i32) -> Option<Endpoint<Vec<u8>>> {
    let process = crate::procfs::process(tid)?;
    let socket = descriptors::copied(tid, process, fd).ok()?;
    // That it is one of TCP is not checked; the address is only asked for.
    let address = TcpListener::from(socket).local_addr().ok()?;
    let (ip, port) = (address.ip(), address.port());
    Some(Endpoint::Inet { ip, port })
}

/// The endpoint in a socket address.
fn endpoint(act: NetworkAct, at: GuestAddr, len: u64, seat: &Seat<'_>) -> Endpoint<Vec<u8>> {
    let mut address = vec![0; len.min(ADDRESS_BYTES_MAX) as usize];
    if seat.memory.read_exact(at, &mut address).is_err() {
        return Endpoint::Other { family: 0 };
    }
    named(act, &address, |path| {
        absolute(&PathOp { at: At::Cwd, path: path.to_vec(), follow: Follow::Yes }, seat)
    })
}

/// The endpoint that an address names (`struct sockaddr_in` and its like).
fn named(
    act: NetworkAct,
    address: &[u8],
    absolute: impl Fn(&[u8]) -> Vec<u8>,
) -> Endpoint<Vec<u8>> {
    let Some((family, rest)) = address.split_first_chunk::<2>() else {
        return Endpoint::Unnamed;
    };
    let family = match u16::from_ne_bytes(*family) {
        // `udp_sendmsg` and `__inet_bind` take it for one of IPv4.
        AF_UNSPEC
            if matches!(act, NetworkAct::Send | NetworkAct::Bind)
                && address.len() >= INET_ADDRESS_BYTES =>
        {
            AF_INET
        }
        family => family,
    };
    let bytes = |from: usize, count: usize| rest.get(from..from + count).unwrap_or_default();
    let port = || bytes(0, 2).try_into().map_or(0, u16::from_be_bytes);
    match family {
        AF_UNIX => match unix_name(address) {
            Some(UnixName::Path(path)) => Endpoint::Unix(absolute(path)),
            Some(UnixName::Abstract(name)) => Endpoint::Abstract(name.to_vec()),
            Some(UnixName::Unnamed) | None => Endpoint::Unnamed,
        },
        AF_INET => match <[u8; 4]>::try_from(bytes(2, 4)) {
            Ok(ip) => Endpoint::Inet { ip: IpAddr::V4(Ipv4Addr::from(ip)), port: port() },
            Err(_) => Endpoint::Other { family },
        },
        AF_INET6 => match <[u8; 16]>::try_from(bytes(6, 16)) {
            Ok(ip) => Endpoint::Inet { ip: IpAddr::V6(Ipv6Addr::from(ip)), port: port() },
            Err(_) => Endpoint::Other { family },
        },
        AF_NETLINK => {
            let port = bytes(2, 4).try_into().map_or(0, u32::from_ne_bytes);
            Endpoint::Netlink { port }
        }
        family => Endpoint::Other { family },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_from_addresses() {
        let check = |address: &[u8], expected| {
            let connect = NetworkAct::Connect;
            assert_eq!(named(connect, address, |path| [b"/cwd/", path].concat()), expected);
        };
        let inet = |ip: &str, port| Endpoint::Inet { ip: ip.parse().expect("an address"), port };
        check(b"\x02\0\x01\xbb\x7f\0\0\x01\0\0\0\0\0\0\0\0", inet("127.0.0.1", 443));
        let mut six = b"\x0a\0\0\x50\0\0\0\0".to_vec();
        six.extend(Ipv6Addr::LOCALHOST.octets());
        check(&six, inet("::1", 80));
        check(&six[..20], Endpoint::Other { family: AF_INET6 });
        check(b"\x01\0s\0", Endpoint::Unix(b"/cwd/s".to_vec()));
        check(b"\x01\0\0abs", Endpoint::Abstract(b"abs".to_vec()));
        check(b"\x01\0", Endpoint::Unnamed);
        check(b"\x10\0\0\0\x05\0\0\0\0\0\0\0", Endpoint::Netlink { port: 5 });
        check(b"\x11\0", Endpoint::Other { family: 17 });
        check(b"", Endpoint::Unnamed);
        let none = b"\0\0\x01\xbb\x7f\0\0\x01\0\0\0\0\0\0\0\0";
        check(none, Endpoint::Other { family: 0 });
        assert_eq!(named(NetworkAct::Send, none, <[u8]>::to_vec), inet("127.0.0.1", 443));
        let short = named(NetworkAct::Send, &none[..8], <[u8]>::to_vec);
        assert_eq!(short, Endpoint::Other { family: 0 });
    }
}
