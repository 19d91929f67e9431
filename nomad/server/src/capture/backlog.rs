//! The pages of a domain that are still to be sent, and the pass that sends them: [`Backlog`].

use alloc::vec::Vec;

use abi::register::ObjectId;
use nomad_image::{Numbering, Writer};
use runtime::capability::Domain;
use runtime::{Cap, Error};

use crate::capture::CaptureError;
use crate::capture::captured::{self, Captured};
use crate::capture::listing::Read;
use crate::capture::pass::{Ends, Pass, Scope};

/// The pages of a domain that are still to be sent.
#[derive(Debug)]
pub struct Backlog {
    own: Cap<Domain>,
    domain: Cap<Domain>,
    memories: Vec<Captured>,
    pass: Option<Pass>,
}

impl Backlog {
    /// Of a domain of which nothing is known yet. `own` is this server's.
    pub fn new(own: Cap<Domain>, domain: Cap<Domain>) -> Backlog {
        Backlog {
            own,
            domain,
            memories: Vec::new(),
            pass: None,
        }
    }

    /// Adds what was written since the last time, of every Memory that the domain has now; at first, all of it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn collect_dirty(&mut self, read: &Read) -> Result<(), Error> {
        let is_there = |memory: &Captured| read.memories().any(|record| record.id == memory.id.0);
        self.memories.retain(is_there);
        for record in read.memories().filter(|record| record.attribute == 0) {
            let id = ObjectId(record.id);
            if !self.memories.iter().any(|memory| memory.id == id) {
                let memory = Captured::new(self.own, self.domain, id, record.size)?;
                self.memories.push(memory);
            }
        }
        for memory in &mut self.memories {
            memory.collect_dirty(self.domain)?;
        }
        Ok(())
    }

    /// How many pages are to be sent.
    pub fn page_count(&self) -> u64 {
        let pending = self
            .memories
            .iter()
            .map(|memory| memory.pages.pending.len());
        pending.sum()
    }

    /// Begins a pass over the pages of a domain that runs.
    pub fn begin_round(&mut self) {
        self.pass = Some(Pass::new(Scope::Round));
    }

    /// Begins the pass over the pages of a domain that stands still.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn begin_freeze(&mut self) -> Result<(), Error> {
        for memory in &mut self.memories {
            memory.collect_present(self.domain)?;
        }
        self.pass = Some(Pass::new(Scope::Freeze));
        Ok(())
    }

    /// Appends a piece of the pass; says whether there is more.
    ///
    /// # Errors
    /// No pass was begun, or what the kernel says.
    pub fn produce(
        &mut self,
        numbering: &mut Numbering,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) -> Result<bool, CaptureError> {
        let pass = self.pass.as_mut().ok_or(CaptureError::Confused)?;
        let mut ends = Ends {
            domain: self.domain,
            memories: &mut self.memories,
            numbering,
            writer,
        };
        Ok(pass.produce(&mut ends, out)?)
    }

    /// Ends the pass; says how many pages it sent with their bytes.
    ///
    /// # Errors
    /// None was begun.
    pub fn end_pass(&mut self) -> Result<u64, CaptureError> {
        let pass = self.pass.take().ok_or(CaptureError::Confused)?;
        Ok(pass.data_pages)
    }

    /// Ends the dirty log: nothing is to be sent any more.
    pub fn end(&mut self) {
        for memory in self.memories.drain(..) {
            let _ = memory.end_log(self.domain);
        }
    }

    /// Ends the dirty log that an earlier life of this server began.
    pub fn end_unknown(&self, read: &Read) {
        for memory in read.memories() {
            let _ = captured::end_log(self.domain, ObjectId(memory.id));
        }
    }

    /// Forgets a domain that is gone.
    pub fn clear(&mut self) {
        self.memories.clear();
    }
}
