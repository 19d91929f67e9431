//! A fake page stream: it delivers items in order from one machine to another, until it breaks. It consists of segments, one
//! per round or freeze: a header, the pages, and an item for the end.

use std::collections::VecDeque;

use nomad_image::{PageChange, PageMap};
use nomad_protocol::StreamHeader;

use crate::kernel::State;

/// An item of a page stream, after the header of its segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StreamItem {
    /// The changes of all pages, in the first item of a segment; and pages with data, by number.
    Pages(Option<PageMap>, Vec<(usize, u64)>),
    /// The domain has the pages of the copy that the destination keeps, except for the changes that follow.
    Continued,
    /// A round is complete.
    RoundEnd,
    /// A freeze is complete, with the exported state.
    FreezeEnd(State),
}

impl StreamItem {
    /// The number of pages whose change it announces.
    pub fn announced(&self) -> u64 {
        let StreamItem::Pages(Some(map), _) = self else {
            return 0;
        };
        (map.page_count() - map.pages(PageChange::Unchanged).count()) as u64
    }

    /// Whether it completes a round or a freeze.
    pub fn is_end(&self) -> bool {
        matches!(self, StreamItem::RoundEnd | StreamItem::FreezeEnd(_))
    }
}

/// The stream of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The numbers of the machines at its two ends: the sender's and the receiver's.
    pub ends: [usize; 2],
    /// Items sent and not yet received.
    pub in_flight: VecDeque<(StreamHeader, StreamItem)>,
    /// Set once the stream is broken: for each end, whether it still has to be notified.
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

    /// The number of items in flight that complete a round or a freeze, if its end is among them.
    pub fn items_to_end(&self) -> Option<usize> {
        let mut items = self.in_flight.iter();
        let end = items.position(|(_, item)| item.is_end())?;
        Some(end + 1)
    }

    /// Breaks the stream: items in flight are lost, and both ends will be notified.
    pub fn break_off(&mut self) {
        if self.broken.is_none() {
            self.in_flight.clear();
            self.broken = Some([true, true]);
        }
    }

    /// Breaks the stream because the receiver does not reply: only the sender's end will be notified.
    pub fn abandon(&mut self) {
        self.break_off();
        if let Some([_, receiver]) = &mut self.broken {
            *receiver = false;
        }
    }

    /// Notifies neither end: each has to notice by itself that the stream is broken.
    pub fn silence(&mut self) {
        if let Some(to_notify) = &mut self.broken {
            *to_notify = [false; 2];
        }
    }

    /// Closes the end of `machine`, which may be gone: only the other end will be notified. A stream between other machines
    /// is not affected.
    pub fn close(&mut self, machine: usize) {
        let Some(end) = self.end_of(machine) else {
            return;
        };
        self.break_off();
        if let Some(to_notify) = &mut self.broken {
            to_notify[end] = false;
        }
    }

    /// Whether `machine` is at one end of the stream and still has to be notified that it broke.
    pub fn is_to_notify(&self, machine: usize) -> bool {
        match (self.broken, self.end_of(machine)) {
            (Some(to_notify), Some(end)) => to_notify[end],
            _ => false,
        }
    }

    /// Marks `machine` as notified, if the stream is broken. Returns whether it is broken.
    pub fn notify(&mut self, machine: usize) -> bool {
        if let (Some(end), Some(to_notify)) = (self.end_of(machine), &mut self.broken) {
            to_notify[end] = false;
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
            [0, 1, 2].map(|machine| stream.is_to_notify(machine)),
            [true, false, false]
        );
    }
}
