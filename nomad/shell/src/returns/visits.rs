//! The domains that have arrived and run here: [`Visits`].

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use identity::{DomainId, Incarnation};
use nomad_protocol::MachineId;

use crate::page_set::PageSet;

/// The most visits that a machine remembers. A domain may have ended here, which the migration server does not learn: its
/// visit is forgotten when there are this many later ones.
pub const VISITS_MAX: usize = 64;

/// The most bytes of memory for all visits: enough for domains of 16 GiB in all.
pub const VISITS_BYTES: usize = 512 << 10;

/// The arrival of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// The domain.
    pub domain: DomainId,
    /// Its incarnation here.
    pub incarnation: Incarnation,
    /// The machine that it came from, which may keep a copy of the incarnation before.
    pub from: MachineId,
}

/// A Memory as it was when its domain began to run here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Visited<L> {
    /// Its position in the image with which the domain arrived.
    pub position: u32,
    /// The pages that were present.
    pub present: PageSet,
    /// The log of the pages that were written since.
    pub log: L,
}

/// The domains that have arrived and run here, the earliest first. There is at most one visit per domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Visits<L> {
    visits: VecDeque<(Arrival, Vec<Visited<L>>)>,
}

impl<L> Default for Visits<L> {
    fn default() -> Self {
        Visits {
            visits: VecDeque::new(),
        }
    }
}

impl<L> Visits<L> {
    /// Adds the visit of a domain. Removes an earlier visit of the domain, and the earliest visits if there are too many. A
    /// visit that needs more memory than all visits may have is not added.
    pub fn insert(&mut self, arrival: Arrival, memories: Vec<Visited<L>>) {
        self.take(arrival.domain);
        let bytes = bytes_of(&memories);
        if bytes > VISITS_BYTES {
            return;
        }
        while self.visits.len() >= VISITS_MAX || self.bytes() + bytes > VISITS_BYTES {
            self.visits.pop_front();
        }
        self.visits.push_back((arrival, memories));
    }

    /// Removes and returns the visit of a domain.
    pub fn take(&mut self, domain: DomainId) -> Option<(Arrival, Vec<Visited<L>>)> {
        let is_it = |(arrival, _): &(Arrival, _)| arrival.domain == domain;
        let index = self.visits.iter().position(is_it)?;
        self.visits.remove(index)
    }

    /// The size of all visits in memory.
    fn bytes(&self) -> usize {
        let visits = self.visits.iter();
        visits.map(|(_, memories)| bytes_of(memories)).sum()
    }
}

/// The size of a visit in memory.
fn bytes_of<L>(memories: &[Visited<L>]) -> usize {
    let memories = memories.iter();
    let sizes = memories.map(|memory| size_of::<Visited<L>>() + memory.present.bytes());
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const A: MachineId = MachineId([1; 32]);

    fn arrival(domain: usize, incarnation: u64) -> Arrival {
        Arrival {
            domain: DomainId(domain as u128),
            incarnation: Incarnation(incarnation),
            from: A,
        }
    }

    /// A Memory of this many pages.
    fn visited(page_count: u64) -> Vec<Visited<()>> {
        vec![Visited {
            position: 0,
            present: PageSet::new(page_count),
            log: (),
        }]
    }

    /// The domains whose visits are remembered, of this many.
    fn remembered(visits: &mut Visits<()>, domains: usize) -> Vec<usize> {
        let is_there = |domain: &usize| visits.take(DomainId(*domain as u128)).is_some();
        (0..domains).filter(is_there).collect()
    }

    #[test]
    fn a_visit_is_taken_once() {
        let mut visits = Visits::default();
        visits.insert(arrival(1, 3), visited(8));
        visits.insert(arrival(1, 5), visited(9));
        let taken = visits.take(DomainId(1));
        assert_eq!(taken, Some((arrival(1, 5), visited(9))));
        assert_eq!(visits.take(DomainId(1)), None);
    }

    #[test]
    fn the_earliest_visits_are_forgotten_if_there_are_too_many() {
        let mut visits = Visits::default();
        let domains = VISITS_MAX + 2;
        (0..domains).for_each(|domain| visits.insert(arrival(domain, 1), visited(8)));
        let expected: Vec<usize> = (2..domains).collect();
        assert_eq!(remembered(&mut visits, domains), expected);
    }

    #[test]
    fn the_earliest_visits_are_forgotten_if_they_take_too_much_memory() {
        let mut visits = Visits::default();
        let third = VISITS_BYTES as u64 * u64::from(u8::BITS) / 3;
        (0..4).for_each(|domain| visits.insert(arrival(domain, 1), visited(third)));
        assert_eq!(remembered(&mut visits, 4), [2, 3]);
    }

    #[test]
    fn a_visit_that_takes_too_much_memory_by_itself_costs_no_other() {
        let mut visits = Visits::default();
        let limit = VISITS_BYTES as u64 * u64::from(u8::BITS);
        for (domain, pages) in [(1, 8), (2, 8), (2, limit)] {
            visits.insert(arrival(domain, 1), visited(pages));
        }
        assert_eq!(remembered(&mut visits, 4), [1]);
    }
}
