//! The shell: handles inputs, and returns the outputs of the ledger's actions in order.
//!
//! ```text
//!   handle_*    a datagram, an event, an operator's command, the time
//!   poll        the next output; if there is none, the ledger's next action is performed (`actions`)
//! ```
//!
//! The order of actions is the ledger's: each is performed, and its outputs are polled, before the next.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use identity::Name;
use nomad_client::RequestId;
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    Action, Envelope, Event, Instant, LocalMachine, MachineId, Message, Record, TransactionId,
    Versions,
};

use crate::discovery::Discovery;
use crate::drain::Drain;
use crate::hook::Hook;
use crate::host::{Host, RootError};
use crate::machines::Machines;
use crate::moves::Moves;
use crate::output::Output;
use crate::retries::Retries;
use crate::returns::Returns;
use crate::roll_calls::RollCalls;
use crate::transfer::Transfer;

/// The configuration of a shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The ledger's own machine.
    pub local: LocalMachine,
    /// The machines of the fleet.
    pub machines: Machines,
    /// The versions that are offered to a destination.
    pub versions: Versions,
    /// The goals of a move, unless its operator has others.
    pub goals: Goals,
    /// Whether machines find each other by hellos.
    pub has_hellos: bool,
    /// Whether tests may pause the shell.
    pub has_hooks: bool,
}

/// The shell of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shell<H: Host> {
    /// The host, through which the shell calls its machine.
    pub host: H,
    /// The transactions, and their domains.
    pub moves: Moves<H::Outgoing, H::Incoming>,
    /// The domains that other machines are queried about.
    pub(crate) roll_calls: RollCalls,
    /// The operator's request that began each transaction.
    pub(crate) requests: BTreeMap<TransactionId, RequestId>,
    /// The package on its way from an operator to root.
    pub(crate) transfer: Option<Transfer>,
    /// The operator's request that waits for each domain to be started.
    pub(crate) starters: BTreeMap<Name, RequestId>,
    /// The drain of this machine, until an operator ends it.
    pub(crate) drain: Option<Drain>,
    /// When the machine restarts, if an operator has requested that.
    pub(crate) restart_due: Option<Instant>,
    /// The tests' hook, if they may have one.
    pub(crate) hook: Option<Hook>,
    pub(crate) machines: Machines,
    pub(crate) discovery: Option<Discovery>,
    pub(crate) versions: Versions,
    pub(crate) goals: Goals,
    pub(crate) retries: Retries,
    /// The moves that have ended, in case a domain moves back.
    pub returns: Returns<H::Kept, H::Log>,
    outputs: VecDeque<Output>,
}

impl<H: Host> Shell<H> {
    /// Continues from the records of an earlier run of this server, or begins with none.
    ///
    /// # Errors
    /// Returns the host if root temporarily fails to report the state of a domain.
    pub fn resume(
        mut host: H,
        now: Instant,
        config: Config,
        records: Vec<Record>,
    ) -> Result<Shell<H>, (H, RootError)> {
        let life = config.local.life;
        let has_address = config.machines.own().addresses.best().is_some();
        let moves = match Moves::resume(&mut host, now, config.local, records) {
            Ok(moves) => moves,
            Err(error) => return Err((host, error)),
        };
        let mut shell = Shell {
            host,
            moves,
            roll_calls: RollCalls::default(),
            requests: BTreeMap::new(),
            transfer: None,
            starters: BTreeMap::new(),
            drain: None,
            restart_due: None,
            hook: config.has_hooks.then(Hook::default),
            discovery: config
                .has_hellos
                .then(|| Discovery::new(now, life, has_address)),
            machines: config.machines,
            versions: config.versions,
            goals: config.goals,
            retries: Retries::default(),
            returns: Returns::default(),
            outputs: VecDeque::new(),
        };
        // An earlier run may have received a part of a package.
        shell.host.forget_package();
        shell.resume_frames();
        shell.update_roll_calls(now);
        Ok(shell)
    }

    /// Has the late frames of the moves that continue held or accepted. These are the first outputs, so that they take effect
    /// before any frame is handled.
    fn resume_frames(&mut self) {
        for (transaction, frames) in self.moves.resumed_frames() {
            self.emit(Output::Frames(transaction, frames));
        }
    }

    /// Handles a datagram from a machine of the fleet.
    pub fn handle_datagram(&mut self, now: Instant, from: MachineId, bytes: &[u8]) {
        if self.is_held() {
            return;
        }
        let envelope = match Envelope::decode(bytes) {
            Ok(envelope) => envelope,
            Err(error) => return log::warn!("a datagram from {from:?} is rejected: {error:?}"),
        };
        match envelope.message {
            Message::Query(name, turn, fleet) => {
                self.reply_to_query(now, from, fleet, (name, turn))
            }
            Message::QueryReply(name, turn, presence) => {
                self.handle_presence(now, from, (name, turn), presence);
            }
            Message::Late(transaction, late) => self.emit(Output::Late(from, transaction, late)),
            Message::Transaction(..) => {
                self.moves.ledger.handle_message(now, from, envelope);
            }
        }
    }

    /// Handles the result of an action, or another event of a transaction.
    pub fn handle_event(&mut self, now: Instant, transaction: TransactionId, event: Event) {
        self.moves.ledger.handle_event(now, transaction, event);
    }

    /// Handles all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_held() {
            return;
        }
        self.discover(now);
        self.moves.ledger.handle_timeout(now);
        self.moves.toggle_brakes(&mut self.host, now);
        for task in self.retries.take_due(now) {
            self.retry(now, task);
        }
        self.give_up_old_copies(now);
        self.call_rolls(now);
        self.drop_silent_transfer(now);
        self.retry_drain(now);
        self.restart_if_due(now);
    }

    /// Hands over to root the memory of a domain that has arrived, for [`Output::HandOver`].
    pub fn hand_over(&mut self, transaction: TransactionId) {
        self.moves.hand_over(&mut self.host, transaction);
    }

    /// When to call [`Shell::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_held() {
            return None;
        }
        let ledger = self.moves.ledger.poll_timeout();
        ledger
            .into_iter()
            .chain(self.moves.next_toggle())
            .chain(self.roll_calls.poll_timeout())
            .chain(self.retries.poll_timeout())
            .chain(self.returns.kept.poll_timeout())
            .chain(self.discovery.as_ref().map(Discovery::poll_timeout))
            .chain(self.transfer.map(|transfer| transfer.deadline()))
            .chain(self.drain.as_ref().and_then(Drain::poll_timeout))
            .chain(self.restart_due)
            .min()
    }

    /// The next output, after performing the ledger's actions that lead to it.
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

    /// Performs all actions that are due. Their outputs are polled later, in the same order.
    pub(crate) fn perform_all(&mut self, now: Instant) {
        while let Some((transaction, action)) = self.poll_action() {
            if let Some(event) = self.perform(now, transaction, action) {
                self.handle_event(now, transaction, event);
            }
        }
    }

    /// The next output, without performing any action.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next action. [`Shell::poll`] calls this and [`Shell::perform`]. A caller may call these two instead of
    /// `poll`.
    pub fn poll_action(&mut self) -> Option<(TransactionId, Action)> {
        if self.is_held() {
            None
        } else {
            self.moves.ledger.poll_action()
        }
    }

    /// Sends a datagram to a machine.
    pub fn send(&mut self, to: MachineId, envelope: &Envelope) {
        let bytes = envelope.encode();
        self.emit(Output::Send { to, bytes });
    }

    /// The machines of the fleet.
    pub fn machines(&self) -> &Machines {
        &self.machines
    }

    pub(crate) fn emit(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Whether a test has paused this shell. It then performs no actions, ignores other machines and fires no timer, but
    /// executes its operator's commands.
    pub fn is_held(&self) -> bool {
        self.hook.as_ref().is_some_and(Hook::is_held)
    }

    pub(crate) fn log(&mut self, line: String) {
        self.emit(Output::Log(line));
    }
}
