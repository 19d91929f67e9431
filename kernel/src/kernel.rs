//! The state of the kernel, [`Kernel`], and its entry points.

use core::cell::Cell;

use abi::Error;
use capabilities::{Capability, Place, Storage};
use heapless::Vec;

use crate::arch::{self, BootInformation, Cause, PhysRange, RANGES_MAX, Resume};
use crate::memory::{FrameAllocator, Holder, OwnedFrame, Ref, SlotStorage, Unmapped};
use crate::objects::{Header, IdentityKeys, Interrupt, Object, Pool, Step};
use crate::scheduler::{Clock, Scheduler};
use crate::{ipc, paging, syscalls, timer};

/// The processor's vectors.
const VECTOR_COUNT: usize = 256;

/// The serial number of the first object, the root pool.
const FIRST_SERIAL: u64 = 1;

pub struct Kernel {
    pub frames: FrameAllocator,
    pub scheduler: Scheduler,
    pub clock: Clock,
    pub root_pool: Ref<Pool>,
    /// All RAM, of which no device's Memory may consist.
    pub ram: Vec<PhysRange, RANGES_MAX>,
    /// The devices' interrupts by vector: the first of each list of sharers.
    pub interrupts: [Cell<Option<Ref<Interrupt>>>; VECTOR_COUNT],
    /// Vectors with undelivered interrupts, which the timer delivers.
    pub undelivered: ipc::Vectors,
    pub timer_turn: timer::Turn,
    next_serial: Cell<u64>,
}

impl Kernel {
    /// The kernel of the machine that `boot` describes, without a domain.
    ///
    /// # Panics
    /// If the machine has no memory.
    pub fn new(boot: &BootInformation) -> Kernel {
        let frames = FrameAllocator::new(&boot.memory);
        let limit = frames.free();
        let frame = frames.allocate().expect("a machine has memory");
        let identities = IdentityKeys::generate(arch::random_seed);
        let root_pool = Ref::place(frame, |this, home| {
            let header = Header::of_root(FIRST_SERIAL, home, this);
            Pool::new(header, limit, identities)
        });
        root_pool
            .charge(1)
            .expect("the root pool holds its own frame");
        let clock = Clock::new(arch::ticks_per_second());
        Kernel {
            frames,
            scheduler: Scheduler::new(clock),
            clock,
            root_pool,
            ram: boot.ram.clone(),
            interrupts: [const { Cell::new(None) }; VECTOR_COUNT],
            undelivered: ipc::Vectors::default(),
            timer_turn: timer::Turn::default(),
            next_serial: Cell::new(FIRST_SERIAL + 1),
        }
    }

    /// Handles one entry and returns what runs next.
    pub fn enter(&self, cause: Cause) -> Resume {
        match cause {
            Cause::SystemCall => syscalls::handle(self),
            Cause::Exception {
                vector,
                error,
                address,
            } => paging::handle_exception(self, vector, error, address),
            Cause::Timer => timer::handle(self),
            Cause::Interrupt { vector } => ipc::deliver_interrupt(self, vector),
            Cause::Spurious => {}
        }
        self.scheduler.resume()
    }

    /// The interrupts at a vector: one, or those that share a line.
    pub fn interrupts_at(&self, vector: u8) -> impl Iterator<Item = Ref<Interrupt>> {
        let first = self.interrupts[usize::from(vector)].get();
        core::iter::successors(first, |interrupt| interrupt.next.get())
    }

    /// The machine's time in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        self.clock.ns_at(arch::ticks())
    }

    /// A fresh serial number.
    pub fn new_serial(&self) -> u64 {
        let serial = self.next_serial.get();
        self.next_serial.set(serial + 1);
        serial
    }

    /// Allocates a frame with arbitrary content and charges it to the pool.
    ///
    /// # Errors
    /// [`Error::PoolEmpty`].
    pub fn take_frame(&self, pool: Ref<Pool>) -> Result<OwnedFrame, Error> {
        pool.charge(1)?;
        self.frames.allocate().ok_or_else(|| {
            pool.refund(1);
            Error::PoolEmpty
        })
    }

    /// Frees a frame and refunds the pool.
    pub fn return_frame(&self, pool: Ref<Pool>, frame: OwnedFrame) {
        self.frames.release(frame);
        pool.refund(1);
    }

    /// Flushes and frees unmapped frames and refunds the pool.
    pub fn return_unmapped(&self, pool: Ref<Pool>, unmapped: Unmapped) {
        unmapped
            .flush()
            .for_each(|frame| self.return_frame(pool, frame));
    }

    /// Deletes the capability in a slot, and lets the structure that the slot is part of react. Capabilities derived from it
    /// become its parent's.
    ///
    /// # Errors
    /// [`Error::EmptySlot`]; [`Error::InUse`] for an origin with descendants.
    pub fn empty_slot(&self, place: Place) -> Result<(), Error> {
        let capability = capabilities::delete(&SlotStorage, place).map_err(slot_error)?;
        self.emptied(place, capability);
        Ok(())
    }

    /// As [`Kernel::empty_slot`], in bounded steps: a mapping's links are removed before its slot is emptied.
    ///
    /// # Errors
    /// As [`Kernel::empty_slot`].
    pub fn empty_step(&self, place: Place) -> Result<Step, Error> {
        if let Holder::Mapping(mapping) = Holder::unpack(SlotStorage.slot(place).holder())
            && paging::unlink_step(mapping) == Step::More
        {
            return Ok(Step::More);
        }
        self.empty_slot(place)?;
        Ok(Step::Done)
    }

    /// Does one bounded step of deleting everything derived from a capability, except the capability in `keep`.
    ///
    /// # Errors
    /// [`Error::EmptySlot`].
    pub fn revoke_step(&self, place: Place, keep: Place) -> Result<Step, Error> {
        let next = capabilities::next_revoked(&SlotStorage, place, keep).map_err(slot_error)?;
        let Some(next) = next else {
            return Ok(Step::Done);
        };
        self.empty_step(next)?;
        Ok(Step::More)
    }

    /// Lets the structure that an emptied slot is part of react.
    fn emptied(&self, place: Place, was: Capability<Object>) {
        match Holder::unpack(SlotStorage.slot(place).holder()) {
            Holder::Table { domain, .. } => {
                domain.touch();
                if let Object::Reply(thread) = was.object {
                    ipc::abandon(self, thread, was.badge.get());
                }
            }
            Holder::BoundNotification(thread) => {
                thread.domain.touch();
                if let Object::Notification(notification) = was.object {
                    notification.bound.set(None);
                }
            }
            Holder::FaultEndpoint(thread) => thread.domain.touch(),
            Holder::Pager(memory) => memory.header.touch(),
            Holder::Mapping(mapping) => paging::remove_mapping(mapping),
            Holder::InterruptNotification(interrupt) => interrupt.header.touch(),
            Holder::Origin | Holder::Bookmark => {}
        }
    }
}

/// The error that a caller gets for an error of the capability model.
pub fn slot_error(error: capabilities::Error<abi::Rights>) -> Error {
    match error {
        capabilities::Error::Empty { .. } => Error::EmptySlot,
        capabilities::Error::Occupied { .. } => Error::OccupiedSlot,
        capabilities::Error::RightsExceeded { .. } => Error::MissingRight,
        capabilities::Error::BadgeFixed { .. } => Error::BadgeFixed,
        capabilities::Error::InUse { .. } => Error::InUse,
        capabilities::Error::NoParent { .. } => Error::NotThere,
        capabilities::Error::NoSuchSlot { .. } => Error::NoSuchSlot,
        capabilities::Error::TooManyGenerations { .. } | capabilities::Error::TableFull { .. } => {
            Error::TableFull
        }
    }
}
