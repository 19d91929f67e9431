//! The reader: is fed an image's bytes as they arrive, and decodes them into events.
//!
//! ```text
//!                       +------------------ record done ------------------+
//!                       v                                                 |
//!   Preamble --20--> Head --8--> Body ---------- length bytes ----------->+
//!                       ^          | a chunk with data pages              |
//!                       |          v                                      |
//!                       +------- Pages --4096--> ... last one ------------+
//! ```
//!
//! Invariant: at most one body is buffered, and its length was compared with [`Limits`] when its head was read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::checksum::Running;
use crate::codec::decode;
use crate::limits::at_most;
use crate::progress::Progress;
use crate::record::{RECORD_HEAD_BYTES, RecordHead, RecordKind};
use crate::{
    CHUNK_PAGES_MAX, Checksum, Chunk, Description, Error, Event, Limits, Outline, PAGE_BYTES,
    PREAMBLE_BYTES, PageChange, PageMap, Preamble, Seal,
};

/// The most bytes in the body of a record of fixed size.
const SMALL_BODY_BYTES_MAX: u32 = 64;
/// The most bytes in a chunk's body: its head and a full map.
const CHUNK_BODY_BYTES_MAX: u32 = SMALL_BODY_BYTES_MAX + CHUNK_PAGES_MAX as u32 / 4;

/// Reads an image.
pub struct Reader {
    limits: Limits,
    expecting: Expecting,
    buffer: Vec<u8>,
    split_page: Vec<u8>,
    running: Running,
    domains: Vec<Progress>,
    attempts: u32,
    sealed_checksum: Option<Checksum>,
    sealed: bool,
    failed: Option<Error>,
}

enum Expecting {
    Preamble,
    Head,
    Body(RecordHead),
    Pages(Pages),
}

/// The chunk whose pages are awaited.
struct Pages {
    domain: u8,
    chunk: Chunk,
    map: PageMap,
    next: usize,
}

impl Reader {
    /// A reader with these limits.
    pub fn new(limits: Limits) -> Reader {
        Reader {
            limits,
            expecting: Expecting::Preamble,
            buffer: Vec::new(),
            split_page: Vec::new(),
            running: Running::default(),
            domains: Vec::new(),
            attempts: 0,
            sealed_checksum: None,
            sealed: false,
            failed: None,
        }
    }

    /// Sets the limits for everything read from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Reads a part of `input`; returns its length, and the event that it completed. The caller repeats this until all of
    /// the input is read; an event may be returned without a byte being read.
    ///
    /// # Errors
    /// The first fault of the image; every later call returns the same.
    pub fn read<'a>(&'a mut self, input: &'a [u8]) -> Result<(usize, Option<Event<'a>>), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let need = self.need();
        let missing = need - self.buffer.len();
        let Some((part, _)) = input.split_at_checked(missing) else {
            // The buffer doubles as it grows, because a state is long. It never exceeds the bytes that are needed.
            let more = input.len().max(self.buffer.len()).min(missing);
            self.buffer.reserve_exact(more);
            self.buffer.extend_from_slice(input);
            return Ok((input.len(), None));
        };
        // An item that is whole in the input is not copied.
        let split = !self.buffer.is_empty();
        if split {
            self.buffer.extend_from_slice(part);
        }
        if let Expecting::Pages(_) = self.expecting {
            return Ok((missing, self.page((!split).then_some(part))));
        }
        let buffer = core::mem::take(&mut self.buffer);
        match self.item(if split { &buffer } else { part }) {
            Ok(event) => Ok((missing, event)),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// Checks whether the image may end here.
    ///
    /// # Errors
    /// An earlier fault, or [`Error::Truncated`] if the last record was not a seal.
    pub fn finish(&self) -> Result<(), Error> {
        match self.failed {
            Some(error) => Err(error),
            None if self.sealed && self.buffer.is_empty() => Ok(()),
            None => Err(Error::Truncated),
        }
    }

    fn need(&self) -> usize {
        match &self.expecting {
            Expecting::Preamble => PREAMBLE_BYTES,
            Expecting::Head => RECORD_HEAD_BYTES,
            Expecting::Body(head) => head.body_bytes as usize,
            Expecting::Pages(_) => PAGE_BYTES,
        }
    }

    fn item(&mut self, bytes: &[u8]) -> Result<Option<Event<'static>>, Error> {
        match self.expecting {
            Expecting::Preamble => self.preamble(bytes).map(Some),
            Expecting::Head => self.head(bytes).map(|()| None),
            Expecting::Body(head) => {
                self.expecting = Expecting::Head;
                let event = self.body(head, bytes)?;
                self.running.update(bytes);
                Ok(Some(event))
            }
            Expecting::Pages(_) => Ok(None),
        }
    }

    fn preamble(&mut self, bytes: &[u8]) -> Result<Event<'static>, Error> {
        let preamble = Preamble::from_bytes(array(bytes)?, &self.limits)?;
        self.running.update(bytes);
        self.domains
            .resize_with(preamble.domain_count.into(), Progress::default);
        self.expecting = Expecting::Head;
        Ok(Event::Begun(preamble))
    }

    fn head(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let head = RecordHead::from_bytes(*array(bytes)?)?;
        let most = match head.kind {
            RecordKind::Outline => self.limits.outline_bytes_max,
            RecordKind::State => self.limits.state_bytes_max,
            RecordKind::Chunk => CHUNK_BODY_BYTES_MAX,
            RecordKind::Memory | RecordKind::Round | RecordKind::Seal => SMALL_BODY_BYTES_MAX,
        };
        at_most("bytes in a record", head.body_bytes, most)?;
        self.check_place(head)?;
        self.sealed = false;
        if head.kind == RecordKind::Seal {
            self.sealed_checksum = Some(self.running.checksum());
        }
        self.running.update(bytes);
        self.expecting = Expecting::Body(head);
        Ok(())
    }

    /// A seal may come when all domains have their states. Any other record may come when its domain's progress allows
    /// it.
    fn check_place(&self, head: RecordHead) -> Result<(), Error> {
        let (domain, count) = (head.domain, self.domains.len() as u16);
        let progress = self
            .domains
            .get(usize::from(domain))
            .ok_or(Error::NoSuchDomain { domain, count })?;
        let in_place = match head.kind {
            RecordKind::Seal => {
                domain == 0 && self.domains.iter().all(|each| each.allows(head.kind))
            }
            kind => progress.allows(kind),
        };
        in_place.then_some(()).ok_or(Error::OutOfPlace {
            kind: head.kind as u8,
        })
    }

    fn body(&mut self, head: RecordHead, bytes: &[u8]) -> Result<Event<'static>, Error> {
        let domain = head.domain;
        match head.kind {
            RecordKind::Outline => {
                let outline: Outline = decode(head.kind, bytes)?;
                self.progress(domain).begin(outline.identity.clone());
                Ok(Event::Outline(domain, outline))
            }
            RecordKind::Memory => {
                let announcement = decode(head.kind, bytes)?;
                let limits = self.limits;
                self.progress(domain).announce(&announcement, &limits)?;
                Ok(Event::Memory(domain, announcement))
            }
            RecordKind::Chunk => self.chunk(domain, bytes),
            RecordKind::Round => {
                self.progress(domain).resume();
                Ok(Event::Round(domain, decode(head.kind, bytes)?))
            }
            RecordKind::State => self.state(domain, bytes),
            RecordKind::Seal => self.seal(decode(head.kind, bytes)?),
        }
    }

    fn chunk(&mut self, domain: u8, bytes: &[u8]) -> Result<Event<'static>, Error> {
        let kind = RecordKind::Chunk as u8;
        let (chunk, map): (Chunk, _) =
            postcard::take_from_bytes(bytes).map_err(|_| Error::Malformed { kind })?;
        let map =
            PageMap::from_bytes(chunk.page_count.into(), map).ok_or(Error::Malformed { kind })?;
        self.progress(domain).check_chunk(&chunk)?;
        self.await_pages(Pages {
            domain,
            chunk,
            map: map.clone(),
            next: 0,
        });
        Ok(Event::Chunk(domain, chunk, map))
    }

    /// Awaits the chunk's next page, if there is one.
    fn await_pages(&mut self, mut pages: Pages) {
        let next = (pages.next..pages.map.page_count())
            .find(|page| pages.map.get(*page) == PageChange::Data);
        self.expecting = match next {
            Some(page) => {
                pages.next = page;
                Expecting::Pages(pages)
            }
            None => Expecting::Head,
        };
    }

    fn page<'a>(&'a mut self, in_input: Option<&'a [u8]>) -> Option<Event<'a>> {
        let Expecting::Pages(mut pages) = core::mem::replace(&mut self.expecting, Expecting::Head)
        else {
            return None;
        };
        let (domain, chunk, page) = (pages.domain, pages.chunk, pages.next);
        pages.next += 1;
        self.await_pages(pages);
        if in_input.is_none() {
            self.split_page = core::mem::take(&mut self.buffer);
        }
        let bytes = in_input.unwrap_or(&self.split_page);
        self.running.update(bytes);
        let bytes = bytes.try_into().ok()?;
        Some(Event::Page(
            domain,
            chunk.memory,
            chunk.first_page + page as u64,
            bytes,
        ))
    }

    fn state(&mut self, domain: u8, bytes: &[u8]) -> Result<Event<'static>, Error> {
        let description = Description::from_bytes(bytes, &self.limits)?;
        self.progress(domain).describe(&description)?;
        Ok(Event::State(domain, Box::new(description)))
    }

    fn seal(&mut self, seal: Seal) -> Result<Event<'static>, Error> {
        if self.sealed_checksum != Some(seal.checksum) || seal.attempt != self.attempts + 1 {
            return Err(Error::ChecksumMismatch);
        }
        self.attempts += 1;
        self.sealed = true;
        self.domains.iter_mut().for_each(Progress::resume);
        Ok(Event::Sealed(seal))
    }

    /// The domain's progress. It exists: the head was checked.
    fn progress(&mut self, domain: u8) -> &mut Progress {
        &mut self.domains[usize::from(domain)]
    }
}

fn array<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Truncated)
}
