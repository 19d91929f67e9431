//! The misconduct of mutants: they misread another machine's datagrams, or decide a move in doubt without an operator.

use nomad_protocol::{
    Action, BootId, Doubt, Entry, Envelope, Force, Message, Notice, PhaseName, Side, Step,
};

use crate::machine::{Machine, Mutant};

/// The datagram that a mutant reads in place of these bytes of machine `from`; `None` if it reads them correctly.
pub fn misread(machine: &Machine, from: usize, bytes: &[u8]) -> Option<Vec<u8>> {
    let change = match machine.hardware().parts.mutant {
        Mutant::PreparedIsActivated => prepared_is_activated,
        Mutant::BootsLookAlike => boots_look_alike,
        _ => return None,
    };
    let envelope = Envelope::decode(bytes).expect("a machine wrote it");
    Some(change(machine, from, envelope).encode())
}

/// A source that has committed reads Prepared as Activated.
fn prepared_is_activated(machine: &Machine, _: usize, mut envelope: Envelope) -> Envelope {
    if let Message::Transaction(transaction, step @ Step::Prepared { .. }) = &mut envelope.message {
        let mut entries = machine.shell.moves.ledger.entries();
        let is_it = |entry: &Entry<'_>| {
            entry.transaction == *transaction && entry.phase == PhaseName::Commit
        };
        if let Some(entry) = entries.find(is_it) {
            *step = Step::Activated {
                domain: entry.offer.domain,
                incarnation: entry.offer.incarnation.next(),
            };
        }
    }
    envelope
}

/// Every boot of a machine is taken for its first.
fn boots_look_alike(_: &Machine, from: usize, envelope: Envelope) -> Envelope {
    Envelope {
        boot: BootId(Machine::first_boot(from)),
        ..envelope
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
        (Mutant::DestinationDropsPrepared, Side::Destination) => Some(Force::DropCopy),
        _ => None,
    }
}
