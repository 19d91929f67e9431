//! Interrupts that arrive again before they are acknowledged.

use abi::Error;

use super::{
    FIRST, FIRST_FLAG, IRQ, ISA, NOTIFICATION, SECOND, SECOND_FLAG, acknowledge, check, driver,
    interrupt, interrupted, line, message, route, unmasked,
};
use crate::testing::{TestDomain, World, calls};

/// A message cannot be masked. If each one were signalled, a device could keep its driver running, and with it every thread of a
/// lower priority waiting.
#[test]
fn a_message_that_arrives_before_the_acknowledgement_is_signalled_by_it() {
    let (world, actor) = driver();
    let vector = message(&world, actor, FIRST);
    world.does(
        actor,
        calls::bind_interrupt(FIRST, NOTIFICATION, FIRST_FLAG),
    );
    check_repetitions(&world, actor, vector);
}

/// An edge-triggered line stays unmasked.
#[test]
fn an_edge_that_arrives_before_the_acknowledgement_is_signalled_by_it() {
    let (world, actor) = driver();
    world.does(actor, line(IRQ, ISA, FIRST));
    let (_, vector) = route(&world).expect("the line is routed");
    world.does(
        actor,
        calls::bind_interrupt(FIRST, NOTIFICATION, FIRST_FLAG),
    );
    acknowledge(&world, actor, FIRST);
    check_repetitions(&world, actor, vector);
}

/// Lets [`FIRST`], which is armed, arrive again and again before each of its acknowledgements.
fn check_repetitions(world: &World, actor: TestDomain, vector: u8) {
    let raised = || world.call(actor, calls::wait(NOTIFICATION, 0));
    assert_eq!(interrupt(world, actor, vector), Ok(FIRST_FLAG));
    for _ in 0..3 {
        for _ in 0..2 {
            assert_eq!(interrupt(world, actor, vector), Err(Error::TimedOut));
        }
        acknowledge(world, actor, FIRST);
        assert_eq!(raised(), Ok(FIRST_FLAG), "all of them together");
        check(&world.kernel);
    }
    acknowledge(world, actor, FIRST);
    assert_eq!(raised(), Err(Error::TimedOut));
    assert_eq!(interrupt(world, actor, vector), Ok(FIRST_FLAG));
}

#[test]
fn an_interrupt_on_a_masked_line_is_signalled_again_and_leaves_the_line_masked() {
    let (world, actor, vector) = interrupted();
    assert_eq!(interrupt(&world, actor, vector), Err(Error::TimedOut));
    let raised = || world.call(actor, calls::wait(NOTIFICATION, 0));
    assert!(!unmasked(&acknowledge(&world, actor, SECOND)));
    assert_eq!(raised(), Ok(SECOND_FLAG));
    check(&world.kernel);
    assert!(!unmasked(&acknowledge(&world, actor, SECOND)));
    assert_eq!(raised(), Err(Error::TimedOut));
    assert!(!unmasked(&acknowledge(&world, actor, FIRST)));
    assert_eq!(raised(), Ok(FIRST_FLAG));
    assert!(unmasked(&acknowledge(&world, actor, FIRST)));
    assert_eq!(raised(), Err(Error::TimedOut));
}
