//! What is written is read, whatever it is; what is changed on disk is found.

mod damage;
mod made;
mod policy;
mod secrets;
mod size;

use std::path::Path;
use std::time::Duration;

use crate::{Damage, Entry, Header, Reader, Writer};
use made::{Random, totals, written};

/// What can be read of a record, and where it stops being readable.
fn read(bytes: &[u8]) -> (Vec<Entry>, Option<Damage>) {
    let mut reader = Reader::new(bytes, Path::new("r")).unwrap();
    let mut entries = Vec::new();
    for entry in reader.by_ref() {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(damage) => assert_eq!(reader_end(damage), damage),
        }
    }
    assert_eq!(reader.totals().is_some(), reader.damage().is_none());
    assert!(reader.next().is_none(), "after the end there is nothing");
    (entries, reader.damage())
}

/// Every damage can be told in one line.
fn reader_end(damage: Damage) -> Damage {
    let told = damage.to_string();
    assert!(!told.contains('\n') && told.contains(&damage.offset.to_string()), "{told}");
    damage
}

#[test]
fn what_is_written_is_read() {
    for seed in 1..60 {
        let mut random = Random(seed);
        let header = random.header();
        let entries = random.entries(seed as usize * 20);
        let bytes = written(&header, &entries);
        let reader = Reader::new(&bytes[..], Path::new("r")).unwrap();
        assert_eq!(reader.header(), &header, "seed {seed}");
        let (found, damage) = read(&bytes);
        assert_eq!(damage, None, "seed {seed}");
        assert_eq!(found, entries, "seed {seed}");
    }
}

#[test]
fn a_record_of_nothing_is_whole() {
    let bytes = written(&Header::default(), &[]);
    assert_eq!(read(&bytes), (Vec::new(), None));
}

/// More texts than a writer keeps: it forgets them, and the reader with it.
#[test]
fn texts_are_forgotten_together() {
    let mut random = Random(7);
    let mut entries = Vec::new();
    for number in 0..150_000u64 {
        let path = format!("/a/{}/{}", number % 7, number);
        let event = random.access(path.as_str().into());
        entries.push(Entry { at: Duration::from_micros(number), tid: 1, event });
    }
    let bytes = written(&Header::default(), &entries);
    let (found, damage) = read(&bytes);
    assert_eq!(damage, None);
    assert!(found == entries, "the texts differ");
}

#[test]
fn a_writer_keeps_a_bounded_amount_of_texts() {
    let mut writer = Writer::new(std::io::sink(), Path::new("r"), &Header::default()).unwrap();
    let mut random = Random(7);
    let mut most = (0, 0, 0);
    for number in 0..200_000u64 {
        let event = random.access(format!("/{}/{number}", "x".repeat(300)).as_str().into());
        writer.append(Duration::ZERO, 1, event).unwrap();
        let (texts, bytes, frame) = writer.kept();
        most = (most.0.max(texts), most.1.max(bytes), most.2.max(frame));
    }
    assert!(most.0 > 1000 && most.0 < 70_000, "{} texts", most.0);
    assert!(most.1 < 9 << 20, "{} bytes of texts", most.1);
    assert!(most.2 < 32 << 10, "{} bytes of a frame", most.2);
}

/// What is appended again is what would have been appended, to the byte; once its texts are forgotten it is not.
#[test]
fn what_is_appended_again_is_the_same() {
    let mut random = Random(5);
    let entries = random.entries(400);
    let new = || Writer::new(Vec::new(), Path::new("r"), &Header::default()).unwrap();
    let (mut whole, mut again) = (new(), new());
    let mut first = Vec::new();
    for Entry { at, tid, event } in &entries {
        whole.append(*at, *tid, event.clone()).unwrap();
        first.push(again.append(*at, *tid, event.clone()).unwrap());
    }
    let last = entries.last().unwrap().at;
    for (number, (Entry { event, .. }, first)) in entries.iter().zip(&first).enumerate() {
        let (at, tid) = (last + Duration::from_micros(number as u64), number as i32);
        whole.append(at, tid, event.clone()).unwrap();
        assert!(again.append_again(at, tid, first).unwrap());
    }
    assert_eq!(whole.events(), again.events());
    assert!(whole.finish(totals()).unwrap() == again.finish(totals()).unwrap());

    let mut writer = new();
    let first = writer.append(Duration::ZERO, 1, random.access("/first".into())).unwrap();
    for number in 0..70_000 {
        let event = random.access(format!("/{number}").as_str().into());
        writer.append(Duration::ZERO, 1, event).unwrap();
    }
    let before = writer.events();
    assert!(!writer.append_again(Duration::ZERO, 1, &first).unwrap());
    assert_eq!(writer.events(), before);
}

/// Time does not run backwards in a record, whatever the clock does.
#[test]
fn times_never_decrease() {
    let mut random = Random(3);
    let times = [5u64, 3, 9, 9, 1];
    let entries = times.map(|at| Entry {
        at: Duration::from_micros(at),
        tid: 1,
        event: random.access("/a".into()),
    });
    let (found, _) = read(&written(&Header::default(), &entries));
    let found: Vec<_> = found.iter().map(|entry| entry.at.as_micros()).collect();
    assert_eq!(found, [5, 5, 9, 9, 9]);
}
