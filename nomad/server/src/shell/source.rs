//! The steps of a source.

use nomad_protocol::{
    Change, Digest, Event, Interference, SourceAction, SourceEvent, StateVersion, TransactionId,
};
use runtime::Error;

use crate::capture::{CaptureError, Outgoing};
use crate::shell::{Job, Shell, What, failures};

/// The kernel does not say who changed a frozen domain.
const SOMEBODY: Interference = Interference {
    change: Change::Other,
    slot: u32::MAX,
};

impl Shell {
    /// Takes a step; long ones are left to the sender.
    pub(super) fn perform_source(&self, transaction: TransactionId, action: SourceAction) {
        if let Some(what) = what_to_send(action) {
            if self.jobs.try_send(Job { transaction, what }).is_err() {
                self.report(transaction, Event::StreamBroken);
            }
            return;
        }
        self.note_step(transaction, action);
        if action == SourceAction::Destroy {
            return self.afterwards.destroy(transaction);
        }
        let event = {
            let mut outgoing = self.outgoing.borrow_mut();
            match outgoing.get_mut(&transaction) {
                Some(outgoing) => step(outgoing, action),
                None => None,
            }
        };
        if let Some(event) = event {
            self.report(transaction, event);
        }
    }

    /// Gives the memory of a domain that has left back. An earlier life of this server may have done so, and ended before
    /// that was noted.
    pub(super) fn give_back(&self, transaction: TransactionId) {
        if let Some(outgoing) = self.outgoing.borrow_mut().get_mut(&transaction) {
            complain(outgoing, "releasing", |outgoing| outgoing.destroy());
        }
        self.report(transaction, Event::Source(SourceEvent::Destroyed));
    }
}

fn what_to_send(action: SourceAction) -> Option<What> {
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

/// Takes one step; says what the protocol is to be told.
fn step(outgoing: &mut Outgoing, action: SourceAction) -> Option<Event> {
    match action {
        SourceAction::StartDirtyLog => outgoing.start_log().err().map(|error| failed(&error)),
        SourceAction::FreezeDomain => told(outgoing.freeze(), |()| SourceEvent::Frozen),
        SourceAction::ExportState { attempt } => {
            told(outgoing.export(), |exported| SourceEvent::Exported {
                attempt,
                version: StateVersion(exported.version),
                digest: Digest(exported.digest.0),
            })
        }
        SourceAction::Retire { version } => Some(Event::Source(retire(outgoing, version))),
        SourceAction::EndCapture => {
            outgoing.end_capture();
            None
        }
        SourceAction::Thaw => {
            complain(outgoing, "thawing", |outgoing| outgoing.thaw());
            None
        }
        SourceAction::Unretire => {
            complain(outgoing, "running it again", Outgoing::run_again);
            None
        }
        SourceAction::CopyRound { .. }
        | SourceAction::SendFreeze { .. }
        | SourceAction::Destroy => None,
    }
}

/// **The commit point**, as the kernel sees it.
fn retire(outgoing: &mut Outgoing, version: StateVersion) -> SourceEvent {
    match outgoing.retire(version.0) {
        Ok(()) => SourceEvent::Retired,
        Err(CaptureError::Kernel(Error::VersionMoved)) => {
            SourceEvent::VersionMoved { by: SOMEBODY }
        }
        Err(error) => SourceEvent::NotRetired(failures::of_capture(&error)),
    }
}

/// Does what the protocol takes for done either way; the log says if it was not.
fn complain(
    outgoing: &mut Outgoing,
    doing: &str,
    act: impl FnOnce(&mut Outgoing) -> Result<(), CaptureError>,
) {
    if let Err(error) = act(outgoing) {
        log::error!("{}: {doing}: {error:?}", outgoing.name());
    }
}

fn told<T>(result: Result<T, CaptureError>, event: impl FnOnce(T) -> SourceEvent) -> Option<Event> {
    Some(match result {
        Ok(value) => Event::Source(event(value)),
        Err(error) => failed(&error),
    })
}

/// A step failed: the log says more than the protocol can.
pub fn failed(error: &CaptureError) -> Event {
    log::warn!("capture: {error:?}");
    Event::Failed(failures::of_capture(error))
}
