//! Reading a record, entry by entry, as far as it is whole.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use crate::error::{Damage, Error, Fault};
use crate::event::Entry;
use crate::header::{Header, Totals};
use crate::text::Text;
use crate::wire::{
    Check, FRAME_HEAD, FRAME_MAX, Item, MAGIC, PREAMBLE, READER_TEXT_BYTES_MAX, TEXT_COST, VERSION,
    chain, digest, seed,
};

/// A record on disk.
pub type Record = Reader<BufReader<File>>;

/// A record that is being read: an iterator over its entries. After damage, which is told once, and
/// after the end there are none.
#[derive(Debug)]
pub struct Reader<R: Read> {
    from: R,
    header: Header,
    /// The check of the last whole frame.
    check: Check,
    /// The number of the frame that comes next, and the byte it starts at.
    number: u32,
    offset: u64,
    /// Where the frame that is being read starts.
    started: u64,
    frame: Vec<u8>,
    /// How much of it has been read.
    at: usize,
    texts: Vec<Text>,
    text_bytes: usize,
    last: Duration,
    events: u64,
    state: State,
}

/// How far a record has been read.
#[derive(Debug, Clone)]
enum State {
    Reading,
    Whole(Totals),
    Damaged(Damage),
}

impl Record {
    /// Opens a record.
    ///
    /// # Errors
    /// Those of opening and reading, and if it is no record, or has no header that is whole.
    pub fn open(path: &Path) -> Result<Record, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Reader::new(BufReader::with_capacity(1 << 16, file), path)
    }
}

impl<R: Read> Reader<R> {
    /// A record that `from` gives, and which messages call `path`.
    ///
    /// # Errors
    /// As [`Record::open`].
    pub fn new(mut from: R, path: &Path) -> Result<Reader<R>, Error> {
        let mut preamble = [0; PREAMBLE];
        let read = fill(&mut from, &mut preamble).map_err(Error::io("read", path))?;
        if read < PREAMBLE || preamble[..8] != MAGIC {
            return Err(Error::NotARecord { path: path.to_owned() });
        }
        let [.., a, b, c, d, _, _, _, _] = preamble;
        let found = u32::from_le_bytes([a, b, c, d]);
        if found != VERSION {
            return Err(Error::Version { path: path.to_owned(), found });
        }
        let mut reader = Reader {
            from,
            header: Header::default(),
            check: seed(&preamble),
            number: 0,
            offset: PREAMBLE as u64,
            started: 0,
            frame: Vec::new(),
            at: 0,
            texts: vec![Text::from("")],
            text_bytes: 0,
            last: Duration::ZERO,
            events: 0,
            state: State::Reading,
        };
        let header = reader
            .next_frame()
            .and_then(|()| postcard::from_bytes(&reader.frame).map_err(|_| reader.meaningless()));
        reader.at = reader.frame.len();
        match header {
            Ok(header) => Ok(Reader { header, ..reader }),
            Err(damage) => Err(Error::Damaged { path: path.to_owned(), damage }),
        }
    }

    /// What the record says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The end of the record; `None` if it has not been reached, or cannot be.
    pub fn totals(&self) -> Option<&Totals> {
        match &self.state {
            State::Whole(totals) => Some(totals),
            State::Reading | State::Damaged(_) => None,
        }
    }

    /// Where the record stops being readable, if it has been read so far.
    pub fn damage(&self) -> Option<Damage> {
        match self.state {
            State::Damaged(damage) => Some(damage),
            State::Reading | State::Whole(_) => None,
        }
    }

    /// The check of the last frame that was read, which stands for all the record up to there.
    pub fn check(&self) -> [u8; 32] {
        self.check
    }

    /// How many entries were read.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The damage of the frame that comes next.
    fn damaged(&self, fault: Fault) -> Damage {
        Damage { offset: self.offset, frame: self.number, fault }
    }

    /// That of the frame that has been read.
    fn meaningless(&self) -> Damage {
        let frame = self.number.saturating_sub(1);
        Damage { offset: self.started, frame, fault: Fault::Meaningless }
    }

    fn next_frame(&mut self) -> Result<(), Damage> {
        let mut head = [0; FRAME_HEAD];
        let read = fill(&mut self.from, &mut head).map_err(|_| self.damaged(Fault::Unreadable))?;
        match read {
            0 => return Err(self.damaged(Fault::Unfinished)),
            FRAME_HEAD => {}
            _ => return Err(self.damaged(Fault::Torn)),
        }
        let [a, b, c, d, e, f, g, h, checks @ ..] = head;
        let (said, check) = checks.split_at(32);
        let length = u32::from_le_bytes([a, b, c, d]);
        let number = u32::from_le_bytes([e, f, g, h]);
        if length as usize > FRAME_MAX {
            return Err(self.damaged(Fault::Changed));
        }
        self.frame.clear();
        let mut body = Read::by_ref(&mut self.from).take(u64::from(length));
        body.read_to_end(&mut self.frame).map_err(|_| self.damaged(Fault::Unreadable))?;
        if self.frame.len() < length as usize {
            return Err(self.damaged(Fault::Torn));
        }
        let own = digest(length, number, &self.frame);
        if own != said {
            return Err(self.damaged(Fault::Changed));
        }
        let next = chain(&self.check, &own);
        if next != check || number != self.number {
            return Err(self.damaged(match number > self.number {
                true => Fault::Missing { found: number },
                false => Fault::Foreign { found: number },
            }));
        }
        self.check = next;
        self.number += 1;
        self.started = self.offset;
        self.offset += FRAME_HEAD as u64 + u64::from(length);
        self.at = 0;
        Ok(())
    }

    fn next_item(&mut self) -> Result<Item, Damage> {
        while self.at == self.frame.len() {
            self.next_frame()?;
        }
        let rest = &self.frame[self.at..];
        let (item, after) = postcard::take_from_bytes(rest).map_err(|_| self.meaningless())?;
        self.at = self.frame.len() - after.len();
        Ok(item)
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, Damage> {
        loop {
            match self.next_item()? {
                Item::Text(bytes) => self.define(Text::from(bytes))?,
                Item::Joined(parent, name) => {
                    let parent = self.text(parent)?;
                    let text = [parent.as_bytes(), b"/", &name].concat();
                    self.define(Text::from(text))?;
                }
                Item::Forget => {
                    self.texts.truncate(1);
                    self.text_bytes = 0;
                }
                Item::Event { after_us, tid, event } => {
                    let event = event.try_map(&mut |number| self.text(number))?;
                    let at = self.last.checked_add(Duration::from_micros(after_us));
                    self.last = at.ok_or_else(|| self.meaningless())?;
                    self.events += 1;
                    return Ok(Some(Entry { at: self.last, tid, event }));
                }
                Item::End(totals) => {
                    self.end(totals)?;
                    return Ok(None);
                }
            }
        }
    }

    /// After the end there must be nothing.
    fn end(&mut self, totals: Totals) -> Result<(), Damage> {
        if totals.events != self.events {
            return Err(self.meaningless());
        }
        let more = fill(&mut self.from, &mut [0]).map_err(|_| self.damaged(Fault::Unreadable))?;
        if more > 0 || self.at < self.frame.len() {
            return Err(self.damaged(Fault::Trailing));
        }
        self.state = State::Whole(totals);
        Ok(())
    }

    fn define(&mut self, text: Text) -> Result<(), Damage> {
        self.text_bytes += text.as_bytes().len() + TEXT_COST;
        if self.text_bytes > READER_TEXT_BYTES_MAX {
            return Err(self.meaningless());
        }
        self.texts.push(text);
        Ok(())
    }

    fn text(&self, number: u32) -> Result<Text, Damage> {
        self.texts.get(number as usize).cloned().ok_or_else(|| self.meaningless())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Entry, Damage>;

    fn next(&mut self) -> Option<Result<Entry, Damage>> {
        match self.state {
            State::Reading => {}
            State::Whole(_) | State::Damaged(_) => return None,
        }
        self.next_entry().transpose().inspect(|entry| {
            if let Err(damage) = entry {
                self.state = State::Damaged(*damage);
            }
        })
    }
}

/// Reads until `buffer` is full or there is no more; returns how much was read.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
