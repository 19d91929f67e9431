//! The identities of machines and of the operator: keys derived from the fleet's secret.
//!
//! A machine's key is derived from its name too. A fleet has one operator's key. Everyone who knows the secret can
//! derive all of these keys, so they must trust each other. A machine's [`MachineId`] in the protocol is its public
//! key.

use alloc::collections::BTreeMap;
use core::cell::RefCell;

use identity::Name;
use nomad_protocol::MachineId;
use sha2::{Digest, Sha256};
use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};

use crate::tag::TagKey;

/// Separates machines' keys from everything else that is derived from the secret.
const MACHINE_PURPOSE: &[u8] = b"caravan machine key 2";
/// Separates the operator's key in the same way.
const OPERATOR_PURPOSE: &[u8] = b"caravan operator key 1";
/// Separate the tag keys of machines and of operators in the same way.
const TAG_PURPOSES: [&[u8]; 2] = [b"caravan machine tag key 1", b"caravan operator tag key 1"];

/// Capacity of the cache of machines: deriving a public key costs a multiplication on the curve.
const KNOWN_MAX: usize = 64;

/// The kind of peer at the other end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// A machine of the fleet, which receives at its well-known port, whatever port it sends from.
    Machine,
    /// An operator's tool, which receives at the port it sends from.
    Operator,
}

/// A private key.
#[derive(Clone)]
pub struct PrivateKey([u8; 32]);

impl PrivateKey {
    /// The raw key, for the handshake.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key that belongs to it.
    fn public_key(&self) -> [u8; 32] {
        let mut curve = DefaultResolver
            .resolve_dh(&DHChoice::Curve25519)
            .expect("the curve is built in");
        curve.set(&self.0);
        let mut key = [0; 32];
        key.copy_from_slice(curve.pubkey());
        key
    }
}

/// The public key of a fleet's operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorId(pub(crate) [u8; 32]);

/// The key of this side, which is a machine or the operator. Derives every machine's public key.
pub struct Keys {
    secret: [u8; 32],
    own: PrivateKey,
    own_id: MachineId,
    own_name: Option<Name>,
    operator: OperatorId,
    peer_kind: PeerKind,
    machine_tags: TagKey,
    operator_tags: TagKey,
    known: RefCell<BTreeMap<Name, MachineId>>,
}

impl Keys {
    /// Derives the keys of the machine with this name in the fleet with this secret.
    pub fn new(secret: &str, name: Name) -> Keys {
        let secret = Sha256::digest(secret.as_bytes()).into();
        Keys {
            own_name: Some(name),
            ..Keys::of(secret, PeerKind::Machine, machine_key(&secret, name))
        }
    }

    /// Derives the keys of the operator of the fleet with this secret.
    pub fn for_operator(secret: &str) -> Keys {
        let secret = Sha256::digest(secret.as_bytes()).into();
        Keys::of(secret, PeerKind::Operator, operator_key(&secret))
    }

    fn of(secret: [u8; 32], peer_kind: PeerKind, own: PrivateKey) -> Keys {
        let [machine_tags, operator_tags] =
            TAG_PURPOSES.map(|purpose| TagKey::new(derive(purpose, &secret, &[])));
        Keys {
            own_id: MachineId(own.public_key()),
            own_name: None,
            operator: OperatorId(operator_key(&secret).public_key()),
            peer_kind,
            machine_tags,
            operator_tags,
            secret,
            own,
            known: RefCell::default(),
        }
    }

    /// The identity of this fleet's operator.
    pub fn operator(&self) -> OperatorId {
        self.operator
    }

    /// The identity of this side. An operator's is its public key, which no peer accepts as a machine's.
    pub fn own_id(&self) -> MachineId {
        self.own_id
    }

    /// Has a test's machine claim the name of another.
    #[cfg(test)]
    pub(crate) fn claim(&mut self, name: Name) {
        self.own_name = Some(name);
    }

    /// The name of this machine; `None` for an operator.
    pub fn own_name(&self) -> Option<Name> {
        self.own_name
    }

    /// The key of the tags that prove knowledge of the secret, separate for machines and operators.
    pub(crate) fn tags_of(&self, peer_kind: PeerKind) -> &TagKey {
        match peer_kind {
            PeerKind::Machine => &self.machine_tags,
            PeerKind::Operator => &self.operator_tags,
        }
    }

    /// The key of the tags that this side makes.
    pub(crate) fn own_tags(&self) -> &TagKey {
        self.tags_of(self.peer_kind)
    }

    /// The private key of this side.
    pub(crate) fn own(&self) -> &PrivateKey {
        &self.own
    }

    /// The identity of the machine with this name.
    pub fn machine(&self, name: Name) -> MachineId {
        let mut known = self.known.borrow_mut();
        if let Some(machine) = known.get(&name) {
            return *machine;
        }
        let machine = MachineId(machine_key(&self.secret, name).public_key());
        // A machine that claims one name after another must not fill the memory.
        if known.len() >= KNOWN_MAX {
            known.pop_first();
        }
        known.insert(name, machine);
        machine
    }
}

fn machine_key(secret: &[u8; 32], name: Name) -> PrivateKey {
    PrivateKey(derive(MACHINE_PURPOSE, secret, name.as_str().as_bytes()))
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
    extern crate std;

    use super::*;

    fn name(text: &str) -> Name {
        Name::try_new(text).expect("a name")
    }

    #[test]
    fn the_machines_of_a_fleet_know_each_other() {
        let (a, b) = (Keys::new("fleet", name("a")), Keys::new("fleet", name("b")));
        assert_eq!(a.machine(name("b")), b.own_id());
        assert_eq!(b.machine(name("a")), a.own_id());
        assert_eq!(a.machine(name("a")), a.own_id());
        assert_ne!(a.own_id(), b.own_id());
    }

    #[test]
    fn another_secret_is_another_fleet() {
        let a = name("a");
        assert_ne!(Keys::new("one", a).own_id(), Keys::new("two", a).own_id());
        let operator = |secret| Keys::for_operator(secret).operator();
        assert_ne!(operator("one"), operator("two"));
    }

    #[test]
    fn machines_know_their_operator_which_is_not_a_machine() {
        let (a, operator) = (Keys::new("fleet", name("a")), Keys::for_operator("fleet"));
        assert_eq!(a.operator(), operator.operator());
        assert_eq!(operator.machine(name("a")), a.own_id());
        assert_eq!(operator.own_id().0, operator.operator().0);
        assert_ne!(a.own_id().0, a.operator().0);
        assert_eq!((a.own_name(), operator.own_name()), (Some(name("a")), None));
    }

    #[test]
    fn claimed_names_do_not_fill_the_memory() {
        let keys = Keys::new("fleet", name("a"));
        for number in 0..100 {
            keys.machine(name(&std::format!("m{number}")));
        }
        assert!(keys.known.borrow().len() <= KNOWN_MAX);
    }
}
