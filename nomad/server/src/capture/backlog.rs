//! The pages of a domain still to be sent, and the pass that sends them: [`Backlog`].

use alloc::vec::Vec;

use abi::register::ObjectId;
use nomad_image::{Numbering, Writer};
use runtime::capability::Domain;
use runtime::{Cap, Error};

use crate::capture::CaptureError;
use crate::capture::captured::Captured;
use crate::capture::listing::Read;
use crate::capture::pass::{Pass, PassContext};
use crate::capture::staging::Staging;
use nomad_shell::page_state::Scope;

/// The pages of a domain still to be sent.
#[derive(Debug)]
pub struct Backlog {
    domain: Cap<Domain>,
    memories: Vec<Captured>,
    pass: Option<Pass>,
}

impl Backlog {
    /// The backlog of a domain whose Memories are not known yet.
    pub fn new(domain: Cap<Domain>) -> Backlog {
        Backlog {
            domain,
            memories: Vec::new(),
            pass: None,
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
        for record in read.memories().filter(|record| record.attribute == 0) {
            let id = ObjectId(record.id);
            let is_known = |memory: &Captured| memory.source.memory == id;
            if !self.memories.iter().any(is_known) {
                let memory = Captured::new(self.domain, id, record.size);
                self.memories.extend(scope.unless_gone(memory)?);
            }
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
        memories.all(|memory| memory.is_announced || memory.pages.is_empty())
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
