//! The pages of a domain that are still to be sent, and the pass that sends them: [`Backlog`].

use alloc::vec::Vec;

use abi::register::ObjectId;
use nomad_image::{Numbering, Writer};
use runtime::capability::Domain;
use runtime::{Cap, Error};

use crate::capture::CaptureError;
use crate::capture::captured::Captured;
use crate::capture::listing::Read;
use crate::capture::pass::{Ends, Pass, Scope};
use crate::capture::staging::Staging;

/// The pages of a domain that are still to be sent.
#[derive(Debug)]
pub struct Backlog {
    domain: Cap<Domain>,
    memories: Vec<Captured>,
    pass: Option<Pass>,
}

impl Backlog {
    /// Of a domain of which nothing is known yet.
    pub fn new(domain: Cap<Domain>) -> Backlog {
        Backlog {
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
        let is_there = |memory: &Captured| {
            let mut memories = read.memories();
            memories.any(|record| record.id == memory.source.memory.0)
        };
        self.memories.retain(is_there);
        for record in read.memories().filter(|record| record.attribute == 0) {
            let id = ObjectId(record.id);
            let is_known = |memory: &Captured| memory.source.memory == id;
            if !self.memories.iter().any(is_known) {
                let memory = Captured::new(self.domain, id, record.size)?;
                self.memories.push(memory);
            }
        }
        for memory in &mut self.memories {
            memory.collect_dirty()?;
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
            memory.collect_present()?;
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
        staging: &mut Staging,
        numbering: &mut Numbering,
        writer: &mut Writer,
        out: &mut Vec<u8>,
    ) -> Result<bool, CaptureError> {
        let pass = self.pass.as_mut().ok_or(CaptureError::Confused)?;
        let mut ends = Ends {
            memories: &mut self.memories,
            staging,
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

    /// Forgets all of it: nothing is to be sent any more. Its dirty logs are left to whoever begins the next ones.
    pub fn clear(&mut self) {
        self.memories.clear();
        self.pass = None;
    }
}
