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
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    Action, Envelope, Event, Here, Instant, MachineId, Message, Notice, Record, SourceAction,
    TargetAction, TargetEvent, TransactionId, Versions,
};

use crate::hook::Hook;
use crate::host::{Host, RootError};
use crate::machines::Machines;
use crate::moves::Moves;
use crate::moves::source::what_to_send;
use crate::output::{Frames, Job, Output, What};
use crate::postponed::Postponed;
use crate::roll_calls::RollCalls;

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
    pub(crate) postponed: Postponed,
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
            Message::Asks(name, turn, fleet) => self.answer_roll(now, from, fleet, (name, turn)),
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
            } => self.outlive(now, transaction, (domain, incarnation), by),
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
