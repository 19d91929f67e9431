//! The calls of a build that install capabilities: in the domain's table, and inside its objects.
//!
//! If a capability was derived from a slot of the domain's table, it is derived from that slot again. So revoking the slot's
//! capability has the same effect as before the move.

use abi::Rights;
use abi::register::Slot;
use nomad_image::{Capability, Description, HeldCapability, Role, Target};
use runtime::Cap;
use runtime::capability::{Any, Endpoint, Memory, Notification, Thread};

use super::{Built, Plan};
use crate::restore::RestoreError;
use crate::restore::error::During;

impl Built {
    pub(super) fn fill_table(&self, plan: &Plan<'_>) -> Result<(), RestoreError> {
        let description = plan.description;
        self.domain
            .grow(description.slot_count)
            .during("growing the table", description.slot_count.into())?;
        let order = description.derivation_order();
        let order = order.map_err(|_| RestoreError::Unexpected("a derivation in a circle"))?;
        for position in order {
            let capability = &description.capabilities[position];
            if !matches!(capability.target, Target::Reply(_)) {
                self.fill_slot(plan, capability)?;
            }
        }
        Ok(())
    }

    fn fill_slot(&self, plan: &Plan<'_>, capability: &Capability) -> Result<(), RestoreError> {
        let Capability {
            slot,
            target,
            mut rights,
            parent,
            ..
        } = *capability;
        let from = self.capability(plan, target)?;
        let badge = match target {
            // A service mints the badges of its clients itself.
            Target::Outside(_) => 0,
            _ => capability.badge,
        };
        if let Some(parent) = parent {
            let derived = self.domain.derive(
                Slot(parent),
                Slot(slot),
                rights,
                badge_for(plan, parent, badge),
            );
            return derived.during("deriving slot", slot.into());
        }
        if let Target::Outside(_) = target {
            // The rights that the image claims are reduced to those that this machine grants.
            let granted = from
                .inspect()
                .during("inspecting a service", slot.into())?
                .rights;
            rights = Rights(rights.0 & granted.0);
        }
        self.domain
            .install(from, Slot(slot), rights, badge)
            .during("filling slot", slot.into())
    }

    /// This server's capability for a target.
    fn capability(&self, plan: &Plan<'_>, target: Target) -> Result<Cap<Any>, RestoreError> {
        let found = match target {
            Target::Domain => Some(self.domain.erase()),
            Target::Pool => Some(plan.pool.erase()),
            Target::Inside(position) => self.object(position),
            Target::Outside(position) => self.outsider(position),
            Target::Reply(_) => None,
        };
        found.ok_or(RestoreError::Unexpected("a capability for nothing"))
    }

    /// Hands out pagers, fault endpoints and bound notifications.
    pub(super) fn hand_out(&self, plan: &Plan<'_>) -> Result<(), RestoreError> {
        for held in &plan.description.held {
            let HeldCapability {
                holder,
                role,
                target,
                rights,
                badge,
                parent,
            } = *held;
            if let Some(parent) = parent {
                self.hold(plan, held, parent)?;
                continue;
            }
            let from = self.capability(plan, target)?;
            let minted = match target {
                Target::Outside(_) => from.duplicate(),
                _ => from.mint(rights, badge),
            };
            let minted = minted.during("minting for object", holder.into())?;
            let given = self.give(holder, role, minted);
            minted.forget();
            given?;
        }
        Ok(())
    }

    /// Hands out a capability derived from a slot of the domain's own table.
    fn hold(
        &self,
        plan: &Plan<'_>,
        held: &HeldCapability,
        parent: u32,
    ) -> Result<(), RestoreError> {
        let holder = self.object::<Any>(held.holder);
        let holder = holder.ok_or(RestoreError::Unexpected("a holder that is gone"))?;
        let badge = match held.target {
            Target::Outside(_) => 0,
            _ => badge_for(plan, parent, held.badge),
        };
        self.domain
            .hold(Slot(parent), holder, held.role.held(), badge)
            .during("handing out to object", held.holder.into())
    }

    fn give(&self, holder: u32, role: Role, capability: Cap<Any>) -> Result<(), RestoreError> {
        let slot = capability.slot();
        let endpoint = Cap::<Endpoint>::from_slot(slot);
        let notification = Cap::<Notification>::from_slot(slot);
        let nothing = RestoreError::Unexpected("a holder that is gone");
        let thread = || self.object::<Thread>(holder).ok_or(nothing);
        let memory = || self.object::<Memory>(holder).ok_or(nothing);
        match role {
            Role::Pager => memory()?.set_pager(Some(endpoint)),
            Role::FaultEndpoint => thread()?.set_fault_endpoint(Some(endpoint)),
            Role::BoundNotification => thread()?.bind(Some(notification)),
        }
        .during("handing out to object", holder.into())
    }

    pub(super) fn install_replies(&self, description: &Description) -> Result<(), RestoreError> {
        for capability in &description.capabilities {
            if let Target::Reply(position) = capability.target {
                let thread = self.object::<Thread>(position);
                let thread = thread.ok_or(RestoreError::Unexpected("a reply to nobody"))?;
                let installed =
                    self.domain
                        .install_reply(thread, Slot(capability.slot), capability.rights);
                installed.during("installing the reply right in slot", capability.slot.into())?;
            }
        }
        Ok(())
    }
}

/// The badge with which a child of the capability in slot `parent` is derived. It is zero if the parent has a badge,
/// which the child then keeps.
fn badge_for(plan: &Plan<'_>, parent: u32, badge: u64) -> u64 {
    match plan.description.capability_in(parent) {
        Some(parent) if parent.badge != 0 => 0,
        _ => badge,
    }
}
