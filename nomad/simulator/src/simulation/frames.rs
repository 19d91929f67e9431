//! Late frames in a simulation: when they arrive, and the messages about them on the network.
//!
//! They have their own random numbers, so that seeds that tests name keep their runs.

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_protocol::{Instant, Late, TransactionId};
use nomad_shell::Frames;
use nomad_shell::late::table::FORWARD_US;

use super::event_queue::Scheduled;
use super::{Failure, JUDGE_EVERY_US, Simulation};
use crate::faults::{Faults, SwitchRestart};
use crate::frames::LateFrames;
use crate::frames::checker::Continued;
use crate::hardware::domain_number;
use crate::history::Violation;
use crate::machine::{Mutant, machine_id, machine_number};
use crate::outcome::{End, Outcome};
use crate::random::Random;
use crate::world::{Crash, domain_id};

/// The chance of a frame at each step of the domains, per thousand.
const FRAME_PERMILLE: u64 = 100;
/// The time within which frames must arrive after the faults.
const PATIENCE_US: u64 = 5_000_000;
/// The time after which no frames of an ended transaction are forwarded or accepted, even if a machine's clock runs at half the rate.
const EXPIRED_US: u64 = 2 * FORWARD_US + JUDGE_EVERY_US;

/// A message about late frames on the network.
#[derive(Clone, Debug)]
pub(super) struct LateDatagram {
    from: usize,
    pub to: usize,
    transaction: TransactionId,
    late: Late,
}

/// The late frames, and their random numbers.
pub(super) struct LateTraffic {
    pub frames: LateFrames,
    random: Random,
    receivers: Receivers,
}

/// The domains for which frames arrive from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receivers {
    All,
    /// The domain of this number.
    Only(usize),
    None,
}

impl LateTraffic {
    pub(super) fn new(faults: &Faults, mutant: Mutant) -> LateTraffic {
        let rings = Random::new(faults.hellos.seed.rotate_left(32));
        let are_rings_lost = mutant == Mutant::SwitchForgetsRings;
        LateTraffic {
            frames: LateFrames::new(faults.scale.machines, rings, are_rings_lost),
            random: Random::new(!faults.hellos.seed),
            receivers: Receivers::All,
        }
    }
}

impl Simulation {
    /// A machine's switch ends, unless it is down already.
    pub(super) fn end_switch(&mut self, restart: SwitchRestart) {
        let machine = restart.machine;
        if self.nodes[machine].is_connected(self.now) {
            self.trace(machine, || "the switch ends".to_owned());
            let down_us = restart.begin_us - restart.end_us;
            self.nodes[machine].unconnected_until = self.now.after_us(down_us);
            self.late_traffic.frames.end_switch(machine);
            self.after(down_us, Scheduled::SwitchBegins(machine));
        }
    }

    /// A machine's switch begins again.
    pub(super) fn begin_switch(&mut self, machine: usize) {
        self.trace(machine, || "the switch begins".to_owned());
        let hardware = self.world.machines[machine].hardware();
        self.late_traffic.frames.begin_switch(machine, hardware);
    }

    /// Passes on the frames that wait in the switches' buffers.
    pub(super) fn empty_buffers(&mut self) {
        for machine in 0..self.nodes.len() {
            if !self.nodes[machine].is_paused(self.now) {
                let local = self.local(machine);
                let hardware = self.world.machines[machine].hardware();
                let frames = &mut self.late_traffic.frames;
                frames.empty_buffer(local, machine, hardware);
            }
        }
    }

    /// Now and then, lets a frame for a domain arrive at a machine, or at two machines at once.
    pub(super) fn draw_frame(&mut self) {
        let traffic = &mut self.late_traffic;
        if !traffic.random.permille(FRAME_PERMILLE) {
            return;
        }
        let domain = match traffic.receivers {
            Receivers::All => traffic.random.below(self.faults.scale.domains as u64) as usize,
            Receivers::Only(domain) => domain,
            Receivers::None => return,
        };
        let reached = traffic.random.below(1 << self.nodes.len());
        for machine in (0..self.nodes.len()).filter(|machine| reached >> machine & 1 != 0) {
            if self.nodes[machine].is_active(self.now) {
                let local = self.local(machine);
                let hardware = self.world.machines[machine].hardware();
                let frames = &mut self.late_traffic.frames;
                frames.arrive(local, machine, domain, hardware);
            }
        }
    }

    /// Applies a decision of a machine's shell about the frames for a transaction's domain.
    pub(super) fn apply_frames(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        what: Frames,
    ) {
        let local = self.local(machine);
        let at = &self.world.machines[machine];
        let frames = &mut self.late_traffic.frames;
        let subject = at.subject(transaction);
        let is_forgotten = at.hardware().parts.mutant == Mutant::HeldFramesAreForgotten;
        match (what, subject) {
            (Frames::Hold, Some(subject)) => {
                let peer = machine_id(subject.peer);
                frames.hold(machine, transaction, peer, subject.number());
            }
            (Frames::Forward, Some(subject)) => {
                let at = (machine, at.hardware());
                frames.forward(local, at, transaction, subject.number());
            }
            (Frames::Accept(_), Some(subject)) => {
                let (peer, at) = (machine_id(subject.peer), (machine, at.hardware()));
                frames.accept(at, transaction, peer, subject.number());
            }
            (Frames::Revert, _) if !is_forgotten => {
                frames.revert(machine, transaction, at.hardware());
            }
            (Frames::End, _) => frames.end(local, machine, transaction),
            _ => {}
        }
    }

    /// Restarts a machine's migration server or the machine.
    pub(super) fn restart_frames(&mut self, machine: usize, crash: Crash) {
        let at = &self.world.machines[machine];
        let entries = at.shell.moves.ledger.entries();
        let continued = entries.map(|entry| Continued {
            transaction: entry.transaction,
            side: entry.side,
            domain: domain_number(entry.offer.domain),
        });
        let continued: Vec<Continued> = continued.collect();
        let frames = &mut self.late_traffic.frames;
        let at = (machine, at.hardware());
        frames.restart(at, &continued, crash == Crash::Machine);
    }

    /// Sends all messages about late frames that are due.
    pub(super) fn transmit_frames(&mut self) {
        for from in 0..self.nodes.len() {
            if self.nodes[from].is_active(self.now) {
                let local = self.local(from);
                for (to, transaction, late) in self.late_traffic.frames.poll(local, from) {
                    self.send_late(from, machine_number(to), transaction, late);
                }
            }
        }
    }

    fn send_late(&mut self, from: usize, to: usize, transaction: TransactionId, late: Late) {
        if self.is_cut_off(from, to) {
            return;
        }
        let random = &mut self.late_traffic.random;
        for at in self.faults.network.arrivals(self.now, random) {
            let late = late.clone();
            let datagram = LateDatagram {
                from,
                to,
                transaction,
                late,
            };
            self.queue.schedule(at.as_us(), Scheduled::Late(datagram));
        }
    }

    pub(super) fn deliver_late(&mut self, datagram: LateDatagram) {
        let LateDatagram {
            from,
            to,
            transaction,
            late,
        } = datagram;
        if !self.is_receiving(to) {
            return;
        }
        let local = self.local(to);
        let at = (to, self.world.machines[to].hardware());
        let frames = &mut self.late_traffic.frames;
        if let Some(reply) = frames.handle(local, at, from, (transaction, late)) {
            self.send_late(to, from, transaction, reply);
        }
    }

    /// The next time at which a machine sends a message about late frames again.
    pub(super) fn next_frames_at(&self, machine: usize) -> Option<Instant> {
        let due_us = self.late_traffic.frames.poll_timeout_us(machine)?;
        Some(self.nodes[machine].acts_at(Instant::from_us(due_us)))
    }

    /// The violation of the rule of late frames, if there is one.
    pub(super) fn frames_violation(&mut self) -> Option<(DomainId, Violation)> {
        let (domain, violation) = self.late_traffic.frames.checker.take_violation()?;
        let id = domain_id(domain);
        (!self.world.history.domains[&id].is_forced).then_some((id, violation))
    }

    /// Awaits the frames that are under way when all moves are over. Frames for a domain that runs nowhere are excused. All
    /// frames are excused after an outage that may have lasted as long as frames are forwarded. Then nothing of these moves
    /// may be left in the tables.
    pub(super) fn settle_frames(&mut self, ends: &BTreeMap<DomainId, End>) -> Result<(), Failure> {
        self.late_traffic.receivers = Receivers::None;
        let is_forgotten = self.faults.outlasts_forwarding();
        let runs = |outcome| matches!(outcome, Outcome::Moved | Outcome::Stayed);
        let excused = ends
            .iter()
            .filter(|(_, end)| is_forgotten || !runs(end.outcome));
        let excused: Vec<usize> = excused.map(|(id, _)| domain_number(*id)).collect();
        let checker = &mut self.late_traffic.frames.checker;
        checker.excuse_all(|domain| excused.contains(&domain));
        self.await_frames()?;
        self.advance(self.now.as_us() + EXPIRED_US)?;
        self.check_tables()?;
        self.late_traffic.frames.checker.forget_restarts();
        Ok(())
    }

    fn await_frames(&mut self) -> Result<(), Failure> {
        let give_up_us = self.now.as_us() + PATIENCE_US;
        while let Some(domain) = self.late_traffic.frames.checker.missing() {
            if self.now.as_us() >= give_up_us {
                return Err(Failure::Violation(domain_id(domain), Violation::FrameLost));
            }
            self.advance(self.now.as_us() + JUDGE_EVERY_US)?;
        }
        self.report.late_frames = self.late_traffic.frames.checker.arrived();
        Ok(())
    }

    /// Lets frames for a domain arrive from the wire again.
    pub(super) fn begin_frames(&mut self, domain: usize) {
        self.late_traffic.receivers = Receivers::Only(domain);
    }

    /// Lets no further frames arrive from the wire, and awaits those that are under way.
    pub(super) fn end_frames(&mut self) -> Result<(), Failure> {
        self.late_traffic.receivers = Receivers::None;
        self.await_frames()
    }

    /// Checks that the tables have entries of unfinished transactions only.
    fn check_tables(&self) -> Result<(), Failure> {
        for (number, machine) in self.world.machines.iter().enumerate() {
            let ledger = &machine.shell.moves.ledger;
            let is_over = |transaction: &TransactionId| {
                let mut entries = ledger.entries();
                entries.all(|entry| entry.transaction != *transaction)
            };
            let mut transactions = self.late_traffic.frames.transactions(number);
            if transactions.any(|transaction| is_over(&transaction)) {
                return Err(Failure::FramesLeft(number));
            }
        }
        Ok(())
    }
}
