//! Capabilities: copy, mint, move, delete, revoke, inspect.

use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityIdentify, CapabilityInspect, CapabilityMint,
    CapabilityMove, CapabilityRevoke,
};
use abi::register::Slot;
use abi::{DomainRights, Error};
use capabilities::{Badge, Place, Storage};

use super::{CallResult, Outcome, Results, lookup};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Thread, slot_error};

pub fn copy(caller: Ref<Thread>, call: CapabilityCopy) -> CallResult {
    let (from, to) = copyable(caller, call.from, call.to)?;
    capabilities::copy(&SlotStorage, from, to).map_err(slot_error)?;
    Ok(Outcome::DONE)
}

pub fn mint(caller: Ref<Thread>, call: CapabilityMint) -> CallResult {
    let (from, to) = copyable(caller, call.from, call.to)?;
    capabilities::mint(&SlotStorage, from, to, call.rights, Badge::new(call.badge))
        .map_err(slot_error)?;
    Ok(Outcome::DONE)
}

pub fn move_to(caller: Ref<Thread>, call: CapabilityMove) -> CallResult {
    let (from, _) = lookup::lookup(caller, call.from)?;
    let to = lookup::free_slot(caller, call.to)?;
    capabilities::move_to(&SlotStorage, from, to).map_err(slot_error)?;
    Ok(Outcome::DONE)
}

pub fn delete(kernel: &Kernel, caller: Ref<Thread>, call: CapabilityDelete) -> CallResult {
    let (place, _) = lookup::lookup(caller, call.slot)?;
    kernel.empty_slot(place)?;
    Ok(Outcome::DONE)
}

pub fn revoke(kernel: &Kernel, caller: Ref<Thread>, call: CapabilityRevoke) -> CallResult {
    let outcome = revoke_in_steps(kernel, caller, call.slot);
    // The revocation is also over if the slot has been emptied since the last step.
    let is_unfinished = matches!(outcome, Ok(Outcome::Again));
    kernel.scheduler.note_revocation(caller, is_unfinished);
    outcome
}

fn revoke_in_steps(kernel: &Kernel, caller: Ref<Thread>, slot: Slot) -> CallResult {
    let (place, _) = lookup::lookup(caller, slot)?;
    // Keeping the slot itself has no effect: it is not its own descendant.
    super::in_steps(|| kernel.revoke_step(place, place))
}

pub fn inspect(caller: Ref<Thread>, call: CapabilityInspect) -> CallResult {
    let place = caller.domain.place(call.slot)?;
    let results = match SlotStorage.slot(place).capability() {
        Some(held) => Results::Three(
            held.object.kind() as u64,
            u64::from(held.rights.0),
            held.badge.get(),
        ),
        None => Results::Three(0, 0, 0),
    };
    Ok(Outcome::Return(results))
}

pub fn identify(caller: Ref<Thread>, call: CapabilityIdentify) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::CAPTURE)?;
    let place = domain.place(call.slot)?;
    let held = SlotStorage
        .slot(place)
        .capability()
        .ok_or(Error::EmptySlot)?;
    Ok(Outcome::one(held.object.id().0))
}

/// The places of a capability that can be copied and of an empty slot.
fn copyable(caller: Ref<Thread>, from: Slot, to: Slot) -> Result<(Place, Place), Error> {
    let (place, capability) = lookup::lookup(caller, from)?;
    lookup::check_copyable(capability.object)?;
    Ok((place, lookup::free_slot(caller, to)?))
}
