//! The unit of protection and of migration: [`Domain`].

use core::cell::Cell;

use abi::register::{ObjectId, Slot as SlotNumber};
use abi::{Error, THREADS_MAX};
use capabilities::{Place, Table};

use super::mapping::key_of;
use super::{Ascent, Header, HeapPlace, Index, Mapping, MemoryObject, Pool, Thread};
use crate::memory::{AddressSpace, Occupied, OwnedFrame, Ref, SlotDirectory};

/// Whether a domain runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainState {
    /// Its threads run.
    Running,
    /// It is data, as soon as it is settled: nothing in it runs; the version counts what others change in it.
    Frozen,
    /// It has gone elsewhere and never runs here again, unless an operator undoes that.
    Retired,
    /// It is being destroyed: no capability to it is of use, but to resume that.
    Ending,
}

/// Which outsiders wait for something of a retired domain and have yet to hear that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninformed {
    /// Those that wait at its objects from this one on, and those that await an answer.
    From(ObjectId),
    /// Those that await an answer to which the right is in this slot or a later one.
    Callers(capabilities::SlotNumber),
    /// Nobody.
    Nobody,
}

impl Uninformed {
    /// All of them.
    pub const ALL: Uninformed = Uninformed::From(ObjectId(0));
}

/// Most frames of mapping records in a domain.
const MAPPING_FRAMES_MAX: usize = 25;

/// Address space, capability table, threads and run state.
pub struct Domain {
    /// What all objects have.
    pub header: Header,
    /// Its upper page tables.
    pub space: AddressSpace,
    /// How large its capability table is.
    pub table: Table,
    /// Where the table is.
    pub directory: SlotDirectory,
    /// Its first thread.
    pub first_thread: Cell<Option<Ref<Thread>>>,
    /// How many threads it has.
    pub thread_count: Cell<usize>,
    /// Nanoseconds to add to the machine's time for its own.
    pub clock_offset: Cell<i64>,
    /// Once it is retired: who has yet to hear of it.
    pub uninformed: Cell<Uninformed>,
    /// How far a description of it came.
    pub ascent: Ascent,
    /// Its place among the deadlines.
    pub timer: HeapPlace<Domain>,
    /// When the timer comes to it, in ticks, while it is among the deadlines.
    pub deadline_ticks: Cell<Option<u64>>,
    /// When the freeze ends that it is in, or was in last, in ticks; none for one that does not end by itself.
    pub thaw_ticks: Cell<Option<u64>>,
    state: Cell<DomainState>,
    version: Cell<u64>,
    freeze_count: Cell<u64>,
    /// The first thread that is not in line with the state yet; those behind it are not either.
    unsettled: Cell<Option<Ref<Thread>>>,
    /// Frames of slots that the pool has paid for and that the table does not have yet.
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
            uninformed: Cell::new(Uninformed::ALL),
            ascent: Ascent::none(),
            timer: HeapPlace::nowhere(),
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

    /// Whether it runs.
    pub fn state(&self) -> DomainState {
        self.state.get()
    }

    /// Makes a frozen domain retired, and the objects of its pool gone with it. Its threads are stopped before and after.
    pub fn retire(&self) {
        self.state.set(DomainState::Retired);
        self.pool().set_retired(true);
    }

    /// Makes a retired domain frozen again, and the objects of its pool usable.
    pub fn unretire(&self) {
        self.state.set(DomainState::Frozen);
        self.pool().set_retired(false);
    }

    /// Sets the state. The threads are to be brought into line with it, one by one: [`Domain::next_unsettled`].
    pub fn turn(&self, state: DomainState) {
        self.state.set(state);
        self.unsettled.set(self.first_thread.get());
    }

    /// Takes the next thread that is to be stopped or let run, depending on the state.
    pub fn next_unsettled(&self) -> Option<Ref<Thread>> {
        let thread = self.unsettled.get()?;
        self.unsettled.set(thread.next_in_domain.get());
        Some(thread)
    }

    /// The first thread that is not in line with the state yet.
    pub fn first_unsettled(&self) -> Option<Ref<Thread>> {
        self.unsettled.get()
    }

    /// Whether all threads are in line with the state.
    pub fn is_settled(&self) -> bool {
        self.first_unsettled().is_none()
    }

    /// Whether its threads may run.
    pub fn is_running(&self) -> bool {
        self.state.get() == DomainState::Running
    }

    /// Whether it may be taken for data: nothing in it runs, and nothing will before it is thawed.
    pub fn is_still(&self) -> bool {
        !self.is_running() && self.is_settled()
    }

    /// The token of the freeze that it is in, or was in last: how often it was frozen.
    pub fn token(&self) -> u64 {
        self.freeze_count.get()
    }

    /// Makes the token of a new freeze, so that those of all before are stale.
    pub fn new_token(&self) {
        self.freeze_count.set(self.freeze_count.get() + 1);
    }

    /// Whether it has gone elsewhere, and is not being destroyed yet. Whether an object is gone is asked of its header.
    pub fn is_retired(&self) -> bool {
        self.state.get() == DomainState::Retired
    }

    /// How often others changed it while it was frozen.
    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// Counts a change from outside, if it is frozen.
    pub fn touch(&self) {
        if !self.is_running() {
            self.version.set(self.version.get() + 1);
        }
    }

    /// The pool that it belongs to.
    pub fn pool(&self) -> Ref<Pool> {
        self.header.pool.expect("every domain has a pool")
    }

    /// The place of a slot, alleged to be in the table.
    ///
    /// # Errors
    /// [`Error::NoSuchSlot`].
    #[inline(always)]
    pub fn place(&self, slot: SlotNumber) -> Result<Place, Error> {
        self.locate(slot).ok_or(Error::NoSuchSlot)
    }

    /// The place of a slot if it is in the table. Not inlined, and no result with an error, so that it comes in a register.
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

    /// Its mappings, in the order of addresses.
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

    /// The Memory of this identity, if it is mapped. Looks at each record for a mapping once, which takes fewer steps than
    /// going through the index in the order of addresses.
    pub fn mapped_memory(&self, id: ObjectId) -> Option<Ref<MemoryObject>> {
        let records =
            core::iter::successors(self.first_record.get(), |record| record.next_record.get());
        let mut memories = records.filter_map(|record| record.memory.get());
        let serial = self.pool().serial_of(id);
        memories.find(|memory| memory.header.serial == serial)
    }

    /// Checks that it can have another thread.
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

    /// How many frames of slots are paid for that the table does not have yet.
    pub fn paid_slot_frames(&self) -> u32 {
        self.paid_slot_frames.get()
    }

    /// Sets how many frames of slots are paid for that the table does not have yet.
    pub fn set_paid_slot_frames(&self, count: u32) {
        self.paid_slot_frames.set(count);
    }

    /// Enters a thread, first.
    pub fn add_thread(&self, thread: Ref<Thread>) {
        thread
            .next_in_domain
            .set(self.first_thread.replace(Some(thread)));
        self.thread_count.set(self.thread_count.get() + 1);
        thread.held.set(!self.is_running());
    }

    /// Takes a thread out.
    pub fn remove_thread(&self, thread: Ref<Thread>) {
        if self.unsettled.get() == Some(thread) {
            self.unsettled.set(thread.next_in_domain.get());
        }
        let next = thread.next_in_domain.take();
        // A domain that ends gives up its threads from the first one on.
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

    /// A free mapping record, which goes among the mappings with [`Domain::add_mapping`].
    pub fn free_mapping(&self) -> Option<Ref<Mapping>> {
        self.free_mapping.get()
    }

    /// Takes the record that [`Domain::free_mapping`] named, and whose address is set, among the mappings.
    pub fn add_mapping(&self, mapping: Ref<Mapping>) {
        self.free_mapping.set(mapping.next_free.take());
        self.mappings.insert(mapping);
    }

    /// Takes a mapping out and makes its record free.
    pub fn remove_mapping(&self, mapping: Ref<Mapping>) {
        self.mappings.remove(mapping);
        mapping.memory.set(None);
        mapping.unlinked_to.set(None);
        mapping
            .next_free
            .set(self.free_mapping.replace(Some(mapping)));
    }

    /// Takes back a frame of mapping records; all of them must be free.
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
    /// Makes free mapping records in a frame.
    ///
    /// # Errors
    /// [`Error::TableFull`] if there are as many as there may be; nothing was allocated then.
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
