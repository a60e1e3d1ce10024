//! Entries that look random and follow from a seed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use vrift_cas::Digest;

use crate::*;

/// A small generator of numbers (xorshift64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        ((self.number() >> 11) % end as u64) as usize
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(super) fn header(&mut self) -> Header {
        let mounts = (0..self.below(3))
            .map(|_| Mount {
                point: self.bytes(),
                manifest: self.one_of(&[None, Some([9; 32])]),
                file: self.bytes(),
                access: self.one_of(&[MountAccess::ReadOnly, MountAccess::Writable]),
            })
            .collect();
        Header {
            vrift: "1.2.3".to_owned(),
            kernel: "Linux".to_owned(),
            machine: "x".to_owned(),
            host: "h".to_owned(),
            uid: self.number() as u32,
            start_ns: self.number(),
            command: (0..self.below(5)).map(|_| self.bytes()).collect(),
            cwd: self.bytes(),
            mounts,
            policy: [None, Some(self.digest().0)][self.below(2)],
            watched: vec!["openat".to_owned(); self.below(3)],
            unstopped: self.one_of(&[Unstopped::Nothing, Unstopped::Lookups, Unstopped::Opens]),
        }
    }

    fn digest(&mut self) -> Digest {
        Digest::of(&self.number().to_le_bytes())
    }

    /// Any bytes, often none or few, sometimes more than a path may have.
    fn bytes(&mut self) -> Vec<u8> {
        let length = match self.below(40) {
            0 => 0,
            1 => 5000,
            _ => self.below(12),
        };
        (0..length).map(|_| self.one_of(b"/ab.\n\0\xff/")).collect()
    }

    pub(super) fn text(&mut self) -> Text {
        match self.below(3) {
            0 => Text::from(self.bytes()),
            1 => Text::from(format!("/usr/{}/{}", self.below(9), self.below(99)).as_str()),
            _ => Text::from(format!("word{}", self.below(50)).as_str()),
        }
    }

    fn outcome(&mut self) -> Outcome {
        let errno = self.below(133) as u16;
        self.one_of(&[Outcome::Done, Outcome::Failed(errno), Outcome::Never])
    }

    fn verdict(&mut self) -> Verdict {
        use Verdict::*;
        self.one_of(&[Host, Manifest, Content, CopyOnWrite, ByDesign, Refused, Unmodelled, Denied])
    }

    fn version(&mut self) -> VersionId {
        VersionId(self.below(1000) as u32)
    }

    pub(super) fn access(&mut self, path: Text) -> Event {
        use Act::*;
        let act = self.one_of(&[
            Read, Write, ReadWrite, Replace, Create, MakeNode, Symlink, Link, Rename, Exchange,
            Remove, Truncate, Attribute, Probe, ReadLink, List, Enter, Execute, Load, Map, Watch,
        ]);
        let other = [None, Some(self.text())][self.below(2)].clone();
        Event::File(Access {
            call: self.one_of(&["openat", "rename", "stat"]).into(),
            act,
            path,
            other,
            version: [None, Some(self.version())][self.below(2)],
            part: self.one_of(&[Part::First, Part::Further]),
            verdict: self.verdict(),
            outcome: self.outcome(),
        })
    }

    fn endpoint(&mut self) -> Endpoint {
        let port = self.number() as u16;
        match self.below(7) {
            0 => Endpoint::Inet { ip: IpAddr::V4(Ipv4Addr::from_bits(self.number() as u32)), port },
            1 => Endpoint::Inet {
                ip: IpAddr::V6(Ipv6Addr::from_bits(u128::from(self.number()))),
                port,
            },
            2 => Endpoint::Unix(self.text()),
            3 => Endpoint::Abstract(self.text()),
            4 => Endpoint::Unnamed,
            5 => Endpoint::Netlink { port: self.number() as u32 },
            _ => Endpoint::Other { family: port },
        }
    }

    fn execution(&mut self) -> Execution {
        let variable = |random: &mut Random| Variable {
            name: random.text(),
            value: match random.below(3) {
                0 => Value::Redacted,
                _ => Value::Plain(random.text()),
            },
        };
        Execution {
            program: self.text(),
            argv: (0..self.below(9)).map(|_| self.text()).collect(),
            env: (0..self.below(9)).map(|_| variable(self)).collect(),
            cwd: self.text(),
        }
    }

    fn how(&mut self) -> How {
        let number = self.number() as i32;
        self.one_of(&[
            How::Ended(Ending::Exited(number & 255)),
            How::Ended(Ending::Killed { signo: 9, core: true }),
            How::Ended(Ending::Unknown),
            How::Superseded,
        ])
    }

    pub(super) fn event(&mut self) -> Event {
        let outcome = self.outcome();
        match self.below(20) {
            0 => Event::Started {
                child: self.number() as i32,
                kin: self.one_of(&[Kin::Root, Kin::Process, Kin::Thread]),
            },
            1 => Event::Executed(self.execution()),
            2 => Event::Ended {
                how: self.how(),
                used: Usage {
                    user_us: self.number(),
                    system_us: 1,
                    memory_max_kib: self.number() >> 40,
                    blocks_read: 0,
                    blocks_written: 4,
                },
            },
            3 => Event::Network {
                call: self.text(),
                act: self.one_of(&[NetworkAct::Connect, NetworkAct::Send, NetworkAct::Accept]),
                endpoint: self.endpoint(),
                part: self.one_of(&[Part::First, Part::Further]),
                verdict: self.verdict(),
                outcome,
            },
            4 => Event::Call { call: self.text(), verdict: self.verdict(), outcome },
            5 => Event::Escape {
                kind: self.one_of(&[Escape::Daemon, Escape::Descriptor, Escape::IoUring]),
                call: self.text(),
                detail: self.text(),
                outcome,
            },
            6 => Event::Version {
                version: self.version(),
                path: self.text(),
                size: self.number(),
                origin: match self.below(2) {
                    0 => Origin::Store,
                    _ => Origin::Host {
                        dev: self.number(),
                        ino: self.number(),
                        mtime_ns: self.number() as i64,
                    },
                },
            },
            7 => Event::Content {
                version: self.version(),
                content: match self.below(3) {
                    0 => Content::Whole(self.digest()),
                    1 => Content::Changing(self.digest()),
                    _ => Content::Unreadable(13),
                },
            },
            8 => Event::Left {
                path: self.text(),
                state: match self.below(3) {
                    0 => Left::File(self.version()),
                    1 => Left::Other,
                    _ => Left::Gone,
                },
            },
            9 => Event::Violation {
                class: self.one_of(&[Class::HostWrite, Class::Network, Class::DeniedExec]),
                rule: self.text(),
                call: self.text(),
                subject: self.text(),
                response: self.one_of(&[Response::Noted, Response::Denied]),
            },
            _ => {
                let path = self.text();
                self.access(path)
            }
        }
    }

    pub(super) fn entries(&mut self, count: usize) -> Vec<Entry> {
        let mut at = 0;
        (0..count)
            .map(|_| {
                at += self.number() >> self.one_of(&[40, 50, 60, 63]);
                let tid = self.one_of(&[1, 77, 4_194_304]);
                Entry { at: Duration::from_micros(at), tid, event: self.event() }
            })
            .collect()
    }
}

/// The end of a record that tells nothing of interest.
pub(super) fn totals() -> Totals {
    Totals { events: 0, ending: Ending::Exited(0), wall_ns: 1, incomplete: 0, violations: 0 }
}

/// The bytes of a whole record of these entries.
pub(super) fn written(header: &Header, entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Path::new("r"), header).unwrap();
    for entry in entries {
        writer.append(entry.at, entry.tid, entry.event.clone()).unwrap();
    }
    writer.finish(totals()).unwrap().0
}
