//! A pass: one walk over the pages to be sent, in pieces that fit a send buffer.
//!
//! ```text
//!   Memories that continue: announce
//!   Memory after Memory:    announce, unless announced, then chunk after chunk:  head and map, page after page
//! ```
//!
//! A page is pending until it is sent, so a pass that ends early loses nothing.

use alloc::vec::Vec;

use nomad_image::{
    Announcement, CHUNK_PAGES_MAX, MemoryKey, Numbering, PAGE_BYTES, PageChange, PageMap, Writer,
};
use runtime::Error;

use crate::budget::PIECE_BYTES;
use crate::capture::captured::Captured;
use crate::capture::staging::Staging;
use nomad_shell::page_state::Scope;

/// A walk over all pages in scope.
#[derive(Debug)]
pub struct Pass {
    scope: Scope,
    memory: usize,
    first_page: u64,
    chunk: Option<Chunk>,
    /// Whether all Memories that continue are announced. After that the destination destroys the other Memories that it kept.
    are_announced: bool,
    /// Pages sent with their bytes.
    pub data_pages: u64,
}

/// A chunk whose head was sent, and whose data is staged.
#[derive(Debug)]
struct Chunk {
    map: PageMap,
    next: usize,
    /// Copies that were sent.
    sent: usize,
}

/// The objects that a pass uses.
pub struct PassContext<'a> {
    /// The domain's Memories. A Memory that has ended is removed.
    pub memories: &'a mut Vec<Captured>,
    /// The copies of the chunk that is being sent.
    pub staging: &'a mut Staging,
    /// The Memories' positions in the image.
    pub numbering: &'a mut Numbering,
    pub writer: &'a mut Writer,
}

impl Pass {
    /// A pass from the beginning.
    pub fn new(scope: Scope) -> Pass {
        Pass {
            scope,
            memory: 0,
            first_page: 0,
            chunk: None,
            are_announced: false,
            data_pages: 0,
        }
    }

    /// Appends a piece of the image; returns whether there is more.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn produce(
        &mut self,
        context: &mut PassContext<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        while out.len() < PIECE_BYTES {
            if !self.are_announced {
                self.announce_next(context, out);
                continue;
            }
            let Some(memory) = context.memories.get(self.memory) else {
                return Ok(false);
            };
            if self.first_page >= memory.pages.page_count() {
                (self.memory, self.first_page) = (self.memory + 1, 0);
                continue;
            }
            let is_new = self.chunk.is_none();
            if is_new && !memory.pages.concerns_chunk(self.scope, self.first_page) {
                self.first_page += CHUNK_PAGES_MAX as u64;
                continue;
            }
            if is_new {
                self.begin_chunk(context, out)?;
            } else {
                self.send_pages(context, out);
            }
        }
        Ok(true)
    }

    /// Announces the next Memory that continues, if there is one.
    fn announce_next(&mut self, context: &mut PassContext<'_>, out: &mut Vec<u8>) {
        let mut memories = context.memories.iter_mut();
        match memories.find(|memory| memory.continues_unannounced()) {
            Some(memory) => announce(memory, context.numbering, context.writer, out),
            None => self.are_announced = true,
        }
    }

    fn begin_chunk(
        &mut self,
        context: &mut PassContext<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let memory = &mut context.memories[self.memory];
        let first_page = self.first_page;
        let [wanted, gone] = memory.pages.pages_to_announce(self.scope, first_page);
        let content = context.staging.read(&memory.source, first_page, &wanted);
        let Some(content) = self.scope.unless_gone(content)? else {
            context.memories.remove(self.memory);
            self.first_page = 0;
            return Ok(());
        };
        let examined = wanted.union(&gone);
        let map = memory.pages.announce_chunk(first_page, &examined, &content);
        if map.pages(PageChange::Unchanged).count() == map.page_count() {
            self.first_page += CHUNK_PAGES_MAX as u64;
            return Ok(());
        }
        let key = MemoryKey::Inside(context.numbering.object(memory.source.memory));
        if !memory.is_announced {
            announce(memory, context.numbering, context.writer, out);
        }
        context.writer.chunk(0, key, first_page, &map, out);
        self.chunk = Some(Chunk {
            map,
            next: 0,
            sent: 0,
        });
        Ok(())
    }

    fn send_pages(&mut self, context: &mut PassContext<'_>, out: &mut Vec<u8>) {
        let Some(chunk) = &mut self.chunk else { return };
        let memory = &mut context.memories[self.memory];
        let mut bytes = [0; PAGE_BYTES];
        while out.len() < PIECE_BYTES {
            let mut rest = chunk.next..chunk.map.page_count();
            let Some(index) = rest.find(|page| chunk.map.get(*page) == PageChange::Data) else {
                self.chunk = None;
                self.first_page += CHUNK_PAGES_MAX as u64;
                return;
            };
            let page = self.first_page + index as u64;
            context.staging.copy(chunk.sent, &mut bytes);
            context.writer.page(&bytes, out);
            memory.pages.record_sent(page);
            self.data_pages += 1;
            (chunk.next, chunk.sent) = (index + 1, chunk.sent + 1);
        }
    }
}

/// Announces a Memory.
fn announce(
    memory: &mut Captured,
    numbering: &mut Numbering,
    writer: &mut Writer,
    out: &mut Vec<u8>,
) {
    let announcement = Announcement {
        memory: MemoryKey::Inside(numbering.object(memory.source.memory)),
        pages: memory.pages.page_count(),
        continues: memory.continues,
    };
    writer.memory(0, &announcement, out);
    memory.is_announced = true;
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::register::{ObjectId, Slot};
    use runtime::Cap;
    use runtime::host::{DONE, with_kernel};

    use super::*;
    use crate::capture::staging::Source;
    use crate::machine::Machine;
    use nomad_shell::page_state::PageState;

    /// A Memory whose pages 600 and 601 the destination has. Only page 601 is still there, and none is pending.
    fn with_a_page_given_up() -> Captured {
        let mut pages = PageState::new(1100);
        [600, 601]
            .into_iter()
            .for_each(|page| pages.known.insert(page));
        pages.present.insert(601);
        Captured {
            source: Source {
                domain: Cap::from_slot(Slot(8)),
                memory: ObjectId(1),
                log: 1,
            },
            pages,
            is_announced: true,
            continues: None,
        }
    }

    /// Makes a complete pass over a Memory; returns the pages that the destination then has, and the bytes of the image.
    fn pass_over(memory: Captured, scope: Scope) -> (Vec<u64>, usize) {
        let (passed, _) = with_kernel(
            |_| DONE,
            || {
                let mut memories = Vec::from([memory]);
                let mut out = Vec::new();
                let mut context = PassContext {
                    memories: &mut memories,
                    staging: &mut Staging::new(&Machine::for_tests()).expect("room for a chunk"),
                    numbering: &mut Numbering::default(),
                    writer: &mut Writer::new(1, &mut out),
                };
                let head = out.len();
                let produced = Pass::new(scope).produce(&mut context, &mut out);
                assert_eq!(produced, Ok(false), "it fits one piece");
                let known = |page: &u64| memories[0].pages.known.contains(*page);
                ((0..1100).filter(known).collect(), out.len() - head)
            },
        );
        passed
    }

    #[test]
    fn a_discarded_page_is_announced_when_the_domain_is_frozen() {
        let (known, bytes) = pass_over(with_a_page_given_up(), Scope::Freeze);
        assert_eq!(known, [601]);
        assert!(bytes > 0, "a change was announced");
    }

    #[test]
    fn a_memory_that_continues_is_announced_even_if_nothing_is_sent() {
        let [is_new, continues] = [None, Some(4)].map(|continues| {
            let mut memory = with_a_page_given_up();
            memory.is_announced = false;
            memory.continues = continues;
            pass_over(memory, Scope::Round).1
        });
        assert!(is_new == 0 && continues > 0, "{is_new} {continues}");
    }

    /// The destination needs the memory of the others for pages.
    #[test]
    fn all_memories_that_continue_are_announced_before_pages() {
        let (announced, _) = with_kernel(
            |request| match request {
                Request::DomainReadPages(_) => Err(Error::WrongState),
                _ => DONE,
            },
            || {
                let mut memories = Vec::from([4, 5].map(|continued| Captured {
                    is_announced: false,
                    continues: Some(continued),
                    ..with_a_page_given_up()
                }));
                memories[0].pages.pending.insert(601);
                let mut out = Vec::new();
                let mut context = PassContext {
                    memories: &mut memories,
                    staging: &mut Staging::new(&Machine::for_tests()).expect("room for a chunk"),
                    numbering: &mut Numbering::default(),
                    writer: &mut Writer::new(1, &mut out),
                };
                let produced = Pass::new(Scope::Round).produce(&mut context, &mut out);
                assert!(produced.is_err(), "the first page cannot be read");
                [0, 1].map(|index: usize| memories[index].is_announced)
            },
        );
        assert_eq!(announced, [true; 2]);
    }

    #[test]
    fn a_round_covers_only_pages_that_were_written() {
        let (known, bytes) = pass_over(with_a_page_given_up(), Scope::Round);
        assert_eq!((known, bytes), ([600, 601].into(), 0));
    }
}
