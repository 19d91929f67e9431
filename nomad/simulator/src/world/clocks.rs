//! What the checker of clocks learns from the events of a world.

use identity::DomainId;
use nomad_protocol::{DestinationEvent, Event, SourceEvent, TransactionId};

use super::World;
use crate::history::first_id;
use crate::machine::Move;

impl World {
    /// The time on the clock of a domain on a machine, in microseconds.
    fn clock_us(&self, machine: usize, id: DomainId) -> Option<u64> {
        let now = self.clocks.as_ref()?.now[machine];
        let domain = self.machines[machine].hardware().kernel.domains.get(&id)?;
        Some(domain.clock_us(now))
    }

    /// Reads the clock of a domain on a machine.
    pub(super) fn read_clock(&mut self, machine: usize, id: DomainId) {
        let clock_us = self.clock_us(machine, id);
        if let (Some(clock_us), Some(clocks)) = (clock_us, &mut self.clocks)
            && let Some(violation) = clocks.read(id, clock_us)
        {
            self.history.violate(first_id(id), violation);
        }
    }

    /// Reads the clock of a domain that was frozen or activated in a transaction.
    pub(super) fn check_clock(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        Move { domain, peer }: Move,
        event: Option<&Event>,
    ) {
        let (Some(clock_us), Some(event)) = (self.clock_us(machine, domain), event) else {
            return;
        };
        let Some(clocks) = &mut self.clocks else {
            return;
        };
        let violation = match event {
            Event::Source(SourceEvent::Exported { .. }) => {
                clocks.freeze(transaction, [machine, peer], clock_us);
                None
            }
            Event::Destination(DestinationEvent::Activated) => clocks.judge(transaction, clock_us),
            _ => return,
        };
        if let Some(violation) = violation {
            self.history.violate(first_id(domain), violation);
        }
        self.read_clock(machine, domain);
    }
}
