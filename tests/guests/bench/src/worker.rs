//! A domain whose threads run scripts: [`Worker`].
//!
//! A worker shares only this program's code and constants and the page of its samples. It has no data segment, so a script keeps its
//! state in registers and on its stack.

use guest_support::worker::{map, share_program};
use runtime::abi::kind::{NotificationRights, Rights};
use runtime::abi::register::{Access, PageCount, Slot, UserAddress};
use runtime::abi::{Error, PAGE_BYTES};
use runtime::capability::{Domain, Kind, Pool, Thread};
use runtime::mapping::Mapping;
use runtime::{Cap, clock};

use crate::bench::{Bench, Failure};
use crate::measure::{SAMPLES, Samples, median};
use crate::scripts::slots;

/// The entry function of a worker, called with the address of its samples.
pub type Script = extern "C" fn(Samples) -> !;

const STACK: u64 = 1 << 32;
const STACK_PAGES: u64 = 4;
const BUFFER: u64 = STACK + (2 << 20);
const SAMPLES_PAGE: u64 = STACK + (4 << 20);
/// The address range for a script's mappings.
pub const PLAYGROUND: u64 = 8 << 30;

/// The number of a worker's pages, tables included.
const PAGES: u64 = 64;
/// The priority of workers, below the main thread's, so that they are preempted as soon as one is done.
pub const PRIORITY: u8 = 32;
/// The limit of a wait for a worker.
const LIMIT_NS: u64 = 10_000_000_000;

/// A domain that shares this program.
pub struct Worker {
    /// The pool. Destroying it ends the worker.
    pub pool: Cap<Pool>,
    /// The domain.
    pub domain: Cap<Domain>,
    /// The first thread.
    pub thread: Cap<Thread>,
    samples: Mapping,
}

impl Worker {
    /// Creates a stopped worker.
    pub fn new(bench: &Bench) -> Result<Worker, Failure> {
        Worker::with_pages(bench, 0)
    }

    /// Creates a stopped worker whose pool has this many pages beyond those that it needs.
    pub fn with_pages(bench: &Bench, more: u64) -> Result<Worker, Failure> {
        let pool = bench.scratch_pool(PAGES + more)?;
        let domain = pool.create_domain()?;
        share_program(domain)?;
        for (address, pages) in [(STACK, STACK_PAGES), (BUFFER, 1)] {
            let memory = pool.create_populated_memory(PageCount(pages))?;
            map(domain, memory, address, pages, Access::ReadWrite)?;
        }
        let memory = pool.create_populated_memory(PageCount(1))?;
        map(domain, memory, SAMPLES_PAGE, 1, Access::ReadWrite)?;
        let samples = Mapping::new(bench.domain, memory, PageCount(1), Access::ReadWrite)?;
        let signal = NotificationRights::SIGNAL;
        domain.install(bench.done, slots::DONE, signal, 0)?;
        Ok(Worker {
            pool,
            domain,
            thread: domain.create_thread()?,
            samples,
        })
    }

    /// Installs a copy of a capability.
    pub fn give<T: Kind>(&self, capability: Cap<T>, to: Slot) -> Result<(), Failure> {
        let rights = Cap::<T>::inspect(capability)?.rights;
        Ok(install(self.domain, capability, to, rights)?)
    }

    /// Starts the first thread.
    pub fn start(&self, script: Script, priority: u8) -> Result<(), Failure> {
        start(self.thread, script, priority)
    }

    /// Waits until a worker is done, and returns the median of this one's samples.
    pub fn median(&self, bench: &Bench) -> Result<u64, Failure> {
        if bench.done.wait_until_ns(clock::now_ns() + LIMIT_NS)? == 0 {
            return Err(Failure::missing("worker that finished"));
        }
        let mut samples = [0; SAMPLES];
        for (index, sample) in samples.iter_mut().enumerate() {
            *sample = self
                .samples
                .memory()
                .word32(index * 4)
                .load(core::sync::atomic::Ordering::Relaxed);
        }
        Ok(median(&mut samples))
    }

    /// Checks that the first thread has not used the vector registers.
    pub fn check_plain(&self) -> Result<(), Failure> {
        self.domain.freeze(runtime::abi::NO_DEADLINE)?;
        match self.thread.read()?.vectors {
            0 => Ok(()),
            _ => Err(Failure::missing("worker without vector registers")),
        }
    }

    /// Destroys the worker.
    pub fn end(self) -> Result<(), Failure> {
        drop(self.samples);
        Ok(self.pool.destroy()?)
    }
}

/// Runs a script in a new thread of a worker.
pub fn start(thread: Cap<Thread>, script: Script, priority: u8) -> Result<(), Failure> {
    thread.set_priority(priority)?;
    thread.prepare(
        UserAddress(script as usize as u64),
        // The stack is aligned as after a call instruction.
        UserAddress(STACK + STACK_PAGES * PAGE_BYTES - 8),
        SAMPLES_PAGE,
        UserAddress(BUFFER),
    )?;
    Ok(thread.start()?)
}

fn install<T: Kind>(
    domain: Cap<Domain>,
    from: Cap<T>,
    to: Slot,
    rights: Rights,
) -> Result<(), Error> {
    domain.install(from.erase(), to, rights, 0)
}
