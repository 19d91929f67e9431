//! Creating and destroying a domain, and growing its table.

use abi::Error;
use capabilities::{Place, Storage};

use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::{
    AddressSpace, Holder, Ref, SLOTS_PER_FRAME, SlotDirectory, SlotFrame, SlotStorage,
};
use crate::objects::{Domain, Header, Object, Pool, Step, check_free, publish, slot_error};

/// Creates a running domain without threads and with one frame of slots.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`]; [`Error::InUse`] if the pool has a domain.
pub fn create_domain(kernel: &Kernel, pool: Ref<Pool>, into: Place) -> Result<Ref<Domain>, Error> {
    check_free(into)?;
    let domain = create_first_domain(kernel, pool)?;
    publish(Object::Domain(domain), into);
    Ok(domain)
}

/// As [`create_domain`], without a capability yet. For the root domain, whose capability goes into its own table.
///
/// # Errors
/// As [`create_domain`].
pub fn create_first_domain(kernel: &Kernel, pool: Ref<Pool>) -> Result<Ref<Domain>, Error> {
    const FRAMES: u64 = 4;
    if pool.domain.get().is_some() {
        return Err(Error::InUse);
    }
    if pool.limit - pool.used() < FRAMES {
        return Err(Error::PoolEmpty);
    }
    let space = AddressSpace::create(kernel.take_frame(pool)?);
    let directory = SlotDirectory::create(kernel.take_frame(pool)?);
    let frame = kernel.take_frame(pool)?;
    let domain = Ref::place(frame, |_, home| {
        let header = Header::new(kernel.new_serial(), home, pool);
        Domain::new(header, space, directory)
    });
    pool.enlist(Object::Domain(domain));
    pool.domain.set(Some(domain));
    grow_table(kernel, domain)?;
    Ok(domain)
}

/// Charges the frames that a domain's table needs to grow to this many slots. They stay reserved for the domain, so that growing
/// can be interrupted and does not fail midway.
///
/// # Errors
/// [`Error::PoolEmpty`], [`Error::TableFull`], without any effect.
pub fn pay_for_table(domain: Ref<Domain>, slots: u32) -> Result<(), Error> {
    if slots > abi::SLOTS_MAX {
        return Err(Error::TableFull);
    }
    let paid = domain.paid_slot_frames();
    let missing = slots
        .div_ceil(SLOTS_PER_FRAME)
        .saturating_sub(domain.table.frame_count() + paid);
    domain.pool().charge(missing.into())?;
    domain.set_paid_slot_frames(paid + missing);
    Ok(())
}

/// Adds a frame of slots to a domain's table: a reserved one, if there is one.
///
/// # Errors
/// As [`pay_for_table`].
pub fn grow_table(kernel: &Kernel, domain: Ref<Domain>) -> Result<(), Error> {
    pay_for_table(
        domain,
        domain.table.slot_count::<SlotDirectory>() + SLOTS_PER_FRAME,
    )?;
    let frame = kernel
        .frames
        .allocate()
        .expect("the root pool's limit is the number of frames");
    domain.set_paid_slot_frames(domain.paid_slot_frames() - 1);
    let holder = Holder::Table {
        domain,
        frame: domain.table.frame_count(),
    };
    domain
        .table
        .grow(&domain.directory, || {
            SlotFrame::create(frame, holder.pack())
        })
        .map_err(slot_error)?;
    domain.touch();
    Ok(())
}

/// Does one step of releasing the parts of a domain whose threads are gone: mappings, table, page tables.
pub fn dismantle_domain(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    if let Some(mapping) = domain.mappings().next() {
        let _ = kernel.empty_step(mapping.slot());
        return Step::More;
    }
    if domain.directory.first_index() < domain.table.frame_count() {
        return dismantle_slot_frame(kernel, domain);
    }
    if let Some(frame) = domain.take_mapping_frame() {
        kernel.return_frame(domain.pool(), frame);
        return Step::More;
    }
    // This fails only if no search for a parent has left a bookmark.
    let _ = kernel.empty_slot(domain.parent_search.bookmark());
    if let Some(table) = domain.space.dismantle() {
        kernel.return_unmapped(domain.pool(), table);
        return Step::More;
    }
    if let Some(frame) = domain.directory.take_frame() {
        kernel.return_frame(domain.pool(), frame);
    }
    domain.pool().refund(domain.paid_slot_frames().into());
    domain.set_paid_slot_frames(0);
    domain.pool().domain.set(None);
    Step::Done
}

/// The maximum number of slots that one step empties.
const SLOTS_PER_STEP: usize = 16;

/// Empties some slots of the first remaining frame of the table, or returns the frame when all are empty.
fn dismantle_slot_frame(kernel: &Kernel, domain: Ref<Domain>) -> Step {
    let index = domain.directory.first_index();
    let slots = index * SLOTS_PER_FRAME..(index + 1) * SLOTS_PER_FRAME;
    let places = slots.filter_map(|number| domain.place(abi::register::Slot(number)).ok());
    let mut occupied = places.filter(|place| !SlotStorage.slot(*place).is_empty());
    for place in occupied.by_ref().take(SLOTS_PER_STEP) {
        let is_logged = ipc::replies_to_fault(place);
        // This cannot fail: the slot is occupied, and a table holds no origin.
        let _ = kernel.empty_slot(place);
        if is_logged {
            return Step::More;
        }
    }
    if occupied.next().is_none()
        && let Some(frame) = domain.directory.detach_first()
    {
        kernel.return_frame(domain.pool(), frame);
    }
    Step::More
}
