//! How much room a record takes.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::made::Random;
use super::made::totals;
use crate::*;

/// Counts bytes.
#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const EVENTS: u64 = 1_000_000;
const BYTES_PER_EVENT: u64 = 40;

/// A large build: 2000 compilers, each of which looks for hundreds of headers in a dozen
/// directories, and writes an object of its own.
#[test]
fn a_million_events_of_a_build_take_less_than_40_bytes_each() {
    let mut random = Random(1);
    let mut writer = Writer::new(Counter::default(), Path::new("r"), &Header::default()).unwrap();
    let mut at = Duration::ZERO;
    let text = |string: String| Text::from(string.as_str());
    let (mut tid, mut version) = (1000, 0u32);
    while writer.events() < EVENTS {
        at += Duration::from_micros(random.below(60) as u64);
        let number = writer.events();
        let event = match number % 500 {
            0 => {
                tid += 1;
                Event::Started { child: tid, kin: Kin::Process }
            }
            1 => Event::Executed(Execution {
                program: text("/usr/lib/gcc/x86_64-linux-gnu/14/cc1".to_owned()),
                argv: (0..30).map(|n| text(format!("-fsome-option={n}"))).collect(),
                env: (0..40)
                    .map(|n| Variable {
                        name: text(format!("VARIABLE_{n}")),
                        value: Value::Plain(text(format!("its value is {n}"))),
                    })
                    .collect(),
                cwd: text(format!("/home/somebody/project/build/part{}", number / 50_000)),
            }),
            2 => {
                version += 1;
                Event::Version {
                    version: VersionId(version),
                    path: text(format!("/home/somebody/project/source/file{number}.c")),
                    size: 12345,
                    origin: Origin::Host { dev: 0xfd01, ino: number, mtime_ns: number as i64 },
                }
            }
            3 => Event::Content {
                version: VersionId(version),
                content: Content::Whole(vrift_cas::Digest::of(&number.to_le_bytes())),
            },
            _ => {
                let (dir, file) = (random.below(12), random.below(2500));
                let path = match random.below(20) {
                    0 => format!("/home/somebody/project/build/part/object{number}.o"),
                    _ => format!("/usr/include/library{dir}/detail/header_{file}.h"),
                };
                Event::File(Access {
                    call: "openat".into(),
                    act: [Act::Read, Act::Probe][random.below(2)],
                    path: text(path),
                    other: None,
                    version: Some(VersionId(random.below(4000) as u32)),
                    part: Part::First,
                    verdict: Verdict::Content,
                    outcome: [Outcome::Done, Outcome::Failed(2)][random.below(2)],
                })
            }
        };
        writer.append(at, tid, event).unwrap();
    }
    let (Counter(bytes), _) = writer.finish(totals()).unwrap();
    let each = bytes / EVENTS;
    println!("{bytes} bytes for {EVENTS} events");
    assert!(each < BYTES_PER_EVENT, "{each} bytes for each event");
}
