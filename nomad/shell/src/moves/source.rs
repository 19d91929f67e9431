//! The steps of a source.

use nomad_protocol::{Event, LocalFailure, SourceAction, SourceEvent, StateVersion, TransactionId};

use super::Moves;
use super::target::of_root;
use crate::host::{Host, Kernel, NotRetired, RootError};
use crate::output::What;

impl<O, I> Moves<O, I> {
    /// Takes a step that is not left to whoever sends pages; returns the event for the ledger.
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

    /// Gives the memory of a domain that has left back. An earlier life of this shell may have done so, and ended before
    /// that was noted.
    ///
    /// # Errors
    /// Root's refusal, if it may pass.
    pub(crate) fn give_back<H: Host<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) -> Result<Event, RootError> {
        let outgoing = self.outgoing.get_mut(&transaction);
        match outgoing.map(|outgoing| host.destroy(outgoing)) {
            Some(Err(error)) if error.may_pass() => Err(error),
            _ => Ok(Event::Source(SourceEvent::Destroyed)),
        }
    }

    /// Has a domain run again; returns the event for the ledger, also if it cannot run.
    ///
    /// # Errors
    /// Root's refusal, if it may pass.
    pub(crate) fn run_again<H: Host<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) -> Result<Event, RootError> {
        let Some(outgoing) = self.outgoing.get_mut(&transaction) else {
            return Ok(Event::Failed(LocalFailure::BadImage));
        };
        match host.run_again(outgoing) {
            Ok(()) => Ok(Event::Source(SourceEvent::Unretired)),
            Err(error) if error.may_pass() => Err(error),
            Err(error) => Ok(Event::Failed(of_root(error))),
        }
    }
}

/// What is to be sent by this action, if it is one for whoever sends pages.
pub(crate) fn what_to_send(action: SourceAction) -> Option<What> {
    match action {
        SourceAction::CopyRound { number } => Some(What::Round(number)),
        SourceAction::SendFreeze {
            attempt,
            rounds,
            digest,
        } => Some(What::Freeze(attempt, rounds, digest)),
        _ => None,
    }
}

/// Stops the domain, and notes the token of that freeze: a later life of this shell thaws the domain with it. The kernel
/// does if there is none.
fn freeze<H: Host>(host: &mut H, transaction: TransactionId, outgoing: &mut H::Outgoing) -> Event {
    match host.freeze(outgoing) {
        Ok(token) => {
            host.keep_token(transaction, token);
            Event::Source(SourceEvent::Frozen)
        }
        Err(failure) => Event::Failed(failure),
    }
}

/// Takes one step; returns the event for the ledger.
fn step<H: Kernel>(
    host: &mut H,
    outgoing: &mut H::Outgoing,
    action: SourceAction,
) -> Option<Event> {
    match action {
        SourceAction::StartDirtyLog => host.start_log(outgoing).err().map(Event::Failed),
        SourceAction::ExportState { attempt } => {
            told(host.export(outgoing), |exported| SourceEvent::Exported {
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
        SourceAction::FreezeDomain
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
        Err(NotRetired::VersionMoved(by)) => SourceEvent::VersionMoved { by },
        Err(NotRetired::Failed(failure)) => SourceEvent::NotRetired(failure),
    }
}

fn told<T>(result: Result<T, LocalFailure>, event: impl FnOnce(T) -> SourceEvent) -> Option<Event> {
    Some(match result {
        Ok(value) => Event::Source(event(value)),
        Err(failure) => Event::Failed(failure),
    })
}
