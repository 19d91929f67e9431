//! The interfaces of root that capabilities of the manifest stand for.

use abi::Rights;
use manifest::Restart;
use runtime::host::{DONE, with_kernel};

use super::*;
use crate::badge;
use crate::definition::Definition;
use crate::supervisor::Supervisor;

/// Root's interfaces that a domain with this capability is granted, with the rights over root's endpoint.
fn interfaces(capability: Capability) -> Vec<(Interface, Rights)> {
    let mut definition = Definition::for_tests(Restart::Never);
    definition.description.capabilities = Vec::from([capability]);
    let (interfaces, _) = with_kernel(
        |_| DONE,
        || {
            let mut root = Supervisor::for_tests();
            let resources = Resources {
                number: DomainNumber(1),
                description: &definition.description,
                port: None,
                tunnel: None,
                records: None,
                clock: Cap::from_slot(abi::register::Slot(30)),
                parts: None,
                pool_rights: None,
                arguments: String::new(),
            };
            let facilities = Facilities {
                machine: &root.machine,
                manifest: &root.manifest,
                devices: &root.devices,
                remains: &mut root.remains,
                services: &mut root.services,
                switchboard: &mut root.switchboard,
            };
            let endpoint = root.machine.endpoint.slot();
            let grants = resources.grants(&facilities);
            let grants = grants.iter().filter(|it| it.capability.slot() == endpoint);
            let decoded = grants.map(|grant| {
                let (interface, number) = badge::decode(grant.badge).expect("an interface");
                assert_eq!(number, DomainNumber(1));
                (interface, grant.rights)
            });
            decoded.collect()
        },
    );
    interfaces
}

#[test]
fn a_capability_stands_for_one_interface_of_root_with_the_rights_that_it_needs() {
    let send = Rights::from(EndpointRights::SEND);
    let transfers = Rights::from(EndpointRights::SEND | EndpointRights::GRANT);
    for (capability, interface, rights) in [
        (Capability::Log, Interface::Log, send),
        (Capability::Root, Interface::Root, transfers),
        (Capability::Domains, Interface::Domains, send),
        (Capability::Ports, Interface::Ports, transfers),
        (Capability::Inventory, Interface::Inventory, send),
        (Capability::Device, Interface::Device, send),
    ] {
        let granted = interfaces(capability.clone());
        assert_eq!(granted, [(interface, rights)], "{capability:?}");
    }
    for capability in [Capability::Pool, Capability::Port, Capability::Records] {
        assert_eq!(interfaces(capability), []);
    }
}
