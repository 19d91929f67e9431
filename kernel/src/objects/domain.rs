//! The unit of protection and of migration: [`Domain`].

mod lifecycle;
mod mappings;

use core::cell::Cell;

use abi::register::{ObjectId, Slot as SlotNumber};
use abi::{Error, THREADS_MAX};
use capabilities::{Place, Table};

use super::{Header, Mapping, ParentSearch, Pool, Thread};
use crate::collections::{HeapLink, Index};
use crate::memory::{AddressSpace, Occupied, Ref, SlotDirectory};

pub use lifecycle::{
    create_domain, create_first_domain, dismantle_domain, grow_table, pay_for_table,
};

/// Whether a domain runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainState {
    /// Its threads run.
    Running,
    /// Once it has settled, it is data: nothing in it runs, and the version counts changes made by others.
    Frozen,
    /// It was moved away and never runs here again, unless an operator undoes the retirement.
    Retired,
    /// It is being destroyed: capabilities to it can only resume the destruction.
    Destroying,
}

/// The threads of other domains whose waits at a retired domain's objects have yet to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingWaiters {
    /// Threads that wait at this or a later object of the domain, and callers that await a reply.
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
    /// Nanoseconds added to the machine's time to get the domain's time.
    pub clock_offset: Cell<i64>,
    /// The outside waits that have yet to fail, once the domain is retired.
    pub pending_waiters: Cell<PendingWaiters>,
    /// The unfinished search for a parent, with which the next description of the domain continues.
    pub parent_search: ParentSearch,
    pub timer: HeapLink<Domain>,
    /// Its deadline, in ticks, while it is among the deadlines.
    pub deadline_ticks: Cell<Option<u64>>,
    /// The deadline of its current or last freeze, in ticks, if that freeze has one.
    pub thaw_ticks: Cell<Option<u64>>,
    state: Cell<DomainState>,
    version: Cell<u64>,
    freeze_count: Cell<u64>,
    /// The first thread that does not follow the state yet. Neither do the threads after it.
    unsettled: Cell<Option<Ref<Thread>>>,
    /// Whether pages were taken from it after its retirement.
    has_granted: Cell<bool>,
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
            has_granted: Cell::new(false),
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

    /// Retires a frozen domain: from now on the objects of its pool are gone. Its threads stay stopped.
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

    /// The token of its current or last freeze, which is the number of its freezes so far.
    pub fn token(&self) -> u64 {
        self.freeze_count.get()
    }

    /// Begins a new freeze, which makes all earlier tokens stale.
    pub fn new_token(&self) {
        self.freeze_count.set(self.freeze_count.get() + 1);
    }

    /// Whether it was moved away, and is not being destroyed yet. [`Header::is_retired`] of its objects stays true while it is being
    /// destroyed.
    pub fn is_retired(&self) -> bool {
        self.state.get() == DomainState::Retired
    }

    /// Records that pages were taken from it. It is incomplete from now on, so its retirement cannot be undone.
    pub fn record_grant(&self) {
        self.has_granted.set(true);
    }

    /// Whether it is retired and complete, so that its retirement can be undone.
    pub fn is_restorable(&self) -> bool {
        self.is_retired() && !self.has_granted.get()
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

    /// The place of a slot.
    ///
    /// # Errors
    /// [`Error::NoSuchSlot`].
    #[inline(always)]
    pub fn place(&self, slot: SlotNumber) -> Result<Place, Error> {
        self.locate(slot).ok_or(Error::NoSuchSlot)
    }

    /// The place of a slot if it is in the table. Not inlined, and without an error code, so that the result fits into a
    /// register.
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
}
