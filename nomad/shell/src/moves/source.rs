//! The steps of a source.

use nomad_protocol::{Event, LocalFailure, SourceAction, SourceEvent, StateVersion, TransactionId};

use super::Moves;
use super::destination::local_failure;
use crate::host::{Host, Kernel, RetireError, RootError};
use crate::output::JobKind;

impl<O, I> Moves<O, I> {
    /// Performs an action; returns the event for the ledger. The shell itself handles jobs for the page sender,
    /// `StartDirtyLog`, `Destroy` and `Unretire`.
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

/// The page sender's job for this action, if it is one.
pub(crate) fn job_kind(action: SourceAction) -> Option<JobKind> {
    match action {
        SourceAction::CopyRound { number } => Some(JobKind::Round(number)),
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
        SourceAction::EndCapture => {
            host.end_capture(outgoing);
            None
        }
        SourceAction::Thaw => {
            host.thaw(outgoing);
            None
        }
        SourceAction::StartDirtyLog { .. }
        | SourceAction::FreezeDomain
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
