//! Holds what a program tree does to a policy.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Policy;
use crate::event::{
    Access, Act, Class, Endpoint, Escape, Event, NetworkAct, Outcome, Part, Response, Tid, Verdict,
};

/// Devices that hold nothing.
const VOID: &[&[u8]] = &[b"/dev/null", b"/dev/zero", b"/dev/full", b"/dev/tty"];

/// As many violations are kept to be told at the end; all are counted.
const TOLD_MAX: usize = 100;

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The kind of rule.
    pub class: Class,
    /// The pattern; empty if the class is forbidden.
    pub rule: String,
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// The host's.
    Host,
    /// A mount's: its manifest declares it, and changes there are no changes of the host. It can still be denied.
    Mount,
}

/// A violation, for whoever ran the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is broken.
    pub broken: Broken,
    /// By which thread.
    pub tid: Tid,
    /// By which system call; empty for what the recorder found.
    pub call: Vec<u8>,
    /// The path, endpoint or escape.
    pub subject: Vec<u8>,
    /// What was done about it.
    pub response: Response,
}

/// A policy, and what it must remember.
#[derive(Debug)]
pub struct Judge {
    policy: Policy,
    /// Paths that the tree has made itself: they are no inputs.
    made: HashSet<Vec<u8>>,
    /// What has been told: once for each subject.
    told: HashSet<(Class, Vec<u8>)>,
    violations: Vec<Violation>,
    count: u64,
}

impl Judge {
    /// Holds to `policy`.
    pub fn new(policy: Policy) -> Judge {
        Judge {
            policy,
            made: HashSet::new(),
            told: HashSet::new(),
            violations: Vec::new(),
            count: 0,
        }
    }

    /// How many violations there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first of them.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Looks at an event; returns the event that tells of a violation.
    pub fn look<T: AsRef<[u8]>>(
        &mut self,
        tid: Tid,
        event: &Event<T>,
        response: Response,
    ) -> Option<Event<Vec<u8>>> {
        let (broken, call, subject) = match event {
            Event::File(access) => {
                let broken = self.file(access, response);
                self.remember(access);
                let (broken, path) = broken?;
                (broken, &access.call, path.as_ref().to_vec())
            }
            // That has been judged by what was asked for: any port.
            Event::Network {
                act: NetworkAct::Bind | NetworkAct::Listen,
                part: Part::Further,
                ..
            } => {
                return None;
            }
            Event::Network { call, act, endpoint, .. } => {
                (self.network(*act, endpoint)?, call, name(endpoint))
            }
            Event::Escape { kind, call, detail, .. } => {
                let subject = escape(*kind, detail.as_ref());
                (self.escaped(*kind, detail.as_ref())?, call, subject)
            }
            _ => return None,
        };
        if !self.told.insert((broken.class, subject.clone())) {
            return None;
        }
        self.count += 1;
        let Broken { class, rule } = broken.clone();
        let call = call.as_ref().to_vec();
        if self.violations.len() < TOLD_MAX {
            let (call, subject) = (call.clone(), subject.clone());
            self.violations.push(Violation { broken, tid, call, subject, response });
        }
        Some(Event::Violation { class, rule: rule.into_bytes(), call, subject, response })
    }

    /// What a call would break that does `act` to a file.
    pub fn path(&self, act: Act, path: &[u8], realm: Realm) -> Option<Broken> {
        if VOID.contains(&path) {
            return None;
        }
        self.denied(act, path).or_else(|| match realm {
            Realm::Host => self.forbidden(act, path),
            Realm::Mount => None,
        })
    }

    /// Which list names what is denied in any case.
    fn denied(&self, act: Act, path: &[u8]) -> Option<Broken> {
        let Policy { read, write, exec, .. } = &self.policy;
        // Who maps a program as code may run it, as the dynamic linker does. By another name a file could be written.
        let runs = matches!(act, Act::Execute | Act::Load | Act::Map);
        let writes = act.changes() || act == Act::Link;
        let reads = gives_content(act);
        let lists = [
            (runs, &exec.deny, Class::DeniedExec),
            (writes, &write.deny, Class::DeniedWrite),
            (reads, &read.deny, Class::DeniedRead),
        ];
        lists
            .into_iter()
            .filter(|(concerns, ..)| *concerns)
            .find_map(|(_, list, class)| Some(Broken { class, rule: list.find(path)?.to_owned() }))
    }

    /// Which class of what is done to the host is forbidden, and not allowed for this path.
    fn forbidden(&self, act: Act, path: &[u8]) -> Option<Broken> {
        let Policy { read, write, exec, forbid, .. } = &self.policy;
        let by = |class| Some(Broken { class, rule: String::new() });
        if act.changes() && forbid.has(Class::HostWrite) && write.allow.find(path).is_none() {
            return by(Class::HostWrite);
        }
        let allowed = || {
            read.allow.find(path).is_some()
                || matches!(act, Act::Execute | Act::Load) && exec.allow.find(path).is_some()
        };
        let is_input = gives_content(act) && !self.is_made(path);
        if is_input && forbid.has(Class::UndeclaredInput) && !allowed() {
            return by(Class::UndeclaredInput);
        }
        None
    }

    /// What is broken, and by which of the paths.
    fn file<'a, T: AsRef<[u8]>>(
        &self,
        access: &'a Access<T>,
        response: Response,
    ) -> Option<(Broken, &'a T)> {
        let realm = match access.verdict {
            Verdict::Manifest | Verdict::Content | Verdict::CopyOnWrite => Realm::Mount,
            Verdict::Host | Verdict::Denied => Realm::Host,
            Verdict::ByDesign | Verdict::Refused | Verdict::Unmodelled => return None,
        };
        // What failed did nothing, unless the policy made it fail.
        if access.outcome != Outcome::Done && response == Response::Noted {
            return None;
        }
        let other = access
            .other
            .as_ref()
            .filter(|_| matches!(access.act, Act::Rename | Act::Link | Act::Exchange));
        let breaks = |act, path: &'a T| Some((self.path(act, path.as_ref(), realm)?, path));
        let other = || breaks(access.act.to_other(), other?);
        breaks(access.act, &access.path).or_else(other)
    }

    /// What a call would break that does `act` with an endpoint.
    pub fn network<T: AsRef<[u8]>>(
        &self,
        act: NetworkAct,
        endpoint: &Endpoint<T>,
    ) -> Option<Broken> {
        // Local sockets are a matter of who is behind them, and netlink is the kernel.
        match endpoint {
            Endpoint::Unix(_)
            | Endpoint::Abstract(_)
            | Endpoint::Unnamed
            | Endpoint::Netlink { .. }
            | Endpoint::Other { family: 0 } => return None,
            Endpoint::Inet { .. } | Endpoint::Other { .. } => {}
        }
        let mut words = vec![name(endpoint)];
        if let Endpoint::Inet { ip, port } = endpoint {
            words.extend(also(act, *ip).into_iter().map(|ip| name(&inet(ip, *port))));
        }
        self.words(Class::Network, &words)
    }

    /// What an escape breaks.
    pub fn escaped(&self, kind: Escape, detail: &[u8]) -> Option<Broken> {
        let words = [kind.word().as_bytes().to_vec(), escape(kind, detail)];
        self.words(Class::Escape, &words)
    }

    /// A class is broken if one of these words is denied, or if it is forbidden and none of them is allowed.
    fn words(&self, class: Class, words: &[Vec<u8>]) -> Option<Broken> {
        let lists = match class {
            Class::Network => &self.policy.network,
            _ => &self.policy.escape,
        };
        if let Some(rule) = words.iter().find_map(|word| lists.deny.find(word)) {
            return Some(Broken { class, rule: rule.to_owned() });
        }
        let allowed = words.iter().any(|word| lists.allow.find(word).is_some());
        let broken = self.policy.forbid.has(class) && !allowed;
        broken.then(|| Broken { class, rule: String::new() })
    }

    fn remember<T: AsRef<[u8]>>(&mut self, access: &Access<T>) {
        if access.outcome != Outcome::Done {
            return;
        }
        // Nothing is left of what was there before.
        if access.act.makes() || access.act == Act::Replace {
            self.made.insert(access.path.as_ref().to_vec());
        }
        if let (Act::Rename | Act::Link, Some(other)) = (access.act, &access.other)
            && self.is_made(access.path.as_ref())
        {
            self.made.insert(other.as_ref().to_vec());
        }
    }

    /// Whether the tree has made a path, or a directory above it.
    fn is_made(&self, path: &[u8]) -> bool {
        let ends = (1..=path.len()).filter(|&at| at == path.len() || path[at] == b'/');
        ends.into_iter().any(|end| self.made.contains(&path[..end]))
    }
}

/// Whether what a file holds can be had by doing this: by another name it could be read under other rules.
fn gives_content(act: Act) -> bool {
    act.reads() || matches!(act, Act::Link | Act::Rename | Act::Exchange)
}

fn inet(ip: IpAddr, port: u16) -> Endpoint<Vec<u8>> {
    Endpoint::Inet { ip, port }
}

/// Other addresses that mean the same to the kernel.
fn also(act: NetworkAct, ip: IpAddr) -> Vec<IpAddr> {
    let plain = ip.to_canonical();
    let mut also = vec![plain];
    // Who speaks to no address in particular speaks to this host (`ip_route_output_key_hash_rcu`).
    if plain.is_unspecified() && matches!(act, NetworkAct::Connect | NetworkAct::Send) {
        also.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
        also.extend(plain.is_ipv6().then_some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }
    also.retain(|other| *other != ip);
    also
}

/// How an endpoint is named in a policy: `127.0.0.1:80`, `[::1]:80`, `family:17`.
fn name<T: AsRef<[u8]>>(endpoint: &Endpoint<T>) -> Vec<u8> {
    match endpoint {
        Endpoint::Inet { ip: IpAddr::V4(ip), port } => format!("{ip}:{port}").into_bytes(),
        Endpoint::Inet { ip: IpAddr::V6(ip), port } => format!("[{ip}]:{port}").into_bytes(),
        Endpoint::Unix(path) => path.as_ref().to_vec(),
        Endpoint::Abstract(name) => [b"@", name.as_ref()].concat(),
        Endpoint::Unnamed => b"unnamed".to_vec(),
        Endpoint::Netlink { port } => format!("netlink:{port}").into_bytes(),
        Endpoint::Other { family } => format!("family:{family}").into_bytes(),
    }
}

/// How an escape is named in a policy: by its kind, and what it is about.
fn escape(kind: Escape, detail: &[u8]) -> Vec<u8> {
    match detail {
        b"" => kind.word().as_bytes().to_vec(),
        detail => [kind.word().as_bytes(), b":", detail].concat(),
    }
}
