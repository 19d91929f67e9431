//! Page streams between the machines of a world. A job is one round or freeze that a sender produces as a segment of the
//! stream, or the end of the stream; the receiver takes the items (pages, or the end of a segment) as they arrive.

use nomad_protocol::planner::PAGE_BYTES;
use nomad_protocol::{Event, Instant, PhaseName, TransactionId};
use nomad_shell::pages::{Segment, SendError, transaction_of};
use nomad_shell::{Job, JobKind};

use super::{Effect, World};
use crate::faults::LocalStep;
use crate::hardware::Piece;
use crate::machine::{Mutant, Sending, machine_id, machine_number};
use crate::stream::{Stream, StreamItem};

impl World {
    /// Begins a job of a sender; returns the effects.
    pub(super) fn begin(&mut self, now: Instant, number: usize, job: Job) -> Vec<Effect> {
        let transaction = job.transaction;
        let machine = &mut self.machines[number];
        if job.kind == JobKind::Close {
            machine.sending.remove(&transaction);
            if let Some(stream) = self.streams.get_mut(&transaction) {
                stream.close(number);
            }
            return Vec::new();
        }
        let mut piece = Piece::default();
        let begun = match Segment::begin(&mut machine.shell, now, job, &mut piece) {
            Ok(Some(segment)) => segment,
            Ok(None) | Err(SendError::Over) => return Vec::new(),
            Err(SendError::Failed(failure)) => return failed(transaction, Event::Failed(failure)),
        };
        let header = piece.header.expect("a segment begins with its header");
        let sending = Sending {
            segment: begun,
            header,
        };
        machine.sending.insert(transaction, sending);
        // A fault of this step fails the round before it sends anything.
        if let JobKind::Round(_) = job.kind
            && let Some(failure) = machine.hardware_mut().fails(LocalStep::CopyRound)
        {
            machine.sending.remove(&transaction);
            return failed(transaction, Event::Failed(failure));
        }
        vec![Effect::Sending(transaction)]
    }

    /// Sends the next piece of a transaction's segment. `round_trip_us` is the least round trip of its stream, or 0 if it is not known.
    pub fn send_piece(
        &mut self,
        now: Instant,
        number: usize,
        transaction: TransactionId,
        round_trip_us: u64,
    ) -> Vec<Effect> {
        let machine = &mut self.machines[number];
        let Some(mut sending) = machine.sending.remove(&transaction) else {
            return Vec::new();
        };
        machine.shell.host.now = now;
        let mut piece = Piece::default();
        let mut more = sending.segment.produce(&mut machine.shell, &mut piece);
        if sending.segment.is_at_end() && more == Ok(true) {
            more = sending.segment.produce(&mut machine.shell, &mut piece);
        }
        let more = match more {
            Ok(more) => more,
            Err(SendError::Over) => return Vec::new(),
            Err(SendError::Failed(_)) if self.has_died(number) => return Vec::new(),
            Err(SendError::Failed(failure)) => return failed(transaction, Event::Failed(failure)),
        };
        sending.segment.record_sent(piece.bytes());
        let item_count = piece.items.len();
        let Some(stream) = self.stream(number, transaction) else {
            // The end of a stream is reported separately, except during a freeze.
            return match sending.header {
                nomad_protocol::StreamHeader::Round { .. } => Vec::new(),
                _ => failed(transaction, Event::StreamBroken),
            };
        };
        let header = sending.header;
        let items = piece.items.into_iter();
        stream.in_flight.extend(items.map(|item| (header, item)));
        let mut effects = vec![Effect::Streamed(transaction, item_count)];
        let machine = &mut self.machines[number];
        if more {
            machine.sending.insert(transaction, sending);
            effects.push(Effect::Sending(transaction));
        } else if let Ok(Some(event)) = sending.segment.end(&mut machine.shell, now, round_trip_us)
        {
            self.report_event(now, number, transaction, event);
        }
        effects
    }

    /// The stream on which `from` sends a transaction's pages, unless it is broken. It is opened if there is none yet.
    fn stream(&mut self, from: usize, transaction: TransactionId) -> Option<&mut Stream> {
        let peer = self.machines[from].shell.moves.peer_of(transaction)?;
        let stream = self.streams.entry(transaction);
        let stream = stream.or_insert_with(|| Stream::new(from, machine_number(peer)));
        stream.broken.is_none().then_some(stream)
    }

    /// Ends the streams that lead to a machine and that the machine no longer needs.
    pub(super) fn end_streams_to(&mut self, number: usize) {
        let moves = &self.machines[number].shell.moves;
        for (transaction, stream) in &mut self.streams {
            if stream.ends[1] == number && !moves.awaits_pages(*transaction) {
                stream.close(number);
            }
        }
    }

    /// Announces the segment of a stream's next item, if it replaces a copy that is built; returns whether it does. The actions that
    /// follow have to be performed before the item arrives.
    pub fn announce(&mut self, now: Instant, transaction: TransactionId) -> bool {
        let Some(stream) = self.streams.get(&transaction) else {
            return false;
        };
        let (Some((header, _)), [from, to]) = (stream.in_flight.front(), stream.ends) else {
            return false;
        };
        let machine = &mut self.machines[to];
        let entry = machine.shell.moves.entry(transaction);
        let is_built = entry.is_some_and(|entry| entry.phase == PhaseName::Verify);
        let is_late = machine.hardware().parts.mutant == Mutant::OverwritesVerified;
        let from = machine_id(from);
        let shell = &mut machine.shell;
        is_built
            && !is_late
            && shell
                .announce_segment(now, from, transaction, header)
                .is_ok()
    }

    /// Delivers the next item of a stream; returns whether there was one.
    pub fn arrive(&mut self, now: Instant, transaction: TransactionId) -> bool {
        let Some(stream) = self.streams.get_mut(&transaction) else {
            return false;
        };
        let Some((header, item)) = stream.in_flight.pop_front() else {
            return false;
        };
        let [from, to] = stream.ends;
        if let (Some(clocks), StreamItem::FreezeEnd(_)) = (&mut self.clocks, &item) {
            clocks.record_arrival(transaction);
        }
        let shell = &mut self.machines[to].shell;
        shell.host.now = now;
        // A real machine announces a segment once. Each further announcement has no effect.
        let announced = shell.announce_segment(now, machine_id(from), transaction, &header);
        if announced.is_err() {
            // The sender takes no part in the transaction, or the segment is not expected. No failure is reported: both ends only
            // learn that the stream broke.
            stream.break_off();
            return true;
        }
        let is_end = item.is_end();
        let taken = shell.handle_arrival(transaction, item);
        let ended = taken.and_then(|()| {
            if is_end {
                shell.end_segment(&header).map(Some)
            } else {
                Ok(None)
            }
        });
        match ended {
            Ok(None) => {}
            Ok(Some(event)) => self.report_event(now, to, transaction_of(&header), event),
            Err(_) if self.machines[to].hardware_mut().has_died() => stream.break_off(),
            Err(failure) => {
                stream.break_off();
                self.report_event(now, to, transaction, Event::Failed(failure));
            }
        }
        true
    }

    /// Notifies a machine that a stream broke.
    pub fn notify_broken(&mut self, now: Instant, machine: usize, transaction: TransactionId) {
        let stream = self.streams.get_mut(&transaction);
        if stream.is_some_and(|stream| stream.notify(machine)) {
            self.report_event(now, machine, transaction, Event::StreamBroken);
        }
    }
}

fn failed(transaction: TransactionId, event: Event) -> Vec<Effect> {
    vec![Effect::Event(transaction, event)]
}

impl Piece {
    /// The bytes of its pages. A page without data counts too.
    fn bytes(&self) -> u64 {
        let pages = self.items.iter().map(StreamItem::announced);
        pages.sum::<u64>() * PAGE_BYTES
    }
}
