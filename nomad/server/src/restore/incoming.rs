//! An arriving domain: the steps of a destination. `assembly` builds the domain, `returning` has the steps for a domain that
//! was here before.
//!
//! ```text
//!   admitted --chunks, pages--> ... --state--> described --build--> built, and kept by root --hand_over--> root's
//!                                ^                 |
//!                                |                 | trial_build, once, while the domain runs on the source
//!                                |                 v
//!                                `-- built on trial, without its state
//! ```
//!
//! When the description of the frozen domain arrives, the trial build becomes the domain, if only its state has changed since.
//! Otherwise the trial build is destroyed, and the domain is built afresh. In both cases root takes the domain over (the request
//! `keep`) when the last pages have arrived.
//!
//! Everything here ends with this server, except a domain that root keeps. Only root activates or discards such a domain.

mod assembly;
mod returning;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;

use identity::{DomainId, Incarnation, Name};
use nomad_image::{
    Announcement, Chunk, Description, Event, Identity, MemoryKey, PAGE_BYTES, PageMap,
};
use nomad_shell::{ArrivingClock, Provenance};
use runtime::capability::Pool;
use runtime::port::PORT_PAGES;
use runtime::protocol::Mac;
use runtime::{Cap, clock};

use crate::budget::{Extent, Reservation};
use crate::capture::{names, queue};
use crate::machine::Machine;
use crate::restore::RestoreError;
use crate::restore::arriving::Arriving;
use crate::restore::build::Built;
use crate::restore::error::During;
use crate::root::RootError;
use crate::timeline::Timeline;

use assembly::set_clock;

/// An arriving domain.
pub struct Incoming {
    machine: Machine,
    name: Name,
    id: DomainId,
    /// Its home, if the offer names one.
    home: Option<Name>,
    /// The incarnation that it is to run as.
    incarnation: Incarnation,
    pool: Cap<Pool>,
    /// Memories with the pages that were kept here when the domain left, by their positions in the image with which it left. The
    /// image continues them, before it announces any other Memory.
    kept: BTreeMap<u32, Arriving>,
    memories: BTreeMap<u32, Arriving>,
    /// The pages of the port's ring that move with the domain, and the ring's position in the description's list of objects
    /// outside of the domain.
    staged: Option<(u32, StagedPages)>,
    /// The address of its port, once the description is dropped.
    address: Option<Mac>,
    extent: Extent,
    /// The memory of this server that its move may use.
    reservation: Reservation,
    described: Option<Described>,
    built: Option<Built>,
    is_trial_built: bool,
    /// The input of the trial build, until the next description arrives.
    trial: Option<Trial>,
    /// Whether the trial build has become the domain that was described last.
    is_complete: bool,
    /// The steps of its pause.
    timeline: Timeline,
}

/// Pages for a Memory that does not exist before the domain is built.
type StagedPages = BTreeMap<u64, Box<[u8; PAGE_BYTES]>>;

/// The input of the trial build.
struct Trial {
    description: Box<Description>,
    /// The number of Memories that had arrived.
    memories: usize,
}

struct Described {
    description: Box<Description>,
    clock: ArrivingClock,
}

impl Incoming {
    /// Reserves memory for a domain.
    ///
    /// # Errors
    /// The error of root. If it is not a refusal, root may have admitted the domain nevertheless.
    pub fn admit(
        machine: Machine,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
        pages: u64,
        from: Provenance,
        (extent, reservation): (Extent, Reservation),
    ) -> Result<Incoming, RootError> {
        let pool = machine.root.admit(name, id, pages, from.guest)?;
        Ok(Incoming {
            machine,
            name,
            id,
            home: from.home,
            incarnation,
            pool,
            kept: BTreeMap::new(),
            memories: BTreeMap::new(),
            staged: None,
            address: None,
            extent,
            reservation,
            described: None,
            built: None,
            is_trial_built: false,
            trial: None,
            is_complete: false,
            timeline: Timeline::default(),
        })
    }

    /// Handles the next event of the image.
    ///
    /// # Errors
    /// The reason; the caller must then discard the domain.
    pub fn handle_event(&mut self, event: Event<'_>) -> Result<(), RestoreError> {
        self.timeline.mark("await_pages");
        self.timeline.begin();
        let applied = self.apply_event(event);
        self.timeline.mark("apply");
        applied
    }

    fn apply_event(&mut self, event: Event<'_>) -> Result<(), RestoreError> {
        match event {
            Event::Begun(_) | Event::Round(..) | Event::Sealed(_) => Ok(()),
            Event::Outline(_, outline) => {
                let Identity { id, name, home, .. } = outline.identity;
                // An offer names no home outside of the fleet.
                let is_home = self.home.is_none() || self.home == home;
                let same = id == self.id && name == self.name && is_home;
                same.then_some(()).ok_or(RestoreError::OtherDomain)
            }
            Event::Memory(_, announcement) => self.with_room(|it| it.make_memory(&announcement)),
            Event::Chunk(_, chunk, map) => {
                // All Memories that continue have been announced, and the pages may need the memory of the others.
                self.destroy_kept();
                self.with_room(|it| it.apply(chunk, &map))
            }
            Event::Page(_, key, page, bytes) => self.put(key, page, bytes),
            Event::State(_, description) => {
                let clock = ArrivingClock::new(description.clock.domain_ns, clock::now_ns());
                let described = Described { description, clock };
                self.is_complete = self.complete_trial(&described.description);
                self.described = Some(described);
                Ok(())
            }
        }
    }

    /// Calls `make`. If memory is short, destroys the trial build, which may hold objects that the domain no longer
    /// has, and calls `make` again.
    fn with_room(
        &mut self,
        make: impl Fn(&mut Incoming) -> Result<(), RestoreError>,
    ) -> Result<(), RestoreError> {
        match make(self) {
            Err(error) if error.is_out_of_memory() && self.built.is_some() => {
                self.dismantle();
                make(self)
            }
            done => done,
        }
    }

    fn make_memory(&mut self, announcement: &Announcement) -> Result<(), RestoreError> {
        let pages = announcement.pages;
        match announcement.memory {
            MemoryKey::Inside(position) => {
                let arriving = match announcement.continues {
                    Some(continued) => self.continue_memory(continued, pages)?,
                    None => self.make_new_memory(position, pages)?,
                };
                self.memories.insert(position, arriving);
            }
            // A domain has at most one port.
            MemoryKey::Outside(position) if pages == PORT_PAGES && self.staged.is_none() => {
                self.staged = Some((position, StagedPages::new()));
            }
            MemoryKey::Outside(_) => return Err(RestoreError::Unexpected("pages of a service")),
        }
        Ok(())
    }

    fn make_new_memory(&mut self, position: u32, pages: u64) -> Result<Arriving, RestoreError> {
        // No later Memory continues a kept one, so the rest is destroyed: the pool need not have room for both kept and new
        // pages.
        self.destroy_kept();
        let arriving = Arriving::new(self.machine.own, self.pool, pages);
        arriving.during("making Memory", position.into())
    }

    fn apply(&mut self, chunk: Chunk, map: &PageMap) -> Result<(), RestoreError> {
        match chunk.memory {
            MemoryKey::Inside(position) => {
                let arriving = self.memories.get_mut(&position).ok_or(NOT_ANNOUNCED)?;
                arriving
                    .apply(chunk.first_page, map)
                    .during("filling Memory", position.into())
            }
            MemoryKey::Outside(position) => {
                // Each freeze sends all pages of the ring that are in use, so those of an earlier freeze are obsolete.
                self.staged_for(position)?.clear();
                Ok(())
            }
        }
    }

    fn put(
        &mut self,
        key: MemoryKey,
        page: u64,
        bytes: &[u8; PAGE_BYTES],
    ) -> Result<(), RestoreError> {
        match key {
            MemoryKey::Inside(position) => {
                self.memories
                    .get(&position)
                    .ok_or(NOT_ANNOUNCED)?
                    .put(page, bytes);
            }
            MemoryKey::Outside(position) => {
                self.staged_for(position)?.insert(page, Box::new(*bytes));
            }
        }
        Ok(())
    }

    fn staged_for(&mut self, position: u32) -> Result<&mut StagedPages, RestoreError> {
        match &mut self.staged {
            Some((known, staged)) if *known == position => Ok(staged),
            _ => Err(NOT_ANNOUNCED),
        }
    }

    /// The largest size of the domain.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Adds `downtime_us`, as far as that is known, to the clock of the domain, which is about to run. A second call has no
    /// effect: the domain may run by then.
    ///
    /// # Errors
    /// Its clock cannot be set.
    pub fn add_downtime(&mut self, downtime_us: u64) -> Result<(), RestoreError> {
        let (Some(built), Some(described)) = (&self.built, &mut self.described) else {
            return Ok(());
        };
        let Some(domain_ns) = described.clock.resume(clock::now_ns(), downtime_us) else {
            return Ok(());
        };
        self.timeline.mark("await_commit");
        let description = &described.description;
        let set = set_clock(
            &self.machine,
            built,
            description,
            self.incarnation,
            domain_ns,
        );
        self.timeline.mark("set_clock");
        set
    }

    /// Leaves the memory of the domain, which runs now, to root: unmaps all of it here. A second call has no effect.
    pub fn hand_over(&mut self) {
        self.forget();
    }

    /// Ends the measurement of its pause, since it runs; returns the steps.
    pub fn end_pause(&mut self) -> Option<String> {
        self.timeline.mark("adopt");
        self.timeline.end()
    }

    fn forget(&mut self) {
        self.destroy_kept();
        self.memories.clear();
        self.address = self.port_address();
        (self.staged, self.described) = (None, None);
        self.reservation = Reservation::default();
        if let Some(built) = &mut self.built {
            built.forget();
        }
    }

    /// The address of its port, if it has one.
    pub fn port_address(&self) -> Option<Mac> {
        if self.address.is_some() {
            return self.address;
        }
        let outsiders = self.described.as_ref()?.description.outsiders.iter();
        let mut ports = outsiders.filter(|outsider| outsider.name.as_str() == queue::PORT);
        let port = ports.next()?;
        names::address_in(port.name, &port.binding)
    }

    /// Drops this server's last capabilities for a domain that belongs to root.
    pub fn finish(mut self) {
        self.forget();
        if let Some(built) = &self.built {
            built.domain.forget();
        }
        self.pool.forget();
    }

    /// Drops everything that was made for a domain whose move is aborted. Root destroys it with its pool.
    pub fn discard(mut self) {
        let kept = core::mem::take(&mut self.kept);
        let memories = core::mem::take(&mut self.memories);
        kept.into_values().for_each(Arriving::forget);
        memories.into_values().for_each(Arriving::forget);
        self.finish();
    }
}

const NO_STATE: RestoreError = RestoreError::Unexpected("no state");
const NOT_ANNOUNCED: RestoreError = RestoreError::Unexpected("pages that were not announced");

#[cfg(test)]
pub(crate) mod tests;
