//! The shell: what happens to it, and in which order it has things done.
//!
//! ```text
//!   handle_*    a datagram, an event, an operator's command, the time
//!   poll        the next thing to say; if there is none, the ledger's next action is performed
//! ```
//!
//! The order of actions is the ledger's: each is done, and what it leads to said, before the next.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use nomad_client::RequestId;
use nomad_image::Name;
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    Action, DomainId, Envelope, Event, Here, Incarnation, Instant, MachineId, Message, Notice,
    Record, SourceAction, SourceEvent, Standing, Step, TargetAction, TargetEvent, TransactionId,
    Turn, Versions,
};
use service_protocol::root::{DomainRecord, DomainState, Refusal};

use crate::hook::Hook;
use crate::host::{Host, RootError};
use crate::machines::Machines;
use crate::moves::Moves;
use crate::moves::source::what_to_send;
use crate::output::{Frames, Job, Output, What};
use crate::postponed::{Postponed, Task};
use crate::roll_calls::{self, Purpose, RollCalls};

/// What a shell is told when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    /// What the ledger is told.
    pub here: Here,
    /// The fleet by name and address.
    pub machines: Machines,
    /// The versions that are offered to a target.
    pub versions: Versions,
    /// What is asked of a move.
    pub goals: Goals,
    /// Whether tests may have it stand still.
    pub has_hooks: bool,
}

/// The shell of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shell<H: Host> {
    /// What it calls.
    pub host: H,
    /// The transactions, and their domains.
    pub moves: Moves<H::Outgoing, H::Incoming>,
    /// Domains that other machines are asked about.
    pub(crate) roll_calls: RollCalls,
    /// Transactions that a page stream has come for.
    pub(crate) streams: BTreeSet<TransactionId>,
    /// At which request of an operator's a transaction began.
    pub(crate) requests: BTreeMap<TransactionId, RequestId>,
    /// What the tests asked for, if they may.
    pub(crate) hook: Option<Hook>,
    pub(crate) machines: Machines,
    pub(crate) versions: Versions,
    pub(crate) goals: Goals,
    postponed: Postponed,
    outputs: VecDeque<Output>,
}

impl<H: Host> Shell<H> {
    /// Goes on from the records of an earlier life, or begins with none.
    ///
    /// # Errors
    /// The host, and why not: root does not say what has become of a domain, and may later.
    pub fn resume(
        mut host: H,
        now: Instant,
        setting: Setting,
        records: Vec<Record>,
    ) -> Result<Shell<H>, (H, RootError)> {
        let moves = match Moves::resume(&mut host, now, setting.here, records) {
            Ok(moves) => moves,
            Err(error) => return Err((host, error)),
        };
        let mut shell = Shell {
            host,
            moves,
            roll_calls: RollCalls::default(),
            streams: BTreeSet::new(),
            requests: BTreeMap::new(),
            hook: setting.has_hooks.then(Hook::default),
            machines: setting.machines,
            versions: setting.versions,
            goals: setting.goals,
            postponed: Postponed::default(),
            outputs: VecDeque::new(),
        };
        shell.update_roll_calls(now);
        Ok(shell)
    }

    /// A machine of the fleet says this.
    pub fn handle_datagram(&mut self, now: Instant, from: MachineId, bytes: &[u8]) {
        if self.is_held() {
            return;
        }
        let envelope = match Envelope::decode(bytes) {
            Ok(envelope) => envelope,
            Err(error) => return log::warn!("from {from:?}: {error:?}"),
        };
        match envelope.message {
            Message::Asks(name, turn) => self.answer_roll(now, from, name, turn),
            Message::Answers(name, turn, standing) => {
                self.roll_calls.heard(now, from, (&name, turn), standing);
                self.call_rolls(now);
            }
            Message::Late(transaction, late) => self.say(Output::Late(from, transaction, late)),
            Message::Hello { .. } | Message::About(..) => {
                self.moves.ledger.handle_message(now, from, envelope);
            }
        }
    }

    /// An action is answered, or something has happened that a transaction is to know.
    pub fn handle_event(&mut self, now: Instant, transaction: TransactionId, event: Event) {
        self.moves.ledger.handle_event(now, transaction, event);
    }

    /// Lets everything happen that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_held() {
            return;
        }
        self.moves.ledger.handle_timeout(now);
        for task in self.postponed.take_due(now) {
            self.try_again(now, task);
        }
        self.call_rolls(now);
    }

    /// When to call [`Shell::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_held() {
            return None;
        }
        let ledger = self.moves.ledger.poll_timeout();
        ledger
            .into_iter()
            .chain(self.roll_calls.poll_timeout())
            .chain(self.postponed.poll_timeout())
            .min()
    }

    /// The next thing to say. To find it, performs what the ledger asks for.
    pub fn poll(&mut self, now: Instant) -> Option<Output> {
        loop {
            if let Some(output) = self.poll_output() {
                return Some(output);
            }
            let (transaction, action) = self.poll_action()?;
            if let Some(event) = self.perform(now, transaction, action) {
                self.handle_event(now, transaction, event);
            }
        }
    }

    /// The next thing to say, with nothing done for it.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next action to perform. Whoever does not call [`Shell::poll`] calls this, and then [`Shell::perform`].
    pub fn poll_action(&mut self) -> Option<(TransactionId, Action)> {
        match self.is_held() {
            true => None,
            false => self.moves.ledger.poll_action(),
        }
    }

    /// Performs an action; returns what the ledger is to be told, if that is known at once.
    pub fn perform(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        action: Action,
    ) -> Option<Event> {
        match action {
            Action::Send { to, envelope } => self.send(to, &envelope),
            Action::Record(record) => self.host.keep(&record),
            Action::Forget => self.host.end(transaction),
            Action::Notify(notice) => self.notify(now, transaction, notice),
            Action::Outlived {
                domain,
                incarnation,
                by,
            } => self.outlive(transaction, (domain, incarnation), by),
            Action::CloseStream => self.close_stream(transaction),
            Action::Source(action) => return self.perform_source(now, transaction, action),
            Action::Target(TargetAction::DiscardCopy) => return self.discard(now, transaction),
            Action::Target(action) => {
                let event = self.moves.step_target(&mut self.host, transaction, action);
                if event == Some(Event::Target(TargetEvent::Activated))
                    && let Some((name, _)) = self.moves.domain_of(transaction)
                {
                    self.say(Output::Frames(transaction, Frames::Welcome(name)));
                }
                return event;
            }
        }
        None
    }

    /// Gives the memory of a domain back that has left, as [`Output::GiveBack`] has asked; returns what the ledger is to be told,
    /// if root has done it.
    pub fn give_back(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let given = self.moves.give_back(&mut self.host, transaction);
        self.or_later(now, given, Task::GiveBack(transaction))
    }

    /// Gives up a copy that does not come; returns what the ledger is to be told, if root has done it.
    fn discard(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let discarded = self.moves.discard(&mut self.host, transaction);
        self.or_later(now, discarded, Task::Discard(transaction))
    }

    /// Has a domain run here that an operator has forced to; returns what the ledger is to be told, if root has answered for good.
    fn run_again(&mut self, now: Instant, transaction: TransactionId) -> Option<Event> {
        let done = self.moves.run_again(&mut self.host, transaction);
        let event = self.or_later(now, done, Task::RunAgain(transaction))?;
        if event == Event::Source(SourceEvent::Unretired) {
            self.say(Output::Frames(transaction, Frames::Revert));
        }
        Some(event)
    }

    /// What was done, or nothing yet: then it is tried again later.
    fn or_later<T>(&mut self, now: Instant, done: Result<T, RootError>, task: Task) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(error) => {
                log::warn!("root is asked again later: {error}");
                self.postpone(now, task);
                None
            }
        }
    }

    fn postpone(&mut self, now: Instant, task: Task) {
        let interval_us = self.moves.ledger.here().timing.repeat_max_us;
        self.postponed.push(now.after_us(interval_us.max(1)), task);
    }

    fn try_again(&mut self, now: Instant, task: Task) {
        match task {
            Task::GiveBack(transaction) => self.say(Output::GiveBack(transaction)),
            Task::Discard(transaction) => {
                if let Some(event) = self.discard(now, transaction) {
                    self.handle_event(now, transaction, event);
                }
            }
            Task::RunAgain(transaction) => {
                if let Some(event) = self.run_again(now, transaction) {
                    self.handle_event(now, transaction, event);
                }
            }
            Task::CallRolls => self.update_roll_calls(now),
        }
    }

    /// Says something to a machine.
    pub fn send(&mut self, to: MachineId, envelope: &Envelope) {
        let bytes = envelope.encode();
        self.say(Output::Send { to, bytes });
    }

    /// The fleet by name and address.
    pub fn machines(&self) -> &Machines {
        &self.machines
    }

    pub(crate) fn say(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn perform_source(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        action: SourceAction,
    ) -> Option<Event> {
        if let Some(what) = what_to_send(action) {
            self.say(Output::Job(Job { transaction, what }));
            return None;
        }
        match action {
            // The switch is about to stop serving the domain.
            SourceAction::ExportState { .. } => {
                self.say(Output::Frames(transaction, Frames::Hold));
            }
            SourceAction::Destroy => {
                self.say(Output::Frames(transaction, Frames::PassOn));
                self.say(Output::GiveBack(transaction));
                return None;
            }
            SourceAction::Unretire => return self.run_again(now, transaction),
            _ => {}
        }
        self.moves.step_source(&mut self.host, transaction, action)
    }

    fn close_stream(&mut self, transaction: TransactionId) {
        let what = What::Close;
        let output = match self.moves.outgoing(transaction) {
            Some(_) => Output::Job(Job { transaction, what }),
            None => Output::StreamOver,
        };
        self.say(output);
    }

    fn notify(&mut self, now: Instant, transaction: TransactionId, notice: Notice) {
        self.tell(transaction, &notice);
        match notice {
            Notice::InDoubt(_) => self.update_roll_calls(now),
            Notice::Aborted(_) => self.say(Output::Frames(transaction, Frames::Revert)),
            Notice::Finished => self.say(Output::Frames(transaction, Frames::Settle)),
            _ => {}
        }
        if let Notice::Finished | Notice::Aborted(_) = notice {
            self.update_roll_calls(now);
            self.moves.forget(&mut self.host, transaction);
            self.streams.remove(&transaction);
            self.requests.remove(&transaction);
        }
    }

    /// Another machine runs this incarnation of a domain: an older copy that runs here was forced to, and stands still from now on. That
    /// machine, which repeats what it says, is answered when that is certain.
    fn outlive(
        &mut self,
        transaction: TransactionId,
        (domain, incarnation): (DomainId, Incarnation),
        by: MachineId,
    ) {
        let stopped = self.stop_older(domain, incarnation);
        if let Err(error) = stopped {
            return log::error!("an older copy of what {by:?} runs is not stopped: {error}");
        }
        let boot = self.moves.ledger.here().boot;
        let message = Message::About(transaction, Step::Unknown);
        self.send(by, &Envelope { boot, message });
    }

    /// Stops the copy of a domain that runs here, if it is older than this incarnation.
    ///
    /// # Errors
    /// It is not known whether one runs here, or it may run again.
    fn stop_older(&mut self, domain: DomainId, incarnation: Incarnation) -> Result<(), RootError> {
        let records = self.host.all()?;
        let is_it = |record: &&DomainRecord| {
            let same = u128::from_le_bytes(record.id.0) == domain.0;
            let is_older = Incarnation(record.incarnation).is_outlived_by(incarnation);
            let may_run = matches!(record.state, DomainState::Running | DomainState::Exported);
            same && is_older && may_run
        };
        let record = records.iter().find(is_it);
        let Some(name) = record.and_then(|record| Name::try_new(record.name.as_str())) else {
            return Ok(());
        };
        // One that is leaving is refused: the move of an outlived copy ends before.
        self.host.outlive(name, domain, incarnation)
    }

    /// Begins a roll call for each domain that needs one and has none, and ends those that are not needed any more.
    pub(crate) fn update_roll_calls(&mut self, now: Instant) {
        let listed = self.host.all();
        let Some(records) = self.or_later(now, listed, Task::CallRolls) else {
            return;
        };
        let ledger = &self.moves.ledger;
        let needed = roll_calls::needed(&records, ledger.entries());
        let here = ledger.here();
        let host = &mut self.host;
        self.roll_calls
            .update(now, needed, (&here.fleet, here.timing), || {
                Turn(host.draw() as u64)
            });
    }

    /// Asks who is to be asked, and has root start what nobody has.
    fn call_rolls(&mut self, now: Instant) {
        let here = self.moves.ledger.here();
        let (own, boot) = (here.machine, here.boot);
        for (to, name, turn) in self.roll_calls.poll_asks(now) {
            if to != own {
                let message = Message::Asks(name, turn);
                self.send(to, &Envelope { boot, message });
            } else if let Some(standing) = self.standing(&name) {
                self.roll_calls.heard(now, own, (&name, turn), standing);
            }
        }
        for name in self.roll_calls.take_over() {
            // What is wrong is logged, and others are asked once more.
            let _ = self.start(now, name.as_str());
        }
    }

    /// Another machine asks for a domain.
    fn answer_roll(
        &mut self,
        now: Instant,
        from: MachineId,
        name: nomad_protocol::Name,
        turn: Turn,
    ) {
        self.moves.ledger.ask_about(now, from, &name);
        if let Some(standing) = self.standing(&name) {
            let boot = self.moves.ledger.here().boot;
            let message = Message::Answers(name, turn, standing);
            self.send(from, &Envelope { boot, message });
        }
    }

    /// What this machine is to a domain of this name; nothing if that is not known: who asks goes on asking.
    fn standing(&mut self, name: &nomad_protocol::Name) -> Option<Standing> {
        match Name::try_new(name.as_str()).map(|name| self.host.find(name)) {
            Some(Ok(record)) if Purpose::of(&record).is_none() => Some(Standing::Holds {
                incarnation: Incarnation(record.incarnation),
                runs: self.may_run(&record),
            }),
            None | Some(Ok(_) | Err(RootError::Refused(Refusal::NoSuchDomain))) => {
                Some(self.moves.ledger.lacking())
            }
            Some(Err(error)) => {
                log::warn!("{}: {error}", name.as_str());
                None
            }
        }
    }

    /// Whether a copy runs here or may again without an operator: one that leaves may, until what becomes of it is in doubt.
    fn may_run(&self, record: &DomainRecord) -> bool {
        match record.state {
            DomainState::Running => true,
            DomainState::Exported => {
                let name = Name::try_new(record.name.as_str());
                name.is_none_or(|name| self.moves.doubts(name).all(|(_, doubt)| !doubt.has_copy()))
            }
            _ => false,
        }
    }

    /// Has root start a domain that nobody has. If it does not, others are asked again whether anybody has it.
    ///
    /// # Errors
    /// Root's refusal.
    pub(crate) fn start(&mut self, now: Instant, name: &str) -> Result<(), RootError> {
        let Some(name) = Name::try_new(name) else {
            log::error!("{name:?} is no name of a domain");
            return Err(RootError::Malformed);
        };
        match self.host.start(name) {
            // It came from another machine meanwhile.
            Ok(()) | Err(RootError::Refused(Refusal::AlreadyHere)) => Ok(()),
            Err(error) => {
                log::error!("{name} is not started: {error}");
                self.postpone(now, Task::CallRolls);
                Err(error)
            }
        }
    }

    /// What the calls of domains at home here have come to, a line each.
    pub fn home_lines(&self, now: Instant) -> Vec<String> {
        self.roll_calls.lines(now, &self.machines)
    }

    /// Whether a test has this shell stand still. It performs nothing that the ledger asks for then, is deaf to other
    /// machines, and lets no timer fire; it obeys its operator.
    pub fn is_held(&self) -> bool {
        self.hook.as_ref().is_some_and(Hook::is_held)
    }

    pub(crate) fn log(&mut self, line: String) {
        self.say(Output::Log(line));
    }

    /// Tells the log, and the operator who asked for it, how a transaction gets on.
    fn tell(&mut self, transaction: TransactionId, notice: &Notice) {
        let line = crate::operator::notice_line(notice);
        // Of the phases the operator hears; the log, which is slow, only of what comes of them.
        if !matches!(notice, Notice::Phase(_)) {
            self.log(format!("{:08x}: {line}", (transaction.0 >> 96) as u32));
        }
        if let Some(hook) = &mut self.hook
            && hook.told(&line)
        {
            log::info!("held at `{line}`");
        }
        if let Some(request) = self.requests.get(&transaction).copied() {
            self.say(Output::Line(request, line));
        }
    }
}
