//! Binding a notification to a thread, so that its flags complete the thread's `Receive`.

use abi::Error;
use abi::record::Held;

use super::{NOTIFICATION, SPARE};
use crate::objects::tests::checker::check;
use crate::testing::{World, calls, slots};

#[test]
fn a_notification_is_bound_to_one_thread_at_a_time() {
    let world = World::new();
    let actor = world.domain();
    let (caller, other) = (actor.thread, world.thread_in(actor.domain, SPARE));
    world.does(caller, calls::notification(NOTIFICATION));
    let bind = |thread, notification| world.call(caller, calls::bind(thread, notification));
    let hold = || {
        let hold = calls::hold(
            slots::DOMAIN,
            NOTIFICATION,
            SPARE,
            Held::BoundNotification,
            0,
        );
        world.call(caller, hold)
    };
    // Binding it to the same thread again succeeds.
    for _ in 0..2 {
        assert_eq!(bind(slots::THREAD, Some(NOTIFICATION)), Ok(()));
    }
    assert_eq!(bind(SPARE, Some(NOTIFICATION)), Err(Error::InUse));
    assert_eq!(hold(), Err(Error::InUse));
    assert_eq!(other.bound(), None);
    check(&world.kernel);
    assert_eq!(bind(slots::THREAD, None), Ok(()));
    assert_eq!(hold(), Ok(()));
    assert_eq!(bind(slots::THREAD, Some(NOTIFICATION)), Err(Error::InUse));
    check(&world.kernel);
}
