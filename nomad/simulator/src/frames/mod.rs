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
//! A frame is *accepted* when it enters a table. [`checker`] follows it from there. A frame that the wire carries to two machines counts as
//! two.
//!
//! While a switch is restarted, its machine accepts no frame, and the table's frames wait in the tunnel's ring. The frames in the
//! switch's buffer are lost, and the checker excuses exactly these. The new switch does not know which domains have left, so frames for
//! them are no longer accepted.

pub mod checker;

use std::collections::BTreeMap;

use identity::{DomainId, Mac};
use nomad_protocol::{Instant, Late, MachineId, PIECE_BYTES_MAX, Side, TransactionId};
use nomad_shell::late::table::{FORWARD_US, PortMove, Table};
use service_protocol::root::DomainState;

use crate::frames::checker::{Checker, Continued};
use crate::hardware::Hardware;
use crate::machine::machine_id;
use crate::random::Random;

/// The length of a frame's destination address.
const MAC_BYTES: usize = 6;
/// The length of a frame in a piece: the frame's own length, its destination address and its number.
const PIECE_FRAME_BYTES: usize = 2 + MAC_BYTES + size_of::<usize>();

/// A frame that is accepted within this time after its domain has left must arrive. The network may lose a later one so often
/// that the source no longer forwards it, or that the destination, whose clock may run at four times the source's rate, no
/// longer accepts it.
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

/// The late frames of a simulation.
#[derive(Debug)]
pub struct LateFrames {
    tables: Vec<Table>,
    switches: Vec<Switch>,
    /// Draws which rings are full.
    rings: Random,
    /// Whether the frames in a tunnel's ring are lost when the switch is restarted, which is a mutant.
    are_rings_lost: bool,
    streams: u32,
    /// The checker.
    pub checker: Checker,
}

impl LateFrames {
    /// No frames, on this many machines.
    pub fn new(machines: usize, rings: Random, are_rings_lost: bool) -> LateFrames {
        LateFrames {
            tables: (0..machines).map(|_| Table::default()).collect(),
            switches: vec![Switch::default(); machines],
            rings,
            are_rings_lost,
            streams: 0,
            checker: Checker::new(machines),
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
            // Root may not have released the domain yet, because the machine stood still.
            let has_expired = rest_us == 0 && switch.away.contains_key(&domain);
            let is_too_late = has_expired || !is_leaving && rest_us < FORWARD_US - OBLIGED_US;
            let number = self.checker.accept(machine, domain);
            if is_too_late {
                self.checker.excuse(number);
            }
            self.tables[machine].handle_frame(&frame(domain, number));
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
        self.checker.hold(machine, transaction, domain);
        self.streams += 1;
        let of = port_move(transaction, peer, domain);
        self.tables[machine].hold(of, self.streams);
    }

    /// Forwards the frames for a domain that runs elsewhere. Root is about to release it, and has the switch keep its address, unless an
    /// earlier run of the migration server has had the domain released.
    pub fn forward(
        &mut self,
        now: Instant,
        (machine, hardware): (usize, &Hardware),
        transaction: TransactionId,
        domain: usize,
    ) {
        let now_us = now.as_us();
        self.tables[machine].forward(transaction, now_us);
        let switch = &mut self.switches[machine];
        if !switch.is_down && is_leaving(hardware, domain) {
            switch.away.insert(domain, now_us + FORWARD_US);
        }
    }

    /// Returns the frames for a domain that stays.
    pub fn revert(&mut self, machine: usize, transaction: TransactionId, hardware: &Hardware) {
        self.checker.revert(machine, transaction);
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
        self.checker
            .arrive(machine, transaction, domain, is_served(hardware, domain));
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
        let frames = numbers_in(&late);
        let reply = self.tables[machine].handle_late(now.as_us(), from, transaction, late);
        if reply.is_some() {
            self.checker.forward(machine, transaction, &frames);
        }
        self.deliver(machine, hardware);
        reply
    }

    /// The next time on a machine's clock at which it has something to send.
    pub fn poll_timeout_us(&self, machine: usize) -> Option<u64> {
        self.tables[machine].poll_timeout_us()
    }

    /// A machine's migration server is restarted, and continues these transactions: its table is lost. With `is_whole` the
    /// whole machine is restarted, and its switch with it.
    pub fn restart(
        &mut self,
        (machine, hardware): (usize, &Hardware),
        continued: &[Continued],
        is_whole: bool,
    ) {
        self.tables[machine] = Table::default();
        if is_whole {
            self.switches[machine] = Switch::default();
        }
        let away = self.switches[machine].away.keys().copied();
        let exported = hardware.root.entries.keys().copied();
        let domains = away.chain(exported.filter(|domain| is_leaving(hardware, *domain)));
        // Frames are held again for a domain whose move continues, and of which it is still undecided whether it leaves or
        // stays.
        let is_held = |domain: &usize| {
            let mut sources = continued.iter().filter(|it| it.side == Side::Source);
            is_leaving(hardware, *domain) && sources.any(|it| it.domain == *domain)
        };
        let has_left = domains.filter(|domain| !is_held(domain)).collect();
        self.checker.restart(machine, continued, has_left);
    }

    /// The transactions whose frames a machine's table still holds or accepts.
    pub fn transactions(&self, machine: usize) -> impl Iterator<Item = TransactionId> {
        self.tables[machine].transactions()
    }

    /// A machine's switch ends.
    pub fn end_switch(&mut self, machine: usize) {
        let ended = std::mem::take(&mut self.switches[machine]);
        self.switches[machine].is_down = true;
        for number in ended.buffer {
            self.checker.excuse(number);
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

    /// Passes on the frames that wait in a switch's buffer.
    pub fn empty_buffer(&mut self, now: Instant, machine: usize, hardware: &Hardware) {
        for number in std::mem::take(&mut self.switches[machine].buffer) {
            let domain = self.checker.domain_of(number);
            let is_away = self.switches[machine].rest_us(now, domain) > 0;
            if is_served(hardware, domain) {
                self.checker.count_arrival(number);
            } else if is_leaving(hardware, domain) || is_away {
                // Frames that came after it may have reached the table already.
                self.checker.allow_overtaking(number);
                self.checker.enter(machine, number);
                self.tables[machine].handle_frame(&frame(domain, number));
            } else {
                self.checker.lose(number);
            }
        }
        self.deliver(machine, hardware);
    }

    /// Delivers the frames that a machine's table returns to the switch.
    fn deliver(&mut self, machine: usize, hardware: &Hardware) {
        while !self.switches[machine].is_down
            && let Some(frame) = self.tables[machine].inward()
        {
            let number = number_of(frame);
            self.tables[machine].put();
            let domain = self.checker.domain_of(number);
            if !is_served(hardware, domain) {
                self.checker.lose(number);
            } else if self.waits_before(machine, domain) || self.rings.permille(FULL_PERMILLE) {
                self.switches[machine].buffer.push(number);
            } else {
                self.checker.count_arrival(number);
            }
        }
    }

    /// Whether frames for a domain wait in a switch's buffer. Those that follow wait behind them.
    fn waits_before(&self, machine: usize, domain: usize) -> bool {
        let mut waiting = self.switches[machine].buffer.iter();
        waiting.any(|number| self.checker.domain_of(*number) == domain)
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

/// The numbers of the frames in a message. Frames never begin in one piece and end in the next, since their length divides a piece's.
fn numbers_in(late: &Late) -> Vec<usize> {
    let Late::Piece { bytes, .. } = late else {
        return Vec::new();
    };
    let frames = bytes.chunks_exact(PIECE_FRAME_BYTES);
    frames.map(|frame| number_of(&frame[2..])).collect()
}

const _: () = assert!(PIECE_BYTES_MAX.is_multiple_of(PIECE_FRAME_BYTES));
