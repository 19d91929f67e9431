//! The steps of a source.

use nomad_protocol::{
    Change, Digest, Event, Interference, SourceAction, SourceEvent, StateVersion, Timing,
    TransactionId,
};
use runtime::{Error, Start};

use crate::capture::{CaptureError, Outgoing};
use crate::shell::{Job, Shell, What, failures};

/// How much later than the protocol the kernel gives up.
const FREEZE_MARGIN_US: u64 = 3_000_000;

/// After this long the kernel lets a frozen domain run on by itself: the protocol's limit and some more, so that a server that
/// lives ends the move before.
///
/// # Panics
/// If the manifest names a margin that is not a number.
pub(super) fn freeze_limit_ns(start: Start, timing: &Timing) -> u64 {
    // For tests: a server that stands still between the freeze and the commit point for as long as a test takes.
    let margin_us = start.argument_or("freeze-margin-us", FREEZE_MARGIN_US);
    (timing.freeze_limit_us + margin_us) * 1_000
}

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
                Some(outgoing) if action == SourceAction::FreezeDomain => {
                    Some(self.freeze(transaction, outgoing))
                }
                Some(outgoing) => step(outgoing, action),
                None => None,
            }
        };
        if let Some(event) = event {
            self.report(transaction, event);
        }
    }

    /// Stops the domain, and notes the token of that freeze: a later life of this server thaws the domain with it. The kernel
    /// does if there is none.
    fn freeze(&self, transaction: TransactionId, outgoing: &mut Outgoing) -> Event {
        match outgoing.freeze(self.freeze_limit_ns) {
            Ok(token) => {
                self.records.borrow_mut().keep_token(transaction, token);
                Event::Source(SourceEvent::Frozen)
            }
            Err(error) => failed(&error),
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
        SourceAction::FreezeDomain
        | SourceAction::CopyRound { .. }
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
