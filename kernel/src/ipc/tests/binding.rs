//! Binding a notification to a thread, whose `Receive` it then completes, too.

use abi::Error;
use abi::calls::{DomainHold, NotificationCreate, ThreadBind};
use abi::record::Held;

use super::{NOTIFICATION, SPARE};
use crate::objects::tests::checker::check;
use crate::testing::{World, slots};

#[test]
fn a_notification_is_bound_to_one_thread_at_a_time() {
    let world = World::new();
    let actor = world.domain();
    let (caller, other) = (actor.thread, world.thread_in(actor.domain, SPARE));
    let (pool, into) = (slots::POOL, NOTIFICATION);
    world.does(caller, NotificationCreate { pool, into });
    let bind = |thread, notification| {
        let bind = ThreadBind {
            thread,
            notification,
        };
        world.call(caller, bind)
    };
    let hold = || {
        let hold = DomainHold {
            domain: slots::DOMAIN,
            from: NOTIFICATION,
            holder: SPARE,
            held: Held::BoundNotification,
            badge: 0,
        };
        world.call(caller, hold)
    };
    // It can be bound to the same thread again.
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
