//! The resources of a domain: from its description in the manifest to grants.
//!
//! Resources that outlive the domain (its port, its clock page, endpoints) are root's; those of a device are created from the
//! domain's pool.

pub mod ports;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use abi::Error;
use abi::kind::{DomainRights, EndpointRights, PoolRights};
use manifest::{Capability, Manifest};
use runtime::Cap;
use runtime::capability::{Endpoint, Memory, Pool, Thread};
use runtime::protocol::Mac;
use runtime::protocol::ports::doorbell_flag;

use crate::badge::{DomainNumber, Interface};
use crate::clock;
use crate::devices::handover::Parts;
use crate::domain::HeldObject;
use crate::grant::Grant;
use crate::handle::Handle;
use crate::machine::Machine;
use crate::names;
use crate::start_error::StartError;
use crate::supervisor::Supervisor;
use crate::switchboard::PortAddress;

/// The resources of a domain.
#[derive(Debug)]
pub struct Resources<'a> {
    number: DomainNumber,
    description: &'a manifest::Domain,
    port: Option<(Cap<Memory>, PortAddress)>,
    tunnel: Option<Cap<Memory>>,
    records: Option<Cap<Memory>>,
    pub clock: Cap<Memory>,
    /// The objects of its device.
    pub parts: Option<Parts>,
    /// Its rights over its own pool, if any.
    pub pool_rights: Option<PoolRights>,
    /// `key=value` lines.
    pub arguments: String,
}

/// Whether a domain of the manifest is the switch.
pub fn is_switch(manifest: &Manifest, description: Option<usize>) -> bool {
    let description = description.map(|index| &manifest.domains[index]);
    description.is_some_and(|domain| domain.capabilities.contains(&Capability::Ports))
}

/// Whether a domain of the manifest is the console.
pub fn is_console(manifest: &Manifest, description: Option<usize>) -> bool {
    let description = description.map(|index| &manifest.domains[index]);
    description.is_some_and(|domain| domain.capabilities.contains(&Capability::Serial))
}

/// Whether a domain of the manifest is the migration server, which runs the roll call of the fleet.
pub fn is_migration_server(description: &manifest::Domain) -> bool {
    description.capabilities.contains(&Capability::Records)
}

/// Creates the resources of the domain at `index`, or finds those that outlived its last run.
///
/// # Errors
/// The missing device, or the kernel's refusal.
pub fn prepare<'a>(
    root: &mut Supervisor,
    index: usize,
    description: &'a manifest::Domain,
    pool: Cap<Pool>,
) -> Result<Resources<'a>, StartError> {
    let number = root.domains[index].number;
    let clock = clock::create_page(&root.machine).map_err(StartError::at("the clock page"))?;
    root.domains[index].clock = Some(clock);
    let port =
        ports::find_or_create(root, number, description).map_err(StartError::at("the port"))?;
    let tunnel = ports::find_or_create_tunnel(root, number, description)
        .map_err(StartError::at("the tunnel"))?;
    let records = find_or_create_records(root, index, description);
    let records = records.map_err(StartError::at("the records"))?;
    create_services(root, description).map_err(StartError::at("a service's endpoint"))?;
    let parts = match &description.device {
        None => None,
        Some(device) => {
            let function = root.devices.find(device).ok_or(StartError::NoDevice)?;
            // Already now, so that the function is disabled before its driver's pool is destroyed.
            root.domains[index].device = Some(function);
            let parts = root.devices.hand_over(&root.machine, function, pool);
            Some(parts.map_err(StartError::Device)?)
        }
    };
    Ok(Resources {
        number,
        description,
        port,
        tunnel,
        records,
        clock,
        pool_rights: pool_rights(description),
        arguments: arguments(&root.manifest.machine, description),
        parts,
    })
}

impl<'a> Resources<'a> {
    /// The domain's grants, except for those to its own objects.
    pub fn grants(&self, root: &Supervisor) -> Vec<Grant<'a>> {
        let machine = &root.machine;
        let mut grants: Vec<Grant<'a>> = Vec::from([clock::grant(self.clock)]);
        for capability in &self.description.capabilities {
            match capability {
                Capability::Log => grants.push(self.interface(machine, names::LOG, Interface::Log)),
                Capability::Root => {
                    grants.push(self.interface(machine, names::ROOT, Interface::Root));
                }
                Capability::Ports => {
                    grants.push(self.interface(machine, names::PORTS, Interface::Ports));
                    grants.push(names::own_doorbell(machine));
                }
                Capability::Port => grants.extend(self.port.iter().flat_map(|(ring, address)| {
                    [names::ring(*ring), names::doorbell(machine, *address)]
                })),
                // The switch's doorbell comes with the port.
                Capability::Tunnel => grants.extend(self.tunnel.map(names::tunnel)),
                Capability::Records => grants.extend(self.records.map(names::records)),
                // The owner of the serial port writes the log to it.
                Capability::Serial => {
                    grants.extend(names::serial());
                    grants.push(self.interface(machine, names::JOURNAL, Interface::Journal));
                }
                Capability::Device => {
                    grants.extend(self.parts.iter().flat_map(|parts| parts.grants()))
                }
                Capability::Service(name) => grants.extend(
                    endpoint(root, name)
                        .map(|endpoint| names::service(name, endpoint, self.number)),
                ),
                // Among the domain's own objects, with the rights in `pool_rights`.
                Capability::Pool => {}
            }
        }
        let provides = self.description.provides.iter();
        grants.extend(provides.filter_map(|name| {
            endpoint(root, name).map(|endpoint| names::provider(name, endpoint))
        }));
        grants
    }

    fn interface(
        &self,
        machine: &Machine,
        name: &'static str,
        interface: Interface,
    ) -> Grant<'static> {
        names::interface(machine, name, interface, self.number)
    }

    /// Records of the granted outside objects that every machine has. An object without a record stays behind in a move.
    pub fn held_objects(&self, manifest: &Manifest, grants: &[Grant]) -> Vec<HeldObject> {
        let port_state = self.port.map(|(_, address)| address.state());
        let held = grants.iter().filter_map(|grant| match grant.name {
            // The doorbell's flag follows from the port's address.
            names::RING | names::DOORBELL => names::held(grant, port_state),
            name if manifest.stays_behind(self.description, name) => None,
            _ => names::held(grant, None),
        });
        held.collect()
    }

    /// Directs the thread's faults to root.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn set_fault_endpoint(&self, machine: &Machine, thread: Cap<Thread>) -> Result<(), Error> {
        let badge = crate::badge::badge(Interface::Faults, self.number);
        let endpoint = Handle::new(machine.endpoint.mint(EndpointRights::SEND, badge)?);
        thread.set_fault_endpoint(Some(*endpoint))
    }
}

/// The domain's records, which survive a restart and are never cleared.
fn find_or_create_records(
    root: &mut Supervisor,
    index: usize,
    description: &manifest::Domain,
) -> Result<Option<Cap<Memory>>, Error> {
    if !description.capabilities.contains(&Capability::Records) {
        return Ok(None);
    }
    if let Some(records) = root.domains[index].records {
        return Ok(Some(records));
    }
    let pool = root.machine.pool;
    let records = pool.create_populated_memory(names::RECORDS_PAGES)?;
    root.domains[index].records = Some(records);
    Ok(Some(records))
}

fn create_services(root: &mut Supervisor, description: &manifest::Domain) -> Result<(), Error> {
    // The first to start, the provider or a client, causes the endpoint's creation.
    let called = description
        .capabilities
        .iter()
        .filter_map(|capability| match capability {
            Capability::Service(name) => Some(name),
            _ => None,
        });
    for name in called.chain(&description.provides) {
        if endpoint(root, name).is_none() {
            let endpoint = root.machine.pool.create_endpoint()?;
            root.services.push((name.clone(), endpoint));
        }
    }
    Ok(())
}

/// The endpoint of a stateless service, for a client that arrives from another machine.
pub fn stateless_endpoint(root: &Supervisor, name: &str) -> Option<Cap<Endpoint>> {
    let is_stateless = root.manifest.is_stateless(name);
    is_stateless.then(|| endpoint(root, name)).flatten()
}

/// The endpoint of a service, if it exists.
pub fn endpoint(root: &Supervisor, name: &str) -> Option<Cap<Endpoint>> {
    let mut services = root.services.iter();
    services
        .find(|(service, _)| service == name)
        .map(|(_, endpoint)| *endpoint)
}

/// The migration server identifies the objects that it holds, to compare them with those of a domain that it has built.
pub fn domain_rights(description: &manifest::Domain) -> DomainRights {
    match is_migration_server(description) {
        true => DomainRights::OWN | DomainRights::CAPTURE,
        false => DomainRights::OWN,
    }
}

/// A driver creates memory for DMA; without an IOMMU it is trusted with that.
fn pool_rights(description: &manifest::Domain) -> Option<PoolRights> {
    let granted = description.capabilities.contains(&Capability::Pool);
    granted.then_some(match description.device {
        Some(_) => PoolRights::OWN | PoolRights::DMA,
        None => PoolRights::OWN,
    })
}

fn arguments(machine: &str, description: &manifest::Domain) -> String {
    let mut lines = format!("machine={machine}\n");
    for (key, value) in &description.arguments {
        lines += &format!("{key}={value}\n");
    }
    let Some(port) = &description.port else {
        return lines;
    };
    let mac = port.mac.map_or([0; 6], |mac| mac.0);
    lines += &format!("doorbell={}\n", doorbell_flag(Mac(mac)));
    if port.mac.is_some() {
        lines += &format!("mac={}\n", Mac(mac));
    }
    match port.ip {
        None => {}
        Some(manifest::DHCP) => lines += "ip=dhcp\n",
        Some(ip) => lines += &format!("ip={ip}\n"),
    }
    if let Some(ip) = port.ip6 {
        lines += &format!("ip6={}\n", String::from(ip));
    }
    if !port.dns.is_empty() {
        let servers: Vec<String> = port.dns.iter().map(ToString::to_string).collect();
        lines += &format!("dns={}\n", servers.join(","));
    }
    if let Some(gateway) = port.gateway {
        lines += &format!("gateway={gateway}\n");
    }
    lines
}
