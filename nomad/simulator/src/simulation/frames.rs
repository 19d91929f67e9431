//! Late frames in a simulation: when they arrive, and the messages about them on the network.
//!
//! They have their own random numbers, so that seeds that tests name keep their runs.

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_protocol::{Instant, Late, PhaseName, Side, TransactionId};
use nomad_shell::Frames;

use super::event_queue::Scheduled;
use super::{Failure, JUDGE_EVERY_US, Simulation};
use crate::faults::{Faults, SwitchRestart};
use crate::frames::LateFrames;
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
    is_over: bool,
}

impl LateTraffic {
    pub(super) fn new(faults: &Faults, mutant: Mutant) -> LateTraffic {
        let rings = Random::new(faults.hellos.seed.rotate_left(32));
        let are_rings_lost = mutant == Mutant::SwitchForgetsRings;
        LateTraffic {
            frames: LateFrames::new(faults.scale.machines, rings, are_rings_lost),
            random: Random::new(!faults.hellos.seed),
            is_over: false,
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

    /// Moves the frames on that wait in the switches' buffers.
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

    /// Lets a frame for a domain arrive at a machine, or at two at once, now and then.
    pub(super) fn draw_frame(&mut self) {
        let traffic = &mut self.late_traffic;
        if traffic.is_over || !traffic.random.permille(FRAME_PERMILLE) {
            return;
        }
        let domain = traffic.random.below(self.faults.scale.domains as u64) as usize;
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
                frames.forward(local, machine, transaction, subject.number());
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

    /// Restarts a machine's migration server or the machine. As `Server::resume_frames` does, the former then holds or accepts the
    /// frames of the transactions that go on.
    pub(super) fn restart_frames(&mut self, machine: usize, crash: Crash) {
        let frames = &mut self.late_traffic.frames;
        frames.restart(machine, crash == Crash::Machine);
        let ledger = &self.world.machines[machine].shell.moves.ledger;
        let entries = ledger.entries();
        let entries =
            entries.map(|entry| (entry.transaction, entry.side, entry.phase, entry.offer.name));
        let entries: Vec<_> = entries.collect();
        for (transaction, side, phase, name) in entries {
            match (side, phase) {
                (Side::Source, _) => {
                    let moves = &mut self.world.machines[machine].shell.moves;
                    if moves.outgoing(transaction).is_some() {
                        self.apply_frames(machine, transaction, Frames::Hold);
                    }
                }
                (Side::Destination, PhaseName::Activate) => {
                    self.apply_frames(machine, transaction, Frames::Accept(name));
                }
                (Side::Destination, _) => {}
            }
        }
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
        let (domain, violation) = self.late_traffic.frames.take_violation()?;
        let id = domain_id(domain);
        (!self.world.history.domains[&id].is_forced).then_some((id, violation))
    }

    /// Awaits the frames that are under way when all moves are over. Those for a domain that runs nowhere are excused, and
    /// after an outage that may be as long as frames are forwarded all of them.
    pub(super) fn settle_frames(&mut self, ends: &BTreeMap<DomainId, End>) -> Result<(), Failure> {
        self.late_traffic.is_over = true;
        let is_forgotten = self.faults.outlasts_forwarding();
        let runs = |outcome| matches!(outcome, Outcome::Moved | Outcome::Stayed);
        let excused = ends
            .iter()
            .filter(|(_, end)| is_forgotten || !runs(end.outcome));
        let excused: Vec<usize> = excused.map(|(id, _)| domain_number(*id)).collect();
        let frames = &mut self.late_traffic.frames;
        frames.excuse(|domain| excused.contains(&domain));
        let give_up_us = self.now.as_us() + PATIENCE_US;
        while let Some(domain) = self.late_traffic.frames.missing() {
            if self.now.as_us() >= give_up_us {
                return Err(Failure::Violation(domain_id(domain), Violation::FrameLost));
            }
            self.advance(self.now.as_us() + JUDGE_EVERY_US)?;
        }
        self.report.late_frames = self.late_traffic.frames.arrived();
        Ok(())
    }
}
