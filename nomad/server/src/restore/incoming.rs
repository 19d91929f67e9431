//! A domain on its way in: the steps that the protocol asks of a target.
//!
//! ```text
//!   admitted --chunks, pages--> ... --state--> described --build--> built --activate--> running
//! ```

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use nomad_image::{
    Chunk, Description, Digest, DomainId, Event, MemoryKey, Name, Outsider, PAGE_BYTES, PageMap,
};
use runtime::Cap;
use runtime::capability::{Memory, Notification, Pool};
use runtime::mapping::Mapping;
use runtime::port::{PORT_PAGES, Port, Side, Wish};
use runtime::protocol::Mac;
use runtime::{Error, clock};

use abi::register::{Access, PageCount};

use crate::capture::{names, queue};
use crate::machine::Machine;
use crate::restore::arriving::Arriving;
use crate::restore::build::{Built, Plan};
use crate::restore::error::{Asking, During};
use crate::restore::{RestoreError, clock as domain_clock, scrap};

/// A domain on its way in.
pub struct Incoming {
    machine: Machine,
    name: Name,
    id: DomainId,
    pool: Cap<Pool>,
    memories: BTreeMap<u32, Arriving>,
    parcels: BTreeMap<u32, Parcel>,
    described: Option<Described>,
    built: Option<Built>,
    is_adopted: bool,
}

/// Pages for a Memory that is not there before the domain is built.
type Parcel = BTreeMap<u64, Box<[u8; PAGE_BYTES]>>;

struct Described {
    description: Box<Description>,
    /// This server's time when it came.
    received_ns: u64,
}

impl Incoming {
    /// Reserves memory for a domain.
    ///
    /// # Errors
    /// Root said no.
    pub fn admit(
        machine: Machine,
        name: Name,
        id: DomainId,
        pages: u64,
    ) -> Result<Incoming, crate::root::RootError> {
        let pool = machine.root.admit(name, id.0, pages)?;
        Ok(Incoming {
            machine,
            name,
            id,
            pool,
            memories: BTreeMap::new(),
            parcels: BTreeMap::new(),
            described: None,
            built: None,
            is_adopted: false,
        })
    }

    /// Takes in what the image says next.
    ///
    /// # Errors
    /// Why not; the domain is to be discarded.
    pub fn take(&mut self, event: Event<'_>) -> Result<(), RestoreError> {
        match event {
            Event::Begun(_) | Event::Round(..) | Event::Sealed(_) => Ok(()),
            Event::Outline(_, outline) => {
                let same = outline.identity.id == self.id && outline.identity.name == self.name;
                same.then_some(()).ok_or(RestoreError::OtherDomain)
            }
            Event::Memory(_, key, pages) => self.make_memory(key, pages),
            Event::Chunk(_, chunk, map) => self.apply(chunk, &map),
            Event::Page(_, key, page, bytes) => self.put(key, page, bytes),
            Event::State(_, description) => {
                self.described = Some(Described {
                    description,
                    received_ns: clock::now_ns(),
                });
                Ok(())
            }
        }
    }

    fn make_memory(&mut self, key: MemoryKey, pages: u64) -> Result<(), RestoreError> {
        match key {
            MemoryKey::Inside(position) => {
                let arriving = Arriving::new(self.machine.own, self.pool, pages);
                let arriving = arriving.during("making Memory", position.into())?;
                self.memories.insert(position, arriving);
            }
            MemoryKey::Outside(position) if pages == PORT_PAGES => {
                self.parcels.insert(position, Parcel::new());
            }
            MemoryKey::Outside(_) => return Err(RestoreError::Unexpected("pages of a service")),
        }
        Ok(())
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
                // Each freeze brings all pages that are in use.
                self.parcels
                    .get_mut(&position)
                    .ok_or(NOT_ANNOUNCED)?
                    .clear();
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
                let parcel = self.parcels.get_mut(&position).ok_or(NOT_ANNOUNCED)?;
                parcel.insert(page, Box::new(*bytes));
            }
        }
        Ok(())
    }

    /// Builds the domain, frozen, in place of one that was built before. Says the digest of what was built.
    ///
    /// # Errors
    /// Which call failed.
    pub fn build(&mut self) -> Result<Digest, RestoreError> {
        if let Some(mut earlier) = self.built.take() {
            earlier.destroy(&self.memories);
        }
        let described = self
            .described
            .as_ref()
            .ok_or(RestoreError::Unexpected("no state"))?;
        let description = &described.description;
        description.wake.ok_or(RestoreError::NoWake)?;
        let plan = Plan {
            machine: self.machine,
            pool: self.pool,
            description,
            memories: &self.memories,
        };
        let built = self.built.insert(Built::new(&plan)?);
        for (position, parcel) in &self.parcels {
            let memory = built.outsider(*position).ok_or(NOT_ANNOUNCED)?;
            deliver(&self.machine, memory, parcel).during("delivering to", (*position).into())?;
        }
        Ok(description.digest())
    }

    /// Sets the domain's clock, hands the domain over to root, and lets it run. May be asked for again.
    ///
    /// # Errors
    /// Which call failed.
    pub fn activate(&mut self, incarnation: u64) -> Result<(), RestoreError> {
        let described = self
            .described
            .as_ref()
            .ok_or(RestoreError::Unexpected("no state"))?;
        let built = self
            .built
            .as_mut()
            .ok_or(RestoreError::Unexpected("nothing was built"))?;
        let description = &described.description;
        let is_clock = |outsider: &Outsider| outsider.name.as_str() == domain_clock::CLOCK;
        let page = description.outsiders.iter().position(is_clock);
        let page = page.and_then(|position| built.outsider::<Memory>(position as u32));
        let elapsed_ns = clock::now_ns().saturating_sub(described.received_ns);
        let now_ns = description.clock.domain_ns.saturating_add(elapsed_ns);
        domain_clock::set(&self.machine, built.domain, page, incarnation, now_ns)
            .during("setting the clock", 0)?;
        if !self.is_adopted {
            let wake = description
                .wake
                .and_then(|position| built.object::<Notification>(position));
            let wake = wake.ok_or(RestoreError::NoWake)?;
            let adopted =
                self.machine
                    .root
                    .adopt(self.name, incarnation, self.pool, built.domain, wake);
            adopted.asking("adopting")?;
            self.is_adopted = true;
        }
        // Nothing of it stays mapped here when it runs.
        self.memories.clear();
        match built.domain.thaw() {
            Ok(()) | Err(Error::WrongState) => {}
            Err(error) => return Err(error).during("thawing the domain", 0),
        }
        built.forget();
        Ok(())
    }

    /// The address of its port, if it has one.
    pub fn port_address(&self) -> Option<Mac> {
        let outsiders = self.described.as_ref()?.description.outsiders.iter();
        let mut ports = outsiders.filter(|outsider| outsider.name.as_str() == queue::PORT);
        let port = ports.next()?;
        names::address_in(port.name, &port.binding)
    }

    /// The domain is root's: gives up what this server still holds of it.
    pub fn finish(mut self) {
        if let Some(built) = &mut self.built {
            built.forget();
            scrap::forget(built.domain);
        }
        self.memories.clear();
        scrap::forget(self.pool);
    }

    /// The domain does not come: gives its memory back.
    pub fn discard(mut self) {
        if let Some(built) = &mut self.built {
            built.destroy(&self.memories);
        }
        while let Some((_, arriving)) = self.memories.pop_first() {
            arriving.destroy();
        }
        if let Err(error) = self.machine.root.discard(self.name) {
            log::warn!("{}: {error}", self.name);
        }
        scrap::forget(self.pool);
    }
}

const NOT_ANNOUNCED: RestoreError = RestoreError::Unexpected("pages that were not announced");

/// Writes the frames that waited in a port's ring into the ring that the domain has here.
fn deliver(machine: &Machine, memory: Cap<Memory>, parcel: &Parcel) -> Result<(), Error> {
    let ring = Mapping::new(
        machine.own,
        memory,
        PageCount(PORT_PAGES),
        Access::ReadWrite,
    )?;
    for (page, bytes) in parcel {
        ring.memory().write(*page as usize * PAGE_BYTES, &bytes[..]);
    }
    // Who slept there may be awake here and the other way round: both are woken once, for nothing at worst.
    for side in [Side::Domain, Side::Switch] {
        if let Some(port) = Port::try_new(ring.memory(), side) {
            port.wish(Wish::FRAMES.or(Wish::SPACE));
        }
    }
    Ok(())
}
