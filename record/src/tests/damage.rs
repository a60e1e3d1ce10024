//! A flipped byte, a cut tail, a missing frame.

use std::path::Path;

use super::made::Random;
use super::made::written;
use super::read;
use crate::wire::{FRAME_HEAD, PREAMBLE};
use crate::{Damage, Entry, Error, Fault, Header, Reader, Writer};

/// A record of several frames with what is in it, and where its frames start; the last is its length.
fn sample() -> (Vec<u8>, Vec<Entry>, Vec<usize>) {
    let entries = Random(5).entries(4000);
    let bytes = written(&Header::default(), &entries);
    let mut starts = vec![PREAMBLE];
    while let Some(&at) = starts.last().filter(|&&at| at < bytes.len()) {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        starts.push(at + FRAME_HEAD + length as usize);
    }
    assert!(starts.len() > 6, "{} frames", starts.len());
    (bytes, entries, starts)
}

/// What is read of damaged bytes, which must be the beginning of what was written.
fn damaged(bytes: &[u8], whole: &[Entry]) -> (usize, Damage) {
    let (entries, damage) = read(bytes);
    assert_eq!(entries, whole[..entries.len()]);
    (entries.len(), damage.expect("damage is found"))
}

/// The frame a byte is in.
fn frame_at(starts: &[usize], byte: usize) -> usize {
    starts.iter().rposition(|&start| start <= byte).unwrap()
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let (bytes, whole, starts) = sample();
    let mut random = Random(11);
    for _ in 0..400 {
        let at = starts[1] + random.below(bytes.len() - starts[1]);
        let mut changed = bytes.clone();
        changed[at] ^= 1 << random.below(8);
        let (_, damage) = damaged(&changed, &whole);
        let frame = frame_at(&starts, at);
        assert_eq!((damage.offset, damage.frame), (starts[frame] as u64, frame as u32), "{at}");
    }
    // The four parts of a frame.
    for (part, faults) in [
        (0, vec![Fault::Torn, Fault::Changed]),
        (4, vec![Fault::Changed]),
        (8, vec![Fault::Changed]),
        (40, vec![Fault::Foreign { found: 2 }]),
        (FRAME_HEAD, vec![Fault::Changed]),
    ] {
        let mut changed = bytes.clone();
        changed[starts[2] + part] ^= 1;
        let (_, damage) = damaged(&changed, &whole);
        assert!(faults.contains(&damage.fault), "{part}: {damage}");
    }
}

#[test]
fn a_flipped_bit_before_the_first_event_is_found() {
    let (bytes, _, starts) = sample();
    for at in 0..starts[1] {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let error = Reader::new(&changed[..], Path::new("r")).unwrap_err();
            let right = match at {
                0..8 => matches!(error, Error::NotARecord { .. }),
                8..12 => matches!(error, Error::Version { .. }),
                _ => matches!(error, Error::Damaged { damage: Damage { frame: 0, .. }, .. }),
            };
            assert!(right, "byte {at}: {error}");
        }
    }
}

#[test]
fn a_cut_tail_is_found_and_all_before_it_is_read() {
    let (bytes, whole, starts) = sample();
    let mut random = Random(13);
    let cuts = (0..200).map(|_| starts[1] + random.below(bytes.len() - starts[1]));
    let mut most = 0;
    for cut in cuts.chain(starts[1..starts.len() - 1].iter().copied()) {
        let (read, damage) = damaged(&bytes[..cut], &whole);
        let frame = frame_at(&starts, cut);
        let fault = if starts[frame] == cut { Fault::Unfinished } else { Fault::Torn };
        let offset = starts[frame] as u64;
        assert_eq!(damage, Damage { offset, frame: frame as u32, fault }, "cut at {cut}");
        assert!(frame < 2 || read > 0, "nothing was read before {cut}");
        most = most.max(read);
    }
    assert!(most > whole.len() / 2);
}

#[test]
fn a_missing_frame_is_found_and_named() {
    let (bytes, whole, starts) = sample();
    let frames = starts.len() - 1;
    for missing in 1..frames - 1 {
        let less = [&bytes[..starts[missing]], &bytes[starts[missing + 1]..]].concat();
        let (_, damage) = damaged(&less, &whole);
        let fault = Fault::Missing { found: missing as u32 + 1 };
        let offset = starts[missing] as u64;
        assert_eq!(damage, Damage { offset, frame: missing as u32, fault });
    }
    let last = frames - 1;
    let (_, damage) = damaged(&bytes[..starts[last]], &whole);
    assert_eq!(damage.fault, Fault::Unfinished);
}

#[test]
fn a_frame_that_comes_again_or_too_early_is_found() {
    let (bytes, whole, starts) = sample();
    let frame = |number: usize| &bytes[starts[number]..starts[number + 1]];
    let again = [&bytes[..starts[3]], frame(2), &bytes[starts[3]..]].concat();
    let (_, damage) = damaged(&again, &whole);
    assert_eq!((damage.frame, damage.fault), (3, Fault::Foreign { found: 2 }));
    let swapped = [&bytes[..starts[2]], frame(3), frame(2), &bytes[starts[4]..]].concat();
    let (_, damage) = damaged(&swapped, &whole);
    assert_eq!((damage.frame, damage.fault), (2, Fault::Missing { found: 3 }));
}

/// A frame of another record that would fit in its place by its number.
#[test]
fn a_frame_of_another_record_is_found() {
    let (bytes, whole, starts) = sample();
    let header = Header { uid: 1, ..Header::default() };
    let other = written(&header, &whole);
    let shift = other.len() - bytes.len();
    let mixed =
        [&bytes[..starts[2]], &other[starts[2] + shift..starts[3] + shift], &bytes[starts[3]..]]
            .concat();
    let (_, damage) = damaged(&mixed, &whole);
    assert_eq!((damage.frame, damage.fault), (2, Fault::Foreign { found: 2 }));
}

#[test]
fn what_is_appended_is_found() {
    let (mut bytes, whole, _) = sample();
    let length = bytes.len() as u64;
    bytes.push(0);
    let (read, damage) = damaged(&bytes, &whole);
    assert_eq!((read, damage.offset, damage.fault), (whole.len(), length, Fault::Trailing));
}

/// A writer that never finished: all that it wrote is there.
#[test]
fn a_record_without_an_end_is_read_to_its_last_frame() {
    let entries = Random(5).entries(500);
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, Path::new("r"), &Header::default()).unwrap();
    for entry in &entries {
        writer.append(entry.at, entry.tid, entry.event.clone()).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    let (read, damage) = damaged(&bytes, &entries);
    assert_eq!((read, damage.fault), (entries.len(), Fault::Unfinished));
}

/// Whatever is in a frame that is whole: reading ends, with an error or without.
#[test]
fn any_bytes_in_a_whole_frame_are_read_without_harm() {
    let (bytes, _, starts) = sample();
    let mut random = Random(17);
    for _ in 0..2000 {
        let from = starts[1] + FRAME_HEAD + random.below(2000);
        let mut payload = bytes[from..from + random.below(300)].to_vec();
        for _ in 0..random.below(4) {
            let at = random.below(payload.len().max(1));
            if let Some(byte) = payload.get_mut(at) {
                *byte = random.number() as u8;
            }
        }
        let (_, damage) = read(&framed(&bytes[..starts[1]], &payload));
        let fault = damage.expect("there is no end").fault;
        assert!(
            matches!(fault, Fault::Meaningless | Fault::Unfinished | Fault::Trailing),
            "{fault:?}"
        );
    }
}

/// The start of a record, with one more frame that is right in itself.
fn framed(start: &[u8], payload: &[u8]) -> Vec<u8> {
    use crate::wire::{chain, digest, seed};
    let header = &start[PREAMBLE + FRAME_HEAD..];
    let of_header = digest(header.len() as u32, 0, header);
    let own = digest(payload.len() as u32, 1, payload);
    let check = chain(&chain(&seed(&start[..PREAMBLE]), &of_header), &own);
    let length = (payload.len() as u32).to_le_bytes();
    [start, &length, &1u32.to_le_bytes(), &own, &check, payload].concat()
}

/// A reader's memory is bounded: texts without a byte are counted too.
#[test]
fn a_flood_of_texts_is_damage() {
    let (bytes, _, starts) = sample();
    for text in [&[0u8, 0][..], &[1, 0, 0]] {
        let payload = text.repeat(1_100_000);
        let (entries, damage) = read(&framed(&bytes[..starts[1]], &payload));
        assert_eq!((entries.len(), damage.map(|d| d.fault)), (0, Some(Fault::Meaningless)));
    }
}
