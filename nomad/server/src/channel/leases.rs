//! The addresses that a DHCP server assigns to this machine: [`Leases`].
//!
//! Anybody on the network can be a DHCP server. So another address is accepted only a while after the last one, since the others
//! hear of each, and a declined lease is no reason to be without an address for ever.

use core::net::Ipv4Addr;

use embassy_time::{Duration, Instant as Now};

/// How long an address is kept at least.
const KEPT_MIN: Duration = Duration::from_secs(1);
/// The time from a declined lease to the next request. The same server may assign the same address again.
pub const RETRY: Duration = Duration::from_secs(30);

/// What was accepted and declined.
#[derive(Debug, Default)]
pub struct Leases {
    /// The address in use, and since when.
    accepted: Option<(Ipv4Addr, Now)>,
    /// Whether another address waits until this one was kept long enough.
    is_waiting: bool,
    /// When an address is requested again.
    retry_at: Option<Now>,
}

impl Leases {
    /// Accepts the assigned address, unless another one was accepted just before.
    pub fn accept(&mut self, assigned: Option<Ipv4Addr>, now: Now) -> Option<Ipv4Addr> {
        self.is_waiting = false;
        let assigned = assigned?;
        match self.accepted {
            Some((address, _)) if address == assigned => {}
            Some((_, since)) if now < since + KEPT_MIN => {
                self.is_waiting = true;
                return None;
            }
            _ => self.accepted = Some((assigned, now)),
        }
        Some(assigned)
    }

    /// Counts a declined lease.
    pub fn decline(&mut self, now: Now) {
        self.retry_at = Some(now + RETRY);
    }

    /// Whether an address is to be requested again, now that a lease was declined. The result is `true` once per declined lease.
    pub fn take_retry(&mut self, now: Now) -> bool {
        self.retry_at.take_if(|at| *at <= now).is_some()
    }

    /// When to call [`Leases::accept`] and [`Leases::take_retry`] again.
    pub fn poll_timeout(&self) -> Option<Now> {
        let kept = self.accepted.filter(|_| self.is_waiting);
        let kept = kept.map(|(_, since)| since + KEPT_MIN);
        kept.into_iter().chain(self.retry_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Option<Ipv4Addr> = Some(Ipv4Addr::new(10, 0, 0, 1));
    const B: Option<Ipv4Addr> = Some(Ipv4Addr::new(10, 0, 0, 2));

    fn at(ms: u64) -> Now {
        Now::from_millis(ms)
    }

    #[test]
    fn another_address_is_accepted_once_per_second() {
        let mut leases = Leases::default();
        assert_eq!(leases.accept(None, at(0)), None);
        assert_eq!(leases.accept(A, at(10)), A);
        assert_eq!(leases.poll_timeout(), None);
        let changes = (11..3_000).filter(|ms| {
            let (assigned, before) = (if ms % 2 == 0 { A } else { B }, leases.accepted);
            leases.accept(assigned, at(*ms));
            leases.accepted != before
        });
        assert_eq!(changes.count(), 2);
    }

    #[test]
    fn an_address_that_comes_too_early_is_accepted_later() {
        let mut leases = Leases::default();
        assert_eq!(leases.accept(A, at(0)), A);
        assert_eq!(leases.accept(B, at(999)), None);
        assert_eq!(leases.poll_timeout(), Some(at(1_000)));
        assert_eq!(leases.accept(B, at(1_000)), B);
        assert_eq!(leases.poll_timeout(), None);
    }

    #[test]
    fn an_address_that_stays_is_accepted_at_any_time() {
        let mut leases = Leases::default();
        for ms in [0, 1, 5_000] {
            assert_eq!(leases.accept(A, at(ms)), A);
            assert_eq!(leases.accept(None, at(ms)), None, "the lease was lost");
            assert_eq!(leases.poll_timeout(), None);
        }
    }

    #[test]
    fn after_a_declined_lease_an_address_is_requested_again_once() {
        let mut leases = Leases::default();
        assert!(!leases.take_retry(at(0)));
        leases.decline(at(5));
        assert_eq!(leases.poll_timeout(), Some(at(30_005)));
        assert!(!leases.take_retry(at(30_004)));
        assert!(leases.take_retry(at(30_005)));
        assert!(!leases.take_retry(at(90_000)));
        assert_eq!(leases.poll_timeout(), None);
    }
}
