//! Who a machine is: a key that follows from the fleet's secret and the machine's address.
//!
//! Whoever has the secret has every machine's key: the fleet trusts itself as a whole. What a machine is called by the
//! protocol, its [`MachineId`], is its public key.

use alloc::collections::BTreeMap;
use core::cell::RefCell;
use core::net::Ipv4Addr;

use nomad_protocol::MachineId;
use sha2::{Digest, Sha256};

use crate::channel::noise;

/// Sets these keys apart from everything else that may ever be derived from the secret.
const PURPOSE: &[u8] = b"caravan machine key 1";

/// Machines that are remembered: deriving a public key costs a multiplication on the curve.
const KNOWN_MAX: usize = 64;

/// A machine's private key.
#[derive(Clone)]
pub struct PrivateKey([u8; 32]);

impl PrivateKey {
    /// The bytes, for the handshake.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// This machine's key, and the way to those of the others.
pub struct Keys {
    secret: [u8; 32],
    own: PrivateKey,
    own_id: MachineId,
    known: RefCell<BTreeMap<Ipv4Addr, MachineId>>,
}

impl Keys {
    /// The keys of the fleet with this secret, for its machine at this address.
    pub fn new(secret: &str, address: Ipv4Addr) -> Keys {
        let secret = Sha256::digest(secret.as_bytes()).into();
        let own = derive(&secret, address);
        Keys {
            own_id: noise::public_key(&own),
            secret,
            own,
            known: RefCell::default(),
        }
    }

    /// This machine.
    pub fn own_id(&self) -> MachineId {
        self.own_id
    }

    /// This machine's private key.
    pub(super) fn own(&self) -> &PrivateKey {
        &self.own
    }

    /// The machine at this address.
    pub fn machine_at(&self, address: Ipv4Addr) -> MachineId {
        let mut known = self.known.borrow_mut();
        if let Some(machine) = known.get(&address) {
            return *machine;
        }
        let machine = noise::public_key(&derive(&self.secret, address));
        // Strangers that claim ever new addresses must not fill the memory.
        if known.len() >= KNOWN_MAX {
            known.pop_first();
        }
        known.insert(address, machine);
        machine
    }

    /// Where a machine is that was met before.
    pub fn address_of(&self, machine: MachineId) -> Option<Ipv4Addr> {
        let known = self.known.borrow();
        let found = known.iter().find(|(_, known)| **known == machine);
        found.map(|(address, _)| *address)
    }
}

fn derive(secret: &[u8; 32], address: Ipv4Addr) -> PrivateKey {
    let mut hash = Sha256::new();
    hash.update(PURPOSE);
    hash.update(secret);
    hash.update(address.octets());
    PrivateKey(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    const B: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

    #[test]
    fn the_machines_of_a_fleet_know_each_other() {
        let (a, b) = (Keys::new("fleet", A), Keys::new("fleet", B));
        assert_eq!(a.machine_at(B), b.own_id());
        assert_eq!(b.machine_at(A), a.own_id());
        assert_eq!(a.address_of(b.own_id()), Some(B));
        assert_ne!(a.own_id(), b.own_id());
    }

    #[test]
    fn another_secret_is_another_fleet() {
        assert_ne!(Keys::new("one", A).own_id(), Keys::new("two", A).own_id());
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let keys = Keys::new("fleet", A);
        for last in 0..100 {
            keys.machine_at(Ipv4Addr::new(10, 0, 0, last));
        }
        assert!(keys.known.borrow().len() <= KNOWN_MAX);
    }
}
