//! The domain that makes the random calls and the domains beside it: [`Supervisor`].

use alloc::format;

use guest_support::failure::{Failure, check_leak};
use guest_support::random::Random;
use guest_support::worker::Worker;
use runtime::abi::kind::{EndpointRights, MemoryRights, PoolRights};
use runtime::abi::register::{Access, PageCount};
use runtime::abi::{Error, Registers, Rights};
use runtime::capability::{Any, Domain, Hardware, Notification, Pool};
use runtime::{Cap, Slot, Start, clock};

use crate::arguments::DELAY_PORT;
use crate::calls::{CALLS, HELD, IDENTITIES, SEED, SLOTS, VIOLATION, fuzzes};
use crate::counter::Counter;
use crate::peer::Peer;
use crate::summary::Summary;

/// The interval at which the supervisor checks the script.
const LOOK_NS: u64 = 3_000_000;
/// The number of checks without progress after which the script's thread is restarted.
const STILL_MAX: u32 = 2;
/// The number of calls after which the script is restarted in any case, since a script that has lost its capabilities would only
/// make calls that are refused.
const LIFE_CALLS: u64 = 500;
/// The number of starts of the script in one domain, which is then replaced by a fresh one with all its capabilities.
const LIVES: u32 = 6;

/// Creates the domains and watches them.
pub struct Supervisor {
    pool: Cap<Pool>,
    domain: Cap<Domain>,
    hardware: Cap<Hardware>,
    done: Cap<Notification>,
    begin: Cap<Notification>,
    random: Random,
}

impl Supervisor {
    /// Takes root's initial capabilities.
    pub fn new(start: &Start, seed: u64) -> Result<Supervisor, Error> {
        let pool: Cap<Pool> = start.require("pool");
        let domain: Cap<Domain> = start.require("domain");
        domain.grow(1024)?;
        Ok(Supervisor {
            pool,
            domain,
            hardware: start.require("hardware"),
            done: pool.create_notification()?,
            begin: pool.create_notification()?,
            random: Random::new(seed),
        })
    }

    /// Lets the script make this many calls.
    pub fn run(&mut self, calls: u64) -> Result<Summary, Failure> {
        // A first mapping lets this domain's own tables grow.
        Worker::new(self.pool, self.domain, self.done, 0)?.end()?;
        let before = self.pool.report()?.spent.0;
        let mut counter = Counter::new(self.pool, self.domain, self.done, self.begin)?;
        let mut summary = Summary::default();
        while summary.calls < calls {
            self.live(&mut counter, &mut summary, calls)?;
        }
        summary.counted = counter.end()?;
        check_leak(self.pool, before)?;
        Ok(summary)
    }

    /// Creates one domain, runs the script in it, and destroys it.
    fn live(
        &mut self,
        counter: &mut Counter,
        summary: &mut Summary,
        calls: u64,
    ) -> Result<(), Failure> {
        let worker = Worker::new(self.pool, self.domain, self.done, 256)?;
        let peer = self.furnish(&worker)?;
        summary.domains += 1;
        let before = summary.calls;
        for _ in 0..LIVES {
            if self.begin(&worker).is_err() {
                break;
            }
            summary.lives += 1;
            self.watch(&worker, counter)?;
            summary.calls = before + worker.word(CALLS);
            if summary.calls >= calls {
                break;
            }
        }
        summary.add_successes(&worker);
        worker.end()?;
        Ok(peer.end()?)
    }

    /// Starts the script from its beginning, with a new seed and random segment bases and registers.
    fn begin(&mut self, worker: &Worker) -> Result<(), Error> {
        // The thread may have stopped already.
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

    /// Lets the script run until it makes no progress or has made enough calls.
    fn watch(&self, worker: &Worker, counter: &mut Counter) -> Result<(), Failure> {
        let first = worker.word(CALLS);
        let (mut calls, mut still) = (first, 0);
        while still < STILL_MAX && calls - first < LIFE_CALLS {
            match self.done.wait_until_ns(clock::now_ns() + LOOK_NS) {
                Ok(_) | Err(Error::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
            check_violation(worker)?;
            counter.check()?;
            still = if worker.word(CALLS) == calls {
                still + 1
            } else {
                0
            };
            calls = worker.word(CALLS);
        }
        Ok(())
    }

    /// Gives the script capabilities of every kind to objects of its own pool, some with fewer rights.
    fn furnish(&mut self, worker: &Worker) -> Result<Peer, Error> {
        let child = worker.pool.split(PageCount(48))?;
        let subject = child.create_domain()?;
        let thread = subject.create_thread()?;
        let memory = child.create_populated_memory(PageCount(4))?;
        let grandchild = child.split(PageCount(4))?;
        let identified = [thread.slot(), memory.slot(), grandchild.slot()];
        for (word, slot) in (IDENTITIES..).zip(identified) {
            worker.set(word, self.domain.identify(slot)?.0);
        }
        worker.map(memory, 4, Access::ReadWrite)?;
        let endpoint = child.create_endpoint()?;
        let peer = Peer::new(self.pool, self.domain, self.done, endpoint)?;
        let notification = child.create_notification()?;
        fill_half(
            subject,
            [memory.erase(), endpoint.erase(), notification.erase()],
        )?;
        let ports = self.hardware.create_ports(child, DELAY_PORT, 1)?;
        let (interrupt, _) = self.hardware.create_message_interrupt(child)?;
        let given = [
            (child.erase(), PoolRights::all().bits()),
            (subject.erase(), 0xffff),
            (thread.erase(), 0xffff),
            (memory.erase(), MemoryRights::all().bits()),
            (endpoint.erase(), EndpointRights::all().bits()),
            (peer.endpoint.erase(), 0xffff),
            (notification.erase(), 0xffff),
            (ports.erase(), 0xffff),
            (interrupt.erase(), 0xffff),
            // With CREATE the script could reach the whole machine.
            (self.hardware.erase(), 0),
        ];
        give(worker, &given)?;
        for (made, _) in given {
            if made != peer.endpoint.erase() && made != self.hardware.erase() {
                made.delete()?;
            }
        }
        grandchild.delete()?;
        Ok(peer)
    }
}

/// Fills every other group of slots in a domain's table with copies of these capabilities.
fn fill_half(domain: Cap<Domain>, group: [Cap<Any>; 3]) -> Result<(), Error> {
    for first in SLOTS.step_by(2 * group.len()) {
        for (slot, capability) in (first..).zip(group) {
            copy(domain, capability, slot, 0xffff)?;
        }
    }
    Ok(())
}

/// Gives the script copies of these capabilities: first with these rights, then with fewer.
fn give(worker: &Worker, given: &[(Cap<Any>, u16)]) -> Result<(), Error> {
    let fewer = given.iter().map(|(from, rights)| (*from, rights & 0x5555));
    for ((from, rights), slot) in given.iter().copied().chain(fewer).zip(SLOTS) {
        copy(worker.domain, from, slot, rights)?;
    }
    Ok(())
}

/// Gives a domain a copy of a capability, with at most these rights.
fn copy(domain: Cap<Domain>, from: Cap<Any>, to: u32, rights: u16) -> Result<(), Error> {
    let held = from.inspect()?.rights;
    domain.install(from, Slot(to), Rights(held.0 & rights), 0)
}

fn check_violation(worker: &Worker) -> Result<(), Failure> {
    let Some(number) = worker.word(VIOLATION).checked_sub(1) else {
        return Ok(());
    };
    let status = Error::from_status(worker.word(VIOLATION + 1)).map_or("success", Error::text);
    let registers: Registers = core::array::from_fn(|index| worker.word(VIOLATION + 2 + index));
    let held = worker.word(HELD);
    Err(Failure::Other(format!(
        "call {number} with {registers:#x?} ended in: {status} (slot held: {held})"
    )))
}
