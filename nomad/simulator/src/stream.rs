//! A fake page stream: parcels in order from one machine to another, until it breaks.

use std::collections::VecDeque;

use nomad_protocol::StreamHeader;

use crate::kernel::State;

/// What travels on a page stream, behind the header of its segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parcel {
    /// Pages, by number.
    Pages(Vec<(usize, u64)>),
    /// A round is complete.
    RoundEnd,
    /// A freeze is complete: what was exported.
    FreezeEnd(State),
}

/// The stream of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The numbers of the machines at its two ends: the sender's and the receiver's.
    pub ends: [usize; 2],
    /// Sent and not yet received.
    pub in_flight: VecDeque<(StreamHeader, Parcel)>,
    /// It is broken, and these ends do not know it yet.
    pub broken: Option<[bool; 2]>,
}

impl Stream {
    /// A stream that was just opened between two machines.
    pub fn new(from: usize, to: usize) -> Self {
        Stream {
            ends: [from, to],
            in_flight: VecDeque::new(),
            broken: None,
        }
    }

    /// Breaks: what is in flight is lost, and both ends will be told.
    pub fn break_off(&mut self) {
        if self.broken.is_none() {
            self.in_flight.clear();
            self.broken = Some([true, true]);
        }
    }

    /// `machine` has closed its end or is gone: only the other end will be told. Streams between others go on.
    pub fn close(&mut self, machine: usize) {
        let Some(end) = self.end_of(machine) else {
            return;
        };
        self.break_off();
        if let Some(to_tell) = &mut self.broken {
            to_tell[end] = false;
        }
    }

    /// Is `machine` at one of its ends and yet to be told that it broke?
    pub fn is_to_tell(&self, machine: usize) -> bool {
        match (self.broken, self.end_of(machine)) {
            (Some(to_tell), Some(end)) => to_tell[end],
            _ => false,
        }
    }

    /// `machine` is told that it broke. Returns whether it is broken.
    pub fn tell(&mut self, machine: usize) -> bool {
        if let (Some(end), Some(to_tell)) = (self.end_of(machine), &mut self.broken) {
            to_tell[end] = false;
        }
        self.broken.is_some()
    }

    fn end_of(&self, machine: usize) -> Option<usize> {
        self.ends.iter().position(|number| *number == machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_at_neither_end_does_not_break_it() {
        let mut stream = Stream::new(0, 2);
        stream.close(1);
        assert_eq!(stream.broken, None);
        stream.close(2);
        assert_eq!(
            [0, 1, 2].map(|machine| stream.is_to_tell(machine)),
            [true, false, false]
        );
    }
}
