//! The rules that a description must satisfy before it is used.
//!
//! The kernel checks each call that rebuilds the domain. Checking the whole description beforehand turns a malicious
//! image into one error instead of a half-built domain. [`Fault`] names the rules.

mod fault;

use alloc::vec;
use alloc::vec::Vec;

use abi::kind::MemoryRights;
use abi::register::Access;
use abi::thread_state::Awaits;
use abi::{
    MAP_STEP_BYTES, MEMORY_PAGES_MAX, ObjectKind, PAGE_BYTES, PAGES_PER_TABLE, Rights, USER_END,
};
use identity::Name;

use crate::Limits;
use crate::description::{Attribute, Capability, Description, Mapping, Object, Role, Target};

pub use fault::Fault;

impl Description {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn check(&self, limits: &Limits) -> Result<(), Fault> {
        self.check_memories(limits)?;
        self.check_outsiders()?;
        self.check_capabilities()?;
        self.derivation_order().map(|_| ())?;
        self.check_mappings()?;
        self.check_held()?;
        self.check_wake()
    }

    /// Positions of the capabilities, parents before their children.
    ///
    /// # Errors
    /// [`Fault::NotDerived`] if a parent is missing, has fewer rights, another target or another badge, or descends from its own
    /// child.
    pub fn derivation_order(&self) -> Result<Vec<usize>, Fault> {
        let mut order = Vec::with_capacity(self.capabilities.len());
        let mut placed = vec![false; self.capabilities.len()];
        let mut ancestors = Vec::new();
        for start in 0..self.capabilities.len() {
            let mut position = start;
            while !placed[position] {
                ancestors.push(position);
                // A chain of ancestors longer than the table is a cycle.
                if ancestors.len() > self.capabilities.len() {
                    return Err(Fault::NotDerived {
                        slot: self.capabilities[start].slot,
                    });
                }
                match self.parent_of(&self.capabilities[position])? {
                    Some(parent) => position = parent,
                    None => break,
                }
            }
            while let Some(position) = ancestors.pop() {
                placed[position] = true;
                order.push(position);
            }
        }
        Ok(order)
    }

    fn parent_of(&self, capability: &Capability) -> Result<Option<usize>, Fault> {
        let Some(parent_slot) = capability.parent else {
            return Ok(None);
        };
        let fault = Fault::NotDerived {
            slot: capability.slot,
        };
        let position = self
            .capabilities
            .binary_search_by_key(&parent_slot, |candidate| candidate.slot)
            .map_err(|_| fault)?;
        let parent = &self.capabilities[position];
        let derivable = is_derivable(
            parent,
            capability.target,
            capability.rights,
            capability.badge,
        );
        derivable.then_some(Some(position)).ok_or(fault)
    }

    /// Whether a capability or mapping can have been derived from its parent slot, if it has one.
    fn comes_from(&self, parent: Option<u32>, target: Target, rights: Rights, badge: u64) -> bool {
        let derivable = |slot| {
            let parent = self.capability_in(slot);
            parent.is_some_and(|parent| is_derivable(parent, target, rights, badge))
        };
        parent.is_none_or(derivable)
    }

    fn check_memories(&self, limits: &Limits) -> Result<(), Fault> {
        let mut total = 0_u64;
        for (object, pages, attribute) in self.memories() {
            total = total.saturating_add(pages);
            if pages > MEMORY_PAGES_MAX || total > limits.pages_max {
                return Err(Fault::MemoryTooLarge { object, pages });
            }
            if attribute != Attribute::Ordinary {
                return Err(Fault::PinnedMemory { object });
            }
        }
        Ok(())
    }

    fn memories(&self) -> impl Iterator<Item = (u32, u64, Attribute)> + '_ {
        (0..)
            .zip(&self.objects)
            .filter_map(|(index, object)| match object {
                Object::Memory { pages, attribute } => Some((index, *pages, *attribute)),
                _ => None,
            })
    }

    fn check_outsiders(&self) -> Result<(), Fault> {
        let mut names: Vec<Name> = self
            .outsiders
            .iter()
            .map(|outsider| outsider.name)
            .collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Fault::SameName(pair[0])),
            None => Ok(()),
        }
    }

    fn check_capabilities(&self) -> Result<(), Fault> {
        let mut next_slot = 0;
        for capability in &self.capabilities {
            let Capability {
                slot,
                target,
                rights,
                ..
            } = *capability;
            if slot < next_slot || slot >= self.slot_count {
                return Err(Fault::SlotOutOfOrder { slot });
            }
            next_slot = slot + 1;
            let kind = self.kind_of(target).ok_or(Fault::NoSuchTarget { target })?;
            if kind == ObjectKind::Reply && !self.awaits(target) {
                return Err(Fault::NothingAwaited { slot });
            }
            if !kind.all_rights().contains(rights) {
                return Err(Fault::ImpossibleRights { slot });
            }
            if !matches!(target, Target::Outside(_)) && !kind.own_rights().contains(rights) {
                return Err(Fault::BeyondGrant { slot });
            }
        }
        Ok(())
    }

    fn awaits(&self, target: Target) -> bool {
        let Target::Reply(index) = target else {
            return false;
        };
        let Some(Object::Thread(thread)) = self.objects.get(index as usize) else {
            return false;
        };
        let awaits = Awaits::from_number(thread.0.awaits);
        awaits.is_some_and(|awaits| awaits != Awaits::Nothing)
    }

    fn check_mappings(&self) -> Result<(), Fault> {
        let mut ranges: Vec<(u64, u64)> = Vec::with_capacity(self.mappings.len());
        for mapping in &self.mappings {
            ranges.push(self.mapped_range(mapping)?);
        }
        ranges.sort_unstable();
        match ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            Some(pair) => Err(Fault::BadMapping { address: pair[1].0 }),
            None => Ok(()),
        }
    }

    /// The first address of a mapping, and the first at which another may begin.
    fn mapped_range(&self, mapping: &Mapping) -> Result<(u64, u64), Fault> {
        let Mapping {
            address,
            memory,
            first_page,
            page_count,
            access,
            parent,
        } = *mapping;
        let fault = Fault::BadMapping { address };
        let memory_pages = self.mapped_pages(memory)?;
        // A mapping has no badge, and the badge of a Memory's capability has no meaning.
        let badge = parent.and_then(|slot| self.capability_in(slot));
        let badge = badge.map_or(0, |parent| parent.badge);
        if !self.comes_from(parent, memory, rights_for(access), badge) {
            return Err(fault);
        }
        let end_page = first_page.checked_add(page_count).ok_or(fault)?;
        let aligned =
            address.is_multiple_of(MAP_STEP_BYTES) && first_page.is_multiple_of(PAGES_PER_TABLE);
        if page_count == 0 || end_page > memory_pages || !aligned {
            return Err(fault);
        }
        let end = mapped_end(address, page_count).ok_or(fault)?;
        Ok((address, end))
    }

    /// The number of pages of a Memory that a mapping refers to.
    fn mapped_pages(&self, memory: Target) -> Result<u64, Fault> {
        match self.kind_of(memory) {
            Some(ObjectKind::Memory) => {}
            Some(_) => return Err(Fault::WrongKind { target: memory }),
            None => return Err(Fault::NoSuchTarget { target: memory }),
        }
        Ok(match memory {
            Target::Inside(index) => match self.objects[index as usize] {
                Object::Memory { pages, .. } => pages,
                _ => 0,
            },
            _ => MEMORY_PAGES_MAX,
        })
    }

    fn check_wake(&self) -> Result<(), Fault> {
        match self.wake.map(Target::Inside) {
            Some(target) if self.kind_of(target) != Some(ObjectKind::Notification) => {
                Err(Fault::WrongKind { target })
            }
            _ => Ok(()),
        }
    }

    fn check_held(&self) -> Result<(), Fault> {
        let mut seen = Vec::with_capacity(self.held.len());
        for held in &self.held {
            let (holder_kind, target_kind) = match held.role {
                Role::Pager => (ObjectKind::Memory, ObjectKind::Endpoint),
                Role::FaultEndpoint => (ObjectKind::Thread, ObjectKind::Endpoint),
                Role::BoundNotification => (ObjectKind::Thread, ObjectKind::Notification),
            };
            let (holder, target) = (held.holder, held.target);
            if self.kind_of(Target::Inside(holder)) != Some(holder_kind) {
                return Err(Fault::BadHolder { holder });
            }
            match self.kind_of(target) {
                Some(kind) if kind == target_kind => seen.push((holder, held.role)),
                Some(_) => return Err(Fault::WrongKind { target }),
                None => return Err(Fault::NoSuchTarget { target }),
            }
            if !self.comes_from(held.parent, target, held.rights, held.badge) {
                return Err(Fault::BadHolder { holder });
            }
        }
        seen.sort_unstable();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Fault::BadHolder { holder: pair[0].0 }),
            None => Ok(()),
        }
    }
}

fn is_derivable(parent: &Capability, target: Target, rights: Rights, badge: u64) -> bool {
    parent.target == target
        && parent.rights.contains(rights)
        && (parent.badge == 0 || parent.badge == badge)
}

/// The first address after a mapping at which another one may begin, if that is a user address.
fn mapped_end(address: u64, page_count: u64) -> Option<u64> {
    let bytes = page_count.checked_mul(PAGE_BYTES)?;
    let bytes = bytes.checked_next_multiple_of(MAP_STEP_BYTES)?;
    address.checked_add(bytes).filter(|end| *end <= USER_END)
}

/// The rights to a Memory that a mapping needs.
fn rights_for(access: Access) -> Rights {
    match access {
        Access::Read => MemoryRights::READ,
        Access::ReadWrite => MemoryRights::READ | MemoryRights::WRITE,
        Access::ReadExecute => MemoryRights::READ | MemoryRights::EXECUTE,
    }
    .into()
}

#[cfg(test)]
mod tests;
