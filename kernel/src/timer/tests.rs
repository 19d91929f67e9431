//! The work of one timer interrupt, and the work that it leaves to the next one.

use abi::register::Slot;

use crate::arch::Cause;
use crate::memory::Ref;
use crate::objects::tests::checker::check;
use crate::objects::{Thread, create_interrupt};
use crate::testing::{TestDomain, World, calls, slots};

const NOTIFICATION: Slot = Slot(slots::FREE);
const OTHER: Slot = Slot(slots::FREE + 1);
const INTERRUPT: Slot = Slot(slots::FREE + 2);
const SUBJECT: Slot = Slot(slots::FREE + 3);
const FIRST_THREAD: u32 = slots::FREE + 8;

/// The time at which everything is due, in nanoseconds. The fake machine's ticks are nanoseconds too.
const DUE: u64 = 500_000_000;

fn threads(world: &World, actor: TestDomain, count: u32) -> Vec<Ref<Thread>> {
    let slots = (FIRST_THREAD..FIRST_THREAD + count).map(Slot);
    slots
        .map(|slot| world.thread_in(actor.domain, slot))
        .collect()
}

/// Sleepers, threads whose waits an interrupt aborts, and the threads of a frozen domain.
struct Crowds([Vec<Ref<Thread>>; 3]);

impl Crowds {
    /// The number of threads in each crowd that have not been handled yet.
    fn left(&self) -> [usize; 3] {
        let blocked = |thread: &&Ref<Thread>| !thread.is_runnable();
        self.0
            .each_ref()
            .map(|crowd| crowd.iter().filter(blocked).count())
    }
}

/// A world in which all work of the timer is due.
fn scene() -> (World, Crowds) {
    let world = World::new();
    let manager = world.domain();
    let [waiting, frozen] = [(); 2].map(|()| world.domain_of(1024));
    for into in [NOTIFICATION, OTHER] {
        world.does(manager, calls::notification(into));
        world.give(manager, into, waiting, into, 0);
    }
    let mut sleepers = threads(&world, waiting, 40);
    let rejected = sleepers.split_off(20);
    for thread in &sleepers {
        world.begin(*thread, calls::wait(OTHER, DUE));
    }
    for thread in &rejected {
        world.begin(*thread, calls::wait(NOTIFICATION, u64::MAX));
    }
    let slot = NOTIFICATION;
    world.does(waiting, calls::delete(slot));
    let crowd = threads(&world, frozen, 20);
    world.give(frozen, slots::DOMAIN, manager, SUBJECT, 0);
    world.does(manager, calls::freeze(SUBJECT, DUE));
    let place = manager.place(INTERRUPT);
    let vector = create_interrupt(&world.kernel, manager.pool, None, place).expect("a vector");
    world.does(manager, calls::bind_interrupt(INTERRUPT, NOTIFICATION, 8));
    world.machine.set_ticks_step(0);
    world.machine.set_ticks(DUE);
    world.kernel.enter(Cause::Interrupt { vector });
    let crowds = Crowds([sleepers, rejected, crowd]);
    assert_eq!(crowds.left(), [20, 4, 20]);
    (world, crowds)
}

/// Offsets from [`DUE`] at which four waits end, in the order in which they begin.
const STEPS: [u64; 4] = [3, 1, 4, 2];

/// Lets time pass, and expects each of four waits to end at its deadline and not before it.
fn assert_each_ends_in_time(world: &World, has_ended: [impl Fn() -> bool; 4]) {
    world.machine.set_ticks_step(0);
    for step in 0..=4 {
        world.machine.set_ticks(DUE + step);
        world.kernel.enter(Cause::Timer);
        let ended = has_ended.each_ref().map(|has_ended| has_ended());
        assert_eq!(ended, STEPS.map(|end| end <= step), "{step}");
    }
}

#[test]
fn waits_end_in_the_order_of_their_deadlines_whatever_the_order_in_which_they_began() {
    let world = World::new();
    let manager = world.domain_of(1024);
    world.does(manager, calls::notification(OTHER));
    let sleepers = threads(&world, manager, 4);
    for (thread, step) in sleepers.iter().zip(STEPS) {
        world.begin(*thread, calls::wait(OTHER, DUE + step));
    }
    let sleepers: [_; 4] = sleepers.try_into().expect("four");
    assert_each_ends_in_time(&world, sleepers.map(|thread| move || thread.is_runnable()));
}

#[test]
fn freezes_end_in_the_order_of_their_deadlines_whatever_the_order_in_which_they_began() {
    let world = World::new();
    let manager = world.domain();
    let is_running = STEPS.map(|step| {
        let actor = world.domain();
        world.give(actor, slots::DOMAIN, manager, SUBJECT, 0);
        world.does(manager, calls::freeze(SUBJECT, DUE + step));
        world.does(manager, calls::delete(SUBJECT));
        move || actor.domain.is_running()
    });
    assert_each_ends_in_time(&world, is_running);
}

#[test]
fn an_entry_does_one_job_and_the_others_follow_immediately() {
    let (world, crowds) = scene();
    for expected in [
        [4, 4, 20],
        [4, 0, 20],
        [4, 0, 12],
        [0, 0, 12],
        [0, 0, 4],
        [0, 0, 0],
    ] {
        let due = world.machine.take_timer();
        assert!(due.is_some_and(|due| due <= DUE), "{due:?}");
        world.kernel.enter(Cause::Timer);
        assert_eq!(crowds.left(), expected);
        check(&world.kernel);
    }
    let due = world.machine.take_timer();
    assert!(due.is_none_or(|due| due > DUE), "{due:?}");
}

#[test]
fn undelivered_interrupts_trigger_the_next_entry_when_nothing_else_is_due() {
    let (world, crowds) = scene();
    let scheduler = &world.kernel.scheduler;
    let [sleepers, _, frozen] = &crowds.0;
    for sleeper in sleepers.iter().take(4) {
        scheduler.timers.threads.remove(*sleeper);
    }
    scheduler.timers.domains.remove(frozen[0].domain);
    // The timer is not armed for the end of an expired slice.
    scheduler.rotate();
    scheduler.resume();
    world.machine.take_timer();
    // The entry ends waits and leaves the interrupts to the next one.
    world.kernel.enter(Cause::Timer);
    assert_eq!(crowds.left(), [4, 4, 20]);
    let due = world.machine.timer();
    assert!(due.is_some_and(|due| due <= DUE), "{due:?}");
}

#[test]
fn domains_that_are_thawed_again_and_again_do_not_delay_one_whose_deadline_has_passed() {
    let world = World::new();
    let manager = world.domain();
    let subject = |number| Slot(SUBJECT.0 + number);
    let domains = [0, 1, 2].map(|number| {
        let actor = world.domain_of(1024);
        threads(&world, actor, 20);
        world.give(actor, slots::DOMAIN, manager, subject(number), 0);
        actor.domain
    });
    let freeze = |number, deadline| {
        let domain = subject(number);
        let (_, token) = world.does(manager, calls::freeze(domain, deadline));
        calls::thaw(domain, token)
    };
    freeze(0, DUE);
    world.machine.set_ticks_step(0);
    for entry in 0..20 {
        world.machine.set_ticks(DUE + entry);
        for number in [1, 2] {
            if domains[number as usize].is_settled() {
                let thaw = freeze(number, u64::MAX);
                world.does(manager, thaw);
            }
        }
        world.kernel.enter(Cause::Timer);
        check(&world.kernel);
    }
    assert!(domains[0].is_running() && domains[0].is_settled());
}

#[test]
fn a_job_that_is_always_due_does_not_starve_the_others() {
    let (world, crowds) = scene();
    let [sleepers, rejected, crowd] = &crowds.0;
    // The sleepers that were woken are due again at the next entry.
    for _ in 0..8 {
        for sleeper in sleepers.iter().filter(|thread| thread.is_runnable()) {
            world.machine.set_ticks(DUE);
            world.begin(*sleeper, calls::wait(OTHER, DUE + 1));
        }
        world.machine.set_ticks(DUE + 1);
        world.kernel.enter(Cause::Timer);
    }
    for thread in rejected.iter().chain(crowd) {
        assert!(thread.is_runnable());
    }
}
