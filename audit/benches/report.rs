//! How long a report of a million events takes, and which part of it: `cargo bench -p vrift-audit`.
//!
//! The record is that of a large build: compilers that look for hundreds of headers in a dozen directories. It
//! is made once, in memory. What is printed is the quickest of three, and what that took of a processor, which a
//! busy machine spoils less.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use vrift_audit::report::{Html, Page, Summary, json};
use vrift_audit::{
    Access, Act, Content, Ending, Event, Execution, Header, Kin, Model, Origin, Outcome, Part,
    Reader, Text, Totals, Value, Variable, Verdict, VersionId, Writer,
};
use vrift_cas::Digest;

const EVENTS: u64 = 1_000_000;
const ROUNDS: usize = 3;

fn main() -> io::Result<()> {
    let record = record();
    let mut out = io::stdout().lock();
    writeln!(out, "{EVENTS} events, {} bytes", record.len())?;
    let read = || {
        let reader = Reader::new(&record[..], Path::new("r"));
        Model::read(&mut reader.expect("it was just written"))
    };
    let model = read();
    let summary = Summary::of(&model);
    let steps: [(&str, &dyn Fn() -> usize); 6] = [
        ("entries", &|| {
            let reader = Reader::new(&record[..], Path::new("r"));
            reader.expect("it was just written").count()
        }),
        ("model", &|| read().files.len()),
        ("summary", &|| Summary::of(&model).inputs.len()),
        ("text", &|| Page(&summary).to_string().len()),
        ("html", &|| Html(&summary).to_string().len()),
        ("json", &|| json(&summary).to_string().len()),
    ];
    for (name, step) in steps {
        let times = (0..ROUNDS).map(|_| timed(step));
        let (wall, cpu) = times.min().unwrap_or_default();
        writeln!(out, "{name:<10}{:>8.3} s{:>8.3} s cpu", wall.as_secs_f64(), cpu.as_secs_f64())?;
    }
    Ok(())
}

fn timed(step: &dyn Fn() -> usize) -> (Duration, Duration) {
    let (start, used) = (Instant::now(), cpu());
    std::hint::black_box(step());
    (start.elapsed(), cpu().saturating_sub(used))
}

/// The time this process has had a processor; zero if the kernel does not count it.
fn cpu() -> Duration {
    let counted = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = counted.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// Numbers that look random and follow from a seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

fn record() -> Vec<u8> {
    let header = Header::default();
    let mut writer = Writer::new(Vec::new(), Path::new("r"), &header).expect("memory takes it");
    let mut random = Random(1);
    let mut tid = 1000;
    for number in 0..EVENTS {
        if number % 500 == 0 {
            tid += 1;
        }
        let event = event(number, tid, &mut random);
        let at = Duration::from_micros(number * 30);
        writer.append(at, tid, event).expect("memory takes it");
    }
    let ending = Ending::Exited(0);
    let totals =
        Totals { events: 0, ending, wall_ns: EVENTS * 30_000, incomplete: 0, violations: 0 };
    writer.finish(totals).expect("memory takes it").0
}

fn event(number: u64, tid: i32, random: &mut Random) -> Event {
    let text = |string: String| Text::from(string.as_str());
    let version = VersionId((number / 500) as u32);
    match number % 500 {
        0 => Event::Started { child: tid, kin: Kin::Root },
        1 => Event::Executed(Execution {
            program: text("/usr/lib/gcc/x86_64-linux-gnu/14/cc1".to_owned()),
            argv: (0..30).map(|n| text(format!("-fsome-option={n}"))).collect(),
            env: (0..40).map(variable).collect(),
            cwd: text(format!("/home/somebody/project/build/part{}", number / 50_000)),
        }),
        2 => Event::Version {
            version,
            path: text(format!("/home/somebody/project/source/file{number}.c")),
            size: 12345,
            origin: Origin::Host { dev: 0xfd01, ino: number, mtime_ns: number as i64 },
        },
        3 => Event::Content { version, content: Content::Whole(Digest::of(&number.to_le_bytes())) },
        _ => {
            let (directory, file) = (random.below(12), random.below(2500));
            let object = random.below(20) == 0;
            let path = match object {
                true => format!("/home/somebody/project/build/part/object{number}.o"),
                false => format!("/usr/include/library{directory}/detail/header_{file}.h"),
            };
            Event::File(Access {
                call: "openat".into(),
                act: if object { Act::Create } else { Act::Read },
                path: text(path),
                other: None,
                // Of the two thousand that the record tells of, always the same.
                version: Some(VersionId((directory * 2500 + file) as u32 % 2000)),
                part: Part::First,
                verdict: Verdict::Content,
                outcome: [Outcome::Done, Outcome::Failed(2)][random.below(2) as usize],
            })
        }
    }
}

fn variable(number: u64) -> Variable {
    let text = |string: String| Text::from(string.as_str());
    Variable {
        name: text(format!("VARIABLE_{number}")),
        value: Value::Plain(text(format!("its value is {number}"))),
    }
}
