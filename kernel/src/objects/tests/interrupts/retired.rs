//! A line shared with an interrupt whose notification belongs to a retired domain.

use abi::register::Slot;

use super::{FIRST, FIRST_FLAG, SECOND, SECOND_FLAG, acknowledge, check, interrupt, shared};
use crate::arch::Cause;
use crate::ipc;
use crate::testing::calls;

#[test]
fn a_retired_sharer_does_not_block_the_others_and_gets_its_interrupt_afterwards() {
    const OWN: Slot = Slot(20);
    const FOREIGN: Slot = Slot(40);
    let (world, actor, vector) = shared();
    for which in [FIRST, SECOND] {
        acknowledge(&world, actor, which);
    }
    let other = world.domain();
    world.does(other, calls::notification(OWN));
    world.give(other, OWN, actor, FOREIGN, 0);
    // `SECOND` comes before `FIRST` in the list.
    world.does(actor, calls::bind_interrupt(SECOND, FOREIGN, SECOND_FLAG));
    other.pool.set_retired(true);
    assert_eq!(interrupt(&world, actor, vector), Ok(FIRST_FLAG));

    other.pool.set_retired(false);
    world.machine.set_ticks_step(0);
    // The timer is not armed for the end of an expired slice.
    world.kernel.scheduler.rotate();
    world.kernel.scheduler.resume();
    world.machine.take_timer();
    ipc::deliver_undelivered(&world.kernel);
    check(&world.kernel);
    let due = world.machine.take_timer();
    assert!(
        due.is_some_and(|due| due <= crate::arch::ticks()),
        "{due:?}"
    );
    world.kernel.enter(Cause::Timer);
    assert_eq!(world.call(other, calls::wait(OWN, 0)), Ok(SECOND_FLAG));
    check(&world.kernel);
}
