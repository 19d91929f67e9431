//! The domains that random calls are made in and beside: [`Supervisor`].

use core::fmt;

use guest_support::random::Random;
use guest_support::worker::{Page, Worker};
use runtime::abi::kind::{EndpointRights, MemoryRights, PoolRights};
use runtime::abi::register::{Access, PageCount};
use runtime::abi::{Error, Rights};
use runtime::capability::{Domain, Hardware, Kind, Notification, Pool};
use runtime::{Cap, Slot, Start, clock};

use crate::calls::{CALLS, HELD, SEED, SLOTS, SUCCESSES, VIOLATION, fuzzes};

/// How long the script runs before the supervisor looks.
const LOOK_NS: u64 = 3_000_000;
/// Looks without progress after which the script's thread begins anew.
const PATIENCE: u32 = 2;
/// A port that a device of every PC has, and that does nothing: it shows a code while firmware starts.
const DELAY_PORT: u16 = 0x80;
/// Lives of one domain; then another takes its place, with capabilities to everything again.
const LIVES: u32 = 24;
/// Looks in a row at which the counter may stand still. A thread of the script's can have a higher priority for a while.
const COUNTER_PATIENCE: u32 = 64;

/// Why a run failed.
#[derive(Debug)]
pub enum Failure {
    Refused(Error),
    /// A call came to what the oracle does not allow: number, status, registers, whether the first slot held something.
    Violation(u64, u64, [u64; 8], u64),
    /// The counter's numbers are not its own any more, or it stands still.
    Counter(u64),
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
            Failure::Refused(error) => write!(f, "the kernel says: {error}"),
            Failure::Violation(number, status, registers, held) => {
                let status = Error::from_status(*status).map_or("success", Error::text);
                write!(
                    f,
                    "call {number} with {registers:#x?} came to: {status} (slot held: {held})"
                )
            }
            Failure::Counter(at) => write!(f, "the counter was disturbed at {at}"),
            Failure::Leak(before, after) => write!(f, "{before} pages spent before, {after} after"),
        }
    }
}

/// What a run came to.
pub struct Summary {
    calls: u64,
    successes: u64,
    lives: u64,
    domains: u64,
    counted: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            calls,
            successes,
            lives,
            domains,
            counted,
        } = self;
        write!(
            f,
            "{calls} calls, {successes} succeeded, {lives} lives of {domains} domains, counted to {counted}"
        )
    }
}

/// Whoever makes the domains, and looks after them.
pub struct Supervisor {
    pool: Cap<Pool>,
    domain: Cap<Domain>,
    hardware: Cap<Hardware>,
    done: Cap<Notification>,
    random: Random,
}

/// The counter's words: its number, and the number's complement, written behind it.
const NUMBER: usize = 0;
const COMPLEMENT: usize = 1;

/// Counts, for ever.
extern "C" fn counts(page: Page) -> ! {
    loop {
        let number = page.word(NUMBER) + 1;
        page.set(COMPLEMENT, !number);
        page.set(NUMBER, number);
    }
}

impl Supervisor {
    /// Takes what the kernel gave to root.
    pub fn new(start: &Start, seed: u64) -> Result<Supervisor, Error> {
        let pool: Cap<Pool> = start.require("pool");
        let domain: Cap<Domain> = start.require("domain");
        domain.grow(1024)?;
        Ok(Supervisor {
            pool,
            domain,
            hardware: start.require("hardware"),
            done: pool.create_notification()?,
            random: Random::new(seed),
        })
    }

    /// Lets the script make this many calls.
    pub fn run(&mut self, calls: u64) -> Result<Summary, Failure> {
        // Maps something once, so that this domain's own tables have grown.
        Worker::new(self.pool, self.domain, self.done, 0)?.end()?;
        let before = self.pool.report()?.spent.0;
        let counter = Worker::new(self.pool, self.domain, self.done, 0)?;
        counter.set(COMPLEMENT, !0);
        counter.start(counts)?;
        let mut summary = Summary {
            calls: 0,
            successes: 0,
            lives: 0,
            domains: 0,
            counted: 0,
        };
        while summary.calls < calls {
            self.live(&counter, &mut summary, calls)?;
        }
        counter.end()?;
        match self.pool.report()?.spent.0 {
            after if after == before => Ok(summary),
            after => Err(Failure::Leak(before, after)),
        }
    }

    /// One domain: made, played with, ended.
    fn live(&mut self, counter: &Worker, summary: &mut Summary, calls: u64) -> Result<(), Failure> {
        let worker = Worker::new(self.pool, self.domain, self.done, 256)?;
        self.furnish(&worker)?;
        summary.domains += 1;
        let before = summary.calls;
        for _ in 0..LIVES {
            if self.begin(&worker).is_err() {
                break;
            }
            summary.lives += 1;
            self.watch(&worker, counter, summary)?;
            summary.calls = before + worker.word(CALLS);
            if summary.calls >= calls {
                break;
            }
        }
        summary.successes += worker.word(SUCCESSES);
        Ok(worker.end()?)
    }

    /// Starts the script's thread from its beginning, with a seed, and with flags and segment bases that are anything.
    fn begin(&mut self, worker: &Worker) -> Result<(), Error> {
        // It may be stopped, which is as well.
        let _ = worker.thread.stop();
        worker.set(SEED, self.random.word());
        worker.start(fuzzes)?;
        worker.thread.stop()?;
        let mut state = worker.thread.read()?;
        state.registers.fs_base = self.random.word() >> 17;
        state.registers.gs_base = self.random.word() >> 17;
        state.registers.rbp = self.random.word();
        state.registers.r8_to_r15 = core::array::from_fn(|_| self.random.word());
        worker.thread.write(&state)?;
        worker.thread.start()
    }

    /// Lets the script run until it stands still.
    fn watch(
        &self,
        worker: &Worker,
        counter: &Worker,
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        let (mut still, mut counter_still) = (0, 0);
        let mut calls = worker.word(CALLS);
        while still < PATIENCE {
            match self.done.wait_until_ns(clock::now_ns() + LOOK_NS) {
                Ok(_) | Err(Error::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
            check_violation(worker)?;
            let counted = counter.word(NUMBER);
            counter_still = if counted == summary.counted {
                counter_still + 1
            } else {
                0
            };
            let complement = !counter.word(COMPLEMENT);
            if counter_still > COUNTER_PATIENCE || complement.wrapping_sub(counted) > 1 {
                return Err(Failure::Counter(counted));
            }
            summary.counted = counted;
            still = if worker.word(CALLS) == calls {
                still + 1
            } else {
                0
            };
            calls = worker.word(CALLS);
        }
        Ok(())
    }

    /// Gives the script capabilities of every kind: to objects of its own pool, with some rights left out.
    fn furnish(&mut self, worker: &Worker) -> Result<(), Error> {
        let child = worker.pool.split(PageCount(48))?;
        let subject = child.create_domain()?;
        let thread = subject.create_thread()?;
        let memory = child.create_populated_memory(PageCount(4))?;
        worker.map(memory, 4, Access::ReadWrite)?;
        let endpoint = child.create_endpoint()?;
        let notification = child.create_notification()?;
        let ports = self.hardware.create_ports(child, DELAY_PORT, 1)?;
        let (interrupt, _) = self.hardware.create_message_interrupt(child)?;
        let mut slot = SLOTS.start;
        for round in 0..2 {
            let less = |all: u16| if round == 0 { all } else { all & 0x5555 };
            self.give(worker, child, &mut slot, less(PoolRights::all().bits()))?;
            self.give(worker, subject, &mut slot, less(0xffff))?;
            self.give(worker, thread, &mut slot, less(0xffff))?;
            self.give(worker, memory, &mut slot, less(MemoryRights::all().bits()))?;
            self.give(
                worker,
                endpoint,
                &mut slot,
                less(EndpointRights::all().bits()),
            )?;
            self.give(worker, notification, &mut slot, less(0xffff))?;
            self.give(worker, ports, &mut slot, less(0xffff))?;
            self.give(worker, interrupt, &mut slot, less(0xffff))?;
            // With the right to make parts of devices it could reach the whole machine.
            self.give(worker, self.hardware, &mut slot, 0)?;
        }
        for made in [
            child.erase(),
            subject.erase(),
            thread.erase(),
            memory.erase(),
            endpoint.erase(),
            notification.erase(),
            ports.erase(),
            interrupt.erase(),
        ] {
            made.delete()?;
        }
        Ok(())
    }

    fn give<T: Kind>(
        &self,
        worker: &Worker,
        capability: Cap<T>,
        slot: &mut u32,
        rights: u16,
    ) -> Result<(), Error> {
        let to = Slot(*slot);
        *slot += 1;
        let held = capability.inspect()?.rights;
        worker
            .domain
            .install(capability.erase(), to, Rights(held.0 & rights), 0)
    }
}

fn check_violation(worker: &Worker) -> Result<(), Failure> {
    match worker.word(VIOLATION) {
        0 => Ok(()),
        number => Err(Failure::Violation(
            number - 1,
            worker.word(VIOLATION + 1),
            core::array::from_fn(|index| worker.word(VIOLATION + 2 + index)),
            worker.word(HELD),
        )),
    }
}
