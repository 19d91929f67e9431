//! Slices of a thread whose revocation takes more than one entry.

use abi::calls::{ThreadPrepare, Yield};
use abi::register::{Slot, UserAddress};

use super::{ENDPOINT, MS, NOTIFICATION, SLICE};
use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::tests::checker::check;
use crate::objects::{Thread, create_interrupt};
use crate::testing::{CALL_SITE, TestDomain, World, calls, slots};

/// The interrupt and the revoker, in the table of the higher-priority thread.
const INTERRUPT: Slot = Slot(20);
const REVOKER: Slot = Slot(21);

/// The start of the revoker's slice.
const START: u64 = 10 * MS;

/// The copies that the revoker deletes, in its equal's table: more than four entries can delete.
const FIRST: u32 = 64;
const COPIES: u32 = 80;

/// A thread in the middle of a revocation, in its first slice; a compute-bound thread of equal priority; and a higher-priority
/// thread that waits for an interrupt.
struct Revocation {
    world: World,
    revoker: Ref<Thread>,
    equal: Ref<Thread>,
    above: TestDomain,
    vector: u8,
}

impl Revocation {
    fn new() -> Revocation {
        let world = World::new();
        let [owner, equal, above] = [(); 3].map(|()| world.domain());
        world.does(owner, calls::endpoint(ENDPOINT));
        let slots = FIRST + COPIES;
        world.does(equal, calls::grow(slots::DOMAIN, slots));
        for number in FIRST..FIRST + COPIES {
            world.give(owner, ENDPOINT, equal, Slot(number), 0);
        }
        world.give(owner, slots::THREAD, above, REVOKER, 0);
        let vector = raise_above(&world, above);
        world.machine.set_ticks_step(0);
        world.machine.set_ticks(START);
        // It gets a whole slice.
        world.kernel.scheduler.force(equal.thread);
        let revocation = Revocation {
            revoker: owner.thread,
            equal: equal.thread,
            world,
            above,
            vector,
        };
        revocation.step();
        revocation
    }

    /// Does a step of the revocation, after which the revoker keeps running.
    fn step(&self) {
        self.world.begin_step(self.revoker, calls::revoke(ENDPOINT));
        assert_eq!(self.current(), self.revoker);
        assert!(self.revoker.is_revoking.get());
    }

    fn current(&self) -> Ref<Thread> {
        let current = self.world.kernel.scheduler.current();
        current.expect("a thread can run")
    }

    /// Raises the interrupt at this time: it wakes the higher-priority thread, which acts and waits again.
    fn interrupt(&self, ticks: u64, act: impl FnOnce(&World, Ref<Thread>)) {
        self.world.machine.set_ticks(ticks);
        self.world.interrupt(self.vector);
        let thread = self.above.thread;
        assert_eq!(self.current(), thread);
        act(&self.world, thread);
        wait(&self.world, thread);
        check(&self.world.kernel);
    }

    /// Expects the equal to run, and lets it yield to the revoker.
    fn yield_to_revoker(&self) {
        assert_eq!(self.current(), self.equal);
        self.world.begin(self.equal, Yield {});
        assert_eq!(self.current(), self.revoker);
    }

    /// Completes the revocation within a slice, and expects the revoker to keep running: it is not overdue.
    fn assert_not_overdue(&self) {
        self.world.does(self.revoker, calls::revoke(ENDPOINT));
        assert_eq!(self.current(), self.revoker);
    }

    /// Fires the timer at this time; returns the time for which it is armed after that.
    fn tick(&self, ticks: u64) -> Option<u64> {
        self.world.machine.set_ticks(ticks);
        self.world.machine.take_timer();
        self.world.kernel.enter(Cause::Timer);
        check(&self.world.kernel);
        self.world.machine.timer()
    }
}

fn wait(world: &World, thread: Ref<Thread>) {
    world.begin(thread, calls::wait(NOTIFICATION, u64::MAX));
}

/// Makes a domain's thread wait for an interrupt, at a higher priority than the others; returns the vector.
fn raise_above(world: &World, above: TestDomain) -> u8 {
    world.does(above, calls::notification(NOTIFICATION));
    let place = above.place(INTERRUPT);
    let vector = create_interrupt(&world.kernel, above.pool, None, place).expect("a vector");
    world.does(above, calls::bind_interrupt(INTERRUPT, NOTIFICATION, 1));
    world.kernel.scheduler.remove(above.thread);
    above.thread.priority.set(20);
    world.kernel.scheduler.wake(above.thread);
    wait(world, above.thread);
    vector
}

/// Stops the revoker and restarts it, with or without new registers.
fn restart(is_prepared: bool) -> impl FnOnce(&World, Ref<Thread>) {
    move |world, by| {
        let thread = REVOKER;
        world.does(by, calls::stop(thread));
        let prepare = ThreadPrepare {
            thread,
            instruction: UserAddress(CALL_SITE),
            stack: UserAddress(0),
            argument: 0,
            message_buffer: UserAddress(0),
        };
        if is_prepared {
            world.does(by, prepare);
        }
        world.does(by, calls::start(thread));
    }
}

#[test]
fn a_renewed_slice_is_whole_however_little_was_left_of_the_last() {
    let revocation = Revocation::new();
    revocation.interrupt(START + SLICE - MS / 10, |_, _| ());
    assert_eq!(revocation.current(), revocation.revoker);
    let armed = revocation.tick(START + SLICE);
    assert_eq!(revocation.current(), revocation.revoker);
    assert_eq!(armed, Some(START + 2 * SLICE));
}

#[test]
fn a_revoker_that_is_interrupted_at_the_end_of_its_slice_continues_before_its_equals() {
    let revocation = Revocation::new();
    revocation.interrupt(START + SLICE, |_, _| ());
    assert_eq!(revocation.current(), revocation.revoker);
    let armed = revocation.tick(START + SLICE);
    assert_eq!(revocation.current(), revocation.revoker);
    assert_eq!(armed, Some(START + 2 * SLICE));
}

#[test]
fn a_thread_restarted_in_the_middle_of_a_revocation_has_one_slice() {
    for is_prepared in [false, true] {
        let revocation = Revocation::new();
        revocation.interrupt(START + MS, restart(is_prepared));
        revocation.yield_to_revoker();
        // The revoker computes.
        revocation.tick(START + MS + SLICE);
        assert_eq!(
            revocation.current(),
            revocation.equal,
            "prepared: {is_prepared}"
        );
    }
}

#[test]
fn a_thread_restarted_beyond_its_slice_is_not_overdue() {
    for is_prepared in [false, true] {
        let revocation = Revocation::new();
        revocation.tick(START + SLICE);
        assert!(revocation.revoker.is_overdue.get());
        revocation.interrupt(START + SLICE + MS, restart(is_prepared));
        revocation.yield_to_revoker();
        revocation.assert_not_overdue();
    }
}

#[test]
fn a_thread_that_abandons_its_revocation_beyond_its_slice_is_not_overdue_later() {
    let revocation = Revocation::new();
    revocation.tick(START + SLICE);
    // The revoker computes until its equal runs.
    revocation.tick(START + 2 * SLICE);
    revocation.yield_to_revoker();
    revocation.assert_not_overdue();
}
