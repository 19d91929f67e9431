//! The drain of this machine: all movable domains move to other machines, one after the other, and none is admitted.
//!
//! ```text
//!   the next domain --> the next machine --offer--> Finished: the domain has moved
//!     ^                   ^                  |
//!     |                   +----- Aborted ----+
//!     +-- no machine is left to try, or an operator has cancelled: the domain stays, and the reason is kept
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | this one | [`Drain`]: the domains' turns, the machines that were tried, the reasons to stay |
//! | [`command`] | the operator's commands |
//! | [`sequence`] | the shell's steps from one move to the next |
//!
//! The drain does not depend on the operator's tool: if the tool is gone, the moves continue, and `list` has the status. The
//! drain ends with `undrain`, or with a restart of the migration server, which keeps no record of it.

mod command;
mod sequence;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use identity::Name;
use nomad_client::RequestId;
use nomad_client::event::{DrainStage, DrainStatus, Stay};
use nomad_protocol::{
    AbortReason, GuestRule, Instant, MachineId, Notice, PhaseName, Refusal, TransactionId,
};

use crate::machines::{FleetMember, Machines};

/// The maximum number of operators that follow a drain. Another one takes the place of the first.
const FOLLOWERS_MAX: usize = 8;

/// The state of a drain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Drain {
    /// The one machine that the domains move to; `None` if they move to all others.
    to: Option<MachineId>,
    stage: DrainStage,
    /// The operators' requests whose replies have the drain's events.
    followers: Vec<RequestId>,
    /// The move whose end the next step waits for.
    current: Option<TransactionId>,
    /// The moves that have begun and not ended, those in doubt included.
    moves: BTreeMap<TransactionId, Move>,
    /// The machines that each domain was offered to, and the last failure.
    tried: BTreeMap<Name, Tries>,
    /// The machines that have not replied to an offer, and the failure: no other domain is offered to them.
    silent: BTreeMap<MachineId, (Name, AbortReason)>,
    /// The number of domains that each machine has received.
    sent: BTreeMap<MachineId, u32>,
    stays: BTreeMap<Name, Stay>,
    /// When the next step is tried again, if something has kept it from being taken.
    due: Option<Instant>,
}

/// A move of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Move {
    name: Name,
    to: MachineId,
    /// Whether the destination has declined it.
    is_declined: bool,
}

/// The machines that a domain was offered to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Tries {
    machines: BTreeSet<MachineId>,
    /// The failure of the move to the last one.
    last: Option<Stay>,
}

impl Drain {
    /// A drain that has not begun any move.
    fn new(to: Option<MachineId>, follower: RequestId) -> Drain {
        Drain {
            to,
            stage: DrainStage::Moving,
            followers: Vec::from([follower]),
            current: None,
            moves: BTreeMap::new(),
            tried: BTreeMap::new(),
            silent: BTreeMap::new(),
            sent: BTreeMap::new(),
            stays: BTreeMap::new(),
            due: None,
        }
    }

    /// The status for operators.
    pub(crate) fn status(&self, machines: &Machines) -> DrainStatus {
        let to = self.to.and_then(|to| machines.get(to));
        DrainStatus {
            machine: machines.own().name,
            to: to.map(|machine| machine.name),
            stage: self.stage,
            moved: self.sent.values().sum(),
            staying: self.stays.len() as u32,
        }
    }

    /// The domains that stay, and the reasons.
    pub(crate) fn stays(&self) -> impl Iterator<Item = (Name, &Stay)> {
        self.stays.iter().map(|(name, reason)| (*name, reason))
    }

    /// When the next step is to be tried.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Adds an operator whose reply gets the events from now on. Returns the one whose place it takes.
    fn follow(&mut self, follower: RequestId) -> Option<RequestId> {
        let is_full = self.followers.len() == FOLLOWERS_MAX;
        let displaced = is_full.then(|| self.followers.remove(0));
        self.followers.push(follower);
        displaced
    }

    /// Whether the next move may begin.
    fn is_ready(&self) -> bool {
        self.stage == DrainStage::Moving && self.current.is_none()
    }

    /// The machine to offer a domain to: of the machines that have not been offered this domain, one that has received the
    /// fewest domains. It is a guest only if the operator has named that guest as the destination.
    fn next_machine<'m>(&self, name: Name, machines: &'m Machines) -> Option<&'m FleetMember> {
        let tries = self.tried.get(&name);
        let is_tried = |id| tries.is_some_and(|tries| tries.machines.contains(&id));
        let meant = self.to.and_then(|to| machines.get(to));
        let others = machines.others().filter(|_| self.to.is_none());
        let open = others.chain(meant).filter(|other| {
            let is_known = other.addresses.best().is_some();
            is_known && !is_tried(other.id) && !self.silent.contains_key(&other.id)
        });
        open.min_by_key(|other| self.sent.get(&other.id).copied().unwrap_or(0))
    }

    /// The reason a domain stays, if no machine is left to offer it to.
    fn exhausted(&self, name: Name) -> Stay {
        let last = self.tried.get(&name).and_then(|tries| tries.last.clone());
        let silent = self.silent.values().next();
        let silent = silent.map(|&(to, reason)| Stay::Failed { to, reason });
        last.or(silent).unwrap_or(Stay::NoMachine)
    }

    /// Records that a domain is offered to a machine.
    fn begin(&mut self, transaction: TransactionId, name: Name, to: MachineId) {
        self.tried.entry(name).or_default().machines.insert(to);
        let is_declined = false;
        let begun = Move {
            name,
            to,
            is_declined,
        };
        self.moves.insert(transaction, begun);
        self.current = Some(transaction);
    }

    /// Records that a rule of guests keeps a domain from moving to a machine.
    fn exclude(&mut self, name: Name, to: &FleetMember, rule: GuestRule) {
        let tries = self.tried.entry(name).or_default();
        tries.machines.insert(to.id);
        // A move that the rules permit may have failed before: that failure is more useful to an operator, and is kept.
        let reason = AbortReason::Refused(Refusal::Guest(rule));
        let to = to.name;
        tries.last.get_or_insert(Stay::Failed { to, reason });
    }

    /// Records that a domain stays.
    fn stay(&mut self, name: Name, reason: Stay) {
        self.stays.insert(name, reason);
    }

    /// Handles a notice of a move; returns its domain if the move is one of this drain. `runs_here` returns whether the
    /// domain runs here: a finished move may have left it here, because an operator has forced the copy here to run.
    fn handle_notice(
        &mut self,
        machines: &Machines,
        transaction: TransactionId,
        notice: &Notice,
        runs_here: impl FnOnce(Name) -> bool,
    ) -> Option<Name> {
        let this = self.moves.get_mut(&transaction)?;
        let Move {
            name,
            to,
            is_declined,
        } = *this;
        match *notice {
            Notice::Finished => {
                self.stays.remove(&name);
                if !runs_here(name) {
                    *self.sent.entry(to).or_default() += 1;
                }
            }
            Notice::Declined(_) => {
                this.is_declined = true;
                return Some(name);
            }
            Notice::Aborted(reason) => {
                self.handle_failure(name, machines.get(to), reason, is_declined);
            }
            Notice::Lost(_) => {
                self.stays.remove(&name);
            }
            Notice::InDoubt(doubt) => self.stay(name, Stay::InDoubt(doubt)),
            _ => return Some(name),
        }
        if !matches!(notice, Notice::InDoubt(_)) {
            self.moves.remove(&transaction);
        }
        self.current.take_if(|current| *current == transaction);
        Some(name)
    }

    /// `is_declined`: the reason is what the destination has stated. So it shows neither that an operator here has cancelled
    /// the move, nor that the destination is silent.
    fn handle_failure(
        &mut self,
        name: Name,
        to: Option<&FleetMember>,
        reason: AbortReason,
        is_declined: bool,
    ) {
        // If the move was in doubt, the domain is known to be here again.
        self.stays.remove(&name);
        if reason == AbortReason::Cancelled && !is_declined {
            return self.stay(name, Stay::Cancelled);
        }
        let Some(to) = to else { return };
        let failure = match is_declined {
            true => Stay::Declined {
                by: to.name,
                reason,
            },
            false => Stay::Failed {
                to: to.name,
                reason,
            },
        };
        self.tried.entry(name).or_default().last = Some(failure.clone());
        let phase = PhaseName::Offer;
        if reason == (AbortReason::TooLong { phase }) && !is_declined {
            self.silent.insert(to.id, (to.name, reason));
        }
        if self.stage == DrainStage::Over {
            self.stay(name, failure);
        }
    }
}

#[cfg(test)]
mod tests;
