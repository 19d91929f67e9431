//! Late frames: frames for domains that move, through the shipped tables of `nomad_shell::late`, and their checker.
//!
//! ```text
//!   wire --> [the domain's port is served]          its port
//!        --> [the domain is leaving, or left 10 s ago at most]  the tunnel, and through it the table
//!        --> [any other]                            nowhere: it is not accepted
//!   table -> [the domain's port is served]          its port, or the switch's buffer, if the port's ring is full
//!         -> [any other]                            nowhere: it is lost
//!   buffer -> [the domain's port is served]         its port
//!          -> [the domain is leaving, or left]      the tunnel, and through it the table
//! ```
//!
//! A frame is *accepted* when it enters a table. It must reach the domain's port once, and at most once more for each move since, wherever the domain is by then. A frame that
//! the wire carries to two machines counts as two. The frames that a migration server holds end with it, and so
//! does what it knows about domains that have left or arrived, as decision 13 states. The checker excuses all frames under way then, and
//! later ones for these domains.
//!
//! While a switch is restarted, its machine accepts no frame, and the table's frames wait in the tunnel's ring. The frames in the
//! switch's buffer are lost, and the checker excuses exactly these. The new switch does not know which domains have left, so frames for
//! them are no longer accepted.

use std::collections::{BTreeMap, BTreeSet};

use identity::{DomainId, Mac};
use nomad_protocol::{Instant, Late, MachineId, TransactionId};
use nomad_shell::late::table::{FORWARD_US, PortMove, Table};
use service_protocol::root::DomainState;

use crate::hardware::Hardware;
use crate::history::Violation;
use crate::machine::machine_id;
use crate::random::Random;

/// The length of a frame's destination address.
const MAC_BYTES: usize = 6;

/// A frame that is accepted within this time after its domain has left must arrive. A later one may be lost on the network until
/// the source forwards it no longer, or the destination, whose clock may run at four times the source's rate, accepts it no longer.
const OBLIGED_US: u64 = FORWARD_US / 8;

/// The chance that a port's ring is full when a frame comes from the tunnel, per thousand.
const FULL_PERMILLE: u64 = 200;

/// The switch of a machine.
#[derive(Clone, Debug, Default)]
struct Switch {
    is_down: bool,
    /// The domains that have left, and until when it keeps their addresses.
    away: BTreeMap<usize, u64>,
    /// The numbers of the frames in its buffer.
    buffer: Vec<usize>,
}

/// The progress of an accepted frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    /// The number of its domain.
    domain: usize,
    /// How often it has reached the domain's port.
    arrivals: u32,
    /// How often its domain had moved when it was accepted.
    moved: u32,
    is_excused: bool,
}

/// The late frames of a simulation.
#[derive(Debug)]
pub struct LateFrames {
    tables: Vec<Table>,
    switches: Vec<Switch>,
    /// Draws which rings are full.
    rings: Random,
    /// Whether the frames in a tunnel's ring are lost when the switch is restarted, which is a mutant.
    are_rings_lost: bool,
    /// Per machine, the domains that its table has known since its migration server was started.
    known: Vec<BTreeSet<usize>>,
    /// The domains that a table knew that ended.
    forgotten: BTreeSet<usize>,
    /// How often each domain has moved.
    moved: BTreeMap<usize, u32>,
    accepted: Vec<Accepted>,
    streams: u32,
    violation: Option<(usize, Violation)>,
}

impl LateFrames {
    /// No frames, on this many machines.
    pub fn new(machines: usize, rings: Random, are_rings_lost: bool) -> LateFrames {
        LateFrames {
            tables: (0..machines).map(|_| Table::default()).collect(),
            switches: vec![Switch::default(); machines],
            rings,
            are_rings_lost,
            known: vec![BTreeSet::new(); machines],
            forgotten: BTreeSet::new(),
            moved: BTreeMap::new(),
            accepted: Vec::new(),
            streams: 0,
            violation: None,
        }
    }

    /// A frame for a domain arrives at a machine.
    pub fn arrive(&mut self, now: Instant, machine: usize, domain: usize, hardware: &Hardware) {
        let switch = &self.switches[machine];
        if switch.is_down || is_served(hardware, domain) {
            return;
        }
        let (is_leaving, rest_us) = (is_leaving(hardware, domain), switch.rest_us(now, domain));
        if is_leaving || rest_us > 0 {
            let is_too_late = !is_leaving && rest_us < FORWARD_US - OBLIGED_US;
            let frame = frame(domain, self.accepted.len());
            self.accepted.push(Accepted {
                domain,
                arrivals: 0,
                moved: self.moved.get(&domain).copied().unwrap_or(0),
                is_excused: is_too_late || self.forgotten.contains(&domain),
            });
            self.tables[machine].handle_frame(&frame);
            self.deliver(machine, hardware);
        }
    }

    /// Holds the frames for a domain that is leaving for `peer`.
    pub fn hold(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        peer: MachineId,
        domain: usize,
    ) {
        self.known[machine].insert(domain);
        self.streams += 1;
        let of = port_move(transaction, peer, domain);
        self.tables[machine].hold(of, self.streams);
    }

    /// Forwards the frames for a domain that has left.
    pub fn forward(
        &mut self,
        now: Instant,
        machine: usize,
        transaction: TransactionId,
        domain: usize,
    ) {
        let now_us = now.as_us();
        self.tables[machine].forward(transaction, now_us);
        let switch = &mut self.switches[machine];
        if !switch.is_down {
            switch.away.insert(domain, now_us + FORWARD_US);
        }
    }

    /// Returns the frames for a domain that stays.
    pub fn revert(&mut self, machine: usize, transaction: TransactionId, hardware: &Hardware) {
        self.tables[machine].revert(transaction);
        self.deliver(machine, hardware);
    }

    /// Accepts frames from `peer` for a domain that has arrived.
    pub fn accept(
        &mut self,
        (machine, hardware): (usize, &Hardware),
        transaction: TransactionId,
        peer: MachineId,
        domain: usize,
    ) {
        self.known[machine].insert(domain);
        *self.moved.entry(domain).or_default() += 1;
        self.tables[machine].accept(port_move(transaction, peer, domain));
        self.deliver(machine, hardware);
    }

    /// Ends a transaction.
    pub fn end(&mut self, now: Instant, machine: usize, transaction: TransactionId) {
        self.tables[machine].end(transaction, now.as_us());
    }

    /// The messages that a machine sends now.
    pub fn poll(&mut self, now: Instant, machine: usize) -> Vec<(MachineId, TransactionId, Late)> {
        let table = &mut self.tables[machine];
        table.expire(now.as_us());
        std::iter::from_fn(|| table.poll(now.as_us())).collect()
    }

    /// Handles a message of another machine; returns the reply.
    pub fn handle(
        &mut self,
        now: Instant,
        (machine, hardware): (usize, &Hardware),
        from: usize,
        (transaction, late): (TransactionId, Late),
    ) -> Option<Late> {
        let from = machine_id(from);
        let reply = self.tables[machine].handle_late(now.as_us(), from, transaction, late);
        self.deliver(machine, hardware);
        reply
    }

    /// The next time on a machine's clock at which it has something to send.
    pub fn poll_timeout_us(&self, machine: usize) -> Option<u64> {
        self.tables[machine].poll_timeout_us()
    }

    /// A machine's migration server is restarted: its table is lost. With `is_whole` the machine is, and its switch with it.
    pub fn restart(&mut self, machine: usize, is_whole: bool) {
        self.tables[machine] = Table::default();
        let known = std::mem::take(&mut self.known[machine]);
        self.forgotten.extend(known);
        if is_whole {
            self.switches[machine] = Switch::default();
        }
        self.excuse(|_| true);
    }

    /// A machine's switch ends.
    pub fn end_switch(&mut self, machine: usize) {
        let ended = std::mem::take(&mut self.switches[machine]);
        self.switches[machine].is_down = true;
        for number in ended.buffer {
            self.accepted[number].is_excused = true;
        }
    }

    /// A machine's switch begins again, with the rings that the former one had.
    pub fn begin_switch(&mut self, machine: usize, hardware: &Hardware) {
        self.switches[machine].is_down = false;
        let table = &mut self.tables[machine];
        while self.are_rings_lost && table.inward().is_some() {
            table.put();
        }
        self.deliver(machine, hardware);
    }

    /// Moves the frames on that wait in a switch's buffer.
    pub fn empty_buffer(&mut self, now: Instant, machine: usize, hardware: &Hardware) {
        for number in std::mem::take(&mut self.switches[machine].buffer) {
            let domain = self.accepted[number].domain;
            let is_away = self.switches[machine].rest_us(now, domain) > 0;
            if is_served(hardware, domain) {
                self.count_arrival(number);
            } else if is_leaving(hardware, domain) || is_away {
                self.tables[machine].handle_frame(&frame(domain, number));
            } else {
                self.lose(number);
            }
        }
        self.deliver(machine, hardware);
    }

    /// Excuses the frames under way for these domains.
    pub fn excuse(&mut self, is_excused: impl Fn(usize) -> bool) {
        for frame in &mut self.accepted {
            frame.is_excused |= frame.arrivals == 0 && is_excused(frame.domain);
        }
    }

    /// The domain of a frame that is still under way.
    pub fn missing(&self) -> Option<usize> {
        let mut frames = self.accepted.iter();
        let missing = frames.find(|frame| frame.arrivals == 0 && !frame.is_excused)?;
        Some(missing.domain)
    }

    /// The number of accepted frames that have arrived.
    pub fn arrived(&self) -> usize {
        let arrived = |frame: &&Accepted| frame.arrivals > 0;
        self.accepted.iter().filter(arrived).count()
    }

    /// The first violation, and the number of its domain.
    pub fn take_violation(&mut self) -> Option<(usize, Violation)> {
        self.violation.take()
    }

    /// Delivers the frames that a machine's table returns to the switch.
    fn deliver(&mut self, machine: usize, hardware: &Hardware) {
        while !self.switches[machine].is_down
            && let Some(frame) = self.tables[machine].inward()
        {
            let number = number_of(frame);
            self.tables[machine].put();
            if !is_served(hardware, self.accepted[number].domain) {
                self.lose(number);
            } else if self.rings.permille(FULL_PERMILLE) {
                self.switches[machine].buffer.push(number);
            } else {
                self.count_arrival(number);
            }
        }
    }

    /// Records that a frame has reached the port of its domain.
    fn count_arrival(&mut self, number: usize) {
        let frame = &mut self.accepted[number];
        frame.arrivals += 1;
        let moved = self.moved.get(&frame.domain).copied().unwrap_or(0);
        if frame.arrivals > 1 + moved - frame.moved {
            let violation = (frame.domain, Violation::FrameArrivedTooOften);
            self.violation.get_or_insert(violation);
        }
    }

    /// Records that a switch has dropped a frame.
    fn lose(&mut self, number: usize) {
        let frame = &self.accepted[number];
        if frame.arrivals == 0 && !frame.is_excused {
            let violation = (frame.domain, Violation::FrameLost);
            self.violation.get_or_insert(violation);
        }
    }
}

impl Switch {
    /// How long it still keeps the address of a domain that has left.
    fn rest_us(&self, now: Instant, domain: usize) -> u64 {
        let until_us = self.away.get(&domain).copied().unwrap_or(0);
        until_us.saturating_sub(now.as_us())
    }
}

/// Whether root has exported a domain.
fn is_leaving(hardware: &Hardware, domain: usize) -> bool {
    let entry = hardware.root.entries.get(&domain);
    entry.is_some_and(|entry| entry.state == DomainState::Exported)
}

/// Whether the switch serves the port of a domain: the domain is here, and root has not exported it.
fn is_served(hardware: &Hardware, domain: usize) -> bool {
    let entry = hardware.root.entries.get(&domain);
    entry.is_some_and(|entry| {
        entry.state == DomainState::Running && hardware.kernel.domains.contains_key(&entry.id)
    })
}

fn port_move(transaction: TransactionId, peer: MachineId, domain: usize) -> PortMove {
    PortMove {
        transaction,
        peer,
        domain: DomainId(domain as u128),
        mac: mac(domain),
    }
}

fn mac(domain: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, domain as u8])
}

/// A frame for a domain, with the frame's number.
fn frame(domain: usize, number: usize) -> Vec<u8> {
    [&mac(domain).0[..], &number.to_le_bytes()].concat()
}

fn number_of(frame: &[u8]) -> usize {
    let number = frame[MAC_BYTES..].try_into();
    usize::from_le_bytes(number.expect("this module made it"))
}
