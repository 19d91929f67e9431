//! The resources of a domain: from its description in the manifest to grants.
//!
//! Resources that outlive the domain (its port, its clock page, endpoints) are root's; those of a device are created from the
//! domain's pool.

mod arguments;
pub mod ports;
pub mod services;

use alloc::string::String;
use alloc::vec::Vec;

use abi::Error;
use abi::kind::{DomainRights, EndpointRights, PoolRights};
use manifest::{Capability, Manifest, Role};
use runtime::Cap;
use runtime::capability::{Memory, Pool, Thread};

use crate::badge::{DomainNumber, Interface};
use crate::clock;
use crate::devices::Devices;
use crate::devices::handover::Parts;
use crate::domain::Domain;
use crate::grant::Grant;
use crate::handle::Handle;
use crate::held_object::HeldObject;
use crate::machine::Machine;
use crate::names;
use crate::remains::Remains;
use crate::screen;
use crate::start_error::StartError;
use crate::switchboard::{PortAddress, Switchboard};
use services::Services;

/// The machine's means of providing for domains.
#[derive(Debug)]
pub struct Facilities<'a> {
    pub machine: &'a Machine,
    pub manifest: &'a Manifest,
    pub devices: &'a Devices,
    pub remains: &'a mut Remains,
    pub services: &'a mut Services,
    pub switchboard: &'a mut Switchboard,
}

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

/// Creates the resources of a domain, or finds those that outlived its last run.
///
/// # Errors
/// The missing device, or the kernel's refusal.
pub fn prepare<'a>(
    from: &mut Facilities,
    domain: &mut Domain,
    description: &'a manifest::Domain,
    pool: Cap<Pool>,
) -> Result<Resources<'a>, StartError> {
    let (machine, number) = (from.machine, domain.number);
    let clock = from.remains.make(|| clock::create_page(machine));
    let clock = clock.map_err(StartError::at("the clock page"))?;
    domain.clock = Some(clock);
    let (remains, board) = (&mut *from.remains, &mut *from.switchboard);
    let port = ports::find_or_create((machine, remains), board, number, description)?;
    let tunnel = ports::find_or_create_tunnel((machine, remains), board, number, description);
    let tunnel = tunnel.map_err(StartError::at("the tunnel"))?;
    let records = find_or_create_records((machine, remains), domain, description);
    let records = records.map_err(StartError::at("the records"))?;
    let services = from.services.create_for(machine, description);
    services.map_err(StartError::at("a service's endpoint"))?;
    let parts = match domain.device {
        None => None,
        Some(function) => {
            let parts = from.devices.hand_over(machine, function, pool);
            Some(parts.map_err(|error| StartError::Device(function, error))?)
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
        arguments: arguments::lines(machine, from.manifest.machine, description),
        parts,
    })
}

impl<'a> Resources<'a> {
    /// The domain's grants, except for those to its own objects.
    pub fn grants(&self, from: &Facilities) -> Vec<Grant<'a>> {
        let mut grants: Vec<Grant<'a>> = Vec::from([clock::grant(self.clock)]);
        for capability in &self.description.capabilities {
            self.add(&mut grants, capability, from);
        }
        for name in &self.description.provides {
            let endpoint = from.services.find(name);
            grants.extend(endpoint.map(|endpoint| names::provider(name, endpoint)));
        }
        grants
    }

    /// Adds the grants that a capability of the manifest stands for.
    fn add(&self, grants: &mut Vec<Grant<'a>>, capability: &'a Capability, from: &Facilities) {
        let machine = from.machine;
        let interface = |name, interface| names::interface(machine, name, interface, self.number);
        match capability {
            Capability::Log => grants.push(interface(names::LOG, Interface::Log)),
            Capability::Root => grants.push(interface(names::ROOT, Interface::Root)),
            Capability::Domains => grants.push(interface(names::DOMAINS, Interface::Domains)),
            Capability::Ports => {
                grants.push(interface(names::PORTS, Interface::Ports));
                grants.push(names::own_doorbell(machine));
            }
            Capability::Port => grants.extend(self.port.iter().flat_map(|(ring, address)| {
                let ring = names::ring(*ring, address.mtu);
                [ring, names::doorbell(machine, *address)]
            })),
            // The switch's doorbell comes with the port.
            Capability::Tunnel => grants.extend(self.tunnel.map(names::tunnel)),
            Capability::Records => grants.extend(self.records.map(names::records)),
            // The owner of the serial port writes the log to it.
            Capability::Serial => {
                grants.extend(names::serial());
                grants.push(interface(names::JOURNAL, Interface::Journal));
            }
            Capability::Screen => grants.extend(screen::get().map(names::screen)),
            Capability::Keyboard => {
                grants.extend(machine.keyboard.into_iter().flat_map(names::keyboard))
            }
            Capability::Device => {
                grants.extend(self.parts.iter().flat_map(Parts::grants));
                grants.push(interface(names::DEVICE, Interface::Device));
            }
            Capability::Inventory => {
                grants.push(interface(names::INVENTORY, Interface::Inventory));
            }
            Capability::Service(name) => {
                let endpoint = from.services.find(name);
                grants.extend(endpoint.map(|found| names::service(name, found, self.number)));
            }
            // It is granted with the domain's own objects, with the rights in `pool_rights`.
            Capability::Pool => {}
        }
    }

    /// The records of the granted outside objects that every machine has. An object without a record stays behind in a move.
    pub fn held_objects(&self, manifest: &Manifest, grants: &[Grant]) -> Vec<HeldObject> {
        let port_state = self.port.map(|(_, address)| address.state());
        let held = grants.iter().filter_map(|grant| match grant.name {
            // The doorbell's flag follows from the port's address.
            names::RING | names::DOORBELL => HeldObject::of_grant(grant, port_state),
            name if manifest.stays_behind(self.description, name) => None,
            _ => HeldObject::of_grant(grant, None),
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
    (machine, remains): (&Machine, &mut Remains),
    domain: &mut Domain,
    description: &manifest::Domain,
) -> Result<Option<Cap<Memory>>, Error> {
    if !description.capabilities.contains(&Capability::Records) {
        return Ok(None);
    }
    if let Some(records) = domain.records {
        return Ok(Some(records));
    }
    let records = remains.make(|| machine.pool.create_populated_memory(names::RECORDS_PAGES))?;
    domain.records = Some(records);
    Ok(Some(records))
}

/// A domain's rights over itself. The migration server may also identify the objects that it holds, to compare them with those of
/// a domain that it has built.
pub fn domain_rights(description: &manifest::Domain) -> DomainRights {
    match description.role {
        Some(Role::MigrationServer) => DomainRights::OWN | DomainRights::CAPTURE,
        _ => DomainRights::OWN,
    }
}

/// A domain's rights over its own pool, if it is granted. A driver may also create memory for DMA: without an IOMMU, it has to be
/// trusted with that.
fn pool_rights(description: &manifest::Domain) -> Option<PoolRights> {
    let granted = description.capabilities.contains(&Capability::Pool);
    granted.then_some(match description.role {
        Some(Role::Driver) => PoolRights::OWN | PoolRights::DMA,
        _ => PoolRights::OWN,
    })
}

#[cfg(test)]
mod tests;
