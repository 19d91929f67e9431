//! The resources of every check: [`Bed`]; and the reason one fails: [`Failure`].

use core::fmt;

use guest_support::worker::{Page, Script, Worker};
use runtime::abi::register::PageCount;
use runtime::capability::{Domain, Endpoint, Hardware, Notification, Pool, Reply, Thread};
use runtime::fault::Fault;
use runtime::message::{Incoming, Message};
use runtime::{Cap, Error, Slot, Start, clock, slots};

/// A check: it makes what it needs in the bed's pool.
pub type Check = fn(&Bed) -> Result<(), Failure>;

/// Pages of the pool that a check works in.
const PAGES: u64 = 4096;
/// Nothing that a check waits for takes so long.
const LIMIT_NS: u64 = 20_000_000_000;

/// The reason a check fails.
#[derive(Clone, Copy, Debug)]
pub enum Failure {
    /// The kernel refused something.
    Refused(Error),
    /// Something is not as it must be: what it is, and what it must be.
    Differs(&'static str, u64, u64),
    /// Something did not happen.
    Missing(&'static str),
    /// Pages that were spent before and after.
    Leak(u64, u64),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(error) => write!(f, "the kernel refused: {error}"),
            Failure::Differs(what, is, must) => write!(f, "{what} is {is:#x}, not {must:#x}"),
            Failure::Missing(what) => write!(f, "there was no {what}"),
            Failure::Leak(before, after) => write!(f, "{before} pages spent before, {after} after"),
        }
    }
}

/// Expects a number.
pub fn expect(what: &'static str, is: u64, must: u64) -> Result<(), Failure> {
    if is == must {
        Ok(())
    } else {
        Err(Failure::Differs(what, is, must))
    }
}

/// Expects that a call is refused with this error.
pub fn expect_refusal<T>(
    what: &'static str,
    result: Result<T, Error>,
    must: Error,
) -> Result<(), Failure> {
    let status = result.err().map_or(0, |error| error as u64);
    expect(what, status, must as u64)
}

/// Expects that something holds.
pub fn require(what: &'static str, holds: bool) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure::Missing(what))
    }
}

extern "C" fn says_done(page: Page) -> ! {
    page.done()
}

/// The resources of every check.
pub struct Bed {
    root_pool: Cap<Pool>,
    /// The check's own pool.
    pub pool: Cap<Pool>,
    /// The guest's own domain.
    pub domain: Cap<Domain>,
    /// All devices.
    pub hardware: Cap<Hardware>,
    /// The notification that workers signal when they end.
    pub done: Cap<Notification>,
    /// The endpoint for the workers' faults.
    pub faults: Cap<Endpoint>,
    /// The slot for reply rights.
    pub reply: Slot,
    /// The rate of the time-stamp counter.
    pub ticks_per_second: u64,
}

impl Bed {
    /// Takes what the kernel gave to root.
    pub fn new(start: &Start) -> Result<Bed, Error> {
        let root_pool: Cap<Pool> = start.require("pool");
        let thread: Cap<Thread> = start.require("thread");
        let done = root_pool.create_notification()?;
        thread.bind(Some(done))?;
        let domain: Cap<Domain> = start.require("domain");
        // So that no check makes the table grow.
        domain.grow(1024)?;
        let bed = Bed {
            root_pool,
            pool: root_pool,
            domain,
            hardware: start.require("hardware"),
            done,
            faults: root_pool.create_endpoint()?,
            reply: slots::take()?,
            ticks_per_second: start.page().ticks_per_second,
        };
        bed.warm_up()?;
        Ok(bed)
    }

    /// Maps something once, so that the guest's own tables have grown.
    fn warm_up(&self) -> Result<(), Error> {
        Worker::new(self.pool, self.domain, self.done, 0)?.end()
    }

    /// Runs a check in a fresh pool, and sees to it that it leaves nothing behind.
    pub fn run(&mut self, check: Check) -> Result<(), Failure> {
        // Flags that an earlier check left.
        let _ = self.done.poll();
        let before = self.root_pool.report()?.spent.0;
        self.pool = self.root_pool.split(PageCount(PAGES))?;
        let outcome = check(self);
        self.pool.destroy()?;
        outcome?;
        match self.root_pool.report()?.spent.0 {
            after if after == before => Ok(()),
            after => Err(Failure::Leak(before, after)),
        }
    }

    /// A worker whose faults come to the bed.
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

    /// The same; returns the flags that were raised.
    pub fn wait_for_flags(&self) -> Result<u64, Failure> {
        match self.done.wait_until_ns(clock::now_ns() + LIMIT_NS)? {
            0 => Err(Failure::Missing("worker that came to its end")),
            flags => Ok(flags),
        }
    }

    /// Lets the workers run until each is blocked, however long the machine under this one stands still meanwhile: until a
    /// thread below all of them runs.
    pub fn settle(&self) -> Result<(), Failure> {
        let quiet = self.pool.create_notification()?;
        let lowest = Worker::new(self.pool, self.domain, quiet, 0)?;
        lowest.start_thread(0, lowest.thread, says_done, 0)?;
        let flags = quiet.wait_until_ns(clock::now_ns() + LIMIT_NS)?;
        lowest.end()?;
        quiet.destroy()?;
        require("moment at which all workers are blocked", flags != 0)
    }

    /// Lets the workers run until this holds.
    pub fn until(&self, holds: impl Fn() -> bool) -> Result<(), Failure> {
        let end = clock::now_ns() + LIMIT_NS;
        while !holds() {
            require("progress", clock::now_ns() < end)?;
            self.pass_time(1_000_000)?;
        }
        Ok(())
    }

    /// Lets the workers run for so long. None comes to its end meanwhile.
    pub fn pass_time(&self, ns: u64) -> Result<(), Failure> {
        match self.done.wait_until_ns(clock::now_ns() + ns)? {
            0 => Ok(()),
            _ => Err(Failure::Missing("worker that goes on")),
        }
    }

    /// The next message at an endpoint of the bed's; a worker that is done instead is a failure.
    pub fn receive(&self, endpoint: Cap<Endpoint>) -> Result<Incoming, Failure> {
        let incoming = endpoint.receive(Some(self.reply))?;
        if incoming.info.is_notification() {
            return Err(Failure::Missing("message before the worker was done"));
        }
        Ok(incoming)
    }

    /// The next fault of a worker.
    pub fn fault(&self) -> Result<Fault, Failure> {
        Fault::decode(&self.receive(self.faults)?).ok_or(Failure::Missing("message about a fault"))
    }

    /// Answers what was received last.
    pub fn answer(&self, message: &Message) -> Result<(), Failure> {
        Ok(Cap::<Reply>::from_slot(self.reply).reply(message)?)
    }

    /// Gives up the right to answer what was received last.
    pub fn refuse(&self) -> Result<(), Failure> {
        let slot = self.reply;
        Ok(runtime::system_call::invoke(
            runtime::abi::calls::CapabilityDelete { slot },
        )?)
    }
}
