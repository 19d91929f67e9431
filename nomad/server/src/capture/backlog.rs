//! The pages of a domain still to be sent, and the pass that sends them: [`Backlog`].

use alloc::vec::Vec;

use abi::register::ObjectId;
use nomad_image::{Numbering, Writer};
use runtime::capability::Domain;
use runtime::{Cap, Error};

use crate::capture::CaptureError;
use crate::capture::captured::{Captured, Log};
use crate::capture::listing::Read;
use crate::capture::pass::{Pass, PassContext};
use crate::capture::staging::Staging;
use crate::kept::{KeptMemories, KeptMemory};
use nomad_shell::page_state::Scope;
use nomad_shell::returns::Visited;

/// The pages of a domain still to be sent.
#[derive(Debug)]
pub struct Backlog {
    domain: Cap<Domain>,
    memories: Vec<Captured>,
    /// Logs to continue, until the dirty pages were collected once. After that the destination no longer keeps pages that a
    /// Memory could continue.
    visited: Vec<Visited<Log>>,
    pass: Option<Pass>,
}

impl Backlog {
    /// The backlog of a domain whose Memories are not known yet.
    pub fn new(domain: Cap<Domain>) -> Backlog {
        Backlog {
            domain,
            memories: Vec::new(),
            visited: Vec::new(),
            pass: None,
        }
    }

    /// Continues these logs when the dirty pages are collected for the first time.
    pub fn continue_logs(&mut self, visited: Vec<Visited<Log>>) {
        self.visited = visited;
    }

    /// The Memories that the destination has, by their positions in the image.
    pub fn sent_memories(&self, numbering: &mut Numbering) -> KeptMemories {
        let sent = self.memories.iter().filter(|memory| memory.is_announced);
        sent.map(|memory| {
            let (id, page_count) = (memory.source.memory, memory.pages.page_count());
            (numbering.object(id), KeptMemory { id, page_count })
        })
        .collect()
    }

    /// A Memory of this size that was not collected yet.
    fn begin(&mut self, id: ObjectId, pages: u64) -> Result<Captured, Error> {
        let is_it = |visited: &mut Visited<Log>| {
            visited.log.memory == id && visited.present.page_count() == pages
        };
        let visited = self.visited.extract_if(.., is_it).next();
        match visited.map(|visited| Captured::continued(self.domain, visited)) {
            // Another owner has begun a log since.
            None | Some(Err(Error::InUse)) => Captured::new(self.domain, id, pages),
            Some(continued) => continued,
        }
    }

    /// Adds the pages written since the last call, of every Memory that the domain has now; the first time, all pages
    /// that are present. `scope` is the scope of the next pass, and shows whether the domain runs. The list of a
    /// running domain may be incomplete. So while the domain runs, only the kernel's reply about a Memory shows that
    /// the Memory has ended. If a Memory were dropped because it is not listed, and listed again later, the destination
    /// would get a second announcement of it.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn collect_dirty(&mut self, read: &Read, scope: Scope) -> Result<(), Error> {
        let is_listed = |memory: &Captured| {
            let mut memories = read.memories();
            memories.any(|record| record.id == memory.source.memory.0)
        };
        if scope == Scope::Freeze {
            self.memories.retain(is_listed);
        }
        let is_returning = !self.visited.is_empty();
        for record in read.memories().filter(|record| record.attribute == 0) {
            let id = ObjectId(record.id);
            let is_known = |memory: &Captured| memory.source.memory == id;
            if !self.memories.iter().any(is_known) {
                let memory = self.begin(id, record.size);
                self.memories.extend(scope.unless_gone(memory)?);
            }
        }
        self.visited.clear();
        if is_returning {
            // Memories that continue come first: at the first other Memory, the destination destroys the kept pages that no
            // Memory has continued.
            self.memories
                .sort_by_key(|memory| memory.continues.is_none());
        }
        let mut index = 0;
        while let Some(memory) = self.memories.get_mut(index) {
            match scope.unless_gone(memory.collect_dirty())? {
                Some(()) => index += 1,
                None => drop(self.memories.remove(index)),
            }
        }
        Ok(())
    }

    /// The number of pages to be sent.
    pub fn page_count(&self) -> u64 {
        let pending = self
            .memories
            .iter()
            .map(|memory| memory.pages.pending.len());
        pending.sum()
    }

    /// Begins a pass over the pages of a running domain.
    pub fn begin_round(&mut self) {
        self.pass = Some(Pass::new(Scope::Round));
    }

    /// Begins the pass over the pages of a frozen domain with these lists.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn begin_freeze(&mut self, read: &Read) -> Result<(), Error> {
        self.collect_dirty(read, Scope::Freeze)?;
        for memory in &mut self.memories {
            let id = memory.source.memory.0;
            let record = read.memories().find(|record| record.id == id);
            memory.collect_present(record.map_or(0, |record| record.present))?;
        }
        self.pass = Some(Pass::new(Scope::Freeze));
        Ok(())
    }

    /// Whether the pass over the pages of a frozen domain announces no Memory.
    pub fn announces_none(&self) -> bool {
        let mut memories = self.memories.iter();
        memories.all(|memory| {
            let is_empty = memory.continues.is_none() && memory.pages.is_empty();
            memory.is_announced || is_empty
        })
    }

    /// Appends a piece of the pass; returns whether there is more.
    ///
    /// # Errors
    /// The error of the kernel, or no pass was begun.
    pub fn produce(
        &mut self,
        staging: &mut Staging,
        numbering: &mut Numbering,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) -> Result<bool, CaptureError> {
        let pass = self.pass.as_mut().ok_or(CaptureError::Inconsistent)?;
        let mut context = PassContext {
            memories: &mut self.memories,
            staging,
            numbering,
            writer,
        };
        Ok(pass.produce(&mut context, out)?)
    }

    /// Ends the pass; returns the number of pages that it sent with their bytes.
    ///
    /// # Errors
    /// No pass was begun.
    pub fn end_pass(&mut self) -> Result<u64, CaptureError> {
        let pass = self.pass.take().ok_or(CaptureError::Inconsistent)?;
        Ok(pass.data_pages)
    }

    /// Empties the backlog. The dirty logs stay until their next owner begins new ones.
    pub fn clear(&mut self) {
        self.memories.clear();
        self.visited.clear();
        self.pass = None;
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::record::ObjectRecord;
    use abi::register::Slot;
    use runtime::host::{CallResult, DONE, with_kernel};

    use super::*;
    use crate::capture::staging::Source;
    use crate::machine::Machine;
    use nomad_shell::page_set::PageSet;
    use nomad_shell::page_state::PageState;

    const DOMAIN: Cap<Domain> = Cap::from_slot(Slot(8));
    const ENDED: ObjectId = ObjectId(1);
    const LIVING: ObjectId = ObjectId(2);

    /// A kernel in which one Memory has ended, and all pages are zeros.
    fn kernel(request: &Request) -> CallResult {
        match request {
            Request::DomainReadPages(call) if call.memory == ENDED => Err(Error::NotThere),
            Request::DomainReadPages(call) => Ok([0, 0, call.wanted, 0, 0, 0, 0, 0]),
            Request::DomainBeginLog(call) if call.memory == ENDED => Err(Error::NotThere),
            Request::DomainPages(call) if call.memory == ENDED => Err(Error::NotThere),
            Request::DomainPages(call) => Ok([call.page_count.0, 0, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    /// A Memory of which all pages are to be sent.
    fn written(memory: ObjectId) -> Captured {
        let mut pages = PageState::new(600);
        (0..600).for_each(|page| pages.pending.insert(page));
        Captured {
            source: Source {
                domain: DOMAIN,
                memory,
                log: 1,
            },
            pages,
            is_announced: false,
            continues: None,
        }
    }

    fn backlog() -> Backlog {
        Backlog {
            memories: [ENDED, LIVING].map(written).into(),
            ..Backlog::new(DOMAIN)
        }
    }

    /// Lists that were read before the Memory ended.
    fn read() -> Read {
        let mut read = Read::default();
        read.listing.objects = [ENDED, LIVING].map(record).into();
        read
    }

    fn record(id: ObjectId) -> ObjectRecord {
        ObjectRecord {
            id: id.0,
            kind: abi::ObjectKind::Memory as u64,
            size: 600,
            ..ObjectRecord::default()
        }
    }

    fn memories(backlog: &Backlog) -> Vec<ObjectId> {
        let memories = backlog.memories.iter();
        memories.map(|memory| memory.source.memory).collect()
    }

    /// Sends everything in a pass.
    fn send(backlog: &mut Backlog) -> Result<(), CaptureError> {
        let mut staging = Staging::new(&Machine::for_tests())?;
        let (mut numbering, mut out) = (Numbering::default(), Vec::new());
        let mut writer = Writer::new(1, &mut out);
        while backlog.produce(&mut staging, &mut numbering, &mut writer, &mut out)? {
            out.clear();
        }
        Ok(())
    }

    #[test]
    fn a_memory_that_ends_during_a_round_is_dropped_and_the_others_are_sent() {
        let (backlog, _) = with_kernel(kernel, || {
            let mut backlog = backlog();
            backlog.begin_round();
            send(&mut backlog).map(|()| backlog)
        });
        let backlog = backlog.expect("the round goes on");
        assert_eq!(memories(&backlog), [LIVING]);
        assert_eq!(backlog.page_count(), 0);
    }

    #[test]
    fn a_memory_that_is_missing_in_the_list_of_a_running_domain_is_kept() {
        let collect = |scope| {
            let (backlog, _) = with_kernel(kernel, || {
                let mut backlog = backlog();
                let collected = backlog.collect_dirty(&Read::default(), scope);
                collected.map(|()| backlog)
            });
            backlog.expect("collects")
        };
        let backlog = collect(Scope::Round);
        assert_eq!(memories(&backlog), [LIVING]);
        assert_eq!(backlog.page_count(), 600, "its pages are still pending");
        assert_eq!(memories(&collect(Scope::Freeze)), []);
    }

    #[test]
    fn a_memory_that_ended_since_the_domain_was_listed_is_not_collected_while_it_runs() {
        let collect = |mut backlog: Backlog, scope| {
            let (collected, _) = with_kernel(kernel, || backlog.collect_dirty(&read(), scope));
            collected.map(|()| memories(&backlog))
        };
        for backlog in [backlog, || Backlog::new(DOMAIN)] {
            let collected = collect(backlog(), Scope::Round);
            assert_eq!(collected, Ok([LIVING].into()));
            let collected = collect(backlog(), Scope::Freeze);
            assert_eq!(collected, Err(Error::NotThere));
        }
    }

    #[test]
    fn a_memory_with_pages_is_to_be_announced_once() {
        let mut backlog = backlog();
        assert!(!backlog.announces_none());
        backlog.memories[0].is_announced = true;
        backlog.memories[1].pages = PageState::new(600);
        assert!(backlog.announces_none());
    }

    /// The log of the living Memory, which was begun when these pages were present.
    fn visited(present: &[u64]) -> Vec<Visited<Log>> {
        let mut pages = PageSet::new(600);
        present.iter().for_each(|page| pages.insert(*page));
        Vec::from([Visited {
            position: 4,
            present: pages,
            log: Log {
                memory: LIVING,
                token: 9,
            },
        }])
    }

    /// The Memory of a domain that returns, after its dirty pages were collected once: the token of its log, the position
    /// that it continues, and the number of pages that the destination has.
    fn returning(kernel: fn(&Request) -> CallResult) -> (u64, Option<u32>, u64) {
        let (backlog, _) = with_kernel(kernel, || {
            let mut backlog = Backlog::new(DOMAIN);
            backlog.continue_logs(visited(&[1, 2, 3]));
            let collected = backlog.collect_dirty(&read(), Scope::Round);
            assert!(backlog.visited.is_empty(), "later Memories are new");
            collected.map(|()| backlog)
        });
        let backlog = backlog.expect("collects");
        let [memory] = &backlog.memories[..] else {
            panic!("{backlog:?}");
        };
        (
            memory.source.log,
            memory.continues,
            memory.pages.known.len(),
        )
    }

    #[test]
    fn the_log_of_a_domain_that_returns_continues() {
        assert_eq!(returning(kernel), (9, Some(4), 3));
    }

    #[test]
    fn memories_that_continue_come_first_and_pages_discarded_since_are_announced() {
        let other = ObjectId(3);
        let (backlog, _) = with_kernel(kernel, || {
            let mut backlog = Backlog::new(DOMAIN);
            backlog.continue_logs(visited(&[1, 2, 3]));
            let mut read = Read::default();
            read.listing.objects = [other, LIVING].map(record).into();
            let collected = backlog.collect_dirty(&read, Scope::Round);
            collected.map(|()| backlog)
        });
        let backlog = backlog.expect("collects");
        assert_eq!(memories(&backlog), [LIVING, other]);
        // In this kernel, no page is present.
        assert_eq!(backlog.memories[0].pages.pending.len(), 3);
    }

    #[test]
    fn a_memory_whose_log_another_owner_has_begun_is_new() {
        let taken_over: fn(&Request) -> CallResult = |request| match request {
            Request::DomainPages(call) if call.log == 9 => Err(Error::InUse),
            Request::DomainBeginLog(call) if call.memory == LIVING => Ok([10, 0, 0, 0, 0, 0, 0, 0]),
            other => kernel(other),
        };
        assert_eq!(returning(taken_over), (10, None, 0));
    }

    #[test]
    fn a_memory_that_continues_is_to_be_announced_even_without_pages() {
        let mut backlog = Backlog::new(DOMAIN);
        let mut memory = written(LIVING);
        memory.pages = PageState::new(600);
        memory.continues = Some(4);
        backlog.memories.push(memory);
        assert!(!backlog.announces_none());
        backlog.memories[0].is_announced = true;
        assert!(backlog.announces_none());
        let mut numbering = Numbering::default();
        let sent = backlog.sent_memories(&mut numbering);
        assert_eq!(
            sent.values().map(|sent| sent.id).collect::<Vec<_>>(),
            [LIVING]
        );
    }

    #[test]
    fn a_frozen_domain_ends_no_memory() {
        let (sent, _) = with_kernel(kernel, || {
            let mut backlog = backlog();
            backlog.pass = Some(Pass::new(Scope::Freeze));
            backlog.memories.iter_mut().for_each(|memory| {
                (0..600).for_each(|page| memory.pages.present.insert(page));
            });
            send(&mut backlog)
        });
        assert_eq!(sent, Err(CaptureError::Kernel(Error::NotThere)));
    }
}
