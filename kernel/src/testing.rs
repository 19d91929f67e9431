//! A kernel on the fake machine, for host tests: [`World`] creates domains and threads, and makes system calls as they would.

use abi::calls::{Arguments, Output};
use abi::register::{Access, Slot};
use abi::{Error, Registers};
use capabilities::Storage;

use crate::arch::fake::{self, UserAccess};
use crate::arch::{Cause, PhysAddr, Trigger};
use crate::kernel::Kernel;
use crate::memory::{Frame, Ref, SlotStorage};
use crate::objects::{self, Domain, Object, Phase, Thread};

pub mod calls;
mod domain;
pub mod snapshot;

pub use domain::{TestDomain, slots};

/// The address of every message buffer.
pub const BUFFER_ADDRESS: u64 = 0x4000_0000;

/// The address of the SYSCALL instruction of every thread.
pub const CALL_SITE: u64 = 0x40_1000;

/// A kernel and its machine.
pub struct World {
    pub kernel: Kernel,
    pub machine: fake::Machine,
}

impl World {
    pub fn new() -> World {
        World::with_seed(0)
    }

    /// As [`World::new`], with this seed for the random numbers.
    pub fn with_seed(seed: u64) -> World {
        let machine = fake::Machine::new(32);
        machine.set_seed(seed);
        World {
            kernel: Kernel::new(&fake::boot_information()),
            machine,
        }
    }

    /// A domain in a pool of 1 MiB, with a thread of priority 10 that has a message buffer.
    pub fn domain(&self) -> TestDomain {
        self.domain_of(256)
    }

    /// As [`World::domain`], in a pool of this many pages.
    pub fn domain_of(&self, pages: u64) -> TestDomain {
        let pool = objects::create_unpublished_pool(&self.kernel, self.kernel.root_pool, pages)
            .expect("a pool");
        let domain = objects::create_first_domain(&self.kernel, pool).expect("a domain");
        let place = |slot| domain.place(slot).expect("a slot");
        objects::publish(Object::Pool(pool), place(slots::POOL));
        objects::publish(Object::Domain(domain), place(slots::DOMAIN));
        let thread = self.thread_in(domain, slots::THREAD);
        let actor = TestDomain {
            pool,
            domain,
            thread,
        };
        self.give_buffer(actor);
        actor
    }

    /// Adds a runnable thread without a message buffer.
    pub fn thread_in(&self, domain: Ref<Domain>, slot: Slot) -> Ref<Thread> {
        let place = domain.place(slot).expect("a slot");
        let thread = objects::create_thread(&self.kernel, domain, place).expect("a thread");
        thread.priority.set(10);
        thread.stopped.set(false);
        self.kernel.scheduler.wake(thread);
        thread
    }

    fn give_buffer(&self, actor: TestDomain) {
        self.does(actor, calls::memory(1, slots::BUFFER));
        self.does(actor, calls::populate(slots::BUFFER, 0, 1));
        let map = calls::map(slots::BUFFER, BUFFER_ADDRESS, 0, 1, Access::ReadWrite);
        self.does(actor, map);
        actor.thread.message_buffer.set(BUFFER_ADDRESS);
    }

    /// Makes a call as a thread. The call must complete.
    pub fn call<A: Arguments>(
        &self,
        caller: impl Into<Ref<Thread>>,
        arguments: A,
    ) -> Result<A::Output, Error> {
        let thread = caller.into();
        self.begin(thread, arguments);
        self.outcome::<A>(thread).expect("the call is complete")
    }

    /// As [`World::call`], for a call that must succeed.
    pub fn does<A: Arguments + Copy + core::fmt::Debug>(
        &self,
        caller: impl Into<Ref<Thread>>,
        arguments: A,
    ) -> A::Output {
        self.call(caller, arguments)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    /// Makes the first step of a call as a thread.
    pub fn begin_step<A: Arguments>(&self, caller: impl Into<Ref<Thread>>, arguments: A) {
        let thread = caller.into();
        stand_at(thread, arguments);
        self.step(thread);
    }

    /// Whether a thread can run and stands at a call.
    pub fn is_at_call(&self, caller: impl Into<Ref<Thread>>) -> bool {
        let thread = caller.into();
        thread.is_runnable() && thread.context.rip.get() == CALL_SITE
    }

    /// Makes a call as a thread, and counts its steps.
    pub fn steps_of<A: Arguments>(&self, caller: impl Into<Ref<Thread>>, arguments: A) -> usize {
        let thread = caller.into();
        self.begin_step(thread, arguments);
        let mut steps = 1;
        while self.is_at_call(thread) {
            self.step(thread);
            steps += 1;
        }
        steps
    }

    /// Makes a call as a thread, with all its steps.
    pub fn begin<A: Arguments>(&self, caller: impl Into<Ref<Thread>>, arguments: A) {
        let thread = caller.into();
        self.begin_step(thread, arguments);
        while thread.phase.get() == Phase::Ready
            && thread.context.rip.get() == CALL_SITE
            && !thread.stopped.get()
        {
            self.step(thread);
        }
    }

    /// Executes the SYSCALL instruction that the thread stands at, once.
    pub fn step(&self, caller: impl Into<Ref<Thread>>) {
        let thread = caller.into();
        self.kernel.scheduler.force(thread);
        thread.context.rip.set(thread.context.rip.get() + 2);
        self.kernel.enter(Cause::SystemCall);
    }

    /// Raises a processor exception in a thread.
    pub fn raise(&self, thread: impl Into<Ref<Thread>>, vector: u8, error: u64, address: u64) {
        self.kernel.scheduler.force(thread.into());
        let cause = Cause::Exception {
            vector,
            error,
            address,
        };
        self.kernel.enter(cause);
    }

    /// Raises an interrupt at a vector. As the entry code does, masks a level-triggered line first.
    pub fn interrupt(&self, vector: u8) {
        let mut lines = self.kernel.interrupts_at(vector).filter_map(|it| it.line);
        if let Some(line) = lines.find(|line| line.trigger == Trigger::Level) {
            self.machine.mask_level_line(line.gsi);
        }
        self.kernel.enter(Cause::Interrupt { vector });
    }

    /// Reads a word as user code of a thread; `None` if a fault blocks or stops it.
    pub fn load(&self, thread: impl Into<Ref<Thread>>, address: u64) -> Option<u64> {
        let at = self.access(thread, address, UserAccess::Load)?;
        Some(self.machine.read(at))
    }

    /// Writes a word as user code of a thread; `None` as for [`World::load`].
    pub fn store(&self, thread: impl Into<Ref<Thread>>, address: u64, value: u64) -> Option<()> {
        let at = self.access(thread, address, UserAccess::Store)?;
        self.machine.write(at, value);
        Some(())
    }

    /// Accesses an address as user code of a thread, and lets the kernel handle the page faults; `None` if a fault blocks or
    /// stops the thread.
    pub fn access(
        &self,
        thread: impl Into<Ref<Thread>>,
        address: u64,
        access: UserAccess,
    ) -> Option<PhysAddr> {
        let thread = thread.into();
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            if !thread.is_runnable() {
                return None;
            }
            self.kernel.scheduler.force(thread);
            match self.machine.access(address, access) {
                Ok(at) => return Some(at),
                Err(fault) => self.raise(thread, 14, fault.error, address),
            };
        }
        panic!("the page fault at {address:#x} recurs after the kernel has resolved it");
    }

    /// The result of the thread's call; `None` while it is not complete.
    pub fn outcome<A: Arguments>(
        &self,
        caller: impl Into<Ref<Thread>>,
    ) -> Option<Result<A::Output, Error>> {
        let thread = caller.into();
        if thread.phase.get() != Phase::Ready || thread.context.rip.get() == CALL_SITE {
            return None;
        }
        Some(match Error::from_status(thread.context.rax.get()) {
            Some(error) => Err(error),
            None => Ok(A::Output::from_registers(&thread.arguments())),
        })
    }

    /// The frame of a domain's message buffer.
    pub fn buffer(&self, actor: TestDomain) -> Frame {
        actor
            .domain
            .space
            .translate(BUFFER_ADDRESS)
            .expect("the buffer is mapped")
            .frame
    }

    /// Gives a domain a capability to the Hardware.
    pub fn give_hardware(&self, actor: TestDomain, into: Slot) {
        let place = actor.place(into);
        objects::create_hardware(&self.kernel, self.kernel.root_pool, place).expect("room");
    }

    /// Copies a capability from one domain to another.
    pub fn give(&self, from: TestDomain, slot: Slot, to: TestDomain, into: Slot, badge: u64) {
        let source = from.place(slot);
        let target = to.place(into);
        let held = SlotStorage.slot(source).capability().expect("a capability");
        capabilities::mint(
            &SlotStorage,
            source,
            target,
            held.rights,
            capabilities::Badge::new(badge),
        )
        .expect("minted");
    }
}

/// Lets a thread stand at a call, which it makes when it runs next.
pub fn stand_at<A: Arguments>(thread: Ref<Thread>, arguments: A) {
    thread.context.rip.set(CALL_SITE);
    thread.context.rax.set(A::NUMBER as u64);
    set_arguments(thread, arguments.encode());
}

fn set_arguments(thread: Ref<Thread>, registers: Registers) {
    for (index, value) in registers.into_iter().enumerate() {
        thread.set_argument(index, value);
    }
}
