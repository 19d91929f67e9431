//! Threads of another domain, each at a system call: [`Actors`].

use alloc::vec::Vec;
use core::arch::global_asm;

use runtime::abi::calls::Arguments;
use runtime::abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use runtime::abi::start_page::root_slots;
use runtime::abi::thread_state::{GeneralRegisters, ThreadState};
use runtime::abi::{Number, PAGE_BYTES};
use runtime::capability::{Domain, Endpoint, Kind, Memory, Pool, Thread};
use runtime::{Cap, Error};

use crate::stage::{Stage, map};

/// The address of an actor's message buffer, if it has one. It shares no page table with another mapping.
pub const BUFFER: u64 = 1 << 40;

/// The first free slot of an actor's table.
pub const FIRST_SLOT: u32 = 1;

/// The priority of actors, below the main thread's, so that they are preempted as soon as the main thread can run.
const PRIORITY: u64 = 8;
/// The actors' flags: interrupts on, and the reserved bit.
const RFLAGS: u64 = 0x202;

/// The number of pages for a domain, its tables and as many threads as any scene has.
const PAGES: u64 = 700;

// An actor starts at its call. After the call it yields forever.
global_asm!(
    ".global actor_call",
    "actor_call: syscall",
    "mov eax, {yield_now}",
    "jmp actor_call",
    // Nothing is mapped at 0.
    ".global actor_fault",
    "actor_fault: mov byte ptr [0], 0",
    ".global actor_trap",
    "actor_trap: int3",
    "jmp actor_trap",
    yield_now = const Number::Yield as u32,
);

unsafe extern "C" {
    fn actor_call();
    fn actor_fault();
    fn actor_trap();
    static __text_start: u8;
    static __text_end: u8;
}

/// A domain of threads.
pub struct Actors {
    /// The pool. Destroying it ends the threads.
    pub pool: Cap<Pool>,
    /// The domain.
    pub domain: Cap<Domain>,
    /// The threads.
    pub threads: Vec<Cap<Thread>>,
}

impl Actors {
    /// Creates this many stopped threads, in a pool split off from this one.
    pub fn new(pool: Cap<Pool>, count: usize) -> Result<Actors, Error> {
        Actors::in_pool(pool.split(PageCount(PAGES))?, count)
    }

    /// As [`Actors::new`], in this pool itself.
    pub fn in_pool(pool: Cap<Pool>, count: usize) -> Result<Actors, Error> {
        let domain = pool.create_domain()?;
        let (start, end) = (&raw const __text_start, &raw const __text_end);
        let code = Cap::<Memory>::from_slot(Slot(root_slots::IMAGE.0));
        let pages = (end as u64 - start as u64).div_ceil(PAGE_BYTES);
        domain.map(
            code,
            UserAddress(start as u64),
            PageIndex(0),
            PageCount(pages),
            Access::ReadExecute,
        )?;
        let threads = (0..count).map(|_| domain.create_thread());
        Ok(Actors {
            pool,
            domain,
            threads: threads.collect::<Result<_, _>>()?,
        })
    }

    /// Gives the domain a page for messages, and returns it. It is populated after it is mapped, so that its page tables are created at
    /// its first use.
    pub fn give_buffer(&self) -> Result<Cap<Memory>, Error> {
        let buffer = self.pool.create_memory(PageCount(1))?;
        map(self.domain, buffer, BUFFER, 1)?;
        buffer.populate(PageIndex(0), PageCount(1))?;
        Ok(buffer)
    }

    /// Gives the domain a capability with all its rights.
    pub fn give<T: Kind>(&self, capability: Cap<T>, to: u32) -> Result<(), Error> {
        let rights = capability.inspect()?.rights;
        let from = capability.erase();
        self.domain.install(from, Slot(to), rights, 0)
    }

    /// Starts all threads, each at this call.
    pub fn start_at<A: Arguments>(&self, call: A, message_buffer: u64) -> Result<(), Error> {
        for thread in &self.threads {
            start_at(*thread, &call, message_buffer)?;
        }
        Ok(())
    }

    /// Starts all threads, each at an instruction that faults.
    pub fn start_faulting(&self) -> Result<(), Error> {
        self.start_at_instruction(actor_fault as *const () as u64)
    }

    /// Starts all threads, each at a trap that is reported to this endpoint.
    pub fn start_trapped(&self, endpoint: Cap<Endpoint>) -> Result<(), Error> {
        for thread in &self.threads {
            thread.set_fault_endpoint(Some(endpoint))?;
        }
        self.start_at_instruction(actor_trap as *const () as u64)
    }

    fn start_at_instruction(&self, rip: u64) -> Result<(), Error> {
        let registers = GeneralRegisters {
            rip,
            ..at_call(Number::Null as u64, [0; 8])
        };
        self.threads
            .iter()
            .try_for_each(|thread| write_and_start(*thread, registers, 0))
    }

    /// Destroys the pool.
    pub fn end(self) -> Result<(), Error> {
        self.pool.destroy()?;
        self.forget();
        Ok(())
    }

    /// Frees the slots of capabilities that went with their pool.
    pub fn forget(self) {
        self.domain.forget();
        self.threads.into_iter().for_each(Cap::forget);
    }
}

/// Starts a thread at a call.
pub fn start_at<A: Arguments>(
    thread: Cap<Thread>,
    call: &A,
    message_buffer: u64,
) -> Result<(), Error> {
    let registers = at_call(A::NUMBER as u64, call.encode());
    write_and_start(thread, registers, message_buffer)
}

/// Creates this many actors in the stage's pool.
pub fn cast(stage: &Stage, count: usize) -> Result<Actors, Error> {
    Actors::new(stage.pool, count)
}

/// Makes a call about a domain as an actor that uses its message buffer for the first time; returns the
/// first two results.
pub fn call_with_new_buffer<A: Arguments>(
    stage: &Stage,
    domain: Cap<Domain>,
    call: A,
) -> Result<[u64; 2], Error> {
    let actors = cast(stage, 1)?;
    actors.give(domain, FIRST_SLOT)?;
    actors.give_buffer()?;
    actors.start_at(call, BUFFER)?;
    stage.pause()?;
    let [thread] = actors.threads[..] else {
        return Err(Error::NotThere);
    };
    thread.stop()?;
    let registers = thread.read()?.registers;
    actors.end()?;
    Ok([registers.rdi, registers.rsi])
}

fn at_call(number: u64, arguments: runtime::abi::Registers) -> GeneralRegisters {
    let [rdi, rsi, rdx, r10, r8, r9, r12, r13] = arguments;
    GeneralRegisters {
        rax: number,
        rdi,
        rsi,
        rdx,
        r8_to_r15: [r8, r9, r10, 0, r12, r13, 0, 0],
        rip: actor_call as *const () as u64,
        rflags: RFLAGS,
        ..ThreadState::EMPTY.registers
    }
}

fn write_and_start(
    thread: Cap<Thread>,
    registers: GeneralRegisters,
    message_buffer: u64,
) -> Result<(), Error> {
    thread.write(&ThreadState {
        registers,
        message_buffer,
        priority: PRIORITY,
        ..ThreadState::EMPTY
    })?;
    thread.start()
}
