//! Another sender on the same path, as most traffic is: [`Neighbour`], whose window follows losses (Reno, RFC 5681).

use std::collections::VecDeque;

/// The bytes of a segment on the wire.
pub const SEGMENT: u64 = 1514;
/// The bytes of a segment's content.
const CONTENT: u64 = 1448;
/// How long it waits for an acknowledgement that does not come (RFC 6298 in Linux).
const TIMEOUT_US: u64 = 200_000;

/// A segment in flight.
struct Segment {
    number: u64,
    /// When its acknowledgement arrives, unless the segment was dropped.
    acknowledged_at: Option<u64>,
}

/// A sender with an endless amount of bytes to send.
pub struct Neighbour {
    window: u64,
    threshold: u64,
    in_flight: VecDeque<Segment>,
    next: u64,
    /// Losses of earlier segments belong to the loss that was last reacted to.
    recovered_from: u64,
    /// When it last sent or received anything.
    active_at: u64,
    /// When each segment's acknowledgement has arrived.
    acknowledged: Vec<u64>,
}

impl Neighbour {
    /// A sender at its beginning.
    pub fn new() -> Neighbour {
        Neighbour {
            window: 10 * CONTENT,
            threshold: u64::MAX,
            in_flight: VecDeque::new(),
            next: 0,
            recovered_from: 0,
            active_at: 0,
            acknowledged: Vec::new(),
        }
    }

    /// The bytes of content that had arrived by this time.
    pub fn delivered(&self, by: u64) -> u64 {
        self.acknowledged.partition_point(|at| *at <= by) as u64 * CONTENT
    }

    /// Whether its window has room for a segment.
    pub fn may_send(&self) -> bool {
        (self.in_flight.len() as u64 + 1) * CONTENT <= self.window
    }

    /// Records that it has sent a segment, which the path has dropped if its acknowledgement never arrives.
    pub fn record_sent(&mut self, now: u64, acknowledged_at: Option<u64>) {
        self.active_at = now;
        self.in_flight.push_back(Segment {
            number: self.next,
            acknowledged_at,
        });
        self.next += 1;
    }

    /// When it acts next, besides sending.
    pub fn next_event(&self) -> u64 {
        let arrivals = self.in_flight.iter().filter_map(|it| it.acknowledged_at);
        arrivals.min().unwrap_or(self.active_at + TIMEOUT_US)
    }

    /// Handles the acknowledgements that have arrived, and the losses that they show.
    pub fn advance(&mut self, now: u64) {
        let is_acknowledged = |it: &Segment| it.acknowledged_at.is_some_and(|at| at <= now);
        while let Some(last) = self.in_flight.iter().position(is_acknowledged) {
            for _ in 0..last {
                let lost = self.in_flight.pop_front().expect("a segment");
                self.react_to_loss(lost.number);
            }
            self.in_flight.pop_front();
            self.acknowledged.push(now);
            self.active_at = now;
            self.window += match self.window < self.threshold {
                true => CONTENT,
                false => CONTENT * CONTENT / self.window,
            };
        }
        if now >= self.active_at + TIMEOUT_US {
            self.in_flight.clear();
            self.react_to_loss(self.next);
            (self.window, self.active_at) = (CONTENT, now);
        }
    }

    /// Halves the window, once per window.
    fn react_to_loss(&mut self, number: u64) {
        if number >= self.recovered_from {
            self.window = (self.window / 2).max(2 * CONTENT);
            self.threshold = self.window;
            self.recovered_from = self.next;
        }
    }
}
