//! The addresses of domains that have left, kept while frames for them may still arrive.

use alloc::vec::Vec;

use runtime::protocol::Mac;

/// The time that an address is kept after its domain's port was detached. In less time, switches on the wire and clients learn
/// the domain's new location.
pub const KEPT_NS: u64 = 10_000_000_000;
/// The maximum number of kept addresses. If there are more, the one that left first is forgotten.
pub const AWAY_MAX: usize = 64;

/// The addresses with their expiry, the one that left last at the end.
#[derive(Debug, Default)]
pub struct Away {
    left: Vec<(Mac, u64)>,
}

impl Away {
    /// Adds the address of a domain that has left.
    pub fn insert(&mut self, mac: Mac, now_ns: u64) {
        self.remove(mac);
        if self.left.len() == AWAY_MAX {
            self.left.remove(0);
        }
        self.left.push((mac, now_ns.saturating_add(KEPT_NS)));
    }

    /// Forgets an address.
    pub fn remove(&mut self, mac: Mac) {
        self.left.retain(|(known, _)| *known != mac);
    }

    /// Forgets expired addresses.
    pub fn expire(&mut self, now_ns: u64) {
        self.left.retain(|(_, until_ns)| now_ns < *until_ns);
    }

    /// The time at which the next address expires, if any is kept.
    pub fn next_ns(&self) -> Option<u64> {
        self.left.first().map(|(_, until_ns)| *until_ns)
    }

    /// Whether the domain of this address has left.
    pub fn contains(&self, mac: Mac) -> bool {
        self.left.iter().any(|(known, _)| *known == mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(last: usize) -> Mac {
        Mac([2, 0, 0, 0, 0, last as u8])
    }

    #[test]
    fn an_address_is_kept_for_ten_seconds() {
        let mut away = Away::default();
        away.insert(mac(1), 5);
        away.expire(10_000_000_004);
        assert!(away.contains(mac(1)) && !away.contains(mac(2)));
        assert_eq!(away.next_ns(), Some(10_000_000_005));
        away.expire(10_000_000_005);
        assert!(!away.contains(mac(1)));
        assert_eq!(away.next_ns(), None);
    }

    #[test]
    fn leaving_again_renews_the_expiry() {
        let mut away = Away::default();
        away.insert(mac(1), 0);
        away.insert(mac(1), 7);
        away.expire(KEPT_NS);
        assert!(away.contains(mac(1)));
        away.remove(mac(1));
        assert!(!away.contains(mac(1)));
    }

    #[test]
    fn keeps_a_limited_number() {
        let mut away = Away::default();
        for last in 0..=AWAY_MAX {
            away.insert(mac(last), 0);
        }
        assert_eq!(away.left.len(), AWAY_MAX);
        assert!(!away.contains(mac(0)) && away.contains(mac(AWAY_MAX)));
    }
}
