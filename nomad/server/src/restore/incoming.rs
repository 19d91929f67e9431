//! An arriving domain: the steps of a destination.
//!
//! ```text
//!   admitted --chunks, pages--> ... --state--> described --build--> built, and kept by root --hand_over--> root's
//!                                       the first of a running domain --trial_build--> built, and destroyed again
//! ```
//!
//! Everything here ends with this server; a domain that root keeps does not, and is activated or discarded through root alone.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use identity::{Digest, DomainId, Incarnation, Name};
use nomad_image::{Chunk, Description, Event, MemoryKey, Object, Outsider, PAGE_BYTES, PageMap};
use runtime::Cap;
use runtime::capability::{Domain, Memory, Notification, Pool};
use runtime::mapping::Mapping;
use runtime::port::{PORT_PAGES, Port, Side, WakeFlag};
use runtime::protocol::Mac;
use runtime::{Error, clock};

use abi::register::{Access, PageCount};

use crate::budget::{Extent, Reservation};
use crate::capture::{names, queue};
use crate::machine::Machine;
use crate::restore::arriving::Arriving;
use crate::restore::build::{Built, Plan};
use crate::restore::error::{During, DuringRequest};
use crate::restore::{RestoreError, clock as domain_clock, read_back};
use crate::root::RootError;

/// An arriving domain.
pub struct Incoming {
    machine: Machine,
    name: Name,
    id: DomainId,
    /// The incarnation that it is to run as.
    incarnation: Incarnation,
    pool: Cap<Pool>,
    memories: BTreeMap<u32, Arriving>,
    /// The frames that travel along, and the position of the Memory outside that they are for.
    staged: Option<(u32, StagedPages)>,
    /// The address of its port, once the description is dropped.
    address: Option<Mac>,
    extent: Extent,
    /// The memory of this server that its move may use.
    reservation: Reservation,
    described: Option<Described>,
    built: Option<Built>,
    is_trial_built: bool,
    is_handed_over: bool,
}

/// Pages for a Memory that does not exist before the domain is built.
type StagedPages = BTreeMap<u64, Box<[u8; PAGE_BYTES]>>;

struct Described {
    description: Box<Description>,
    /// This server's time when it arrived.
    received_ns: u64,
}

impl Incoming {
    /// Reserves memory for a domain.
    ///
    /// # Errors
    /// The error of root.
    pub fn admit(
        machine: Machine,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
        pages: u64,
        (extent, reservation): (Extent, Reservation),
    ) -> Result<Incoming, RootError> {
        let pool = machine.root.admit(name, id, pages).inspect_err(|error| {
            // Root may have done it all the same, and nobody else would ever release the name.
            if !matches!(error, RootError::Refused(_)) {
                let _ = machine.root.discard(name, id);
            }
        })?;
        Ok(Incoming {
            machine,
            name,
            id,
            incarnation,
            pool,
            memories: BTreeMap::new(),
            staged: None,
            address: None,
            extent,
            reservation,
            described: None,
            built: None,
            is_trial_built: false,
            is_handed_over: false,
        })
    }

    /// Handles the next event of the image.
    ///
    /// # Errors
    /// The reason; the domain is then to be discarded.
    pub fn handle_event(&mut self, event: Event<'_>) -> Result<(), RestoreError> {
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
            // A domain has one port.
            MemoryKey::Outside(position) if pages == PORT_PAGES && self.staged.is_none() => {
                self.staged = Some((position, StagedPages::new()));
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

    /// How large the domain may be.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Builds the domain once as soon as it is described, and destroys it again: a failure shows early, and the services that
    /// are bound for the domain are ready when it is built in earnest. The source does not wait for it.
    ///
    /// # Errors
    /// The call that failed.
    pub fn trial_build(&mut self) -> Result<(), RestoreError> {
        if self.is_trial_built || self.described.is_none() {
            return Ok(());
        }
        self.is_trial_built = true;
        let assembled = self.assemble().map(|_| ());
        self.dismantle();
        match assembled {
            // The domain may give pages up until it is frozen.
            Err(error) if error.is_out_of_memory() => Ok(()),
            assembled => assembled,
        }
    }

    /// Builds the domain, frozen, in place of one that was built before, reads it back, and has root keep it. Returns its
    /// digest.
    ///
    /// # Errors
    /// The call that failed.
    pub fn build(&mut self) -> Result<Digest, RestoreError> {
        self.dismantle();
        let (domain, token, wake) = self.assemble()?;
        let root = self.machine.root;
        let described = self.described.as_ref().ok_or(NO_STATE)?;
        if let Some(built) = &self.built {
            read_back::verify(&self.machine, built, &described.description)?;
        }
        let home = described.description.identity.home;
        let kept = root.keep(self.name, self.pool, domain, token, home, wake);
        kept.during_request("keeping the domain")?;
        Ok(described.description.digest())
    }

    /// Makes everything described, the clock included, when nothing else is built. Returns the domain, the token of its
    /// freeze, and the notification that wakes it.
    fn assemble(&mut self) -> Result<(Cap<Domain>, u64, Cap<Notification>), RestoreError> {
        self.drop_ended();
        let described = self.described.as_ref().ok_or(NO_STATE)?;
        let description = &described.description;
        let plan = Plan {
            machine: self.machine,
            pool: self.pool,
            description,
            memories: &self.memories,
        };
        let built = self.built.insert(Built::new(&plan)?);
        if let Some((position, staged)) = &self.staged {
            let memory = built.outsider(*position).ok_or(NOT_ANNOUNCED)?;
            deliver(&self.machine, memory, staged).during("delivering to", (*position).into())?;
        }
        set_clock(&self.machine, built, described, self.incarnation, 0)?;
        let wake = description.wake.and_then(|wake| built.object(wake));
        let wake = wake.ok_or(RestoreError::NoWake)?;
        Ok((built.domain, built.token, wake))
    }

    /// Destroys the Memories that the domain gave up since their pages arrived: they are not the domain's any more, and would
    /// stay in its pool. An earlier build has a capability for each, and is destroyed first.
    fn drop_ended(&mut self) {
        let Some(described) = &self.described else {
            return;
        };
        let objects = &described.description.objects;
        let has_ended = |position: &u32| objects.get(*position as usize) == Some(&Object::Gone);
        let ended = self
            .memories
            .extract_if(.., |position, _| has_ended(position));
        ended.for_each(|(_, arriving)| arriving.destroy());
    }

    /// Destroys the built domain, but not the Memories that have arrived.
    fn dismantle(&mut self) {
        if let Some(mut built) = self.built.take() {
            built.destroy(&self.memories);
        }
    }

    /// Hands the domain over to root, which is about to run it: adds `downtime_us`, as far as that is known, to its clock and
    /// unmaps everything of it here. A second call changes nothing.
    ///
    /// # Errors
    /// Its clock cannot be set.
    pub fn hand_over(&mut self, downtime_us: u64) -> Result<(), RestoreError> {
        if core::mem::replace(&mut self.is_handed_over, true) {
            return Ok(());
        }
        let set = match (&self.built, &self.described) {
            (Some(built), Some(described)) => set_clock(
                &self.machine,
                built,
                described,
                self.incarnation,
                downtime_us,
            ),
            _ => Ok(()),
        };
        self.forget();
        set
    }

    fn forget(&mut self) {
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

    /// Gives up this server's last capabilities for a domain that is root's.
    pub fn finish(mut self) {
        self.forget();
        if let Some(built) = &self.built {
            built.domain.forget();
        }
        self.pool.forget();
    }

    /// Destroys everything made of a domain that does not arrive. Its pool is root's to take back.
    pub fn discard(mut self) {
        self.dismantle();
        while let Some((_, arriving)) = self.memories.pop_first() {
            arriving.destroy();
        }
        self.pool.forget();
    }
}

const NO_STATE: RestoreError = RestoreError::Unexpected("no state");
const NOT_ANNOUNCED: RestoreError = RestoreError::Unexpected("pages that were not announced");

/// Sets a domain's clock, which goes on from here whether or not the domain runs. The domain was stopped for `downtime_us`,
/// as far as that is known.
fn set_clock(
    machine: &Machine,
    built: &Built,
    described: &Described,
    incarnation: Incarnation,
    downtime_us: u64,
) -> Result<(), RestoreError> {
    let description = &described.description;
    let is_clock = |outsider: &Outsider| outsider.name.as_str() == domain_clock::CLOCK;
    let page = description.outsiders.iter().position(is_clock);
    let page = page.and_then(|position| built.outsider::<Memory>(position as u32));
    let here_ns = clock::now_ns().saturating_sub(described.received_ns);
    let now_ns = domain_clock::after(description.clock.domain_ns, downtime_us, here_ns);
    domain_clock::set(machine, built.domain, page, incarnation.0, now_ns)
        .during("setting the clock", 0)
}

/// Writes the frames that waited in the port's ring into the domain's ring here.
fn deliver(machine: &Machine, memory: Cap<Memory>, staged: &StagedPages) -> Result<(), Error> {
    let ring = Mapping::new(
        machine.own,
        memory,
        PageCount(PORT_PAGES),
        Access::ReadWrite,
    )?;
    for (page, bytes) in staged {
        ring.memory().write(*page as usize * PAGE_BYTES, &bytes[..]);
    }
    // Either side may sleep here although it was awake there: both are woken once, needlessly at worst.
    for side in [Side::Domain, Side::Switch] {
        if let Some(port) = Port::try_new(ring.memory(), side) {
            port.request_wake(WakeFlag::FRAMES.or(WakeFlag::SPACE));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
