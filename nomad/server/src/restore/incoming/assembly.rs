//! The builds of an arriving domain: once on trial, and for every freeze. The first freeze completes the trial build if only the
//! state of the domain has changed.

use abi::register::{Access, PageCount};
use identity::{Digest, Incarnation};
use nomad_image::{Description, Object, Outsider, PAGE_BYTES, has_same_structure};
use runtime::capability::{Memory, Notification};
use runtime::clock::now_ns;
use runtime::mapping::Mapping;
use runtime::port::{Layout, PORT_PAGES, Port, Side, WakeFlag};
use runtime::{Cap, Error};

use super::{Described, Incoming, NO_STATE, NOT_ANNOUNCED, StagedPages, Trial};
use crate::machine::Machine;
use crate::restore::build::{Built, Plan};
use crate::restore::error::{During, DuringRequest};
use crate::restore::{RestoreError, clock as domain_clock, read_back};

impl Incoming {
    /// Ends a round. Builds the domain on trial, and logs which pages are written from now on.
    ///
    /// # Errors
    /// The call of the trial build that failed.
    pub fn end_round(&mut self) -> Result<(), RestoreError> {
        // Every Memory that continues has been announced by now, even if no other was.
        self.destroy_kept();
        self.trial_build()?;
        self.log_writes();
        Ok(())
    }

    /// Builds the domain once, as soon as it is described, with its threads set but without its other state. So a failure shows
    /// early, and the final build finds the services bound and may have little to do. The source waits for this build while the
    /// domain still runs.
    ///
    /// # Errors
    /// The call that failed.
    pub(super) fn trial_build(&mut self) -> Result<(), RestoreError> {
        // A round has ended. The next pages may be those of the freeze.
        self.timeline.end();
        if self.is_trial_built {
            self.rehearse();
            return Ok(());
        }
        let Some(described) = self.described.take() else {
            return Ok(());
        };
        self.is_trial_built = true;
        let description = described.description;
        let assembled = self.assemble(&description);
        match assembled.and_then(|built| built.set_threads(&description)) {
            Ok(()) => {
                let memories = self.memories.len();
                self.trial = Some(Trial {
                    description,
                    memories,
                });
                Ok(())
            }
            Err(error) => {
                self.dismantle();
                // A lack of memory is not a failure yet: the domain may discard pages before it is frozen.
                error.is_out_of_memory().then_some(()).ok_or(error)
            }
        }
    }

    /// Reads the trial build back, as its completion does. The source waits for this before a round is acknowledged, and
    /// measures how long it waits. So the source learns how long the reading takes.
    fn rehearse(&self) {
        if let (Some(trial), Some(built)) = (&self.trial, &self.built) {
            // The build differs: it lacks the state.
            let _ = read_back::verify(&self.machine, built, &trial.description);
        }
    }

    /// Builds the domain, frozen, in place of an earlier build, reads it back, and has root keep it. Returns its digest.
    ///
    /// # Errors
    /// The call that failed.
    pub fn build(&mut self) -> Result<Digest, RestoreError> {
        self.timeline.mark("await_pages");
        // No kept Memories are left by now, unless the source has sent no round.
        self.destroy_kept();
        let described = self.described.take().ok_or(NO_STATE)?;
        let built = if self.is_complete {
            Ok(())
        } else {
            self.build_afresh(&described.description)
        };
        let kept = built.and_then(|()| self.keep(&described));
        self.described = Some(described);
        kept
    }

    fn build_afresh(&mut self, description: &Description) -> Result<(), RestoreError> {
        self.dismantle();
        let built = self.assemble(description)?;
        built.set_state(description)?;
        self.timeline.mark("build");
        read_back::verify(&self.machine, self.built()?, description)?;
        self.timeline.mark("read_back");
        Ok(())
    }

    /// Sets the state of the trial build, if it differs from the description in nothing else; returns whether it has become the
    /// described domain. The domain's last pages may follow.
    pub(super) fn complete_trial(&mut self, description: &Description) -> bool {
        let (Some(trial), Some(built)) = (self.trial.take(), &self.built) else {
            return false;
        };
        let is_same = trial.memories == self.memories.len()
            && has_same_structure(&trial.description, description);
        if !is_same {
            self.dismantle();
            return false;
        }
        let set = built.set_state(description);
        self.timeline.mark("set_state");
        let verified = set.and_then(|()| read_back::verify(&self.machine, built, description));
        self.timeline.mark("read_back");
        if let Err(error) = &verified {
            log::warn!(
                "the trial build of {} cannot be completed: {error}",
                self.name
            );
        }
        verified.is_ok()
    }

    /// Delivers the frames of the built domain, sets its clock, and has root take it over; returns its digest.
    fn keep(&mut self, described: &Described) -> Result<Digest, RestoreError> {
        let Described { description, clock } = described;
        let built = self.built.as_ref().ok_or(NO_STATE)?;
        if let Some((position, staged)) = &self.staged {
            let memory = built.outsider(*position).ok_or(NOT_ANNOUNCED)?;
            deliver(&self.machine, memory, staged).during("delivering to", (*position).into())?;
        }
        let domain_ns = clock.domain_ns(now_ns());
        set_clock(
            &self.machine,
            built,
            description,
            self.incarnation,
            domain_ns,
        )?;
        self.timeline.mark("deliver_frames");
        let wake = description.wake.and_then(|wake| built.object(wake));
        let wake = wake.ok_or(RestoreError::NoWake)?;
        let (root, home) = (self.machine.root, description.identity.home);
        let kept = root.keep(self.name, self.pool, built.domain, built.token, home, wake);
        kept.during_request("keeping the domain")?;
        self.timeline.mark("keep");
        let digest = description.digest();
        self.timeline.mark("digest");
        Ok(digest)
    }

    /// Makes everything that is described except the state. No earlier build may exist.
    fn assemble(&mut self, description: &Description) -> Result<&Built, RestoreError> {
        self.drop_ended(description);
        let plan = Plan {
            machine: self.machine,
            pool: self.pool,
            description,
            memories: &self.memories,
        };
        let built = Built::new(&plan)?;
        let has_wake = description
            .wake
            .and_then(|wake| built.object::<Notification>(wake));
        let built = self.built.insert(built);
        has_wake.map(|_| &*built).ok_or(RestoreError::NoWake)
    }

    fn built(&self) -> Result<&Built, RestoreError> {
        self.built.as_ref().ok_or(NO_STATE)
    }

    /// Destroys the Memories that the domain destroyed after their pages had arrived, because they would stay in its
    /// pool. An earlier build has a capability for each, and must be destroyed first.
    fn drop_ended(&mut self, description: &Description) {
        let objects = &description.objects;
        let has_ended = |position: &u32| objects.get(*position as usize) == Some(&Object::Gone);
        let ended = self
            .memories
            .extract_if(.., |position, _| has_ended(position));
        ended.for_each(|(_, arriving)| arriving.destroy());
    }

    /// Destroys the built domain, but not the Memories that have arrived.
    pub(super) fn dismantle(&mut self) {
        (self.trial, self.is_complete) = (None, false);
        if let Some(mut built) = self.built.take() {
            built.destroy(&self.memories);
        }
    }
}

/// Sets a domain's clock, which continues from `domain_ns` whether or not the domain runs.
pub(super) fn set_clock(
    machine: &Machine,
    built: &Built,
    description: &Description,
    incarnation: Incarnation,
    domain_ns: u64,
) -> Result<(), RestoreError> {
    let is_clock = |outsider: &Outsider| outsider.name.as_str() == domain_clock::CLOCK;
    let page = description.outsiders.iter().position(is_clock);
    let page = page.and_then(|position| built.outsider::<Memory>(position as u32));
    domain_clock::set(machine, built.domain, page, incarnation.0, domain_ns)
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
    // Either side may sleep here although it was awake on the source. So both are woken once, at worst needlessly.
    for side in [Side::Domain, Side::Switch] {
        if let Some(port) = Port::with_layout(ring.memory(), side, Layout::STANDARD) {
            port.request_wake(WakeFlag::FRAMES.or(WakeFlag::SPACE));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
