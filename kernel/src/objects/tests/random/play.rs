//! Plays an event in a society: [`Player`].

use std::cell::RefCell;
use std::collections::BTreeMap;

use abi::message::{DATA_OFFSET, RECEIVE_OFFSET, SEND_OFFSET};
use abi::register::Slot;
use abi::thread_state::{Awaits, ThreadState};
use abi::{Error, Number, Registers, Request};
use authority::{Outcome, View};
use capabilities::Storage;

use super::aim::{aim, choose};
use super::event::Event;
use crate::arch::fake::{Machine, UserAccess};
use crate::arch::{self, Cause};
use crate::memory::{Ref, SlotDirectory, SlotStorage};
use crate::objects::tests::checker::threads;
use crate::objects::{DomainState, Phase, Thread};
use crate::testing::{BUFFER_ADDRESS, CALL_SITE, TestDomain, World};
use crate::{capture, ipc};

/// The number of times each call was accepted, by call number.
pub type Successes = RefCell<BTreeMap<u64, usize>>;

/// A society whose threads play events.
pub struct Player<'a> {
    pub world: &'a World,
    /// The domain whose thread plays no part.
    pub manager: TestDomain,
    pub successes: &'a Successes,
}

impl Player<'_> {
    pub fn play(&self, event: Event) {
        match event {
            Event::Call {
                thread,
                number,
                aimed,
                registers,
            } => self.call(thread, number, aimed, registers),
            Event::Continue { thread } => self.continue_call(thread),
            Event::Fault {
                thread,
                vector,
                address,
            } => self.fault(thread, vector, address),
            Event::Access {
                thread,
                address,
                access,
            } => self.access(thread, address, access),
            Event::Scribble {
                thread,
                slots,
                stopped,
                awaits,
            } => self.scribble(thread, slots, [stopped, awaits]),
            Event::Resume { thread } => self.resume(thread),
            Event::Thaw { thread } => self.thaw(thread),
            Event::Timer => self.fire_timer(),
            Event::Interrupt { which } => self.interrupt(which),
        }
    }

    /// All threads but the manager's.
    fn threads(&self) -> Vec<Ref<Thread>> {
        let mut threads = threads(&self.world.kernel);
        threads.retain(|thread| *thread != self.manager.thread);
        threads
    }

    fn runnable(&self, choice: usize) -> Option<Ref<Thread>> {
        let mut runnable = self.threads();
        runnable.retain(|thread| thread.is_runnable());
        choose(&runnable, choice as u64)
    }

    fn call(&self, thread: usize, number: Number, aimed: bool, drawn: Registers) {
        let Some(thread) = self.runnable(thread) else {
            return;
        };
        let registers = if aimed {
            aim(thread, number, drawn)
        } else {
            drawn
        };
        thread.context.rip.set(CALL_SITE);
        thread.context.rax.set(number as u64);
        for (index, register) in registers.into_iter().enumerate() {
            thread.set_argument(index, register);
        }
        self.make_call(thread);
    }

    fn continue_call(&self, thread: usize) {
        let thread = self.runnable(thread);
        if let Some(thread) = thread.filter(|it| it.context.rip.get() == CALL_SITE) {
            self.make_call(thread);
        }
    }

    fn fault(&self, thread: usize, vector: u8, address: u64) {
        if let Some(thread) = self.runnable(thread) {
            self.world.raise(thread, vector, 6, address);
        }
    }

    fn access(&self, thread: usize, address: u64, access: UserAccess) {
        if let Some(thread) = self.runnable(thread) {
            self.world.access(thread, address, access);
        }
    }

    fn scribble(&self, thread: usize, slots: [u8; 4], [stopped, awaits]: [u64; 2]) {
        let Some(thread) = choose(&self.threads(), thread as u64) else {
            return;
        };
        let found = thread.domain.space.translate(BUFFER_ADDRESS);
        let Some(buffer) = found.filter(|found| found.write) else {
            return;
        };
        let [a, b, c, d] = slots.map(u64::from);
        buffer.frame.write_word(SEND_OFFSET, a | b << 32);
        buffer.frame.write_word(RECEIVE_OFFSET, c | d << 32);
        let state = ThreadState {
            stopped,
            awaits,
            priority: a.min(10),
            message_buffer: BUFFER_ADDRESS,
            ..ThreadState::EMPTY
        };
        assert_eq!(Awaits::from_number(awaits).is_none(), awaits > 3);
        buffer.frame.write_bytes(DATA_OFFSET, &state.to_bytes());
    }

    fn resume(&self, thread: usize) {
        let Some(thread) = choose(&self.threads(), thread as u64) else {
            return;
        };
        if thread.phase.get() != Phase::Ready {
            ipc::end_wait(&self.world.kernel, thread, Error::Gone);
        }
        thread.stopped.set(false);
        self.world.kernel.scheduler.wake(thread);
    }

    fn thaw(&self, thread: usize) {
        let thread = choose(&self.threads(), thread as u64);
        let domain = thread.map(|thread| thread.domain);
        if let Some(domain) = domain.filter(|domain| domain.state() == DomainState::Frozen) {
            capture::thaw(&self.world.kernel, domain, domain.token()).expect("frozen");
        }
    }

    /// Lets time pass until the earliest deadline, and fires the timer.
    fn fire_timer(&self) {
        let now = arch::ticks();
        let soon = self.world.kernel.scheduler.timers.earliest();
        self.world.machine.set_ticks(soon.unwrap_or(now).max(now));
        self.world.kernel.enter(Cause::Timer);
    }

    /// Raises one of the interrupts that can be raised: message-signalled, or with an unmasked line.
    fn interrupt(&self, which: usize) {
        let open = Machine::open_lines();
        let may_interrupt = |vector: &u8| {
            let mut sharers = self.world.kernel.interrupts_at(*vector);
            let first = sharers.next();
            first.is_some_and(|first| first.line.is_none_or(|line| open.contains(&line.gsi)))
        };
        let vectors: Vec<u8> = arch::DEVICE_VECTORS.filter(may_interrupt).collect();
        if let Some(vector) = vectors.get(which % vectors.len().max(1)) {
            self.world.interrupt(*vector);
        }
    }

    /// Makes the call at which a thread stands, and checks the outcome against the oracle of authority.
    fn make_call(&self, thread: Ref<Thread>) {
        let registers = thread.arguments();
        let number = thread.context.rax.get();
        let request = Request::decode(number, &registers);
        let table = shadow(thread);
        self.world.step(thread);
        let is_over = thread.phase.get() == Phase::Ready && thread.context.rip.get() != CALL_SITE;
        let status = thread.context.rax.get();
        let outcome = match Error::from_status(status).filter(|_| is_over) {
            Some(error) => Outcome::Refused(error),
            None => Outcome::Allowed,
        };
        let Ok(request) = request else {
            assert!(matches!(outcome, Outcome::Refused(_)), "{registers:x?}");
            return;
        };
        let waits = thread.phase.get() != Phase::Ready;
        if outcome == Outcome::Allowed && (is_over || waits) {
            *self.successes.borrow_mut().entry(number).or_default() += 1;
        }
        let view = |slot| view_of(&table, slot);
        let mut verdict = authority::judge(&request, outcome, view);
        if is_over && outcome == Outcome::Allowed {
            let table = shadow(thread);
            verdict = verdict
                .and_then(|()| authority::check_gain(&request, view, |slot| view_of(&table, slot)));
        }
        if let Err(violation) = verdict {
            panic!("{request:?} resulted in {outcome:?}: {violation:?}");
        }
    }
}

fn view_of(table: &[View], slot: Slot) -> View {
    let view = table.get(slot.0 as usize).copied();
    view.unwrap_or(View::Beyond)
}

/// The content of a thread's table.
fn shadow(thread: Ref<Thread>) -> Vec<View> {
    let slots = thread.domain.table.slot_count::<SlotDirectory>();
    let view = |slot| {
        let place = thread
            .domain
            .place(Slot(slot))
            .expect("a slot of the table");
        match SlotStorage.slot(place).capability() {
            Some(held) => View::Holds {
                kind: held.object.kind(),
                rights: held.rights,
                badge: held.badge.get(),
            },
            None => View::Empty,
        }
    };
    (0..slots).map(view).collect()
}
