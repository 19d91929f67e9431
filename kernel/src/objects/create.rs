//! Creating objects: each takes one frame of its pool, and its creator gets a capability with all rights in the named slot.
//! Only a child pool's rights are limited to those of the capability it was split off through, as far as they reach beyond
//! its own memory.

use abi::{Error, Rights};
use capabilities::{Capability, Place, Storage};

use super::{Attribute, Domain, Header, MemoryObject, Object, Pool, Thread};
use crate::arch::{self, Line, Trigger};
use crate::kernel::{Kernel, slot_error};
use crate::memory::{
    ALIGNMENT_MAX, AddressSpace, Entry, ForeignRun, Holder, Ref, RunRequest, RunSearch,
    SLOTS_PER_FRAME, SlotDirectory, SlotFrame, SlotStorage,
};

/// Checks that a slot can take a new capability.
///
/// # Errors
/// [`Error::OccupiedSlot`].
pub fn check_free(place: Place) -> Result<(), Error> {
    if SlotStorage.slot(place).is_empty() {
        Ok(())
    } else {
        Err(Error::OccupiedSlot)
    }
}

/// Checks that an object may get new capabilities, mappings, pages or calls.
///
/// # Errors
/// [`Error::Gone`] if it is being destroyed.
pub fn check_alive(object: Object) -> Result<(), Error> {
    if object.header().is_being_destroyed() {
        Err(Error::Gone)
    } else {
        Ok(())
    }
}

/// Creates an object in a frame of its own, appends it to its pool's list, and puts a capability with all rights into
/// `into`, which must be empty.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`], without any effect.
pub fn create<T>(
    kernel: &Kernel,
    pool: Ref<Pool>,
    into: Place,
    wrap: fn(Ref<T>) -> Object,
    make: impl FnOnce(Header, Ref<T>) -> T,
) -> Result<Ref<T>, Error> {
    check_free(into)?;
    let frame = kernel.take_frame(pool)?;
    let reference = Ref::place(frame, |this, home| {
        make(Header::new(kernel.new_serial(), home, pool), this)
    });
    publish(wrap(reference), into);
    pool.enlist(wrap(reference));
    Ok(reference)
}

/// Plants an object's origin with all rights and copies it to `into`, which is empty.
pub fn publish(object: Object, into: Place) {
    publish_with(object, object.kind().all_rights(), into);
}

fn publish_with(object: Object, rights: Rights, into: Place) {
    let capability = Capability::new(object, rights);
    let origin = object.header().origin();
    capabilities::plant(&SlotStorage, origin, capability)
        .and_then(|()| capabilities::copy(&SlotStorage, origin, into))
        .expect("both slots are empty");
}

/// Splits off a child pool whose origin, and so every capability to it, has at most these rights. Its own frame is the first
/// page that it spends.
///
/// # Errors
/// [`Error::OccupiedSlot`]; [`Error::PoolEmpty`], also for a child without pages; [`Error::TableFull`] for one nested too
/// deeply.
pub fn create_pool(
    kernel: &Kernel,
    parent: Ref<Pool>,
    pages: u64,
    rights: Rights,
    into: Place,
) -> Result<Ref<Pool>, Error> {
    check_free(into)?;
    let pool = create_unpublished_pool(kernel, parent, pages)?;
    publish_with(Object::Pool(pool), rights, into);
    Ok(pool)
}

/// As [`create_pool`], without a capability yet.
///
/// # Errors
/// [`Error::PoolEmpty`], [`Error::TableFull`].
pub fn create_unpublished_pool(
    kernel: &Kernel,
    parent: Ref<Pool>,
    pages: u64,
) -> Result<Ref<Pool>, Error> {
    if pages == 0 {
        return Err(Error::PoolEmpty);
    }
    if parent.depth == abi::POOL_DEPTH_MAX {
        return Err(Error::TableFull);
    }
    parent.charge(pages)?;
    let frame = kernel
        .frames
        .allocate()
        .expect("the root pool's limit is what there is");
    let pool = Ref::place(frame, |_, home| {
        Pool::new(
            Header::new(kernel.new_serial(), home, parent),
            pages,
            parent.identities,
        )
    });
    pool.charge(1).expect("the child has a page");
    parent.enlist(Object::Pool(pool));
    Ok(pool)
}

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
/// can be interrupted and does not fail half way.
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
        .expect("the root pool's limit is what there is");
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

/// Creates a stopped thread.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`]; [`Error::TableFull`] if the domain has [`abi::THREADS_MAX`].
pub fn create_thread(
    kernel: &Kernel,
    domain: Ref<Domain>,
    into: Place,
) -> Result<Ref<Thread>, Error> {
    domain.check_room_for_thread()?;
    let thread = create(
        kernel,
        domain.pool(),
        into,
        Object::Thread,
        |header, this| Thread::new(header, domain, this),
    )?;
    domain.add_thread(thread);
    domain.touch();
    Ok(thread)
}

/// Creates a Memory without pages.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`]; [`Error::ArgumentRange`] for a size of zero or more than
/// [`abi::MEMORY_PAGES_MAX`].
pub fn create_memory(
    kernel: &Kernel,
    pool: Ref<Pool>,
    pages: u64,
    attribute: Attribute,
    into: Place,
) -> Result<Ref<MemoryObject>, Error> {
    if pages == 0 || pages > abi::MEMORY_PAGES_MAX {
        return Err(Error::ArgumentRange);
    }
    create(kernel, pool, into, Object::Memory, |header, this| {
        MemoryObject::new(header, pages, attribute, this)
    })
}

/// Creates a Memory from pages that belong to no pool, all at once: the boot archive's.
///
/// # Errors
/// As [`create_tables_of`].
pub fn create_memory_of(
    kernel: &Kernel,
    pool: Ref<Pool>,
    run: ForeignRun,
    attribute: Attribute,
    into: Place,
) -> Result<Ref<MemoryObject>, Error> {
    let memory = create_tables_of(kernel, pool, run.count(), attribute, into)?;
    fill(memory, &run, 0, run.count(), Entry::LEAF);
    Ok(memory)
}

/// Creates a Memory with tables for all of its pages but without pages.
///
/// # Errors
/// As [`create_memory`]; when the pool cannot pay for the tables, there is no Memory.
pub fn create_tables_of(
    kernel: &Kernel,
    pool: Ref<Pool>,
    pages: u64,
    attribute: Attribute,
    into: Place,
) -> Result<Ref<MemoryObject>, Error> {
    check_room_for_run(pool, pages, 0)?;
    let memory = create_memory(kernel, pool, pages, attribute, into)?;
    for leaf in 0..pages.div_ceil(abi::PAGES_PER_TABLE) {
        memory.ensure_leaf(leaf * abi::PAGES_PER_TABLE, || kernel.take_frame(pool))?;
    }
    Ok(memory)
}

/// Inserts `count` pages of a run, from page `first` on, into a Memory that has tables for them.
pub fn fill(memory: Ref<MemoryObject>, run: &ForeignRun, first: u64, count: u64, flags: Entry) {
    let end = first + count;
    let mut page = first;
    while page < end {
        let leaf = memory.leaf(page).expect("the Memory was made with tables");
        let next = end.min(page + abi::PAGES_PER_TABLE - page % abi::PAGES_PER_TABLE);
        (page..next).for_each(|page| memory.insert_foreign(leaf, page, run, flags));
        page = next;
    }
    memory.header.touch();
}

/// The result of a step of creating a contiguous Memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contiguous {
    /// It was created, and begins at this bus address.
    Made(u64),
    /// No run lies below this address; the search continues there.
    Searching(u64),
}

/// Creates a Memory of contiguous frames. They are reserved and paid for; populating the Memory makes them present.
///
/// # Errors
/// As [`create_memory_of`]; [`Error::PoolEmpty`] also when no run is long enough, [`Error::ArgumentRange`] for a request that no
/// machine could satisfy.
pub fn create_contiguous(
    kernel: &Kernel,
    pool: Ref<Pool>,
    request: RunRequest,
    into: Place,
) -> Result<Contiguous, Error> {
    check_free(into)?;
    let RunRequest {
        count, alignment, ..
    } = request;
    if count == 0 || count > CONTIGUOUS_PAGES_MAX {
        return Err(Error::ArgumentRange);
    }
    if !alignment.is_power_of_two() || alignment > ALIGNMENT_MAX {
        return Err(Error::ArgumentRange);
    }
    check_room_for_run(pool, count, count)?;
    let run = match kernel.frames.allocate_run(request) {
        RunSearch::Found(run) => run,
        RunSearch::Absent => return Err(Error::PoolEmpty),
        RunSearch::Unfinished(from) => return Ok(Contiguous::Searching(from)),
    };
    let address = run.address().as_u64();
    pool.charge(count)?;
    let memory = create_memory(kernel, pool, count, Attribute::Contiguous, into)?;
    let leaf = memory.ensure_leaf(0, || kernel.take_frame(pool))?;
    (0..)
        .zip(run)
        .for_each(|(page, frame)| leaf.reserve(page, frame));
    Ok(Contiguous::Made(address))
}

/// Checks that a pool can pay for a Memory with tables for a run of `count` pages, and for `frames` more.
fn check_room_for_run(pool: Ref<Pool>, count: u64, frames: u64) -> Result<(), Error> {
    let leaves = count.div_ceil(abi::PAGES_PER_TABLE);
    let directories = leaves.div_ceil(abi::PAGES_PER_TABLE);
    if pool.limit - pool.used() < 1 + leaves + directories + frames {
        return Err(Error::PoolEmpty);
    }
    Ok(())
}

/// The maximum size of a contiguous Memory: one leaf table, since it is created in one step.
const CONTIGUOUS_PAGES_MAX: u64 = abi::PAGES_PER_TABLE;

/// The maximum number of interrupts that share a line: all of them are raised in one step.
pub const SHARERS_MAX: usize = 8;

/// Creates an interrupt. A message-signalled one, and the first of a line, gets a free vector; further ones of a line share its
/// vector.
///
/// # Errors
/// [`Error::OccupiedSlot`]; [`Error::InUse`] when no vector is free, or the line already has [`SHARERS_MAX`], cannot be shared,
/// or has another trigger or polarity; [`Error::NotDevice`] when no controller has the line; [`Error::PoolEmpty`].
pub fn create_interrupt(
    kernel: &Kernel,
    pool: Ref<Pool>,
    line: Option<Line>,
    into: Place,
) -> Result<u8, Error> {
    check_free(into)?;
    let sharing = line.and_then(|line| line_vector(kernel, line.gsi));
    let vector = match sharing {
        Some(vector) => vector,
        None => free_vector(kernel)?,
    };
    if let Some(line) = line {
        match sharing {
            Some(vector) => check_shareable(kernel, line, vector)?,
            None => arch::interrupts::route_line(line, vector).map_err(|_| Error::NotDevice)?,
        }
    }
    let make = |header, this| super::Interrupt::new(header, vector, line, this);
    let interrupt = create(kernel, pool, into, Object::Interrupt, make)?;
    let first = &kernel.interrupts[usize::from(vector)];
    interrupt.next.set(first.replace(Some(interrupt)));
    Ok(vector)
}

/// The vector that a line is routed to, if any.
fn line_vector(kernel: &Kernel, gsi: u32) -> Option<u8> {
    arch::DEVICE_VECTORS.into_iter().find(|&vector| {
        let first = kernel.interrupts_at(vector).next();
        first.is_some_and(|first| first.line.is_some_and(|line| line.gsi == gsi))
    })
}

fn free_vector(kernel: &Kernel) -> Result<u8, Error> {
    let is_free = |vector: &u8| kernel.interrupts_at(*vector).next().is_none();
    arch::DEVICE_VECTORS
        .into_iter()
        .find(is_free)
        .ok_or(Error::InUse)
}

/// An edge-triggered line cannot be shared: an edge that arrives while another is being handled would be lost.
fn check_shareable(kernel: &Kernel, line: Line, vector: u8) -> Result<(), Error> {
    let mut others = kernel.interrupts_at(vector);
    let is_same = others.all(|other| other.line == Some(line));
    let is_full = kernel.interrupts_at(vector).count() == SHARERS_MAX;
    if line.trigger == Trigger::Level && is_same && !is_full {
        Ok(())
    } else {
        Err(Error::InUse)
    }
}
