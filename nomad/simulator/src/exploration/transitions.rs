//! What may happen to a state, and what it does to it.

use nomad_protocol::{Action, Cancelled, DomainId, LocalFailure, Timer, TransactionId};

use super::{Datagram, NOW, State, Step, Strike, StrikeKind, Transition};
use crate::faults::failed;
use crate::machine::Effect;
use crate::world::Crash;

impl State {
    pub(super) fn messages(&self, transitions: &mut Vec<Transition>) {
        transitions.extend(self.sent.iter().cloned().map(Transition::Deliver));
        for (transaction, stream) in &self.world.streams {
            if !stream.in_flight.is_empty() {
                transitions.push(Transition::Arrive(*transaction));
            }
            if stream.broken.is_none() && self.left.breaks > 0 {
                transitions.push(Transition::Break(*transaction));
            }
            let to_tell = self.numbers().filter(|machine| stream.is_to_tell(*machine));
            let tell = |machine| Transition::TellBroken(machine, *transaction);
            transitions.extend(to_tell.map(tell));
        }
    }

    pub(super) fn deadlines(&self, transitions: &mut Vec<Transition>) {
        let mut kernels = self.world.machines.iter().map(|machine| &machine.kernel);
        if self.left.deadlines > 0 && kernels.any(|kernel| kernel.next_deadline().is_some()) {
            transitions.push(Transition::Deadline);
        }
    }

    pub(super) fn local(&self, machine: usize, transitions: &mut Vec<Transition>) {
        let nomad = &self.world.machines[machine].nomad;
        let limit = (self.left.limits > 0).then_some(Timer::Limit);
        for timer in [Timer::Repeat].into_iter().chain(limit) {
            let expire = |transaction| Transition::Expire(machine, transaction, timer);
            transitions.extend(nomad.ledger.armed(timer).map(expire));
        }
        let copied = |transaction: &TransactionId| Transition::Copied(machine, *transaction);
        transitions.extend(nomad.copying.keys().map(copied));
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
            let entries = world.machines[machine].nomad.ledger.entries();
            transitions.extend(entries.map(|entry| Transition::Cancel(machine, entry.transaction)));
        }
        if left.interferences > 0 {
            let here = world.machines[machine].kernel.domains.keys();
            transitions.extend(here.map(|domain| Transition::Interfere(machine, *domain)));
        }
    }

    /// The same with each kind of strike at each of the actions that it leads to. A strike that does not fit the action
    /// is dropped when it is tried.
    pub(super) fn strikes_during(&self, transition: &Transition) -> Vec<Step> {
        let kinds = self.strike_kinds();
        let mut undisturbed = self.clone();
        if kinds.is_empty() || !undisturbed.happens(transition) {
            return Vec::new();
        }
        let actions = undisturbed.perform_all(None).unwrap_or(0);
        let strikes = (1..=actions).flat_map(|action| {
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

    /// Lets it happen. Returns whether it could.
    pub(super) fn happens(&mut self, transition: &Transition) -> bool {
        let world = &mut self.world;
        match transition {
            Transition::Offer { from, to, domain } => {
                let transaction = TransactionId(u128::from(self.left.offers));
                self.left.offers -= 1;
                let offered = world.offer(NOW, *from, *to, *domain, transaction);
                return offered.is_ok();
            }
            Transition::Deliver(datagram) => datagram.deliver(world),
            Transition::Expire(machine, transaction, timer) => {
                self.left.limits -= u8::from(*timer == Timer::Limit);
                world.expire(NOW, *machine, *transaction, *timer);
            }
            Transition::Copied(machine, transaction) => {
                return world.copy_some(NOW, *machine, *transaction, usize::MAX);
            }
            // The parcel of pages and the parcel that ends it.
            Transition::Arrive(transaction) => {
                return world.arrive(NOW, *transaction) && world.arrive(NOW, *transaction);
            }
            Transition::Break(transaction) => {
                self.left.breaks -= 1;
                let stream = world.streams.get_mut(transaction);
                stream.expect("listed").break_off();
            }
            Transition::TellBroken(machine, transaction) => {
                world.tell_broken(NOW, *machine, *transaction);
            }
            Transition::Cancel(machine, transaction) => {
                self.left.cancels -= 1;
                let ledger = &mut world.machines[*machine].nomad.ledger;
                return ledger.cancel(NOW, *transaction) != Cancelled::TooLate;
            }
            Transition::Run(machine, domain) => {
                self.left.steps -= 1;
                world.run(*machine, *domain, u64::from(self.left.steps));
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

    /// Has all machines perform what they have to, with a strike at one of the actions. Returns the number of actions,
    /// or nothing if the strike does not fit its action or must not happen any more.
    pub(super) fn perform_all(&mut self, strike: Option<Strike>) -> Option<usize> {
        let mut performed = 0;
        while let Some((machine, transaction, action)) = self.poll() {
            performed += 1;
            let strike = strike.filter(|strike| strike.action == performed);
            let effect = match strike.map(|strike| strike.kind) {
                Some(StrikeKind::Fail) => {
                    self.left.failures = self.left.failures.checked_sub(1)?;
                    Effect::Answer(failed(&action, LocalFailure::NoMemory)?)
                }
                _ => self.world.perform(NOW, machine, transaction, action),
            };
            match (strike.map(|strike| strike.kind), effect) {
                (Some(StrikeKind::TornRecord), Effect::Recorded(older)) => {
                    self.left.torn_records = self.left.torn_records.checked_sub(1)?;
                    let records = &mut self.world.machines[machine].records;
                    records.leave(transaction, older);
                    self.crash(machine, Crash::Nomad)?;
                }
                (Some(StrikeKind::TornRecord), _) => return None,
                (Some(StrikeKind::Crash(crash)), effect) => {
                    self.pass_on(machine, transaction, effect);
                    self.crash(machine, crash)?;
                }
                (_, effect) => self.pass_on(machine, transaction, effect),
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
        Some(())
    }

    fn pass_on(&mut self, machine: usize, transaction: TransactionId, effect: Effect) {
        match effect {
            Effect::Answer(event) => self.world.answer(NOW, machine, transaction, event),
            Effect::Send { to, envelope } => {
                self.sent.insert(Datagram::new(machine, to, &envelope));
            }
            _ => {}
        }
    }

    fn forget_streams(&mut self) {
        let machines = &self.world.machines;
        self.world.streams.retain(|transaction, _| {
            let ledgers = machines.iter().map(|machine| &machine.nomad.ledger);
            let mut entries = ledgers.flat_map(|ledger| ledger.entries());
            entries.any(|entry| entry.transaction == *transaction)
        });
    }

    fn numbers(&self) -> std::ops::Range<usize> {
        0..self.world.machines.len()
    }
}
