//! The copies of domains that have left: [`KeptCopies`].

use alloc::vec::Vec;

use identity::{DomainId, Incarnation};
use nomad_protocol::{Instant, MachineId};

/// The most copies that a machine keeps. The limit is for the capability slots of the migration server, not for memory: root
/// takes a copy's memory back when it is needed.
pub const COPIES_MAX: usize = 32;

/// How long a copy is kept.
pub const KEEP_US: u64 = 3_600_000_000;

/// The departure of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Departure {
    /// The domain.
    pub domain: DomainId,
    /// Its incarnation here.
    pub incarnation: Incarnation,
    /// The machine on which it runs as the next incarnation.
    pub to: MachineId,
}

/// The copies of domains that have left, the oldest first. There is at most one per domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeptCopies<K> {
    copies: Vec<Kept<K>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kept<K> {
    departure: Departure,
    since: Instant,
    copy: K,
}

impl<K> Default for KeptCopies<K> {
    fn default() -> Self {
        KeptCopies { copies: Vec::new() }
    }
}

impl<K> KeptCopies<K> {
    /// Adds the copy of a domain that has left. Returns the copies that are given up for it: an older one of the same domain, and the
    /// oldest one if there are too many.
    #[must_use]
    pub fn insert(&mut self, now: Instant, departure: Departure, copy: K) -> Vec<K> {
        let mut given_up = Vec::from_iter(self.take(departure.domain).map(|(_, copy)| copy));
        let excess = (self.copies.len() + 1).saturating_sub(COPIES_MAX);
        given_up.extend(self.copies.drain(..excess).map(|kept| kept.copy));
        self.copies.push(Kept {
            departure,
            since: now,
            copy,
        });
        given_up
    }

    /// All copies.
    pub fn copies(&self) -> impl Iterator<Item = &K> {
        self.copies.iter().map(|kept| &kept.copy)
    }

    /// Removes and returns the copy of a domain that the machine `from` offers, unless the copy is younger than the offer.
    /// Also returns the copy's incarnation, if the domain had left for that machine and has been nowhere else since.
    pub fn claim(
        &mut self,
        domain: DomainId,
        from: MachineId,
        incarnation: Incarnation,
    ) -> Option<(K, Option<Incarnation>)> {
        let mut departures = self.copies.iter().map(|kept| kept.departure);
        let departure = departures.find(|departure| departure.domain == domain)?;
        let returns_as = departure.incarnation.next();
        if incarnation < returns_as {
            return None;
        }
        let is_back = departure.to == from && incarnation == returns_as;
        let (_, copy) = self.take(domain)?;
        Some((copy, is_back.then_some(departure.incarnation)))
    }

    /// Removes and returns the copy of a domain.
    pub fn take(&mut self, domain: DomainId) -> Option<(Departure, K)> {
        let is_it = |kept: &Kept<K>| kept.departure.domain == domain;
        let index = self.copies.iter().position(is_it)?;
        let kept = self.copies.remove(index);
        Some((kept.departure, kept.copy))
    }

    /// Removes and returns the copies that were kept for long enough.
    #[must_use]
    pub fn take_expired(&mut self, now: Instant) -> Vec<K> {
        let is_old = |kept: &mut Kept<K>| kept.since.after_us(KEEP_US) <= now;
        let old = self.copies.extract_if(.., is_old);
        old.map(|kept| kept.copy).collect()
    }

    /// When to call [`KeptCopies::take_expired`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let oldest = self.copies.first();
        oldest.map(|kept| kept.since.after_us(KEEP_US))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: MachineId = MachineId([2; 32]);

    fn departure(domain: usize, incarnation: u64) -> Departure {
        Departure {
            domain: DomainId(domain as u128),
            incarnation: Incarnation(incarnation),
            to: B,
        }
    }

    fn at(us: u64) -> Instant {
        Instant::from_us(us)
    }

    #[test]
    fn a_copy_is_taken_once() {
        let mut kept = KeptCopies::default();
        assert_eq!(kept.insert(at(0), departure(1, 4), "first"), [""; 0]);
        assert_eq!(kept.insert(at(0), departure(2, 7), "other"), [""; 0]);
        let domain = DomainId(1);
        assert_eq!(kept.take(domain), Some((departure(1, 4), "first")));
        assert_eq!(kept.take(domain), None);
        assert_eq!(kept.take(DomainId(3)), None);
    }

    /// The result of claiming a copy of incarnation 4 that went to B, when the machine `from` offers the domain as this
    /// incarnation.
    fn claimed(from: MachineId, incarnation: u64) -> (Option<Option<Incarnation>>, usize) {
        let mut kept = KeptCopies::default();
        assert_eq!(kept.insert(at(0), departure(1, 4), "copy"), [""; 0]);
        let claim = kept.claim(DomainId(1), from, Incarnation(incarnation));
        (claim.map(|(_, continued)| continued), kept.copies().count())
    }

    #[test]
    fn a_copy_is_continued_if_the_domain_has_been_nowhere_else() {
        const C: MachineId = MachineId([3; 32]);
        assert_eq!(claimed(B, 5), (Some(Some(Incarnation(4))), 0));
        assert_eq!(claimed(B, 7), (Some(None), 0), "it has moved twice more");
        assert_eq!(claimed(C, 5), (Some(None), 0));
        assert_eq!(claimed(B, 4), (None, 1), "an offer from before");
    }

    #[test]
    fn a_later_copy_of_a_domain_replaces_the_earlier_one() {
        let mut kept = KeptCopies::default();
        assert_eq!(kept.insert(at(0), departure(1, 4), "first"), [""; 0]);
        assert_eq!(kept.insert(at(1), departure(1, 6), "later"), ["first"]);
        assert_eq!(kept.take(DomainId(1)), Some((departure(1, 6), "later")));
    }

    #[test]
    fn the_oldest_copy_is_given_up_if_there_are_too_many() {
        let mut kept = KeptCopies::default();
        for domain in 0..COPIES_MAX {
            assert_eq!(kept.insert(at(0), departure(domain, 1), domain), []);
        }
        let domain = COPIES_MAX;
        assert_eq!(kept.insert(at(0), departure(domain, 1), domain), [0]);
    }

    #[test]
    fn copies_are_kept_for_an_hour() {
        let mut kept = KeptCopies::default();
        assert_eq!(kept.poll_timeout(), None);
        for (us, domain) in [(5, 1), (9, 2)] {
            assert_eq!(kept.insert(at(us), departure(domain, 1), domain), []);
        }
        let first = at(5).after_us(KEEP_US);
        assert_eq!(kept.poll_timeout(), Some(first));
        assert_eq!(kept.take_expired(at(4).after_us(KEEP_US)), []);
        assert_eq!(kept.take_expired(first), [1]);
        assert_eq!(kept.poll_timeout(), Some(at(9).after_us(KEEP_US)));
    }
}
