//! What a described domain is provided with: from the manifest's words to grants.
//!
//! Parts that outlive the domain (its port, its clock page, endpoints) are root's; a device's parts are made from
//! the domain's pool.

pub mod ports;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::Error;
use abi::kind::{DomainRights, EndpointRights, PoolRights};
use manifest::{Capability, Device, Manifest};
use runtime::Cap;
use runtime::capability::{Endpoint, Memory, Pool, Thread};
use runtime::protocol::Mac;
use runtime::protocol::ports::doorbell_flag;

use crate::badge::{DomainNumber, Interface};
use crate::clock;
use crate::domain::Held;
use crate::grant::Grant;
use crate::handle::Handle;
use crate::machine::Machine;
use crate::names;
use crate::not_started::NotStarted;
use crate::pci::handover::Parts;
use crate::pci::{Function, kind};
use crate::supervisor::Supervisor;
use crate::switchboard::Station;

/// What a domain is provided with.
#[derive(Debug)]
pub struct Provided<'a> {
    number: DomainNumber,
    described: &'a manifest::Domain,
    port: Option<(Cap<Memory>, Station)>,
    tunnel: Option<Cap<Memory>>,
    records: Option<Cap<Memory>>,
    /// Its clock page.
    pub clock: Cap<Memory>,
    /// Its device's parts.
    pub parts: Option<Parts>,
    /// Its rights over its own pool.
    pub pool_rights: Option<PoolRights>,
    /// `key=value` lines.
    pub arguments: String,
}

/// Whether a domain of the manifest is the switch.
pub fn is_switch(manifest: &Manifest, described: Option<usize>) -> bool {
    let described = described.map(|index| &manifest.domains[index]);
    described.is_some_and(|domain| domain.capabilities.contains(&Capability::Ports))
}

/// Whether a domain of the manifest is the console.
pub fn is_console(manifest: &Manifest, described: Option<usize>) -> bool {
    let described = described.map(|index| &manifest.domains[index]);
    described.is_some_and(|domain| domain.capabilities.contains(&Capability::Serial))
}

/// Whether a domain of the manifest is the migration server, which asks other machines what they hold.
pub fn can_ask_fleet(described: &manifest::Domain) -> bool {
    described.capabilities.contains(&Capability::Records)
}

/// Makes what the domain at `index` is provided with, or finds it where it outlived the domain's last life.
///
/// # Errors
/// What is missing, or what the kernel refuses.
pub fn provide<'a>(
    root: &mut Supervisor,
    index: usize,
    described: &'a manifest::Domain,
    pool: Cap<Pool>,
) -> Result<Provided<'a>, NotStarted> {
    let number = root.domains[index].number;
    let clock = clock::make_page(&root.machine).map_err(NotStarted::at("the clock page"))?;
    root.domains[index].clock = Some(clock);
    let port = ports::provide(root, number, described).map_err(NotStarted::at("the port"))?;
    let tunnel =
        ports::provide_tunnel(root, number, described).map_err(NotStarted::at("the tunnel"))?;
    let records = provide_records(root, index, described);
    let records = records.map_err(NotStarted::at("the records"))?;
    make_services(root, described).map_err(NotStarted::at("a service's endpoint"))?;
    let function = find_device(root, described)?;
    root.domains[index].device = function;
    let parts = match function {
        None => None,
        Some(function) => {
            let made = Parts::make(&root.machine, &root.configuration, &function, pool);
            Some(made.map_err(NotStarted::Device)?)
        }
    };
    Ok(Provided {
        number,
        described,
        port,
        tunnel,
        records,
        clock,
        pool_rights: pool_rights(described),
        arguments: arguments(&root.manifest.machine, described),
        parts,
    })
}

impl<'a> Provided<'a> {
    /// What the domain is granted beside what is its own.
    pub fn grants(&self, root: &Supervisor) -> Vec<Grant<'a>> {
        let machine = &root.machine;
        let mut grants: Vec<Grant<'a>> = Vec::from([clock::grant(self.clock)]);
        for capability in &self.described.capabilities {
            match capability {
                Capability::Log => grants.push(self.interface(machine, names::LOG, Interface::Log)),
                Capability::Root => {
                    grants.push(self.interface(machine, names::ROOT, Interface::Root));
                }
                Capability::Ports => {
                    grants.push(self.interface(machine, names::PORTS, Interface::Ports));
                    grants.push(names::own_doorbell(machine));
                }
                Capability::Port => grants.extend(self.port.iter().flat_map(|(ring, station)| {
                    [names::ring(*ring), names::doorbell(machine, *station)]
                })),
                // The switch's doorbell comes with the port.
                Capability::Tunnel => grants.extend(self.tunnel.map(names::tunnel)),
                Capability::Records => grants.extend(self.records.map(names::records)),
                // Who has the serial port writes there what was said.
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
                // Its own: it comes with the rights that `pool_rights` says.
                Capability::Pool => {}
            }
        }
        let provides = self.described.provides.iter();
        grants.extend(provides.filter_map(|name| {
            endpoint(root, name).map(|endpoint| names::provision(name, endpoint))
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

    /// The records of the outside objects among the grants that every machine has. What has no record stays behind.
    pub fn held(&self, manifest: &Manifest, grants: &[Grant]) -> Vec<Held> {
        let port_state = self
            .port
            .map_or([0; 2], |(_, station)| ports::export(station));
        let held = grants.iter().filter_map(|grant| match grant.name {
            // The bell's flag follows from the port's address.
            names::RING | names::DOORBELL => names::held(grant, port_state),
            name if manifest.stays_behind(self.described, name) => None,
            _ => names::held(grant, [0; 2]),
        });
        held.collect()
    }

    /// Lets root hear of the thread's faults.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn watch(&self, machine: &Machine, thread: Cap<Thread>) -> Result<(), Error> {
        let badge = crate::badge::badge(Interface::Faults, self.number);
        let endpoint = Handle::new(machine.endpoint.mint(EndpointRights::SEND, badge)?);
        thread.set_fault_endpoint(Some(*endpoint))
    }
}

/// The domain's records, which are there from its last life, and never cleared.
fn provide_records(
    root: &mut Supervisor,
    index: usize,
    described: &manifest::Domain,
) -> Result<Option<Cap<Memory>>, Error> {
    if !described.capabilities.contains(&Capability::Records) {
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

fn make_services(root: &mut Supervisor, described: &manifest::Domain) -> Result<(), Error> {
    // Whoever starts first, the provider or a client, makes the endpoint.
    let called = described
        .capabilities
        .iter()
        .filter_map(|capability| match capability {
            Capability::Service(name) => Some(name),
            _ => None,
        });
    for name in called.chain(&described.provides) {
        if endpoint(root, name).is_none() {
            let endpoint = root.machine.pool.create_endpoint()?;
            root.services.push((name.clone(), endpoint));
        }
    }
    Ok(())
}

/// The endpoint of this machine's service of a name, for a client that comes from another machine: of one that keeps nothing of its
/// clients.
pub fn stateless_endpoint(root: &Supervisor, name: &str) -> Option<Cap<Endpoint>> {
    let is_stateless = root.manifest.is_stateless(name);
    is_stateless.then(|| endpoint(root, name)).flatten()
}

/// The endpoint of a service that a domain provides.
pub fn endpoint(root: &Supervisor, name: &str) -> Option<Cap<Endpoint>> {
    let mut services = root.services.iter();
    services
        .find(|(service, _)| service == name)
        .map(|(_, endpoint)| *endpoint)
}

fn find_device(
    root: &Supervisor,
    described: &manifest::Domain,
) -> Result<Option<Function>, NotStarted> {
    let Some(Device { kind, index }) = described.device else {
        return Ok(None);
    };
    let mut functions = root
        .functions
        .iter()
        .filter(|function| kind::matches(function.identity, kind));
    let function = functions.nth(index as usize);
    function.copied().map(Some).ok_or(NotStarted::NoDevice)
}

/// The migration server asks the kernel which objects it holds, to compare them with those of a domain that it has built.
pub fn domain_rights(described: &manifest::Domain) -> DomainRights {
    match can_ask_fleet(described) {
        true => DomainRights::OWN | DomainRights::CAPTURE,
        false => DomainRights::OWN,
    }
}

/// A driver makes memory that its device reaches; without an IOMMU it is trusted with that.
fn pool_rights(described: &manifest::Domain) -> Option<PoolRights> {
    let granted = described.capabilities.contains(&Capability::Pool);
    granted.then_some(match described.device {
        Some(_) => PoolRights::OWN | PoolRights::DMA,
        None => PoolRights::OWN,
    })
}

fn arguments(machine: &str, described: &manifest::Domain) -> String {
    let mut lines = format!("machine={machine}\n");
    for (key, value) in &described.arguments {
        lines += &format!("{key}={value}\n");
    }
    let Some(port) = &described.port else {
        return lines;
    };
    let mac = port.mac.map_or([0; 6], |mac| mac.0);
    lines += &format!("doorbell={}\n", doorbell_flag(Mac(mac)));
    if port.mac.is_some() {
        lines += &format!("mac={}\n", Mac(mac));
    }
    if let Some(ip) = port.ip {
        lines += &format!("ip={}/{}\n", ip.address, ip.prefix);
    }
    if let Some(gateway) = port.gateway {
        lines += &format!("gateway={gateway}\n");
    }
    lines
}
