//! The state of the kernel: [`Kernel`].

use core::cell::Cell;

use abi::Error;
use heapless::Vec;

use crate::arch::{self, BootInformation, PhysRange, RANGES_MAX};
use crate::memory::{FrameAllocator, OwnedFrame, Ref, Unmapped};
use crate::objects::{Header, IdentityKeys, Interrupt, Pool};
use crate::scheduler::{Clock, Scheduler};
use crate::{ipc, timer};

/// The number of the processor's vectors.
const VECTOR_COUNT: usize = 256;

/// The serial number of the first object, the root pool.
const FIRST_SERIAL: u64 = 1;

pub struct Kernel {
    pub frames: FrameAllocator,
    pub scheduler: Scheduler,
    pub clock: Clock,
    pub root_pool: Ref<Pool>,
    /// All RAM. No device's Memory may contain a part of it.
    pub ram: Vec<PhysRange, RANGES_MAX>,
    /// The first interrupt of each vector. The others that share its line follow it in a list.
    pub interrupts: [Cell<Option<Ref<Interrupt>>>; VECTOR_COUNT],
    /// Vectors whose undelivered interrupts the timer delivers.
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

    /// The interrupts at a vector: one, or several that share a line.
    pub fn interrupts_at(&self, vector: u8) -> impl Iterator<Item = Ref<Interrupt>> {
        let first = self.interrupts[usize::from(vector)].get();
        core::iter::successors(first, |interrupt| interrupt.next.get())
    }

    /// The machine's time in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        self.clock.ns_at(arch::ticks())
    }

    /// A serial number that no object has had.
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
}
