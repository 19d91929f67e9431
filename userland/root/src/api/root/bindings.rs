//! Finds or creates this machine's counterparts of the objects outside of an arriving domain that it refers to. A [`Binding`]
//! names such an object in machine-independent form.

use abi::kind::{EndpointRights, MemoryRights, NotificationRights};
use runtime::Cap;
use runtime::capability::{Any, Memory};
use runtime::protocol::Name;
use runtime::protocol::ports::doorbell_flag;
use runtime::protocol::root::{Binding, PortState, Refusal, done};

use super::incoming::find_arriving;
use super::{Response, kernel};
use crate::badge::{DomainNumber, Interface, badge};
use crate::handle::Handle;
use crate::held_object::HeldObject;
use crate::machine::Machine;
use crate::provision::ports;
use crate::supervisor::Supervisor;
use crate::switchboard::PortAddress;
use crate::{clock, names};

/// A capability and its badge.
type Badged = (Cap<Any>, u64);

/// Finds or creates this machine's object for a binding.
pub fn bind(root: &mut Supervisor, name: Name, binding: Binding) -> Response {
    let domain = find_arriving(&mut root.domains, name)?;
    let mut held = domain.held.iter();
    if let Some(held) = held.find(|held| held.binding == binding) {
        return Ok((done(), Some(held.capability)));
    }
    check(&domain.held, binding)?;
    let number = domain.number;
    let (capability, badge) = create(root, number, binding)?;
    let domain = find_arriving(&mut root.domains, name)?;
    domain.held.push(HeldObject {
        binding,
        capability,
        badge,
        minted: Some(Handle::new(capability)),
    });
    Ok((done(), Some(capability)))
}

/// Refuses a binding that contradicts those that the domain has. Rings and clock pages come out of root's own pool, so a domain
/// gets one of each: a port belongs to the ring and its doorbell alone, and there is only one.
fn check(held: &[HeldObject], binding: Binding) -> Result<(), Refusal> {
    let has_port = matches!(binding.name.as_str(), names::RING | names::DOORBELL);
    let is_other = |held: &HeldObject| held.binding.port.is_some_and(|it| Some(it) != binding.port);
    if binding.port.is_some() != has_port || (has_port && held.iter().any(is_other)) {
        return Err(Refusal::Malformed);
    }
    Ok(())
}

fn create(
    root: &mut Supervisor,
    number: DomainNumber,
    binding: Binding,
) -> Result<Badged, Refusal> {
    let port = binding.port.ok_or(Refusal::Malformed);
    match binding.name.as_str() {
        names::LOG => interface(&root.machine, Interface::Log, number),
        names::FAULTS => interface(&root.machine, Interface::Faults, number),
        names::DOORBELL => doorbell(&root.machine, port?),
        names::RING => ring(root, number, port?),
        clock::NAME => clock_page(root, number),
        name => service(root, number, name),
    }
}

fn interface(
    machine: &Machine,
    interface: Interface,
    number: DomainNumber,
) -> Result<Badged, Refusal> {
    let badge = badge(interface, number);
    let endpoint = machine.endpoint.mint(EndpointRights::SEND, badge);
    Ok((endpoint.map_err(kernel)?.erase(), badge))
}

fn doorbell(machine: &Machine, port: PortState) -> Result<Badged, Refusal> {
    let flag = doorbell_flag(port.mac);
    let doorbell = machine.doorbell.mint(NotificationRights::SIGNAL, flag);
    Ok((doorbell.map_err(kernel)?.erase(), flag))
}

/// The ring of a new port. Its address must be free on this machine.
fn ring(root: &mut Supervisor, number: DomainNumber, port: PortState) -> Result<Badged, Refusal> {
    let address = PortAddress::of_domain(port);
    if root.switchboard.is_taken(number, address) {
        return Err(Refusal::AddressTaken);
    }
    let from = (&root.machine, &mut root.remains);
    let ring = ports::create(from, &mut root.switchboard, number, address);
    writable(ring.map_err(kernel)?)
}

/// A new clock page, which the migration server writes.
fn clock_page(root: &mut Supervisor, number: DomainNumber) -> Result<Badged, Refusal> {
    let page = root.remains.make(|| clock::create_page(&root.machine));
    let page = page.map_err(kernel)?;
    let domain = root.domains.by_number_mut(number);
    domain.ok_or(Refusal::NoSuchDomain)?.clock = Some(page);
    writable(page)
}

/// The endpoint of a service, which must be stateless.
fn service(root: &Supervisor, number: DomainNumber, name: &str) -> Result<Badged, Refusal> {
    let is_stateless = root.manifest.is_stateless(name);
    let endpoint = root.services.find(name).filter(|_| is_stateless);
    let endpoint = endpoint.ok_or(Refusal::NoSuchObject)?;
    let badge = u64::from(number.0);
    let endpoint = endpoint.mint(EndpointRights::SEND, badge);
    Ok((endpoint.map_err(kernel)?.erase(), badge))
}

fn writable(memory: Cap<Memory>) -> Result<Badged, Refusal> {
    let minted = memory.mint(MemoryRights::READ | MemoryRights::WRITE, 0);
    Ok((minted.map_err(kernel)?.erase(), 0))
}
