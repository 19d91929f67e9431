//! The transitions of a state, and their application.

use identity::DomainId;
use nomad_protocol::{Action, LocalFailure, Timer, TransactionId};

use super::{Datagram, NOW, State, Step, Strike, StrikeKind, Transition};
use crate::faults::{LocalFault, LocalStep};
use crate::machine::Machine;
use crate::memory::PageUse;
use crate::stream::Stream;
use crate::world::{Crash, Effect};

impl State {
    pub(super) fn messages(&self, transitions: &mut Vec<Transition>) {
        transitions.extend(self.sent.iter().cloned().map(Transition::Deliver));
        transitions.extend(self.replayable().map(Transition::Replay));
        for (transaction, stream) in &self.world.streams {
            if !stream.in_flight.is_empty() {
                transitions.push(Transition::Arrive(*transaction));
            }
            if stream.broken.is_none() && self.left.breaks > 0 {
                transitions.push(Transition::Break(*transaction));
            }
            let to_notify = self
                .numbers()
                .filter(|machine| stream.is_to_notify(*machine));
            let notify = |machine| Transition::NotifyBroken(machine, *transaction);
            transitions.extend(to_notify.map(notify));
        }
    }

    pub(super) fn deadlines(&self, transitions: &mut Vec<Transition>) {
        let machines = self.world.machines.iter();
        let mut kernels = machines.map(|machine| &machine.hardware().kernel);
        if self.left.deadlines > 0 && kernels.any(|kernel| kernel.next_deadline().is_some()) {
            transitions.push(Transition::Deadline);
        }
    }

    pub(super) fn local(&self, machine: usize, transitions: &mut Vec<Transition>) {
        let Machine { shell, sending, .. } = &*self.world.machines[machine];
        let limits: &[Timer] = match self.left.limits {
            0 => &[],
            _ => &[Timer::Limit, Timer::Deadline],
        };
        for timer in [Timer::Repeat].iter().chain(limits).copied() {
            let expire = |transaction| Transition::Expire(machine, transaction, timer);
            transitions.extend(shell.moves.ledger.armed(timer).map(expire));
        }
        let copied = |transaction: &TransactionId| Transition::Copied(machine, *transaction);
        transitions.extend(sending.keys().map(copied));
        for domain in self.world.domains() {
            if self.world.is_running(machine, domain) {
                self.running(machine, domain, transitions);
            }
        }
    }

    fn running(&self, from: usize, domain: DomainId, transitions: &mut Vec<Transition>) {
        if self.left.offers > 0 {
            let others = self.numbers().filter(|to| *to != from);
            transitions.extend(others.map(|to| Transition::Offer { from, to, domain }));
        }
        if self.left.steps > 0 {
            transitions.push(Transition::Run(from, domain));
        }
    }

    pub(super) fn faults(&self, machine: usize, transitions: &mut Vec<Transition>) {
        if self.left.crashes[machine] > 0 {
            let crashes = [Crash::Nomad, Crash::Machine];
            transitions.extend(crashes.map(|crash| Transition::Crash(machine, crash)));
        }
        let Self { world, left, .. } = self;
        if left.cancels > 0 {
            let entries = world.machines[machine].shell.moves.ledger.entries();
            transitions.extend(entries.map(|entry| Transition::Cancel(machine, entry.transaction)));
        }
        if left.interferences > 0 {
            let entries = world.machines[machine].hardware().root.entries.values();
            let here = entries.filter(|entry| !entry.comes());
            transitions.extend(here.map(|entry| Transition::Interfere(machine, entry.id)));
        }
    }

    /// The transition with a strike of each kind at each of the actions that it leads to. A strike that does not fit its
    /// action is dropped when it is tried.
    pub(super) fn strikes_during(&self, transition: &Transition) -> Vec<Step> {
        let kinds = self.strike_kinds();
        let mut undisturbed = self.clone();
        if kinds.is_empty() || !undisturbed.apply(transition) {
            return Vec::new();
        }
        let actions = undisturbed.perform_all(None).unwrap_or(0);
        // A strike before the first action can lose what has arrived on a stream before anything follows from it. After any
        // other transition, such a strike is the same as a crash without the transition.
        let first = match transition {
            Transition::Arrive(_) => 0,
            _ => 1,
        };
        let strikes = (first..=actions).flat_map(|action| {
            let strike = move |kind: &StrikeKind| Strike {
                action,
                kind: *kind,
            };
            kinds.iter().map(strike)
        });
        let step = |strike| Step {
            transition: transition.clone(),
            strike: Some(strike),
        };
        strikes.map(step).collect()
    }

    fn strike_kinds(&self) -> Vec<StrikeKind> {
        let mut kinds = Vec::new();
        if self.left.crashes.iter().any(|left| *left > 0) {
            kinds.extend([Crash::Nomad, Crash::Machine].map(StrikeKind::Crash));
        }
        if self.left.torn_records > 0 {
            kinds.push(StrikeKind::TornRecord);
        }
        if self.left.failures > 0 {
            kinds.push(StrikeKind::Fail);
        }
        kinds
    }

    /// Applies a transition. Returns whether that was possible.
    pub(super) fn apply(&mut self, transition: &Transition) -> bool {
        let world = &mut self.world;
        match transition {
            Transition::Offer { from, to, domain } => {
                // The next random number becomes the transaction's id.
                world.machines[*from].hardware_mut().draw = u128::from(self.left.offers);
                self.left.offers -= 1;
                return world.offer(NOW, *from, *to, *domain);
            }
            Transition::Deliver(datagram) => datagram.deliver(world),
            Transition::Expire(machine, transaction, timer) => {
                self.left.limits -= u8::from(*timer != Timer::Repeat);
                world.expire(NOW, *machine, *transaction, *timer);
            }
            Transition::Copied(machine, transaction) => {
                return self.send_piece(*machine, *transaction);
            }
            Transition::Arrive(transaction) => {
                if world.announce(NOW, *transaction) {
                    return true;
                }
                // A round or freeze arrives whole.
                let stream = world.streams.get(transaction);
                let count = stream.and_then(Stream::items_to_end).unwrap_or(0);
                return count > 0 && (0..count).all(|_| world.arrive(NOW, *transaction));
            }
            Transition::Break(transaction) => {
                self.left.breaks -= 1;
                let stream = world.streams.get_mut(transaction);
                stream.expect("listed").break_off();
            }
            Transition::Replay(transaction) => self.replay(*transaction),
            Transition::NotifyBroken(machine, transaction) => {
                world.notify_broken(NOW, *machine, *transaction);
            }
            Transition::Cancel(machine, transaction) => {
                self.left.cancels -= 1;
                let ledger = &mut world.machines[*machine].shell.moves.ledger;
                return ledger.cancel(NOW, *transaction).is_ok();
            }
            Transition::Run(machine, domain) => {
                self.left.steps -= 1;
                world.run(
                    *machine,
                    *domain,
                    u64::from(self.left.steps),
                    PageUse::Write,
                );
            }
            Transition::Interfere(machine, domain) => {
                self.left.interferences -= 1;
                world.interfere(*machine, *domain, 0);
            }
            Transition::Deadline => {
                self.left.deadlines -= 1;
                self.pass_deadlines();
            }
            Transition::Crash(machine, crash) => {
                self.left.crashes[*machine] -= 1;
                world.crash(NOW, *machine, *crash);
            }
        }
        true
    }

    /// Applies a strike before the first action; returns the strike that is left.
    pub(super) fn strike_at_once(&mut self, step: &Step) -> Option<Option<Strike>> {
        match (&step.transition, step.strike) {
            (Transition::Arrive(transaction), Some(Strike { action: 0, kind })) => {
                let StrikeKind::Crash(crash) = kind else {
                    return None;
                };
                let machine = self.world.streams.get(transaction)?.ends[1];
                self.crash(machine, crash)?;
                Some(None)
            }
            (_, strike) => Some(strike),
        }
    }

    /// Performs the pending actions of all machines, with a strike at one of them. Returns the number of actions,
    /// or `None` if the strike does not fit its action or exceeds the bounds.
    pub(super) fn perform_all(&mut self, strike: Option<Strike>) -> Option<usize> {
        let mut performed = 0;
        self.set_draws();
        while let Some((machine, transaction, action)) = self.poll() {
            performed += 1;
            let kind = strike.filter(|strike| strike.action == performed);
            let kind = kind.map(|strike| strike.kind);
            let store = &self.world.machines[machine].hardware().record_store;
            let older = store.plain_record(transaction);
            let is_record = matches!(action, Action::Record(_));
            if kind == Some(StrikeKind::Fail) {
                self.left.failures = self.left.failures.checked_sub(1)?;
                self.fail(machine, LocalStep::of(&action)?);
            }
            let effects = self.world.perform(NOW, machine, transaction, action);
            self.forget_failures(machine);
            match (kind, older) {
                (Some(StrikeKind::TornRecord), Some(older)) if is_record => {
                    self.left.torn_records = self.left.torn_records.checked_sub(1)?;
                    let store = &mut self.world.machines[machine].hardware_mut().record_store;
                    store.leave_older(transaction, older);
                    self.crash(machine, Crash::Nomad)?;
                }
                (Some(StrikeKind::TornRecord), _) => return None,
                (Some(StrikeKind::Crash(crash)), _) => {
                    self.apply_effects(machine, effects);
                    self.crash(machine, crash)?;
                }
                (Some(StrikeKind::Fail) | None, _) => self.apply_effects(machine, effects),
            }
        }
        self.forget_streams();
        Some(performed)
    }

    fn poll(&mut self) -> Option<(usize, TransactionId, Action)> {
        self.numbers().find_map(|machine| {
            let (transaction, action) = self.world.poll(machine)?;
            Some((machine, transaction, action))
        })
    }

    fn crash(&mut self, machine: usize, crash: Crash) -> Option<()> {
        self.left.crashes[machine] = self.left.crashes[machine].checked_sub(1)?;
        self.world.crash(NOW, machine, crash);
        self.set_draws();
        Some(())
    }

    /// Has the next step of this kind fail on a machine.
    fn fail(&mut self, machine: usize, step: LocalStep) {
        let (failure, times) = (LocalFailure::NoMemory, 1);
        let fault = LocalFault {
            machine,
            step,
            failure,
            times,
        };
        self.world.machines[machine]
            .hardware_mut()
            .local
            .push(fault);
    }

    fn forget_failures(&mut self, machine: usize) {
        let hardware = self.world.machines[machine].hardware_mut();
        hardware.local.clear();
        hardware.failed.clear();
    }

    fn apply_effects(&mut self, machine: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Event(transaction, event) => {
                    self.world.report_event(NOW, machine, transaction, event);
                }
                Effect::GiveBack(transaction) => self.world.give_back(NOW, machine, transaction),
                Effect::Send { to, bytes } => {
                    self.note_sent(&bytes);
                    self.set_draws();
                    self.sent.insert(Datagram::new(machine, to, bytes));
                }
                Effect::Hello(_) | Effect::Probe(..) => {}
                Effect::Sending(_) | Effect::Streamed(..) | Effect::Frames(..) => {}
            }
        }
    }

    fn forget_streams(&mut self) {
        let machines = &self.world.machines;
        self.world.streams.retain(|transaction, _| {
            let ledgers = machines.iter().map(|machine| &machine.shell.moves.ledger);
            let mut entries = ledgers.flat_map(|ledger| ledger.entries());
            entries.any(|entry| entry.transaction == *transaction)
        });
    }

    fn numbers(&self) -> std::ops::Range<usize> {
        0..self.world.machines.len()
    }
}
