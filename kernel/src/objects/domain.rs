//! The unit of protection and of migration: [`Domain`].

mod lifecycle;

use core::cell::Cell;

use abi::register::{ObjectId, Slot as SlotNumber};
use abi::{Error, THREADS_MAX};
use capabilities::{Place, Table};

use super::mapping::key_of;
use super::{Header, Mapping, MemoryObject, ParentSearch, Pool, Thread};
use crate::collections::{HeapLink, Index};
use crate::memory::{AddressSpace, Occupied, OwnedFrame, Ref, SlotDirectory};

pub use lifecycle::{
    create_domain, create_first_domain, dismantle_domain, grow_table, pay_for_table,
};

/// Whether a domain runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainState {
    /// Its threads run.
    Running,
    /// It is data once it has settled: nothing in it runs, and the version counts changes made by others.
    Frozen,
    /// It was moved away and never runs here again, unless an operator undoes that.
    Retired,
    /// It is being destroyed: capabilities to it can only resume the destruction.
    Destroying,
}

/// The outside threads that wait for something of a retired domain and whose waits have yet to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingWaiters {
    /// Those that wait at its objects from this one on, and callers that await an answer.
    From(ObjectId),
    /// Callers whose reply right is in this slot or a later one.
    Callers(capabilities::SlotNumber),
    None,
}

impl PendingWaiters {
    pub const ALL: PendingWaiters = PendingWaiters::From(ObjectId(0));
}

/// The maximum number of frames of mapping records in a domain.
const MAPPING_FRAMES_MAX: usize = 25;

/// Address space, capability table, threads and run state.
pub struct Domain {
    pub header: Header,
    /// Its upper page tables.
    pub space: AddressSpace,
    /// The size of its capability table.
    pub table: Table,
    /// The frames of its capability table.
    pub directory: SlotDirectory,
    pub first_thread: Cell<Option<Ref<Thread>>>,
    pub thread_count: Cell<usize>,
    /// Nanoseconds added to the machine's time to get its own.
    pub clock_offset: Cell<i64>,
    /// Once it is retired: the outside waits that have yet to fail.
    pub pending_waiters: Cell<PendingWaiters>,
    /// The parent search of its description.
    pub parent_search: ParentSearch,
    pub timer: HeapLink<Domain>,
    /// Its deadline, in ticks, while it is among the deadlines.
    pub deadline_ticks: Cell<Option<u64>>,
    /// The end of its current or last freeze, in ticks; none for a freeze without a deadline.
    pub thaw_ticks: Cell<Option<u64>>,
    state: Cell<DomainState>,
    version: Cell<u64>,
    freeze_count: Cell<u64>,
    /// The first thread that has yet to follow the state, as have all behind it.
    unsettled: Cell<Option<Ref<Thread>>>,
    /// Frames of slots that are paid for but not yet in the table.
    paid_slot_frames: Cell<u32>,
    mappings: Index<Mapping>,
    first_record: Cell<Option<Ref<Mapping>>>,
    free_mapping: Cell<Option<Ref<Mapping>>>,
    mapping_frame_count: Cell<usize>,
    mapping_frames: [Cell<Option<Occupied>>; MAPPING_FRAMES_MAX],
}

impl Domain {
    /// A running domain without threads, slots and mappings.
    pub fn new(header: Header, space: AddressSpace, directory: SlotDirectory) -> Domain {
        Domain {
            header,
            space,
            table: Table::new(),
            directory,
            first_thread: Cell::new(None),
            thread_count: Cell::new(0),
            clock_offset: Cell::new(0),
            pending_waiters: Cell::new(PendingWaiters::ALL),
            parent_search: ParentSearch::none(),
            timer: HeapLink::unlinked(),
            deadline_ticks: Cell::new(None),
            thaw_ticks: Cell::new(None),
            state: Cell::new(DomainState::Running),
            version: Cell::new(0),
            freeze_count: Cell::new(0),
            unsettled: Cell::new(None),
            paid_slot_frames: Cell::new(0),
            mappings: Index::empty(),
            first_record: Cell::new(None),
            free_mapping: Cell::new(None),
            mapping_frame_count: Cell::new(0),
            mapping_frames: [const { Cell::new(None) }; MAPPING_FRAMES_MAX],
        }
    }

    pub fn state(&self) -> DomainState {
        self.state.get()
    }

    /// Retires a frozen domain, whose pool's objects are gone with it. Its threads are stopped before and after.
    pub fn retire(&self) {
        self.state.set(DomainState::Retired);
        self.pool().set_retired(true);
    }

    /// Makes a retired domain frozen again, and its pool's objects usable.
    pub fn unretire(&self) {
        self.state.set(DomainState::Frozen);
        self.pool().set_retired(false);
    }

    /// Sets the state, which the threads then follow one by one: [`Domain::next_unsettled`].
    pub fn set_state(&self, state: DomainState) {
        self.state.set(state);
        self.unsettled.set(self.first_thread.get());
    }

    /// Takes the next thread to be stopped or released, depending on the state.
    pub fn next_unsettled(&self) -> Option<Ref<Thread>> {
        let thread = self.unsettled.get()?;
        self.unsettled.set(thread.next_in_domain.get());
        Some(thread)
    }

    /// The first thread that has yet to follow the state.
    pub fn first_unsettled(&self) -> Option<Ref<Thread>> {
        self.unsettled.get()
    }

    /// Whether all threads follow the state.
    pub fn is_settled(&self) -> bool {
        self.first_unsettled().is_none()
    }

    /// Whether its threads may run.
    pub fn is_running(&self) -> bool {
        self.state.get() == DomainState::Running
    }

    /// Whether it can be treated as data: nothing in it runs, and nothing will before it is thawed.
    pub fn is_quiescent(&self) -> bool {
        !self.is_running() && self.is_settled()
    }

    /// The token of its current or last freeze: the number of its freezes.
    pub fn token(&self) -> u64 {
        self.freeze_count.get()
    }

    /// Begins a new freeze, which makes all earlier tokens stale.
    pub fn new_token(&self) {
        self.freeze_count.set(self.freeze_count.get() + 1);
    }

    /// Whether it was moved away, and is not being destroyed yet. Whether an object is gone is a question for its header.
    pub fn is_retired(&self) -> bool {
        self.state.get() == DomainState::Retired
    }

    /// The number of changes that others made while it was frozen.
    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// Counts a change from outside, if it is frozen.
    pub fn touch(&self) {
        if !self.is_running() {
            self.version.set(self.version.get() + 1);
        }
    }

    pub fn pool(&self) -> Ref<Pool> {
        self.header.pool.expect("every domain has a pool")
    }

    /// The place of an alleged slot.
    ///
    /// # Errors
    /// [`Error::NoSuchSlot`].
    #[inline(always)]
    pub fn place(&self, slot: SlotNumber) -> Result<Place, Error> {
        self.locate(slot).ok_or(Error::NoSuchSlot)
    }

    /// The place of a slot if it is in the table. Not inlined, and an option, so that it is returned in a register.
    #[inline(never)]
    fn locate(&self, slot: SlotNumber) -> Option<Place> {
        let number = capabilities::SlotNumber::new(slot.0);
        self.table.locate(&self.directory, number).ok()
    }

    /// Its threads, the newest first.
    pub fn threads(&self) -> impl Iterator<Item = Ref<Thread>> {
        core::iter::successors(self.first_thread.get(), |thread| {
            thread.next_in_domain.get()
        })
    }

    /// Its mappings, by ascending address.
    pub fn mappings(&self) -> impl Iterator<Item = Ref<Mapping>> {
        self.mappings_from(0)
    }

    /// Its mappings that begin at an address, a multiple of 2 MiB, or above.
    pub fn mappings_from(&self, address: u64) -> impl Iterator<Item = Ref<Mapping>> {
        self.mappings.iter_from(key_of(address))
    }

    /// The last mapping that begins at an address or below.
    pub fn mapping_below(&self, address: u64) -> Option<Ref<Mapping>> {
        self.mappings.last_until(key_of(address))
    }

    /// The mapping that contains an address.
    pub fn mapping_at(&self, address: u64) -> Option<Ref<Mapping>> {
        self.mapping_below(address)
            .filter(|mapping| mapping.contains(address))
    }

    /// The Memory of this identity, if it is mapped. Visits each mapping record once, which takes fewer steps than walking the
    /// index by address.
    pub fn mapped_memory(&self, id: ObjectId) -> Option<Ref<MemoryObject>> {
        let records =
            core::iter::successors(self.first_record.get(), |record| record.next_record.get());
        let mut memories = records.filter_map(|record| record.memory.get());
        let serial = self.pool().serial_of(id);
        memories.find(|memory| memory.header.serial == serial)
    }

    /// Checks that it can get another thread.
    ///
    /// # Errors
    /// [`Error::TableFull`] if it has [`abi::THREADS_MAX`].
    pub fn check_room_for_thread(&self) -> Result<(), Error> {
        if self.thread_count.get() < THREADS_MAX {
            Ok(())
        } else {
            Err(Error::TableFull)
        }
    }

    /// Frames of slots that are paid for but not yet in the table.
    pub fn paid_slot_frames(&self) -> u32 {
        self.paid_slot_frames.get()
    }

    pub fn set_paid_slot_frames(&self, count: u32) {
        self.paid_slot_frames.set(count);
    }

    /// Adds a thread at the front of its list.
    pub fn add_thread(&self, thread: Ref<Thread>) {
        thread
            .next_in_domain
            .set(self.first_thread.replace(Some(thread)));
        self.thread_count.set(self.thread_count.get() + 1);
        thread.held.set(!self.is_running());
    }

    pub fn remove_thread(&self, thread: Ref<Thread>) {
        if self.unsettled.get() == Some(thread) {
            self.unsettled.set(thread.next_in_domain.get());
        }
        let next = thread.next_in_domain.take();
        // A domain that is being destroyed removes its threads from the first one on.
        if self.first_thread.get() == Some(thread) {
            self.first_thread.set(next);
        } else if let Some(before) = self
            .threads()
            .find(|other| other.next_in_domain.get() == Some(thread))
        {
            before.next_in_domain.set(next);
        }
        self.thread_count.set(self.thread_count.get() - 1);
    }

    /// A free mapping record, for [`Domain::add_mapping`].
    pub fn free_mapping(&self) -> Option<Ref<Mapping>> {
        self.free_mapping.get()
    }

    /// Adds the record that [`Domain::free_mapping`] returned, and whose address is set, to the mappings.
    pub fn add_mapping(&self, mapping: Ref<Mapping>) {
        self.free_mapping.set(mapping.next_free.take());
        self.mappings.insert(mapping);
    }

    /// Removes a mapping and frees its record.
    pub fn remove_mapping(&self, mapping: Ref<Mapping>) {
        self.mappings.remove(mapping);
        mapping.memory.set(None);
        mapping.unlinked_to.set(None);
        mapping
            .next_free
            .set(self.free_mapping.replace(Some(mapping)));
    }

    /// Takes a frame of mapping records; all records must be free.
    pub fn take_mapping_frame(&self) -> Option<OwnedFrame> {
        assert!(
            self.mappings.is_empty(),
            "mapping records go when all are free"
        );
        self.free_mapping.set(None);
        self.first_record.set(None);
        let last = self.mapping_frame_count.get().checked_sub(1)?;
        self.mapping_frame_count.set(last);
        self.mapping_frames[last].take().map(Occupied::vacate)
    }
}

impl Ref<Domain> {
    /// Adds a frame of free mapping records.
    ///
    /// # Errors
    /// [`Error::TableFull`] at the maximum number of frames; nothing was allocated then.
    pub fn grow_mappings(
        self,
        allocate: impl FnOnce() -> Result<OwnedFrame, Error>,
    ) -> Result<(), Error> {
        let room = self
            .mapping_frames
            .get(self.mapping_frame_count.get())
            .ok_or(Error::TableFull)?;
        let frame = Ref::place_many(allocate()?, |this| {
            let record = Mapping::free(self, this);
            record.next_free.set(self.free_mapping.replace(Some(this)));
            record
                .next_record
                .set(self.first_record.replace(Some(this)));
            record
        });
        room.set(Some(frame));
        self.mapping_frame_count
            .set(self.mapping_frame_count.get() + 1);
        Ok(())
    }
}
