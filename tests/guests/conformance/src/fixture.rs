//! The resources of every check, [`Fixture`], and its expectations.

use alloc::format;
use core::cell::RefCell;

pub use guest_support::failure::Failure;
use guest_support::failure::check_leak;
use guest_support::worker::{Page, Script, Worker};
use runtime::abi::register::PageCount;
use runtime::capability::{Domain, Endpoint, Hardware, Notification, Pool, Reply, Thread};
use runtime::fault::Fault;
use runtime::message::{Incoming, Message};
use runtime::reaper::Reaper;
use runtime::{Cap, Error, Slot, Start, clock, slots};

/// A check. It creates its objects in the fixture's pool.
pub type Check = fn(&Fixture) -> Result<(), Failure>;

/// The number of pages of a check's pool.
const PAGES: u64 = 4096;
/// The limit of every wait.
pub const LIMIT_NS: u64 = 20_000_000_000;

/// Expects a number.
pub fn expect(what: &'static str, is: u64, must: u64) -> Result<(), Failure> {
    let failure = || Failure::Other(format!("{what} is {is:#x}, not {must:#x}"));
    (is == must).then_some(()).ok_or_else(failure)
}

/// Expects that a call is refused with this error.
pub fn expect_refusal<T>(
    what: &'static str,
    result: Result<T, Error>,
    must: Error,
) -> Result<(), Failure> {
    expect(what, status(&result), must as u64)
}

/// The status of a call: 0, or the error's number.
pub fn status<T>(result: &Result<T, Error>) -> u64 {
    result.as_ref().err().map_or(0, |error| *error as u64)
}

/// Expects a condition to hold.
pub fn require(what: &'static str, holds: bool) -> Result<(), Failure> {
    holds.then_some(()).ok_or_else(|| Failure::missing(what))
}

/// The resources of every check.
pub struct Fixture {
    root_pool: Cap<Pool>,
    /// The check's own pool.
    pub pool: Cap<Pool>,
    /// The guest's own domain.
    pub domain: Cap<Domain>,
    /// All devices.
    pub hardware: Cap<Hardware>,
    /// The notification that workers signal when they end.
    pub done: Cap<Notification>,
    /// The workers' fault endpoint.
    pub faults: Cap<Endpoint>,
    /// The slot for reply rights.
    pub reply: Slot,
    /// A thread of the lowest priority that destroys objects.
    pub reaper: RefCell<Reaper>,
    /// The rate of the time-stamp counter.
    pub ticks_per_second: u64,
}

impl Fixture {
    /// Takes root's initial capabilities.
    pub fn new(start: &Start) -> Result<Fixture, Error> {
        let root_pool: Cap<Pool> = start.require("pool");
        let thread: Cap<Thread> = start.require("thread");
        let done = root_pool.create_notification()?;
        thread.bind(Some(done))?;
        let domain: Cap<Domain> = start.require("domain");
        // Large enough that no check makes the table grow.
        domain.grow(1024)?;
        let fixture = Fixture {
            root_pool,
            pool: root_pool,
            domain,
            hardware: start.require("hardware"),
            done,
            faults: root_pool.create_endpoint()?,
            reply: slots::take()?,
            reaper: RefCell::new(Reaper::new(domain)?),
            ticks_per_second: start.page().ticks_per_second,
        };
        fixture.warm_up()?;
        Ok(fixture)
    }

    /// Creates and destroys a worker, so that the guest's own tables grow.
    fn warm_up(&self) -> Result<(), Error> {
        Worker::new(self.pool, self.domain, self.done, 0)?.end()
    }

    /// Runs a check in a fresh pool, and checks that it leaks no pages.
    pub fn run(&mut self, check: Check) -> Result<(), Failure> {
        // Clears flags of an earlier check.
        let _ = self.done.poll();
        let before = self.root_pool.report()?.spent.0;
        self.pool = self.root_pool.split(PageCount(PAGES))?;
        let outcome = check(self);
        self.pool.destroy()?;
        outcome?;
        check_leak(self.root_pool, before)
    }

    /// Creates a worker whose faults are sent to the fixture.
    pub fn worker(&self) -> Result<Worker, Failure> {
        let worker = Worker::new(self.pool, self.domain, self.done, 512)?;
        worker.thread.set_fault_endpoint(Some(self.faults))?;
        Ok(worker)
    }

    /// Runs a script to its end.
    pub fn finish(&self, worker: &Worker, script: Script) -> Result<(), Failure> {
        worker.start(script)?;
        self.wait()
    }

    /// Waits until a worker is done.
    pub fn wait(&self) -> Result<(), Failure> {
        self.wait_for_flags().map(|_| ())
    }

    /// As [`Fixture::wait`]; returns the raised flags.
    pub fn wait_for_flags(&self) -> Result<u64, Failure> {
        match self.done.wait_until_ns(clock::now_ns() + LIMIT_NS)? {
            0 => Err(Failure::missing("worker that finished")),
            flags => Ok(flags),
        }
    }

    /// Lets the workers run until all of them are blocked. Only then a thread of the lowest priority runs, and its signal ends
    /// the wait. This works however long the host suspends the machine.
    pub fn settle(&self) -> Result<(), Failure> {
        let quiet = self.pool.create_notification()?;
        let lowest = Worker::new(self.pool, self.domain, quiet, 0)?;
        lowest.start_thread(0, lowest.thread, Page::done, 0)?;
        let flags = quiet.wait_until_ns(clock::now_ns() + LIMIT_NS)?;
        lowest.end()?;
        quiet.destroy()?;
        require("moment at which all workers are blocked", flags != 0)
    }

    /// Lets the workers run until a condition holds.
    pub fn until(&self, holds: impl Fn() -> bool) -> Result<(), Failure> {
        let end = clock::now_ns() + LIMIT_NS;
        while !holds() {
            require("progress", clock::now_ns() < end)?;
            self.pass_time(1_000_000)?;
        }
        Ok(())
    }

    /// Lets the workers run for this time. None may finish meanwhile.
    pub fn pass_time(&self, ns: u64) -> Result<(), Failure> {
        match self.done.wait_until_ns(clock::now_ns() + ns)? {
            0 => Ok(()),
            _ => Err(Failure::missing("worker that continues")),
        }
    }

    /// Receives the next message at an endpoint. A worker that finishes first is a failure.
    pub fn receive(&self, endpoint: Cap<Endpoint>) -> Result<Incoming, Failure> {
        let incoming = endpoint.receive(Some(self.reply))?;
        if incoming.info.is_notification() {
            return Err(Failure::missing("message before the worker was done"));
        }
        Ok(incoming)
    }

    /// Receives the next fault of a worker.
    pub fn fault(&self) -> Result<Fault, Failure> {
        let incoming = self.receive(self.faults)?;
        Fault::decode(&incoming).ok_or_else(|| Failure::missing("fault message"))
    }

    /// Replies to the last message received.
    pub fn send_reply(&self, message: &Message) -> Result<(), Failure> {
        Ok(Cap::<Reply>::from_slot(self.reply).reply(message)?)
    }

    /// Deletes the reply right of the last message received.
    pub fn refuse(&self) -> Result<(), Failure> {
        let slot = self.reply;
        Ok(runtime::system_call::invoke(
            runtime::abi::calls::CapabilityDelete { slot },
        )?)
    }
}
