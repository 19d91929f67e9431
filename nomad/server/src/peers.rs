//! The other machines of the fleet: their names and where their migration servers are.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_image::Name;

/// A machine of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub name: Name,
    /// Its migration server's address.
    pub address: Ipv4Addr,
}

/// The fleet, as the manifest tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers(Vec<Peer>);

impl Peers {
    /// The machines in a text such as `b=10.77.0.2,c=10.77.0.3`; `None` if it says anything else.
    pub fn parse(text: &str) -> Option<Peers> {
        let peer = |entry: &str| {
            let (name, address) = entry.split_once('=')?;
            Some(Peer {
                name: Name::try_new(name.trim())?,
                address: address.trim().parse().ok()?,
            })
        };
        let entries = text.split(',').filter(|entry| !entry.trim().is_empty());
        entries.map(peer).collect::<Option<Vec<_>>>().map(Peers)
    }

    /// All of them.
    pub fn all(&self) -> &[Peer] {
        &self.0
    }

    /// Where all of them are.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.0.iter().map(|peer| peer.address)
    }

    /// Where the machine is that an operator means by this: a name of the fleet, or an address.
    pub fn find(&self, text: &str) -> Option<Ipv4Addr> {
        let named = self.0.iter().find(|peer| peer.name.as_str() == text);
        named.map(|peer| peer.address).or_else(|| text.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_machines_by_name_and_by_address() {
        let peers = Peers::parse("b=10.77.0.2, c=10.77.0.3").expect("valid");
        let c = Some(Ipv4Addr::new(10, 77, 0, 3));
        assert_eq!(peers.find("c"), c);
        assert_eq!(peers.find("10.77.0.3"), c);
        assert_eq!(peers.find("d"), None);
    }

    #[test]
    fn refuses_a_list_with_a_typo() {
        for text in ["b", "b=", "b=10.77.0", "=10.77.0.1", "a=1.2.3.4;b=1.2.3.5"] {
            assert_eq!(Peers::parse(text), None, "{text}");
        }
        assert_eq!(Peers::parse(""), Some(Peers::default()));
    }
}
