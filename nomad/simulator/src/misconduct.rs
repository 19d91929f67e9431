//! The misconduct of mutants: they misread another machine's datagrams or their own records, or decide a move in doubt
//! without an operator.

use identity::Incarnation;
use nomad_protocol::{
    AbortReason, Action, Admission, BootId, DestinationAction, Doubt, Entry, Envelope, Force,
    Message, Notice, PhaseName, Record, RecordedProgress, Side, SourceAction, Step, TransactionId,
};
use nomad_shell::returns::{Arrival, Departure};

use crate::machine::{Machine, Mutant, machine_number};

/// The datagram that a mutant reads in place of these bytes of machine `from`; `None` if it reads them correctly.
pub fn misread(machine: &Machine, from: usize, bytes: &[u8]) -> Option<Vec<u8>> {
    let change = match machine.hardware().parts.mutant {
        Mutant::ReceivedIsActivated => received_is_activated,
        Mutant::ReceivedIsDeclined => received_is_declined,
        Mutant::ActivatedIsDeclined => activated_is_declined,
        Mutant::UnknownIsDeclined => unknown_is_declined,
        Mutant::BootsLookAlike => boots_look_alike,
        _ => return None,
    };
    let envelope = Envelope::decode(bytes).expect("a machine wrote it");
    Some(change(machine, from, envelope).encode())
}

/// Has a source that has committed read another step in place of those that `is_misread`.
fn committed_misreads(
    machine: &Machine,
    mut envelope: Envelope,
    is_misread: impl Fn(&Step) -> bool,
    another: impl Fn(&Entry<'_>) -> Step,
) -> Envelope {
    if let Message::Transaction(transaction, step) = &mut envelope.message
        && is_misread(step)
    {
        let mut entries = machine.shell.moves.ledger.entries();
        let is_it = |entry: &Entry<'_>| {
            entry.transaction == *transaction && entry.phase == PhaseName::Commit
        };
        if let Some(entry) = entries.find(is_it) {
            *step = another(&entry);
        }
    }
    envelope
}

fn received_is_activated(machine: &Machine, _: usize, envelope: Envelope) -> Envelope {
    let is_misread = |step: &Step| matches!(step, Step::Received { .. });
    committed_misreads(machine, envelope, is_misread, |entry| Step::Activated {
        domain: entry.offer.domain,
        incarnation: entry.offer.incarnation.next(),
    })
}

fn received_is_declined(machine: &Machine, _: usize, envelope: Envelope) -> Envelope {
    let is_misread = |step: &Step| matches!(step, Step::Received { .. });
    committed_misreads(machine, envelope, is_misread, declined)
}

fn activated_is_declined(machine: &Machine, _: usize, envelope: Envelope) -> Envelope {
    let is_misread = |step: &Step| matches!(step, Step::Activated { .. });
    committed_misreads(machine, envelope, is_misread, declined)
}

fn unknown_is_declined(machine: &Machine, from: usize, envelope: Envelope) -> Envelope {
    let envelope = boots_look_alike(machine, from, envelope);
    let is_misread = |step: &Step| *step == Step::Unknown;
    committed_misreads(machine, envelope, is_misread, declined)
}

fn declined(_: &Entry<'_>) -> Step {
    Step::Declined(AbortReason::Cancelled)
}

/// Every boot of a machine is taken for its first.
fn boots_look_alike(_: &Machine, from: usize, envelope: Envelope) -> Envelope {
    Envelope {
        boot: BootId(Machine::first_boot(from)),
        ..envelope
    }
}

/// Reads the record of a domain that was declined as that of one that is about to be activated.
pub fn misread_declined(record: &mut Record) {
    if let RecordedProgress::DestinationDeclined { admission, .. } = record.progress {
        let (number, peer) = (admission, machine_number(record.peer));
        let peer_boot = BootId(Machine::first_boot(peer));
        let admission = Admission { number, peer_boot };
        record.progress = RecordedProgress::DestinationActivating { admission };
    }
}

/// Has a mutant use its kept copy of a domain, and the domain's visit, in the move that begins with this action, although
/// they may belong to another machine or incarnation.
pub fn mistake_return(machine: &mut Machine, transaction: TransactionId, action: &Action) {
    if machine.hardware().parts.mutant != Mutant::ReturnsFromAnywhere {
        return;
    }
    let Some((domain, incarnation, peer)) = machine.shell.moves.entry(transaction).map(|entry| {
        let offer = entry.offer;
        (offer.domain, offer.incarnation, entry.peer)
    }) else {
        return;
    };
    let (now, returns) = (machine.shell.host.now, &mut machine.shell.returns);
    match action {
        Action::Destination(DestinationAction::Reserve(_)) => {
            if let Some((_, copy)) = returns.kept.take(domain) {
                let departure = Departure {
                    domain,
                    incarnation: Incarnation(incarnation.0.saturating_sub(1)),
                    to: peer,
                };
                let replaced = returns.kept.insert(now, departure, copy);
                assert!(replaced.is_empty(), "it was taken");
            }
        }
        Action::Source(SourceAction::StartDirtyLog { .. }) => {
            if let Some((arrival, memories)) = returns.visits.take(domain) {
                let from = peer;
                returns.visits.insert(Arrival { from, ..arrival }, memories);
            }
        }
        _ => {}
    }
}

/// The forced decision by which a mutant ends a move in doubt without an operator.
pub fn wrong_force(machine: &Machine, action: &Action) -> Option<Force> {
    let Action::Notify(Notice::InDoubt(Doubt::Silent)) = action else {
        return None;
    };
    let mut entries = machine.shell.moves.ledger.entries();
    let side = entries.find(|entry| entry.doubt.is_some())?.side;
    match (machine.hardware().parts.mutant, side) {
        (Mutant::SourceThawsAfterCommit, Side::Source)
        | (Mutant::DestinationRunsUncommitted, Side::Destination) => Some(Force::RunHere),
        (Mutant::DestinationDropsVerified, Side::Destination) => Some(Force::DropCopy),
        _ => None,
    }
}
