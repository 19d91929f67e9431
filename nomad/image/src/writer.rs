//! The writer: appends an image's records to a buffer. The caller sends or saves the buffer's content, and may empty it
//! at any time.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::checksum::Running;
use crate::codec::append;
use crate::record::{RecordHead, RecordKind};
use crate::{Checksum, Description, Outline, PAGE_BYTES, PageMap, Preamble};

/// A Memory whose pages are in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MemoryKey {
    /// An object of the domain, by position.
    Inside(u32),
    /// An outsider's Memory that moves with the domain, by position: a port's ring.
    Outside(u32),
}

/// The announcement of a Memory, before its first chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The Memory.
    pub memory: MemoryKey,
    /// The number of its pages, present or not.
    pub pages: u64,
    /// The position of a Memory in an earlier image, if this Memory begins with the pages that the destination has kept of
    /// that one. `None` if all pages are absent at first.
    pub continues: Option<u32>,
}

impl Announcement {
    /// Announces a Memory all of whose pages are absent.
    pub fn empty(memory: MemoryKey, pages: u64) -> Announcement {
        Announcement {
            memory,
            pages,
            continues: None,
        }
    }
}

/// The head of a chunk: the pages that its map covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Their Memory.
    pub memory: MemoryKey,
    /// The first page, a multiple of [`crate::CHUNK_PAGES_MAX`].
    pub first_page: u64,
    /// The number of pages.
    pub page_count: u16,
}

/// The end of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Its number, from 1.
    pub number: u32,
    /// The number of pages whose bytes it contained.
    pub data_pages: u64,
}

/// The end of an image, unless another freeze follows, whose state replaces the sealed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The number of the freeze, from 1.
    pub attempt: u32,
    /// The checksum of all bytes before this record.
    pub checksum: Checksum,
}

/// Writes an image.
pub struct Writer {
    running: Running,
    seals: u32,
}

impl Writer {
    /// Begins an image of this many domains.
    pub fn new(domain_count: u16, out: &mut Vec<u8>) -> Writer {
        let mut writer = Writer {
            running: Running::default(),
            seals: 0,
        };
        writer.raw(&Preamble { domain_count }.to_bytes(), out);
        writer
    }

    /// Appends the outline.
    pub fn outline(&mut self, domain: u8, outline: &Outline, out: &mut Vec<u8>) {
        self.record(
            RecordKind::Outline,
            domain,
            |body| append(body, outline),
            out,
        );
    }

    /// Announces a Memory, before its first chunk.
    pub fn memory(&mut self, domain: u8, announcement: &Announcement, out: &mut Vec<u8>) {
        self.record(
            RecordKind::Memory,
            domain,
            |body| append(body, announcement),
            out,
        );
    }

    /// Begins a chunk. [`Writer::page`] must follow for each page that is [`crate::PageChange::Data`] in the map.
    pub fn chunk(
        &mut self,
        domain: u8,
        memory: MemoryKey,
        first_page: u64,
        map: &PageMap,
        out: &mut Vec<u8>,
    ) {
        let chunk = Chunk {
            memory,
            first_page,
            page_count: map.page_count() as u16,
        };
        let body = |body: &mut Vec<u8>| {
            append(body, &chunk);
            body.extend_from_slice(map.as_bytes());
        };
        self.record(RecordKind::Chunk, domain, body, out);
    }

    /// Appends one page of the chunk. `page` is a copy, since the page itself may change while it is hashed and sent.
    pub fn page(&mut self, page: &[u8; PAGE_BYTES], out: &mut Vec<u8>) {
        self.raw(page, out);
    }

    /// Ends a round.
    pub fn round(&mut self, domain: u8, round: Round, out: &mut Vec<u8>) {
        self.record(RecordKind::Round, domain, |body| append(body, &round), out);
    }

    /// Appends the state.
    pub fn state(&mut self, domain: u8, description: &Description, out: &mut Vec<u8>) {
        self.record(
            RecordKind::State,
            domain,
            |body| body.extend(description.to_bytes()),
            out,
        );
    }

    /// Seals the image so far.
    pub fn seal(&mut self, out: &mut Vec<u8>) -> Seal {
        self.seals += 1;
        let seal = Seal {
            attempt: self.seals,
            checksum: self.running.checksum(),
        };
        self.record(RecordKind::Seal, 0, |body| append(body, &seal), out);
        seal
    }

    fn record(
        &mut self,
        kind: RecordKind,
        domain: u8,
        body: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        let mut bytes = Vec::new();
        body(&mut bytes);
        let head = RecordHead {
            kind,
            domain,
            body_bytes: bytes.len() as u32,
        };
        self.raw(&head.to_bytes(), out);
        self.raw(&bytes, out);
    }

    fn raw(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.running.update(bytes);
        out.extend_from_slice(bytes);
    }
}
