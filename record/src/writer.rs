//! Writing a record, frame by frame.
//!
//! **Invariant:** a frame is written by one `write(2)` and holds whole items. A vrift that is killed
//! leaves whole frames and at most one torn one at the end.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::error::Error;
use crate::event::{Event, Tid};
use crate::header::{Header, Totals};
use crate::wire::{
    Check, FRAME_HEAD, FRAME_MAX, Item, JOINED_MAX, MAGIC, TEXT_BYTES_MAX, TEXTS_MAX, VERSION,
    chain, digest, seed,
};

/// The permissions of a record.
const OWN: u32 = 0o600;

/// A frame is written when it has so many bytes.
const FRAME_BYTES: usize = 16 << 10;

/// A record that is being written.
#[derive(Debug)]
pub struct Writer<W: Write = File> {
    out: W,
    path: PathBuf,
    check: Check,
    number: u32,
    /// A frame's head, to be filled in, and the items that are not yet written.
    frame: Vec<u8>,
    texts: Texts,
    /// How often they have been forgotten.
    forgotten: u64,
    /// The time of the last entry.
    last: Duration,
    events: u64,
}

/// The numbers that stand for texts.
#[derive(Debug, Default)]
struct Texts {
    known: HashMap<Box<[u8]>, u32, RandomState>,
    bytes: usize,
}

/// An event as it was appended: the same can be appended again, by anybody and at any time, without a look at its
/// texts.
#[derive(Debug, Clone)]
pub struct Appended {
    event: Event<u32>,
    /// How often texts had been forgotten: afterwards their numbers stand for others.
    forgotten: u64,
}

impl Writer<File> {
    /// Makes a record at `path`, which only its owner may read; what was there is replaced. What is no regular file
    /// is written to as it is.
    ///
    /// # Errors
    /// Those of making and writing the file, and of keeping others from reading it; what was there stays then.
    pub fn create(path: &Path, header: &Header) -> Result<Writer<File>, Error> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(OWN);
        let file = options.open(path).map_err(Error::io("create", path))?;
        let meta = file.metadata().map_err(Error::io("stat", path))?;
        if meta.is_file() {
            if meta.permissions().mode() & 0o777 != OWN {
                let private = file.set_permissions(Permissions::from_mode(OWN));
                private.map_err(Error::io("keep others from reading", path))?;
            }
            file.set_len(0).map_err(Error::io("empty", path))?;
        }
        Writer::new(file, path, header)
    }
}

impl<W: Write> Writer<W> {
    /// A record in `out`, which messages call `path`.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(mut out: W, path: &Path, header: &Header) -> Result<Writer<W>, Error> {
        let mut preamble = MAGIC.to_vec();
        preamble.extend(VERSION.to_le_bytes());
        preamble.extend([0; 4]);
        out.write_all(&preamble).map_err(Error::io("write", path))?;
        let mut writer = Writer {
            out,
            path: path.to_owned(),
            check: seed(&preamble),
            number: 0,
            frame: vec![0; FRAME_HEAD],
            texts: Texts::default(),
            forgotten: 0,
            last: Duration::ZERO,
            events: 0,
        };
        writer.put(header)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Appends an event of thread `tid`, `at` so long after the start.
    ///
    /// # Errors
    /// Those of writing, if a frame is full; the record ends before that frame then.
    pub fn append<T: AsRef<[u8]>>(
        &mut self,
        at: Duration,
        tid: Tid,
        event: Event<T>,
    ) -> Result<Appended, Error> {
        if self.texts.known.len() > TEXTS_MAX || self.texts.bytes > TEXT_BYTES_MAX {
            self.texts = Texts::default();
            self.forgotten += 1;
            self.put(&Item::Forget)?;
        }
        let event = event.try_map(&mut |text: T| self.number_of(text.as_ref()))?;
        let appended = Appended { event: event.clone(), forgotten: self.forgotten };
        self.put_event(at, tid, event)?;
        Ok(appended)
    }

    /// Appends an event once more, unless its texts have been forgotten; returns whether it has.
    ///
    /// # Errors
    /// Those of [`Writer::append`].
    pub fn append_again(&mut self, at: Duration, tid: Tid, same: &Appended) -> Result<bool, Error> {
        if same.forgotten != self.forgotten {
            return Ok(false);
        }
        self.put_event(at, tid, same.event.clone())?;
        Ok(true)
    }

    fn put_event(&mut self, at: Duration, tid: Tid, event: Event<u32>) -> Result<(), Error> {
        let after_us = at.saturating_sub(self.last).as_micros() as u64;
        self.last += Duration::from_micros(after_us);
        self.put(&Item::Event { after_us, tid, event })?;
        self.events += 1;
        if self.frame.len() >= FRAME_BYTES { self.flush() } else { Ok(()) }
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many texts, of how many bytes, and how many bytes of a frame are in memory.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> (usize, usize, usize) {
        (self.texts.known.len(), self.texts.bytes, self.frame.len())
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// Those of writing.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.frame.len() == FRAME_HEAD {
            return Ok(());
        }
        let (head, payload) = self.frame.split_at_mut(FRAME_HEAD);
        // `put` bounds what a frame can hold.
        let length = payload.len() as u32;
        let digest = digest(length, self.number, payload);
        self.check = chain(&self.check, &digest);
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..8].copy_from_slice(&self.number.to_le_bytes());
        head[8..40].copy_from_slice(&digest);
        head[40..].copy_from_slice(&self.check);
        self.out.write_all(&self.frame).map_err(Error::io("write", &self.path))?;
        self.number += 1;
        self.frame.truncate(FRAME_HEAD);
        Ok(())
    }

    /// Ends the record and returns what it was written to, and its last check, which stands for all of
    /// it. The count of events is the writer's own.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(mut self, totals: Totals) -> Result<(W, [u8; 32]), Error> {
        let totals = Totals { events: self.events, ..totals };
        self.put(&Item::End(totals))?;
        self.flush()?;
        self.out.flush().map_err(Error::io("write", &self.path))?;
        Ok((self.out, self.check))
    }

    /// The number of a text, which is written first if it has none.
    fn number_of(&mut self, text: &[u8]) -> Result<u32, Error> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(&number) = self.texts.known.get(text) {
            return Ok(number);
        }
        if text[0] != b'/' || text.len() > JOINED_MAX {
            return self.define(text, Item::Text(text.to_owned()));
        }
        let slashes = (1..text.len()).filter(|&at| text[at] == b'/');
        let ends: Vec<usize> = slashes.chain([text.len()]).collect();
        let known = ends.iter().rposition(|&end| self.texts.known.contains_key(&text[..end]));
        let (mut parent, mut from) = (0, 0);
        if let Some(&end) = known.and_then(|known| ends.get(known)) {
            (parent, from) = (self.texts.known[&text[..end]], end);
        }
        for &end in &ends[known.map_or(0, |known| known + 1)..] {
            let name = text[from + 1..end].to_owned();
            parent = self.define(&text[..end], Item::Joined(parent, name))?;
            from = end;
        }
        Ok(parent)
    }

    fn define(&mut self, text: &[u8], item: Item) -> Result<u32, Error> {
        self.put(&item)?;
        let number = self.texts.known.len() as u32 + 1;
        self.texts.bytes += text.len();
        self.texts.known.insert(text.into(), number);
        Ok(number)
    }

    /// Adds something to the frame. If it does not fit it gets a frame of its own.
    fn put(&mut self, what: &impl serde::Serialize) -> Result<(), Error> {
        let before = self.frame.len();
        let frame = std::mem::take(&mut self.frame);
        let encoded = postcard::to_extend(what, frame).map_err(|error| Error::Io {
            operation: "encode an event for",
            path: self.path.clone(),
            source: std::io::Error::other(error),
        });
        self.frame = encoded?;
        if self.frame.len() - FRAME_HEAD <= FRAME_MAX {
            return Ok(());
        }
        let item = self.frame.split_off(before);
        if item.len() > FRAME_MAX {
            return Err(Error::TooLong { bytes: item.len() });
        }
        self.flush()?;
        self.frame.extend(item);
        Ok(())
    }
}
