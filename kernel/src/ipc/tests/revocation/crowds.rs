//! Many threads that wait without the right: a signal or an interrupt aborts their waits in bounded steps.

use super::*;
use crate::arch::{Line, Polarity, Trigger};
use crate::objects::create_interrupt;

/// A notification with 41 waiting threads: first 40 threads of another domain that lack the right, then a thread of the
/// server's domain with the right.
fn crowd() -> (World, TestDomain, Vec<Ref<Thread>>, Ref<Thread>) {
    let (world, server, _) = with_notification();
    let crowd = world.domain_of(1024);
    world.give(server, NOTIFICATION, crowd, NOTIFICATION, 0);
    let threads: Vec<_> = (0..40)
        .map(|number| world.thread_in(crowd.domain, Slot(slots::FREE + 12 + number)))
        .collect();
    for thread in &threads {
        world.begin(*thread, wait());
    }
    world.does(crowd, calls::delete(NOTIFICATION));
    let entitled = world.thread_in(server.domain, SPARE);
    world.begin(entitled, wait());
    (world, server, threads, entitled)
}

#[test]
fn a_signal_aborts_many_waits_in_bounded_steps() {
    let (world, server, threads, entitled) = crowd();
    assert_eq!(world.steps_of(server, signal(1)), 40 / 16 + 1);
    assert_eq!(world.outcome::<Wait>(entitled), Some(Ok(1)));
    for thread in threads {
        let refused = repeated::<Wait>(&world, thread);
        assert_eq!(refused, Some(Err(Error::EmptySlot)));
    }
}

#[test]
fn an_interrupt_aborts_many_waits_in_bounded_steps_and_is_not_lost() {
    const INTERRUPT: Slot = Slot(slots::FREE + 4);
    let (world, server, _, entitled) = crowd();
    let place = server.place(INTERRUPT);
    let vector = create_interrupt(&world.kernel, server.pool, None, place).expect("a vector");
    world.does(server, calls::bind_interrupt(INTERRUPT, NOTIFICATION, 8));
    world.machine.set_ticks(5_000);
    world.interrupt(vector);
    for _ in 0..2 {
        assert_eq!(world.outcome::<Wait>(entitled), None);
        let due = world.machine.timer().expect("the timer goes on");
        assert!(due < 5_100, "at once, not at {due}");
        world.kernel.enter(Cause::Timer);
    }
    assert_eq!(world.outcome::<Wait>(entitled), Some(Ok(8)));
}

/// A line that two interrupts share. At each interrupt's notification 15 threads that lack the right wait until a deadline,
/// and behind them a thread with the right.
fn shared_line() -> (World, Vec<Ref<Thread>>, [Ref<Thread>; 2], u8) {
    let world = World::new();
    let driver = world.domain();
    let crowd = world.domain_of(1024);
    let line = Line {
        gsi: 20,
        trigger: Trigger::Level,
        polarity: Polarity::Low,
    };
    let first = slots::FREE + 4;
    let mut threads = Vec::new();
    let mut vector = 0;
    let entitled = [0, 1].map(|index| {
        let (interrupt, into) = (Slot(first + 2 * index), Slot(first + 2 * index + 1));
        world.does(driver, calls::notification(into));
        let place = driver.place(interrupt);
        let made = create_interrupt(&world.kernel, driver.pool, Some(line), place);
        vector = made.expect("a vector");
        world.does(driver, calls::bind_interrupt(interrupt, into, 8));
        world.does(driver, abi::calls::InterruptAcknowledge { interrupt });
        let wait = |deadline| calls::wait(into, deadline);
        world.give(driver, into, crowd, into, 0);
        for number in 0..15 {
            let slot = Slot(slots::FREE + 12 + 15 * index + number);
            let thread = world.thread_in(crowd.domain, slot);
            world.begin(thread, wait(1_000_000_000));
            threads.push(thread);
        }
        world.does(crowd, calls::delete(into));
        let entitled = world.thread_in(driver.domain, Slot(slots::FREE + 20 + index));
        world.begin(entitled, wait(u64::MAX));
        entitled
    });
    (world, threads, entitled, vector)
}

#[test]
fn interrupts_that_share_a_line_share_the_limit_of_one_entry() {
    let (world, threads, entitled, vector) = shared_line();
    let aborted = || {
        let is_aborted = |thread: &&Ref<Thread>| world.is_at_call(**thread);
        threads.iter().filter(is_aborted).count()
    };
    let signalled = || {
        let outcomes = entitled.map(|thread| world.outcome::<Wait>(thread));
        outcomes.iter().filter(|wait| **wait == Some(Ok(8))).count()
    };
    world.machine.set_ticks(5_000);
    world.interrupt(vector);
    assert_eq!((aborted(), signalled()), (15, 1));
    let due = world.machine.take_timer().expect("the timer goes on");
    assert!(due < 5_100, "at once, not at {due}");
    world.kernel.enter(Cause::Timer);
    assert_eq!((aborted(), signalled()), (30, 2));
}
