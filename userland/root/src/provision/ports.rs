//! The ports of domains, which outlive them.

use abi::Error;
use abi::register::PageCount;
use manifest::Capability;
use runtime::Cap;
use runtime::capability::Memory;
use runtime::port::Layout;
use runtime::protocol::ports::PortKind;
use runtime::protocol::{Mac, Mtu};

use crate::badge::DomainNumber;
use crate::machine::Machine;
use crate::remains::Remains;
use crate::start_error::StartError;
use crate::switchboard::{PortAddress, Switchboard};

/// The domain's port, which survives a restart.
///
/// # Errors
/// The kernel's refusal; [`StartError::AddressTaken`] if a domain that arrived from another machine has its address.
pub(super) fn find_or_create(
    (machine, remains): (&Machine, &mut Remains),
    switchboard: &mut Switchboard,
    number: DomainNumber,
    description: &manifest::Domain,
) -> Result<Option<(Cap<Memory>, PortAddress)>, StartError> {
    let Some(port) = &description.port else {
        return Ok(None);
    };
    let kind = if port.uplink {
        PortKind::Uplink
    } else {
        PortKind::Domain
    };
    if let Some(port) = switchboard.find(number, kind) {
        return Ok(Some((port.ring(), port.address())));
    }
    let address = PortAddress {
        mac: port.mac.unwrap_or(Mac([0; 6])),
        ip: port.ip,
        kind,
        mtu: port.mtu,
    };
    if kind == PortKind::Domain && switchboard.is_taken(number, address) {
        return Err(StartError::AddressTaken);
    }
    let ring = create((machine, remains), switchboard, number, address)
        .map_err(StartError::at("the port"))?;
    Ok(Some((ring, address)))
}

/// The migration server's tunnel, which survives a restart.
///
/// # Errors
/// The kernel's refusal.
pub(super) fn find_or_create_tunnel(
    (machine, remains): (&Machine, &mut Remains),
    switchboard: &mut Switchboard,
    number: DomainNumber,
    description: &manifest::Domain,
) -> Result<Option<Cap<Memory>>, Error> {
    if !description.capabilities.contains(&Capability::Tunnel) {
        return Ok(None);
    }
    if let Some(tunnel) = switchboard.find(number, PortKind::Tunnel) {
        return Ok(Some(tunnel.ring()));
    }
    let address = PortAddress {
        mac: Mac([0; 6]),
        ip: None,
        kind: PortKind::Tunnel,
        // Only domains with this MTU move.
        mtu: Mtu::STANDARD,
    };
    create((machine, remains), switchboard, number, address).map(Some)
}

/// Creates a port and its ring, whose header states the layout. A new Memory's zeros state the standard one. If memory is short, what
/// remains of other domains makes room.
///
/// # Errors
/// The kernel's refusal.
pub fn create(
    (machine, remains): (&Machine, &mut Remains),
    switchboard: &mut Switchboard,
    owner: DomainNumber,
    address: PortAddress,
) -> Result<Cap<Memory>, Error> {
    let layout = Layout::of(address.mtu);
    let pages = PageCount(layout.pages());
    let ring = remains.make(|| machine.pool.create_populated_memory(pages))?;
    if layout != Layout::STANDARD {
        // The whole ring is mapped: a mapping ends at the end of its Memory or of a leaf table.
        let written = machine.write_to(ring, pages, |memory| layout.write(memory));
        written.inspect_err(|_| destroy_ring(ring))?;
    }
    switchboard.add(owner, address, ring);
    Ok(ring)
}

/// Frees a ring's memory.
pub fn destroy_ring(ring: Cap<Memory>) {
    if let Err(error) = ring.destroy() {
        log::error!("cannot destroy a ring: {error}");
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use abi::Request;
    use runtime::host::{DONE, with_kernel};

    use super::*;

    /// The sizes of the Memories that are made and mapped for a port with this MTU.
    fn pages_for(mtu: Mtu) -> (Vec<u64>, Vec<u64>) {
        let address = PortAddress {
            mac: Mac([2, 0, 0, 0, 0, 1]),
            ip: None,
            kind: PortKind::Domain,
            mtu,
        };
        let (created, calls) = with_kernel(
            |_| DONE,
            || {
                let board = &mut Switchboard::default();
                let from = (&Machine::for_tests(), &mut Remains::default());
                create(from, board, DomainNumber(1), address)
            },
        );
        created.expect("a ring");
        let made = calls.iter().filter_map(|call| match call {
            Request::MemoryCreate(call) => Some(call.pages.0),
            _ => None,
        });
        let mapped = calls.iter().filter_map(|call| match call {
            Request::DomainMap(call) => Some(call.page_count.0),
            _ => None,
        });
        (made.collect(), mapped.collect())
    }

    #[test]
    fn a_ring_is_as_large_as_its_mtu_needs_and_only_another_layout_is_written() {
        assert_eq!(pages_for(Mtu::STANDARD), ([129].into(), [].into()));
        let jumbo = Mtu::try_from(9000).expect("an MTU");
        assert_eq!(pages_for(jumbo), ([577].into(), [577].into()));
        assert_eq!(pages_for(Mtu::MAX), ([1025].into(), [1025].into()));
    }
}
