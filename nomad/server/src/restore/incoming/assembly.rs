//! The build of an arriving domain from what has arrived: once on trial, and once for every freeze.

use abi::register::{Access, PageCount};
use identity::{Digest, Incarnation};
use nomad_image::{Object, Outsider, PAGE_BYTES};
use runtime::capability::{Domain, Memory, Notification};
use runtime::mapping::Mapping;
use runtime::port::{Layout, PORT_PAGES, Port, Side, WakeFlag};
use runtime::{Cap, Error, clock};

use super::{Described, Incoming, NO_STATE, NOT_ANNOUNCED, StagedPages};
use crate::machine::Machine;
use crate::restore::build::{Built, Plan};
use crate::restore::error::{During, DuringRequest};
use crate::restore::{RestoreError, clock as domain_clock, read_back};

impl Incoming {
    /// Builds the domain once as soon as it is described, and destroys it again: a failure shows early, and the services that
    /// are bound for the domain are ready at the final build. The source does not wait for this build.
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
            // The domain may discard pages before it is frozen.
            Err(error) if error.is_out_of_memory() => Ok(()),
            assembled => assembled,
        }
    }

    /// Builds the domain, frozen, in place of an earlier build, reads it back, and has root keep it. Returns its digest.
    ///
    /// # Errors
    /// The call that failed.
    pub fn build(&mut self) -> Result<Digest, RestoreError> {
        self.timeline.mark("await_pages");
        self.dismantle();
        let (domain, token, wake) = self.assemble()?;
        let root = self.machine.root;
        let described = self.described.as_ref().ok_or(NO_STATE)?;
        if let Some(built) = &self.built {
            read_back::verify(&self.machine, built, &described.description)?;
        }
        self.timeline.mark("read_back");
        let home = described.description.identity.home;
        let kept = root.keep(self.name, self.pool, domain, token, home, wake);
        kept.during_request("keeping the domain")?;
        self.timeline.mark("keep");
        let digest = described.description.digest();
        self.timeline.mark("digest");
        Ok(digest)
    }

    /// Makes everything that is described, and sets the clock; no earlier build may exist. Returns the domain, the token of
    /// its freeze, and the notification that wakes it.
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
        self.timeline.mark("build");
        if let Some((position, staged)) = &self.staged {
            let memory = built.outsider(*position).ok_or(NOT_ANNOUNCED)?;
            deliver(&self.machine, memory, staged).during("delivering to", (*position).into())?;
            self.timeline.mark("deliver_frames");
        }
        set_clock(&self.machine, built, described, self.incarnation, 0)?;
        let wake = description.wake.and_then(|wake| built.object(wake));
        let wake = wake.ok_or(RestoreError::NoWake)?;
        Ok((built.domain, built.token, wake))
    }

    /// Destroys the Memories that the domain destroyed after their pages had arrived: they would stay in its pool. An earlier
    /// build has a capability for each, and must be destroyed first.
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
    pub(super) fn dismantle(&mut self) {
        if let Some(mut built) = self.built.take() {
            built.destroy(&self.memories);
        }
    }
}

/// Sets a domain's clock, which continues from here whether or not the domain runs. The domain was stopped for `downtime_us`,
/// as far as that is known.
pub(super) fn set_clock(
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
    // Either side may sleep here although it was awake on the source: both are woken once, at worst needlessly.
    for side in [Side::Domain, Side::Switch] {
        if let Some(port) = Port::with_layout(ring.memory(), side, Layout::STANDARD) {
            port.request_wake(WakeFlag::FRAMES.or(WakeFlag::SPACE));
        }
    }
    Ok(())
}
