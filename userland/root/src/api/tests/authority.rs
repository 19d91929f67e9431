//! Which interface accepts which of the requests to root: every request, by every interface, in every state of a domain.

use std::collections::BTreeSet;

use runtime::protocol::decode;
use runtime::protocol::device::Request as DeviceRequest;
use runtime::protocol::log::Text;
use runtime::protocol::root::Binding;

use super::*;
use crate::badge::{Interface, badge};
use crate::devices::Function;
use crate::devices::configuration::Address;
use crate::devices::function::Identity;

/// A device of the domain.
const FUNCTION: Function = Function {
    address: Address {
        bus: 0,
        device: 3,
        function: 0,
    },
    identity: Identity {
        vendor: 0x8086,
        device: 0x100e,
    },
};

/// Every interface that a domain can have for calls. `faults` is the kernel's.
const INTERFACES: [Interface; 7] = [
    Interface::Log,
    Interface::Root,
    Interface::Ports,
    Interface::Journal,
    Interface::Inventory,
    Interface::Domains,
    Interface::Device,
];

const STATES: [DomainState; 8] = [
    DomainState::Running,
    DomainState::Stopped,
    DomainState::Exported,
    DomainState::Incoming,
    DomainState::Prepared,
    DomainState::Outlived,
    DomainState::Waiting,
    DomainState::Away,
];

fn every_request() -> Vec<RootRequest> {
    let (name, id, guest) = (name(), ID, None);
    let binding = Binding {
        name: Name::try_new("log").expect("a name"),
        port: None,
    };
    let incarnation = Incarnation(2);
    Vec::from([
        RootRequest::List { index: 0 },
        RootRequest::Find { name },
        RootRequest::NameOf {
            name,
            object: abi::register::ObjectId(3),
            badge: 0,
        },
        RootRequest::Export { name, frozen_ns: 1 },
        RootRequest::Revert { name },
        RootRequest::Release { name, id, guest },
        RootRequest::Reclaim {
            id,
            incarnation: Incarnation(1),
        },
        RootRequest::Unretire { name },
        RootRequest::Admit {
            name,
            id,
            pages: 9,
            movable: true,
            guest,
        },
        RootRequest::Bind { name, binding },
        RootRequest::Keep {
            name,
            token: TOKEN,
            home: None,
        },
        RootRequest::Adopt {
            name,
            id,
            incarnation,
        },
        RootRequest::Outlive {
            name,
            id,
            incarnation,
            guest,
        },
        RootRequest::RememberGuest { name, guest: name },
        RootRequest::Discard { name, id },
        RootRequest::DropOutlived { name, id },
        RootRequest::Start { name },
        RootRequest::Memory,
        RootRequest::Stop {
            name,
            restart: false,
        },
        RootRequest::Remove { name },
        RootRequest::BeginPackage { bytes: 8 },
        RootRequest::AppendPackage {
            offset: 0,
            piece: Text::of(&[7]),
        },
        RootRequest::InstallPackage,
        RootRequest::ReadLog { from: 0 },
        RootRequest::Reboot,
    ])
}

/// Whether the console may make this request. A new request does not compile before it is decided.
fn is_for_the_console(request: &RootRequest) -> bool {
    match request {
        RootRequest::List { .. } | RootRequest::Memory => true,
        RootRequest::Find { .. }
        | RootRequest::NameOf { .. }
        | RootRequest::Export { .. }
        | RootRequest::Revert { .. }
        | RootRequest::Release { .. }
        | RootRequest::Reclaim { .. }
        | RootRequest::Unretire { .. }
        | RootRequest::Admit { .. }
        | RootRequest::Bind { .. }
        | RootRequest::Keep { .. }
        | RootRequest::Adopt { .. }
        | RootRequest::Outlive { .. }
        | RootRequest::RememberGuest { .. }
        | RootRequest::Discard { .. }
        | RootRequest::DropOutlived { .. }
        | RootRequest::Start { .. }
        | RootRequest::Stop { .. }
        | RootRequest::Remove { .. }
        | RootRequest::BeginPackage { .. }
        | RootRequest::AppendPackage { .. }
        | RootRequest::InstallPackage
        // The console reads the log by its interface `journal`.
        | RootRequest::ReadLog { .. }
        | RootRequest::Reboot => false,
    }
}

/// Root's reply on an interface: its words, and the number of its capabilities; `None` if it is deferred.
fn call_on(
    root: &mut Supervisor,
    interface: Interface,
    request: RootRequest,
) -> Option<(Vec<u64>, usize)> {
    let mut server = Server::new(root.machine.endpoint).expect("a free slot");
    let message = Message::of(encode(&request).as_slice());
    let badge = badge(interface, first(root).number);
    match crate::api::call(root, &mut server, badge, &message) {
        Handled::Reply(reply) => Some((reply.words().into(), reply.capabilities().len())),
        Handled::NoReply => None,
    }
}

/// What a request may not change without authority.
fn condition(root: &Supervisor) -> alloc::string::String {
    alloc::format!("{:?} {:?}", root.domains, root.package)
}

#[test]
fn the_list_has_every_request() {
    // An encoded request begins with its number.
    let numbers = every_request().into_iter();
    let numbers = numbers.map(|request| encode(&request).as_slice()[0] & 0xff);
    let numbers: BTreeSet<u64> = numbers.collect();
    let count = every_request().len() as u64;
    assert!(numbers.iter().copied().eq(0..count));
    // No request has the next number. The words after it would do for any request.
    let next: Result<RootRequest, _> = decode(&[count, 0, 0, 0, 0, 0, 0, 0]);
    assert!(next.is_err(), "{next:?} is not in the list");
}

#[test]
fn the_console_lists_and_changes_nothing() {
    for (state, request) in STATES.iter().flat_map(|state| {
        let requests = every_request().into_iter();
        requests.map(move |request| (*state, request))
    }) {
        let (mut root, _) = with_kernel(retired, || root(state, 1));
        let before = condition(&root);
        let (reply, calls) =
            with_kernel(retired, || call_on(&mut root, Interface::Domains, request));
        assert_eq!(condition(&root), before, "{state:?}, {request:?}");
        with_kernel(retired, || drop(root));
        let is_refused = reply == is_refused(Refusal::NotPermitted);
        assert_eq!(is_refused, !is_for_the_console(&request), "{request:?}");
        assert_eq!(reply.map(|(_, capabilities)| capabilities), Some(0));
        let reads =
            |call: &Request| matches!(call, Request::PoolReport(_) | Request::CapabilityInspect(_));
        let changes = |call: &&Request| !reads(call);
        let changes: Vec<_> = calls.iter().filter(changes).collect();
        assert!(changes.is_empty(), "{state:?}, {request:?}: {changes:?}");
    }
}

#[test]
fn the_migration_server_may_make_every_request() {
    for request in every_request() {
        with_kernel(accept_all, || {
            let mut root = root(DomainState::Running, 1);
            let reply = call_on(&mut root, Interface::Root, request);
            assert_ne!(reply, is_refused(Refusal::NotPermitted), "{request:?}");
            assert_ne!(reply, is_refused(Refusal::Malformed), "{request:?}");
        });
    }
}

/// Root's reply to a request to let a device master the bus, and whether root accessed the bus for it.
fn ask_to_master(interface: Interface, state: DomainState, has_device: bool) -> (bool, bool) {
    let (mut root, _) = with_kernel(retired, || root(state, 1));
    let name = name();
    let domain = root.domains.by_name_mut(name).expect("a domain");
    domain.device = has_device.then_some(FUNCTION);
    let message = Message::of(encode(&DeviceRequest::MasterBus).as_slice());
    let badge = badge(interface, domain.number);
    let (is_done, calls) = with_kernel(retired, || {
        let mut server = Server::new(root.machine.endpoint).expect("a free slot");
        let reply = crate::api::call(&mut root, &mut server, badge, &message);
        matches!(reply, Handled::Reply(reply) if reply.words() == done().as_slice())
    });
    with_kernel(retired, || drop(root));
    let accesses = |call: &Request| matches!(call, Request::IoIn(_) | Request::IoOut(_));
    (is_done, calls.iter().any(accesses))
}

#[test]
fn only_a_running_domain_lets_its_own_device_master_the_bus_by_one_interface() {
    for (interface, state) in INTERFACES
        .iter()
        .flat_map(|it| STATES.map(|state| (*it, state)))
    {
        for has_device in [true, false] {
            let is_driver = has_device && state == DomainState::Running;
            let may = interface == Interface::Device && is_driver;
            let (is_done, accesses) = ask_to_master(interface, state, has_device);
            assert_eq!(accesses, may, "{interface:?}, {state:?}, {has_device}");
            if interface == Interface::Device {
                assert_eq!(is_done, may, "{state:?}, {has_device}");
            }
        }
    }
}

#[test]
fn requests_to_root_on_any_other_interface_affect_no_domain() {
    let others = INTERFACES.into_iter();
    let others = others.filter(|interface| *interface != Interface::Root);
    for (interface, state) in others.flat_map(|it| STATES.map(|state| (it, state))) {
        for request in every_request() {
            let (mut root, _) = with_kernel(retired, || root(state, 1));
            let ended = |root: &Supervisor| {
                let domain = first(root);
                (domain.state, domain.incarnation, domain.objects.is_some())
            };
            let before = ended(&root);
            let (reply, calls) = with_kernel(retired, || call_on(&mut root, interface, request));
            assert_eq!(ended(&root), before, "{interface:?}, {request:?}");
            with_kernel(retired, || drop(root));
            let capabilities = reply.map_or(0, |(_, capabilities)| capabilities);
            assert_eq!(capabilities, 0, "{interface:?}, {request:?}");
            let affects = |call: &Request| {
                matches!(
                    call,
                    Request::DomainFreeze(_)
                        | Request::DomainThaw(_)
                        | Request::DomainUnretire(_)
                        | Request::CapabilityMint(_)
                        | Request::PoolSplit(_)
                        | Request::Destroy(_)
                        | Request::Reboot(_)
                )
            };
            assert!(!calls.iter().any(affects), "{interface:?}, {request:?}");
        }
    }
}
