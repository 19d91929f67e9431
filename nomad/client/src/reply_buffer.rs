//! The events of a reply that are not acknowledged yet: [`ReplyBuffer`].

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use nomad_protocol::DATAGRAM_BYTES_MAX;

use crate::event::Event;
use crate::message::{EVENTS_HEAD_BYTES, Reply, RequestId};

/// The maximum number of bytes of memory that the unacknowledged events take.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of memory that an event takes besides its encoded form: the pointer to it and the allocator's share.
const EVENT_OVERHEAD_BYTES: usize = 48;
/// The maximum number of messages in reply to one question.
pub const MESSAGES_MAX: usize = 8;

/// While this many events are not acknowledged, those are left out that a later one would replace.
pub const REPLACEABLE_MAX: usize = 8;

/// The unacknowledged events of a reply.
#[derive(Clone, Debug, Default)]
pub struct ReplyBuffer {
    /// The number of the first event in `events`.
    first: u32,
    /// The encoded events. They take a tenth of the memory of the values.
    events: VecDeque<Box<[u8]>>,
    bytes: usize,
    ended: bool,
}

/// The unacknowledged events exceed [`REPLY_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

impl ReplyBuffer {
    /// Adds an event. Events after a reply's last are ignored, and so are replaceable ones while [`REPLACEABLE_MAX`] events
    /// wait for their acknowledgement.
    ///
    /// # Errors
    /// [`Overrun`]: the client does not acknowledge events, and the caller must drop the buffer.
    pub fn push(&mut self, event: Event) -> Result<(), Overrun> {
        let is_left_out = event.is_replaceable() && self.events.len() >= REPLACEABLE_MAX;
        if self.ended || is_left_out {
            return Ok(());
        }
        let encoded = postcard::to_allocvec(&event).expect("a vector takes any value");
        self.ended = event.end().is_some();
        self.bytes += encoded.len() + EVENT_OVERHEAD_BYTES;
        self.events.push_back(encoded.into());
        if self.bytes > REPLY_BYTES_MAX {
            return Err(Overrun);
        }
        Ok(())
    }

    /// Drops the acknowledged events.
    pub fn acknowledge(&mut self, received: u32) {
        while self.first < received {
            let Some(encoded) = self.events.pop_front() else {
                return;
            };
            self.bytes -= encoded.len() + EVENT_OVERHEAD_BYTES;
            self.first += 1;
        }
    }

    /// Whether the last event was added and all events are acknowledged.
    pub fn is_complete(&self) -> bool {
        self.ended && self.events.is_empty()
    }

    /// The number of events so far, acknowledged ones included.
    pub fn count(&self) -> u32 {
        self.first + self.events.len() as u32
    }

    /// The events from number `from` on, as messages; one empty message if there are none. The client queries the
    /// server again for events that do not fit [`MESSAGES_MAX`] messages.
    pub fn since(&self, request: RequestId, from: u32) -> Vec<Reply> {
        let mut messages = Vec::new();
        let mut first = from.max(self.first);
        while messages.len() < MESSAGES_MAX {
            let events = self.batch(first);
            let next = first + events.len() as u32;
            messages.push(Reply::Events {
                request,
                first,
                count: self.count(),
                events,
            });
            if next >= self.count() {
                break;
            }
            first = next;
        }
        messages
    }

    /// The events from number `first` on that fit one message.
    fn batch(&self, first: u32) -> Vec<Event> {
        let mut message_bytes = EVENTS_HEAD_BYTES;
        let skipped = first.saturating_sub(self.first) as usize;
        let events = self.events.iter().skip(skipped);
        let events = events.take_while(|encoded| {
            message_bytes += encoded.len();
            message_bytes <= DATAGRAM_BYTES_MAX
        });
        let events = events.map(|encoded| postcard::from_bytes(encoded));
        events.map(|event| event.expect("encoded above")).collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use nomad_protocol::Notice;
    use nomad_protocol::planner::RoundProgress;

    use super::*;
    use crate::samples;

    const REQUEST: RequestId = RequestId(7);

    /// A buffer with `count` events that do not end a reply.
    fn buffer(count: usize) -> ReplyBuffer {
        let mut reply = ReplyBuffer::default();
        let events = samples::events().into_iter().cycle();
        let events = events.filter(|event| event.end().is_none() && !event.is_replaceable());
        for event in events.take(count) {
            reply.push(event).expect("room");
        }
        reply
    }

    /// The number of a message's first event, and its number of events.
    fn events(message: &Reply) -> (u32, usize) {
        match message {
            Reply::Events { first, events, .. } => (*first, events.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_message_fits_a_datagram_and_has_an_event() {
        let reply = buffer(200);
        let mut next = 0;
        while next < 200 {
            for message in reply.since(REQUEST, next) {
                assert!(message.encode().len() <= DATAGRAM_BYTES_MAX);
                let (first, count) = events(&message);
                assert_eq!(first, next);
                assert!(count > 0);
                next += count as u32;
            }
        }
    }

    #[test]
    fn resends_unacknowledged_events_and_forgets_acknowledged_ones() {
        let mut reply = buffer(5);
        reply.acknowledge(2);
        assert_eq!(events(&reply.since(REQUEST, 0)[0]).0, 2);
        assert_eq!(events(&reply.since(REQUEST, 4)[0]), (4, 1));
        assert_eq!(events(&reply.since(REQUEST, 5)[0]), (5, 0));
        reply.push(Event::Done).expect("room");
        reply.push(Event::Done).expect("nothing to add");
        assert_eq!(events(&reply.since(REQUEST, 5)[0]), (5, 1));
        assert!(!reply.is_complete());
        reply.acknowledge(u32::MAX);
        assert!(reply.is_complete());
    }

    #[test]
    fn unacknowledged_events_are_bounded() {
        let mut reply = ReplyBuffer::default();
        let small = Event::Move(Notice::Committed);
        let added = (0..REPLY_BYTES_MAX).take_while(|_| reply.push(small.clone()).is_ok());
        // The smallest event takes two bytes, a pointer with a length, and an allocation.
        assert!(added.count() * (2 + 16 + 16) <= REPLY_BYTES_MAX);
    }

    #[test]
    fn a_client_that_acknowledges_nothing_loses_only_replaceable_events() {
        let round = Event::Move(Notice::Round(RoundProgress::default()));
        let mut reply = ReplyBuffer::default();
        for _ in 0..2 * REPLACEABLE_MAX {
            reply.push(round.clone()).expect("room");
        }
        assert_eq!(reply.count() as usize, REPLACEABLE_MAX);
        reply.push(Event::Move(Notice::Committed)).expect("room");
        assert_eq!(reply.count() as usize, REPLACEABLE_MAX + 1);
        reply.acknowledge(2);
        reply.push(round).expect("room");
        assert_eq!(reply.count() as usize, REPLACEABLE_MAX + 2);
    }

    #[test]
    fn a_reason_is_cut_at_a_character() {
        let Event::Failed(reason) = Event::failed(format!("a{:1000}", "é".repeat(1000))) else {
            panic!("not a failure");
        };
        assert_eq!(reason.len(), crate::event::REASON_BYTES_MAX - 1);
    }
}
