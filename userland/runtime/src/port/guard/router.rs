//! The one router whose advertisements the stack gets: [`Router`].
//!
//! The stack's table of routes has two places, for an IPv4 and an IPv6 router. It asserts that there is a place for the IPv4 router of
//! each lease, and keeps an IPv6 router until the end of the lifetime that this has advertised last. So the advertisement of another
//! one is dropped until then. More places would only move the limit: the stack's code for addresses from advertisements fills as
//! many as there are, and with several IPv6 routers each new lease may list one of them once more.
//!
//! A router that gives up before that, with a lifetime of 0, still has its place here. The guard would have to know that the stack has accepted
//! this advertisement: if it had dropped it, the next router would be the second one.

use embassy_time::{Duration, Instant};

use super::advertisement::{Address, Advertisement};

/// A router that the stack may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Router {
    address: Address,
    /// When the stack has forgotten it.
    until: Instant,
}

/// Whether the stack has room for the router of this advertisement, beside the one that it may know. The result `true` counts the router
/// as known.
pub(super) fn admits(known: &mut Option<Router>, new: &Advertisement, now: Instant) -> bool {
    if new.lifetime_seconds == 0 {
        return true;
    }
    let mut until = now + Duration::from_secs(new.lifetime_seconds.into());
    if let Some(router) = known.filter(|router| now < router.until) {
        if router.address != new.router {
            return false;
        }
        // The stack may not accept the shorter lifetime.
        until = until.max(router.until);
    }
    *known = Some(Router {
        address: new.router,
        until,
    });
    true
}
