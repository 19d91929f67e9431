//! The list of calls that build a domain from its description: make the objects, find this machine's counterparts of the
//! outsiders (the objects outside of the domain that it refers to), fill the table, map, hand out the capabilities that objects
//! hold. The calls for its state follow: set the threads, install the rights to reply, raise the flags. `table` has the calls
//! that install capabilities. Each call can fail; the caller then discards the whole domain.

mod table;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use abi::register::{PageCount, PageIndex, Slot, UserAddress};
use nomad_image::{Description, Object, Outsider, Target};
use runtime::capability::{Any, Domain, Kind, Memory, Notification, Pool, Thread};
use runtime::{Cap, Error};

use crate::capture::names;
use crate::machine::Machine;
use crate::owned::destroy_or_forget;
use crate::restore::RestoreError;
use crate::restore::arriving::Arriving;
use crate::restore::error::{During, DuringRequest};

/// A rebuilt domain, frozen.
#[derive(Debug)]
pub struct Built {
    pub domain: Cap<Domain>,
    /// The token of its freeze.
    pub token: u64,
    /// Its objects by position.
    objects: Vec<Option<Cap<Any>>>,
    /// The objects outside that it refers to, by position.
    outsiders: Vec<Cap<Any>>,
}

/// The parts that a domain is built from.
pub struct Plan<'a> {
    pub machine: Machine,
    /// The pool that was reserved.
    pub pool: Cap<Pool>,
    pub description: &'a Description,
    /// The Memories that have arrived, by position.
    pub memories: &'a BTreeMap<u32, Arriving>,
}

impl Built {
    /// Builds the domain without its state.
    ///
    /// # Errors
    /// The call that failed. Everything made by then is destroyed.
    pub fn new(plan: &Plan<'_>) -> Result<Built, RestoreError> {
        let domain = plan.pool.create_domain().during("making the domain", 0)?;
        let mut built = Built {
            domain,
            token: 0,
            objects: Vec::new(),
            outsiders: Vec::new(),
        };
        match built.build(plan) {
            Ok(()) => Ok(built),
            Err(error) => {
                built.destroy(plan.memories);
                Err(error)
            }
        }
    }

    fn build(&mut self, plan: &Plan<'_>) -> Result<(), RestoreError> {
        // The domain is frozen from the beginning, so nothing in it runs before root thaws it.
        let freeze = self.domain.freeze(abi::NO_DEADLINE);
        self.token = freeze.during("freezing the domain", 0)?.token;
        self.make_objects(plan)?;
        self.bind_outsiders(plan)?;
        self.fill_table(plan)?;
        self.map(plan.description)?;
        self.hand_out(plan)
    }

    /// Adds the state of the domain: its threads' states, the rights to reply to their calls, and the flags. To be
    /// called once; [`Built::set_threads`] may be called before.
    ///
    /// # Errors
    /// The call that failed.
    pub fn set_state(&self, description: &Description) -> Result<(), RestoreError> {
        self.set_threads(description)?;
        self.install_replies(description)?;
        self.raise_flags(description)
    }

    /// The object at this position.
    pub fn object<T: Kind>(&self, position: u32) -> Option<Cap<T>> {
        let capability = (*self.objects.get(position as usize)?)?;
        Some(Cap::from_slot(capability.slot()))
    }

    /// All objects, in the order of their positions.
    pub fn objects(&self) -> impl Iterator<Item = Option<Cap<Any>>> + '_ {
        self.objects.iter().copied()
    }

    /// All outsiders, in the order of their positions.
    pub fn outsiders(&self) -> impl Iterator<Item = Cap<Any>> + '_ {
        self.outsiders.iter().copied()
    }

    /// The outsider at this position.
    pub fn outsider<T: Kind>(&self, position: u32) -> Option<Cap<T>> {
        let capability = self.outsiders.get(position as usize)?;
        Some(Cap::from_slot(capability.slot()))
    }

    fn make_objects(&mut self, plan: &Plan<'_>) -> Result<(), RestoreError> {
        for (position, object) in (0..).zip(&plan.description.objects) {
            let made = self.make_object(plan, position, object);
            self.objects
                .push(made.during("making object", position.into())?);
        }
        Ok(())
    }

    fn make_object(
        &self,
        plan: &Plan<'_>,
        position: u32,
        object: &Object,
    ) -> Result<Option<Cap<Any>>, runtime::Error> {
        Ok(Some(match object {
            Object::Gone => return Ok(None),
            Object::Memory { pages, .. } => match plan.memories.get(&position) {
                Some(arriving) => arriving.memory().erase(),
                // None of its pages arrived, so all are absent.
                None => plan.pool.create_memory(PageCount(*pages))?.erase(),
            },
            Object::Thread(_) => self.domain.create_thread()?.erase(),
            Object::Endpoint => plan.pool.create_endpoint()?.erase(),
            Object::Notification { .. } => plan.pool.create_notification()?.erase(),
        }))
    }

    fn bind_outsiders(&mut self, plan: &Plan<'_>) -> Result<(), RestoreError> {
        let name = plan.description.identity.name;
        for outsider in &plan.description.outsiders {
            let Outsider {
                name: service,
                kind,
                binding,
            } = outsider;
            let binding = names::from_blob(*service, binding);
            let binding = binding.ok_or(RestoreError::Unexpected("a binding of another form"))?;
            let bound = plan
                .machine
                .root
                .bind(name, binding)
                .during_request("binding a service")?;
            self.outsiders.push(bound);
            if bound.inspect().during("inspecting a service", 0)?.kind != Some(*kind) {
                return Err(RestoreError::NoService(*service));
            }
        }
        Ok(())
    }

    fn map(&self, description: &Description) -> Result<(), RestoreError> {
        for mapping in &description.mappings {
            let (first_page, page_count) =
                (PageIndex(mapping.first_page), PageCount(mapping.page_count));
            let address = UserAddress(mapping.address);
            let mapped = match mapping.parent {
                Some(slot) => {
                    self.domain
                        .map_own(Slot(slot), address, first_page, page_count, mapping.access)
                }
                None => self.domain.map(
                    self.mapped_memory(mapping.memory)?,
                    address,
                    first_page,
                    page_count,
                    mapping.access,
                ),
            };
            mapped.during("mapping at", mapping.address)?;
        }
        Ok(())
    }

    fn mapped_memory(&self, memory: Target) -> Result<Cap<Memory>, RestoreError> {
        let memory = match memory {
            Target::Outside(position) => self.outsider(position),
            Target::Inside(position) => self.object(position),
            _ => None,
        };
        memory.ok_or(RestoreError::Unexpected("a mapping of nothing"))
    }

    /// Sets the threads' states. This may be called any number of times.
    ///
    /// # Errors
    /// The call that failed.
    pub fn set_threads(&self, description: &Description) -> Result<(), RestoreError> {
        for (position, object) in (0..).zip(&description.objects) {
            if let (Object::Thread(state), Some(thread)) = (object, self.object::<Thread>(position))
            {
                let written = thread.write(&state.0);
                if written == Err(Error::MissingRight) {
                    return Err(RestoreError::Priority(state.0.priority));
                }
                written.during("setting thread", position.into())?;
            }
        }
        Ok(())
    }

    fn raise_flags(&self, description: &Description) -> Result<(), RestoreError> {
        for (position, object) in (0..).zip(&description.objects) {
            if let (Object::Notification { flags: flags @ 1.. }, Some(notification)) =
                (object, self.object::<Notification>(position))
            {
                notification
                    .signal(*flags)
                    .during("raising flags of object", position.into())?;
            }
        }
        Ok(())
    }

    /// Drops this server's capabilities for the domain's objects and outsiders.
    pub fn forget(&mut self) {
        self.objects.drain(..).flatten().for_each(Cap::forget);
        self.outsiders.drain(..).for_each(Cap::forget);
    }

    /// Destroys everything except the Memories that have arrived, which return to their state before the build.
    pub fn destroy(&mut self, memories: &BTreeMap<u32, Arriving>) {
        for (position, object) in (0..).zip(self.objects.drain(..)) {
            let Some(object) = object else { continue };
            match memories.get(&position) {
                Some(arriving) if arriving.memory().slot() == object.slot() => {
                    arriving.remove_pager();
                }
                // One of these may be a Memory that was made for this build because none of its pages had arrived. Pages that
                // have arrived since are in another Memory.
                _ => destroy_or_forget(object),
            }
        }
        self.outsiders.drain(..).for_each(Cap::forget);
        destroy_or_forget(self.domain);
    }
}

#[cfg(test)]
mod tests;
