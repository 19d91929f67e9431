//! The steps of a source.

use identity::Name;
use nomad_protocol::{Event, LocalFailure, SourceAction, SourceEvent, StateVersion, TransactionId};

use super::Moves;
use super::destination::local_failure;
use crate::host::{Host, Kernel, RetireError, RootError};
use crate::output::JobKind;

impl<O, I> Moves<O, I> {
    /// Performs an action; returns the event for the ledger. The shell itself handles jobs for the page sender,
    /// `StartDirtyLog`, `EndCapture`, `Destroy` and `Unretire`.
    pub(crate) fn step_source<H: Host<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
        action: SourceAction,
    ) -> Option<Event> {
        let outgoing = self.outgoing.get_mut(&transaction)?;
        match action {
            SourceAction::FreezeDomain => Some(freeze(host, transaction, outgoing)),
            action => step(host, outgoing, action),
        }
    }

    /// Ends the capture of a domain that stays; returns whether root serves it again. If not, that is to be retried.
    pub(crate) fn end_capture<H: Host<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) -> bool {
        let Some(outgoing) = self.outgoing.get_mut(&transaction) else {
            return true;
        };
        let (name, mut ended) = (host.name(outgoing), host.end_capture(outgoing));
        if self.unserved.remove(&transaction).is_some() {
            ended = ended.and_then(|()| host.revert(name));
        }
        let is_served = is_final(name, ended);
        if !is_served {
            self.unserved.insert(transaction, name);
        }
        is_served
    }

    /// Has root serve the domain of a transaction again, because the domain has stayed here. Returns whether root does so
    /// now; `false` if root is to be called again, or if another transaction of the domain has taken over.
    pub(crate) fn serve_again<H: Host<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) -> bool {
        let unserved = self.unserved.get(&transaction).copied();
        let is_served = unserved.is_some_and(|name| is_final(name, host.revert(name)));
        if is_served {
            self.unserved.remove(&transaction);
        }
        is_served
    }

    /// Whether root is still to serve the domain of a transaction again.
    pub(crate) fn is_unserved(&self, transaction: TransactionId) -> bool {
        self.unserved.contains_key(&transaction)
    }

    /// If an earlier transaction still has to have root serve this domain again, leaves that to this transaction: root must
    /// not serve the domain while this transaction hands it over.
    pub(crate) fn take_over_unserved<H: Host<Outgoing = O>>(
        &mut self,
        host: &H,
        transaction: TransactionId,
    ) {
        let Some(outgoing) = self.outgoing.get(&transaction) else {
            return;
        };
        let name = host.name(outgoing);
        let is_its = |_: &TransactionId, unserved: &mut Name| *unserved == name;
        if self.unserved.extract_if(.., is_its).count() > 0 {
            self.unserved.insert(transaction, name);
        }
    }

    /// Records that the domain of a transaction has left.
    pub(crate) fn record_departure(&mut self, transaction: TransactionId) {
        self.unserved.remove(&transaction);
    }

    /// Has root forget a domain that has left. An earlier run of this server may have done so and ended before recording it.
    /// Returns the copy of the domain, if it may be kept.
    ///
    /// # Errors
    /// Root's error, if it is transient.
    pub(crate) fn release<H: Host<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) -> Result<Option<H::Kept>, RootError> {
        let guest = self.entry(transaction).and_then(|entry| entry.offer.guest);
        let outgoing = self.outgoing.get_mut(&transaction);
        match outgoing.map(|outgoing| host.release(outgoing, guest)) {
            Some(Err(error)) if error.is_transient() => Err(error),
            released => Ok(released.and_then(Result::ok).flatten()),
        }
    }

    /// Undoes a domain's retirement; returns the event for the ledger, also if the domain cannot run.
    ///
    /// # Errors
    /// Root's error, if it is transient.
    pub(crate) fn unretire<H: Host<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) -> Result<Event, RootError> {
        let Some(outgoing) = self.outgoing.get_mut(&transaction) else {
            return Ok(Event::Failed(LocalFailure::BadImage));
        };
        match host.unretire(outgoing) {
            Ok(()) => Ok(Event::Source(SourceEvent::Unretired)),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => Ok(Event::Failed(local_failure(error))),
        }
    }
}

/// Whether root's reply to a request to serve this domain again is final.
fn is_final(name: Name, reply: Result<(), RootError>) -> bool {
    if let Err(error) = &reply {
        log::warn!("{name} is not served again: {error}");
    }
    !reply.is_err_and(RootError::is_transient)
}

/// The page sender's job for this action, if it is one.
pub(crate) fn job_kind(action: SourceAction) -> Option<JobKind> {
    match action {
        SourceAction::CopyRound { number, .. } => Some(JobKind::Round(number)),
        SourceAction::SendFreeze {
            attempt,
            rounds,
            digest,
        } => Some(JobKind::Freeze(attempt, rounds, digest)),
        _ => None,
    }
}

/// Freezes the domain and stores the freeze's token, with which a later run of this server thaws it. Without the token the
/// kernel thaws it, at the deadline.
fn freeze<H: Host>(host: &mut H, transaction: TransactionId, outgoing: &mut H::Outgoing) -> Event {
    match host.freeze(outgoing) {
        Ok(token) => {
            host.write_token(transaction, token);
            Event::Source(SourceEvent::Frozen)
        }
        Err(failure) => Event::Failed(failure),
    }
}

/// Performs one action; returns the event for the ledger.
fn step<H: Kernel>(
    host: &mut H,
    outgoing: &mut H::Outgoing,
    action: SourceAction,
) -> Option<Event> {
    match action {
        SourceAction::ExportState { attempt } => {
            event_of(host.export(outgoing), |exported| SourceEvent::Exported {
                attempt,
                version: exported.version,
                digest: exported.digest,
            })
        }
        SourceAction::Retire { version } => Some(Event::Source(retire(host, outgoing, version))),
        SourceAction::Thaw => {
            host.thaw(outgoing);
            None
        }
        SourceAction::StartDirtyLog { .. }
        | SourceAction::FreezeDomain
        | SourceAction::EndCapture
        | SourceAction::Unretire
        | SourceAction::CopyRound { .. }
        | SourceAction::SendFreeze { .. }
        | SourceAction::Destroy => None,
    }
}

/// **The commit point**, as the kernel sees it.
fn retire<H: Kernel>(
    host: &mut H,
    outgoing: &mut H::Outgoing,
    version: StateVersion,
) -> SourceEvent {
    match host.retire(outgoing, version) {
        Ok(()) => SourceEvent::Retired,
        Err(RetireError::VersionMoved) => SourceEvent::VersionMoved,
        Err(RetireError::Failed(failure)) => SourceEvent::RetireFailed(failure),
    }
}

fn event_of<T>(
    result: Result<T, LocalFailure>,
    event: impl FnOnce(T) -> SourceEvent,
) -> Option<Event> {
    Some(match result {
        Ok(value) => Event::Source(event(value)),
        Err(failure) => Event::Failed(failure),
    })
}
