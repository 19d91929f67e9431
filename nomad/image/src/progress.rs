//! The records of a domain read so far: [`Progress`]. The next records are checked against them.

use alloc::vec::Vec;

use crate::limits::at_most;
use crate::record::RecordKind;
use crate::{
    Announcement, CHUNK_PAGES_MAX, Chunk, Description, Error, Identity, Limits, MemoryKey, Object,
};

/// The records of a domain read so far.
#[derive(Default)]
pub struct Progress {
    identity: Option<Identity>,
    memories: Vec<(MemoryKey, u64)>,
    /// The positions in an earlier image that are continued.
    continued: Vec<u32>,
    state: bool,
}

impl Progress {
    /// Whether a record of this kind may come now. The outline comes first, and once. After a state only chunks, the end of the
    /// round or the seal may come.
    pub fn allows(&self, kind: RecordKind) -> bool {
        match kind {
            RecordKind::Outline => self.identity.is_none(),
            RecordKind::Round | RecordKind::Chunk => self.identity.is_some(),
            RecordKind::Seal => self.state,
            _ => self.identity.is_some() && !self.state,
        }
    }

    /// Records the identity from the outline.
    pub fn begin(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// Records a Memory.
    ///
    /// # Errors
    /// It was announced before, exceeds the limits, or continues a Memory of an earlier image that it must not continue.
    pub fn announce(&mut self, announcement: &Announcement, limits: &Limits) -> Result<(), Error> {
        let Announcement {
            memory,
            pages,
            continues,
        } = *announcement;
        if self.pages_of(memory).is_some() {
            return Err(Error::Reannounced);
        }
        let most = u64::from(limits.objects_max) + u64::from(limits.outsiders_max);
        at_most("Memories", self.memories.len() as u64 + 1, most)?;
        let known = self.memories.iter().map(|(_, pages)| *pages);
        let sum = known.fold(pages, u64::saturating_add);
        at_most("pages", sum, limits.pages_max)?;
        self.record_continued(memory, continues)?;
        self.memories.push((memory, pages));
        Ok(())
    }

    /// Records which Memory of an earlier image this one continues. Only a Memory of the domain may continue one, and no two
    /// may continue the same one.
    fn record_continued(&mut self, memory: MemoryKey, continues: Option<u32>) -> Result<(), Error> {
        let Some(position) = continues else {
            return Ok(());
        };
        if matches!(memory, MemoryKey::Outside(_)) || self.continued.contains(&position) {
            return Err(Error::Continuation { position });
        }
        self.continued.push(position);
        Ok(())
    }

    /// Checks a chunk against its Memory.
    ///
    /// # Errors
    /// The Memory was not announced, or the chunk lies beyond its end or is misaligned.
    pub fn check_chunk(&self, chunk: &Chunk) -> Result<(), Error> {
        let memory_pages = self.pages_of(chunk.memory);
        let memory_pages = memory_pages.ok_or(Error::UnannouncedMemory)?;
        let (first_page, page_count) = (chunk.first_page, chunk.page_count.into());
        let end = first_page.checked_add(page_count);
        let within = end.is_some_and(|end| end <= memory_pages);
        if within && first_page.is_multiple_of(CHUNK_PAGES_MAX as u64) {
            return Ok(());
        }
        Err(Error::PagesBeyondMemory {
            first_page,
            page_count,
            memory_pages,
        })
    }

    /// Records a state.
    ///
    /// # Errors
    /// The state is that of another domain, or its Memories differ from their announcements.
    pub fn describe(&mut self, description: &Description) -> Result<(), Error> {
        if self.identity.as_ref() != Some(&description.identity) {
            return Err(Error::IdentityChanged);
        }
        let mut memories = self.memories.iter();
        if !memories.all(|(memory, pages)| agrees(description, *memory, *pages)) {
            return Err(Error::Reannounced);
        }
        self.state = true;
        Ok(())
    }

    /// Allows further records: after the end of a round the domain continues to run, and a sealed state may be replaced.
    pub fn resume(&mut self) {
        self.state = false;
    }

    fn pages_of(&self, memory: MemoryKey) -> Option<u64> {
        let mut memories = self.memories.iter();
        let (_, pages) = memories.find(|(known, _)| *known == memory)?;
        Some(*pages)
    }
}

/// Whether a Memory is as announced, or has ended.
fn agrees(description: &Description, memory: MemoryKey, announced: u64) -> bool {
    match memory {
        MemoryKey::Inside(index) => match description.objects.get(index as usize) {
            Some(Object::Memory { pages, .. }) => *pages == announced,
            Some(Object::Gone) => true,
            _ => false,
        },
        MemoryKey::Outside(index) => {
            let outsider = description.outsiders.get(index as usize);
            outsider.is_some_and(|outsider| outsider.kind == abi::ObjectKind::Memory)
        }
    }
}
