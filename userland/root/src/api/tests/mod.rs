//! Root's replies to the migration server, on a kernel that accepts every call.

mod authority;
mod device;
mod guests;
mod incoming;
mod lifecycle;
mod memory;
mod packages;
mod reboot;
mod root;

use alloc::vec::Vec;

use abi::calls::{Destroy, DomainThaw};
use abi::register::Slot;
use abi::{ObjectKind, Request};
use runtime::capability::{Cap, Pool};
use runtime::host::{self, DONE, with_kernel};
use runtime::protocol::encode;
use runtime::protocol::ports::{Command, PortKind};
use runtime::protocol::root::{DomainState, Refusal, Request as RootRequest, done, refused};
use runtime::protocol::{DomainId, Incarnation, Ipv4, Mac, Mtu, Name};

use super::*;
use crate::badge::DomainNumber;
use crate::domain::Domain;
use crate::handle::Handle;
use crate::provision::ports;
use crate::spawn::DomainObjects;
use crate::switchboard::PortAddress;

const ID: DomainId = DomainId(7);
const POOL: Slot = Slot(20);
const DOMAIN: Slot = Slot(21);
const WAKE: Slot = Slot(22);
/// The token of a prepared domain's freeze.
const TOKEN: u64 = 5;

fn name() -> Name {
    Name::try_new("counter").expect("a name")
}

/// A kernel whose every call succeeds; an object's identity and kind follow from its slot.
fn accept_all(request: &Request) -> host::CallResult {
    let kind = |slot| match slot {
        DOMAIN => ObjectKind::Domain,
        WAKE => ObjectKind::Notification,
        _ => ObjectKind::Pool,
    };
    match request {
        Request::CapabilityIdentify(call) => Ok([call.slot.0.into(), 0, 0, 0, 0, 0, 0, 0]),
        Request::CapabilityInspect(call) => Ok([kind(call.slot) as u64, 0, 0, 0, 0, 0, 0, 0]),
        _ => DONE,
    }
}

/// A kernel on which the domain is retired.
fn retired(request: &Request) -> host::CallResult {
    match request {
        Request::DomainFreeze(_) => Err(abi::Error::WrongState),
        _ => accept_all(request),
    }
}

fn objects() -> DomainObjects {
    DomainObjects {
        pool: Cap::<Pool>::from_slot(POOL),
        domain: Handle::new(Cap::from_slot(DOMAIN)),
        wake: Handle::new(Cap::from_slot(WAKE)),
    }
}

/// A machine with one domain in this state, complete unless it is incoming.
fn root(state: DomainState, incarnation: u64) -> Supervisor {
    let mut root = Supervisor::for_tests();
    let domain = root.domains.add(name(), ID);
    domain.state = state;
    domain.incarnation = Incarnation(incarnation);
    domain.movable = true;
    domain.pool = Some(Cap::from_slot(POOL));
    domain.objects = (state != DomainState::Incoming).then(objects);
    domain.freeze_token = TOKEN;
    root
}

/// Root's reply: its words and the number of its capabilities; `None` if it is deferred.
fn call(root: &mut Supervisor, request: RootRequest) -> Option<(Vec<u64>, usize)> {
    let mut server = Server::new(root.machine.endpoint).expect("a free slot");
    let message = Message::of(encode(&request).as_slice());
    match crate::api::root::handle(root, &mut server, &message) {
        Handled::Reply(answer) => Some((answer.words().into(), answer.capabilities().len())),
        Handled::NoReply => None,
    }
}

fn is_done() -> Option<(Vec<u64>, usize)> {
    Some((done().as_slice().into(), 0))
}

fn is_refused(refusal: Refusal) -> Option<(Vec<u64>, usize)> {
    Some((refused(refusal).as_slice().into(), 0))
}

fn first(root: &Supervisor) -> &Domain {
    root.domains.nth(0).expect("a domain")
}

fn add_port(root: &mut Supervisor, owner: DomainNumber, address: PortAddress) {
    let from = (&root.machine, &mut root.remains);
    let port = ports::create(from, &mut root.switchboard, owner, address);
    port.expect("adds a port");
}

/// As [`root`], with a port that the switch serves.
fn served(state: DomainState, incarnation: u64) -> Supervisor {
    let mut root = root(state, incarnation);
    let number = first(&root).number;
    add_port(&mut root, number, address(1, 1));
    root.switchboard.attach(number, Cap::from_slot(WAKE));
    root.switchboard.activate(number);
    commands(&mut root);
    root
}

/// A domain's port address with these last bytes of its Ethernet and IPv4 addresses.
fn address(mac: u8, ip: u8) -> PortAddress {
    PortAddress {
        mac: Mac([2, 0, 0, 0, 0, mac]),
        ip: Some(Ipv4 {
            address: [10, 0, 0, ip].into(),
            prefix: 24,
        }),
        kind: PortKind::Domain,
        mtu: Mtu::STANDARD,
    }
}

/// Executes all commands in place of the switch.
fn commands(root: &mut Supervisor) -> Vec<&'static str> {
    let mut commands = Vec::new();
    loop {
        let step = root.switchboard.next_step();
        commands.push(match step.command {
            Command::Nothing { .. } => return commands,
            Command::Attach { .. } => "attach",
            Command::Activate { .. } => "activate",
            Command::Quiesce { leaves: true, .. } => "quiesce",
            Command::Quiesce { .. } => "stop",
            Command::Detach { .. } => "detach",
            Command::Depart { .. } => "depart",
        });
        root.switchboard.completed(step.serial);
    }
}

/// The tokens of the ended freezes.
fn thawed(calls: &[Request]) -> Vec<u64> {
    let tokens = calls.iter().filter_map(|call| match call {
        Request::DomainThaw(DomainThaw { token, .. }) => Some(*token),
        _ => None,
    });
    tokens.collect()
}

fn is_destroyed(calls: &[Request], object: Slot) -> bool {
    calls.contains(&Request::Destroy(Destroy { object }))
}
