//! Page streams that arrive again: someone on the path has held back the first datagrams of each, while the source has sent
//! their bytes once more. Also the numbers of admissions, by which a destination recognizes a Commit for an earlier
//! admission.

use nomad_protocol::{Envelope, Message, Step, StreamHeader, TransactionId};

use super::State;
use crate::machine::Mutant;
use crate::stream::{Stream, StreamItem};

/// A page stream as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recorded {
    ends: [usize; 2],
    items: Vec<(StreamHeader, StreamItem)>,
}

impl State {
    /// Sends the next piece of a stream, and records its items if streams may arrive again.
    pub(super) fn send_piece(&mut self, machine: usize, transaction: TransactionId) -> bool {
        let stream = self.world.streams.get(&transaction);
        let before = stream.map_or(0, |stream| stream.in_flight.len());
        let effects = self.world.send_piece(super::NOW, machine, transaction, 0);
        if self.left.replays > 0
            && let Some(stream) = self.world.streams.get(&transaction)
        {
            let recorded = self.recorded.entry(transaction);
            let recorded = recorded.or_insert_with(|| Recorded {
                ends: stream.ends,
                items: Vec::new(),
            });
            let sent = stream.in_flight.iter().skip(before).cloned();
            recorded.items.extend(sent);
        }
        !effects.is_empty()
    }

    /// The streams that may arrive again now: those of which nothing arrives any more at a destination that awaits them.
    pub(super) fn replayable(&self) -> impl Iterator<Item = TransactionId> + '_ {
        let recorded = self.recorded.iter().filter(|_| self.left.replays > 0);
        let is_awaited = |(transaction, recorded): &(&TransactionId, &Recorded)| {
            let moves = &self.world.machines[recorded.ends[1]].shell.moves;
            let stream = self.world.streams.get(transaction);
            moves.awaits_pages(**transaction) && stream.is_none_or(|it| it.broken.is_some())
        };
        let recorded = recorded.filter(is_awaited);
        recorded.map(|(transaction, _)| *transaction)
    }

    pub(super) fn replay(&mut self, transaction: TransactionId) {
        self.left.replays -= 1;
        let Recorded { ends, items } = self.recorded[&transaction].clone();
        let mut stream = Stream::new(ends[0], ends[1]);
        stream.in_flight.extend(items);
        self.world.streams.insert(transaction, stream);
        if self.left.replays == 0 {
            self.recorded.clear();
        }
    }

    /// Notes that a datagram was sent, which may be the first Commit of its transaction.
    pub(super) fn note_sent(&mut self, bytes: &[u8]) {
        let envelope = Envelope::decode(bytes).expect("a machine wrote it");
        if let Message::Transaction(transaction, Step::Commit { .. }) = envelope.message {
            self.committed.insert(transaction);
        }
    }

    /// Sets the number that each machine draws for its next admission. A random number differs from all others. Here it
    /// differs from those that a Commit on the wire names, and from those of the machine's other boots; nothing else depends on
    /// it, and so there are fewer states.
    pub(super) fn set_draws(&mut self) {
        let commits = self.committed.len() as u128;
        for machine in &mut self.world.machines {
            let boot = u128::from(machine.shell.moves.ledger.local().boot.0);
            let hardware = machine.hardware();
            let is_constant = hardware.parts.mutant == Mutant::AdmissionsLookAlike;
            let draw = (boot << 8) | if is_constant { 0 } else { commits };
            // A machine that is not changed stays shared with other states.
            if hardware.draw != draw {
                machine.hardware_mut().draw = draw;
            }
        }
    }
}
