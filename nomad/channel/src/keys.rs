//! Who a machine is, and who the operator is: keys that follow from the fleet's secret.
//!
//! A machine's key follows from the machine's address too; the operator's is one for the fleet. Whoever has the secret
//! has all of them: the fleet trusts itself as a whole. What a machine is called by the protocol, its [`MachineId`], is
//! its public key.

use alloc::collections::BTreeMap;
use core::cell::RefCell;
use core::net::Ipv4Addr;

use nomad_protocol::MachineId;
use sha2::{Digest, Sha256};

use crate::noise;
use crate::sessions::Party;
use crate::tag::TagKey;

/// Sets machines' keys apart from everything else that may ever be derived from the secret.
const MACHINE_PURPOSE: &[u8] = b"caravan machine key 1";
/// The same for the operator's.
const OPERATOR_PURPOSE: &[u8] = b"caravan operator key 1";
/// The same for the keys of tags, the machines' and the operators'.
const TAG_PURPOSES: [&[u8]; 2] = [b"caravan machine tag key 1", b"caravan operator tag key 1"];

/// Machines that are remembered: deriving a public key costs a multiplication on the curve.
const KNOWN_MAX: usize = 64;

/// A private key.
#[derive(Clone)]
pub struct PrivateKey([u8; 32]);

impl PrivateKey {
    /// The bytes, for the handshake.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The public key of a fleet's operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorId(pub(crate) [u8; 32]);

/// The own key, a machine's or the operator's, and the way to those of the machines.
pub struct Keys {
    secret: [u8; 32],
    own: PrivateKey,
    own_id: MachineId,
    operator: OperatorId,
    party: Party,
    machine_tags: TagKey,
    operator_tags: TagKey,
    known: RefCell<BTreeMap<Ipv4Addr, MachineId>>,
}

impl Keys {
    /// The keys of the fleet with this secret, for its machine at this address.
    pub fn new(secret: &str, address: Ipv4Addr) -> Keys {
        let secret = Sha256::digest(secret.as_bytes()).into();
        Keys::of(secret, Party::Machine, machine_key(&secret, address))
    }

    /// The keys of the fleet with this secret, for its operator.
    pub fn of_operator(secret: &str) -> Keys {
        let secret = Sha256::digest(secret.as_bytes()).into();
        Keys::of(secret, Party::Operator, operator_key(&secret))
    }

    fn of(secret: [u8; 32], party: Party, own: PrivateKey) -> Keys {
        let [machine_tags, operator_tags] =
            TAG_PURPOSES.map(|purpose| TagKey::new(derive(purpose, &secret, &[])));
        Keys {
            own_id: MachineId(noise::public_key(&own)),
            operator: OperatorId(noise::public_key(&operator_key(&secret))),
            party,
            machine_tags,
            operator_tags,
            secret,
            own,
            known: RefCell::default(),
        }
    }

    /// The operator of this fleet.
    pub fn operator(&self) -> OperatorId {
        self.operator
    }

    /// This machine. An operator is none, and is never called this by anybody.
    pub fn own_id(&self) -> MachineId {
        self.own_id
    }

    /// What shows that somebody has the secret, and whether he speaks for a machine or for an operator.
    pub(crate) fn tags_of(&self, party: Party) -> &TagKey {
        match party {
            Party::Machine => &self.machine_tags,
            Party::Operator => &self.operator_tags,
        }
    }

    /// The same for what is said with these keys.
    pub(crate) fn own_tags(&self) -> &TagKey {
        self.tags_of(self.party)
    }

    /// The own private key.
    pub(crate) fn own(&self) -> &PrivateKey {
        &self.own
    }

    /// The machine at this address.
    pub fn machine_at(&self, address: Ipv4Addr) -> MachineId {
        let mut known = self.known.borrow_mut();
        if let Some(machine) = known.get(&address) {
            return *machine;
        }
        let machine = MachineId(noise::public_key(&machine_key(&self.secret, address)));
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

fn machine_key(secret: &[u8; 32], address: Ipv4Addr) -> PrivateKey {
    PrivateKey(derive(MACHINE_PURPOSE, secret, &address.octets()))
}

fn operator_key(secret: &[u8; 32]) -> PrivateKey {
    PrivateKey(derive(OPERATOR_PURPOSE, secret, &[]))
}

fn derive(purpose: &[u8], secret: &[u8; 32], of: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(purpose);
    hash.update(secret);
    hash.update(of);
    hash.finalize().into()
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
        let operator = |secret| Keys::of_operator(secret).operator();
        assert_ne!(operator("one"), operator("two"));
    }

    #[test]
    fn machines_know_their_operator_who_is_no_machine() {
        let (a, operator) = (Keys::new("fleet", A), Keys::of_operator("fleet"));
        assert_eq!(a.operator(), operator.operator());
        assert_eq!(operator.machine_at(A), a.own_id());
        assert_eq!(operator.own_id().0, operator.operator().0);
        assert_ne!(a.own_id().0, a.operator().0);
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
