//! The handling of each event of the queue, by kind.

use nomad_client::command::Destination;
use nomad_client::{Command, Event};
use nomad_protocol::{Cancelled, Envelope, Instant, Message, Side, Step, TransactionId};
use nomad_transport::Datagram as PageDatagram;

use super::event_queue::Scheduled;
use super::hellos::Greeting;
use super::page_links::PageLink;
use super::setup::PAGES;
use super::{IDLE_STEP_EVERY_US, STEP_EVERY_US, Simulation};
use crate::faults::{
    FREEZE_US, ForeignFreeze, Pause, PlannedCrash, PlannedDrain, RootCall, SwitchRestart, When,
};
use crate::machine::domain_name;
use crate::memory::PageUse;
use crate::network::{Datagram, NetworkConditions};
use crate::world::{Crash, domain_id};

impl Simulation {
    pub(super) fn handle_event(&mut self, due: Scheduled) {
        if let Some(machine) = self.machine_of(&due)
            && self.nodes[machine].is_paused(self.now)
        {
            return self.defer_until_pause_ends(machine, due);
        }
        match due {
            Scheduled::Datagram(datagram) => self.deliver(datagram),
            Scheduled::Event {
                machine,
                life,
                transaction,
                event,
            } if life == self.nodes[machine].life => {
                let local = self.local(machine);
                self.world.report_event(local, machine, transaction, event);
            }
            Scheduled::Copy {
                machine,
                life,
                transaction,
            } if life == self.nodes[machine].life => self.copy(machine, transaction),
            Scheduled::GiveBack {
                machine,
                life,
                transaction,
            } if life == self.nodes[machine].life => {
                let local = self.local(machine);
                self.world.give_back(local, machine, transaction);
            }
            // nomad scheduled these before a crash, so they are dropped.
            Scheduled::Event { .. } | Scheduled::Copy { .. } | Scheduled::GiveBack { .. } => {}
            Scheduled::NotifyBroken {
                machine,
                transaction,
            } => {
                let local = self.local(machine);
                self.world.notify_broken(local, machine, transaction);
            }
            Scheduled::Late(datagram) => self.deliver_late(datagram),
            Scheduled::Greeting(greeting) => self.deliver_greeting(greeting),
            Scheduled::Renumber(renumbering) => self.renumber(renumbering),
            Scheduled::Step => self.step(),
            Scheduled::Interfere => self.interfere(),
            Scheduled::Move(domain) => self.move_away(domain),
            Scheduled::Drain(drain) => self.drain(drain),
            Scheduled::Cancel(machine) => self.cancel(machine),
            Scheduled::Break => self.break_streams(),
            Scheduled::Cut(is_cut) => self.is_cut = is_cut,
            Scheduled::Crash(crash) => self.crash(crash),
            Scheduled::Pause(pause) => self.pause(pause),
            Scheduled::SwitchEnds(restart) => self.end_switch(restart),
            Scheduled::SwitchBegins(machine) => self.begin_switch(machine),
            Scheduled::ForeignFreeze(freeze) => self.freeze_by_another(freeze),
            Scheduled::Decide => self.decide(),
            Scheduled::EndFaults => self.end_faults(),
        }
        self.schedule_broken_notices();
    }

    /// The machine whose pause defers this event, if any.
    fn machine_of(&self, due: &Scheduled) -> Option<usize> {
        match due {
            Scheduled::Datagram(datagram) => Some(datagram.to),
            Scheduled::Late(datagram) => Some(datagram.to),
            Scheduled::Event { machine, .. }
            | Scheduled::Copy { machine, .. }
            | Scheduled::GiveBack { machine, .. }
            | Scheduled::NotifyBroken { machine, .. }
            | Scheduled::Drain(PlannedDrain { machine, .. })
            | Scheduled::SwitchEnds(SwitchRestart { machine, .. })
            | Scheduled::SwitchBegins(machine)
            | Scheduled::Cancel(machine) => Some(*machine),
            Scheduled::Greeting(Greeting::Hello { to, .. } | Greeting::Response { to, .. }) => {
                Some(*to)
            }
            Scheduled::Greeting(Greeting::Probe { at, .. }) => self.world.machine_at(*at),
            // A paused machine can be turned off.
            Scheduled::Crash(crash) if crash.crash == Crash::Nomad => Some(crash.machine),
            _ => None,
        }
    }

    /// Defers an event of a paused machine to the end of the pause, in the same order; datagrams may be lost.
    fn defer_until_pause_ends(&mut self, machine: usize, due: Scheduled) {
        let is_lossy = self.faults.pause.is_some_and(|pause| pause.is_lossy);
        if is_lossy
            && matches!(
                due,
                Scheduled::Datagram(_) | Scheduled::Greeting(_) | Scheduled::Late(_)
            )
        {
            return;
        }
        let until_us = self.nodes[machine].paused_until.as_us();
        self.queue.schedule(until_us, due);
    }

    fn deliver(&mut self, datagram: Datagram) {
        let Datagram {
            from,
            to,
            sent,
            bytes,
        } = datagram;
        if !self.is_receiving(to) {
            return;
        }
        if PageDatagram::is_one(&bytes) {
            self.deliver_pages(to, &bytes);
        } else {
            let local = self.local(to);
            self.record_commit(to, sent, &bytes);
            let effects = self.world.deliver(local, to, from, &bytes);
            self.apply_effects(to, effects, false);
        }
    }

    /// Records when a Commit that arrives was sent.
    fn record_commit(&mut self, to: usize, sent: Instant, bytes: &[u8]) {
        let sent = self.times(sent);
        if let Some(clocks) = &mut self.world.clocks
            && clocks.awaits_commit(to)
            && let Ok(envelope) = Envelope::decode(bytes)
            && let Message::Transaction(transaction, Step::Commit { .. }) = envelope.message
        {
            clocks.record_commit(transaction, sent);
        }
    }

    fn copy(&mut self, machine: usize, transaction: TransactionId) {
        let local = self.local(machine);
        let link = self.page_links.get(&transaction);
        let round_trip_us = link.map_or(0, PageLink::round_trip_us);
        let effects = self
            .world
            .send_piece(local, machine, transaction, round_trip_us);
        self.apply_effects(machine, effects, false);
    }

    fn break_streams(&mut self) {
        let streams = self.world.streams.values_mut();
        streams.for_each(|stream| stream.break_off());
    }

    fn step(&mut self) {
        for machine in 0..self.nodes.len() {
            for domain in 0..self.faults.scale.domains {
                let page = self.random.below(PAGES as u64);
                if !self.nodes[machine].is_paused(self.now) {
                    self.steps += 1;
                    let page_use = PageUse::of_number(self.steps + page);
                    self.world.run(machine, domain_id(domain), page, page_use);
                }
            }
        }
        self.empty_buffers();
        self.draw_frame();
        let mut dirty_logs = self.world.machines.iter().flat_map(|machine| {
            let domains = machine.hardware().kernel.domains.values();
            domains.map(|domain| domain.dirty.is_some())
        });
        let every_us = if dirty_logs.any(|is_on| is_on) {
            STEP_EVERY_US
        } else {
            IDLE_STEP_EVERY_US
        };
        self.after(every_us, Scheduled::Step);
    }

    fn interfere(&mut self) {
        let Some(every_us) = self.faults.interference_us else {
            return;
        };
        for machine in 0..self.nodes.len() {
            for domain in 0..self.faults.scale.domains {
                let page = self.random.below(PAGES as u64);
                if !self.nodes[machine].is_paused(self.now) {
                    self.world.interfere(machine, domain_id(domain), page);
                }
            }
        }
        let after_us = 1 + self.random.below(2 * every_us);
        self.after(after_us, Scheduled::Interfere);
    }

    /// Moves a domain to another machine, drawn at random.
    fn move_away(&mut self, domain: usize) {
        let domain = domain_id(domain);
        for machine in 0..self.nodes.len() {
            let is_active = self.nodes[machine].is_active(self.now);
            if is_active && self.world.is_running(machine, domain) {
                let to = self.other_machine(machine);
                // The offer is rightly refused while an earlier move is not over.
                self.offer(machine, to, domain);
            }
        }
        self.perform_actions();
        let machines = self.world.machines.iter();
        let entries = machines.flat_map(|machine| machine.shell.moves.ledger.entries());
        let leaving = entries.filter(|entry| entry.side == Side::Source).count();
        self.report.leaving_at_once = self.report.leaving_at_once.max(leaving);
    }

    /// Draws a machine that is not this one.
    pub(super) fn other_machine(&mut self, machine: usize) -> usize {
        let machines = self.nodes.len();
        let others = machines as u64 - 1;
        // With only one other machine, nothing is drawn.
        let step = match others {
            1 => 1,
            _ => 1 + self.random.below(others) as usize,
        };
        (machine + step) % machines
    }

    /// Begins a drain, unless the machine is down, or was paused until the faults have ended.
    fn drain(&mut self, PlannedDrain { machine, to, .. }: PlannedDrain) {
        let is_early = self.now.as_us() < self.faults.end_us();
        if is_early && self.nodes[machine].is_active(self.now) {
            let local = self.local(machine);
            let name = |to: usize| self.world.machines[to].shell.machines().own().name;
            let to = to.map(|to| Destination::Named(name(to)));
            self.world.command(local, machine, Command::Drain(to));
            self.perform_actions();
        }
    }

    /// Ends all drains, and records how far they came. A drain of a machine whose nomad was restarted has ended already.
    pub(super) fn end_drains(&mut self) {
        for machine in 0..self.nodes.len() {
            let status = self.world.machines[machine].shell.drain_status();
            if let Some(status) = status {
                let local = self.local(machine);
                self.world.command(local, machine, Command::Undrain);
                self.report.drained.push(status);
            }
        }
    }

    /// Cancels the moves from a machine by its operator's command, and the moves to it directly in its ledger.
    fn cancel(&mut self, machine: usize) {
        let local = self.local(machine);
        for number in 0..self.faults.scale.domains {
            let name = domain_name(number);
            let events = self.world.command(local, machine, Command::Cancel(name));
            if events.contains(&Event::Cancelled(name, Cancelled::Now)) {
                self.report.aborts.insert("Cancelled".to_owned());
            }
        }
        let ledger = &mut self.world.machines[machine].shell.moves.ledger;
        let entries = ledger
            .entries()
            .filter(|entry| entry.side == Side::Destination);
        let coming: Vec<TransactionId> = entries.map(|entry| entry.transaction).collect();
        for transaction in coming {
            if ledger.cancel(local, transaction) == Ok(Cancelled::Now) {
                self.report.aborts.insert("Cancelled".to_owned());
            }
        }
    }

    pub(super) fn crash(&mut self, crash: PlannedCrash) {
        let machine = crash.machine;
        self.trace(machine, || format!("crash: {crash:?}"));
        self.report_crash(crash);
        let node = &self.nodes[machine];
        let restarted = node.off_until.max(self.now.after_us(crash.down_us));
        let local = node.clock.shows(restarted);
        let effects = self.world.crash(local, machine, crash.crash);
        self.restart_frames(machine, crash.crash);
        self.notify_slowly(machine);
        let node = &mut self.nodes[machine];
        node.life += 1;
        node.down_until = restarted;
        if crash.crash == Crash::Machine {
            node.off_until = restarted;
            node.paused_until = self.now;
        }
        self.apply_effects(machine, effects, false);
    }

    fn report_crash(&mut self, crash: PlannedCrash) {
        let ledger = &self.world.machines[crash.machine].shell.moves.ledger;
        let phase = ledger.entries().next();
        let phase = phase.map_or("idle".to_owned(), |entry| {
            format!("{:?} {:?}", entry.side, entry.phase)
        });
        let what = match (crash.crash, crash.when) {
            (Crash::Nomad, When::WhileRecording(_)) => "record",
            (Crash::Nomad, When::WhileWriting { .. }) => "write",
            (Crash::Nomad, When::WithinStep) => "step",
            (Crash::Nomad, _) => "nomad",
            (Crash::Machine, _) => "machine",
        };
        self.report.crashes.insert((phase, what));
    }

    fn pause(&mut self, pause: Pause) {
        let ledger = &self.world.machines[pause.machine].shell.moves.ledger;
        self.report.pauses += usize::from(ledger.entries().next().is_some());
        self.trace(pause.machine, || format!("pause until {} us", pause.end_us));
        self.nodes[pause.machine].paused_until = Instant::from_us(pause.end_us);
    }

    fn freeze_by_another(&mut self, freeze: ForeignFreeze) {
        for machine in 0..self.nodes.len() {
            let deadline = self.local(machine).after_us(freeze.for_us);
            if !self.nodes[machine].is_paused(self.now) {
                let hardware = self.world.machines[machine].hardware_mut();
                let entry = hardware.root.entries.get(&freeze.domain);
                if let Some(id) = entry.map(|entry| entry.id) {
                    hardware.kernel.freeze(id, Some(deadline));
                }
            }
        }
    }

    pub(super) fn end_faults(&mut self) {
        self.end_drains();
        self.forget_forced();
        self.is_cut = false;
        self.faults.network = NetworkConditions::FAIR;
        self.faults.interference_us = None;
        self.faults.crashes.clear();
        self.faults.one_way = None;
        for node in &mut self.nodes {
            node.paused_until = node.paused_until.min(self.now);
        }
        for machine in &mut self.world.machines {
            let hardware = machine.hardware_mut();
            hardware.parts.freeze_us = FREEZE_US;
            hardware.local.clear();
            hardware.points.clear();
            hardware
                .root_faults
                .retain(|fault| fault.call == RootCall::Unretire);
        }
    }
}
