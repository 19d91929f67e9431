//! Checks every reply of one transport.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::protocol::{FLAG_TORN_PAGE, Heap, Reply, Request};

/// The number of violations of each property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// The contents of the heap changed.
    pub checksum: u64,
    /// The domain found one of its pages half written.
    pub torn_page: u64,
    /// An unknown flag.
    pub unknown_flag: u64,
    /// The counter did not increase: the domain runs from an older state, or twice.
    pub counter_back: u64,
    /// The number of dirtied pages decreased, for the same reasons.
    pub dirtied_back: u64,
    /// The reply matches no request, or garbles it.
    pub echo: u64,
    /// A reply is missing from the stream, duplicate or out of order (TCP).
    pub order: u64,
}

impl Errors {
    /// Their sum.
    pub fn total(&self) -> u64 {
        let Self {
            checksum,
            torn_page,
            unknown_flag,
            counter_back,
            dirtied_back,
            echo,
            order,
        } = self;
        checksum + torn_page + unknown_flag + counter_back + dirtied_back + echo + order
    }
}

/// A transport's guarantee for replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// They are not reordered, but may be lost or duplicated (UDP, over a wire without jitter).
    Nothing,
    /// Each arrives once, in order (TCP).
    Order,
}

/// Records the requests of one transport, and checks the replies.
#[derive(Debug)]
pub struct Checker {
    heap: Heap,
    promise: Promise,
    /// The time of each request, by sequence number.
    requests: Vec<u64>,
    /// The sequence numbers of requests that have had a reply.
    replied: HashSet<u64>,
    /// The sequence number and counter of each reply.
    replies: HashSet<(u64, u64)>,
    duplicate_count: u64,
    last_counter: u64,
    first_dirtied: Option<u64>,
    last_dirtied: u64,
    checksums: HashMap<u64, u64>,
    errors: Errors,
}

impl Checker {
    /// A checker for one transport to a domain with this heap.
    pub fn new(heap: Heap, promise: Promise) -> Self {
        Self {
            heap,
            promise,
            requests: Vec::new(),
            replied: HashSet::new(),
            replies: HashSet::new(),
            duplicate_count: 0,
            last_counter: 0,
            first_dirtied: None,
            last_dirtied: 0,
            checksums: HashMap::new(),
            errors: Errors::default(),
        }
    }

    /// The next request, which is sent at `now`.
    pub fn next_request(&mut self, now: u64) -> Request {
        let sequence = self.requests.len() as u64;
        self.requests.push(now);
        Request {
            sequence,
            client_time: now,
        }
    }

    /// Checks a reply, and returns whether it is the first to its request.
    pub fn judge(&mut self, reply: Reply) -> bool {
        let Some(client_time) = self.requests.get(reply.sequence as usize) else {
            self.errors.echo += 1;
            return false;
        };
        self.errors.echo += u64::from(*client_time != reply.client_time);
        if self.promise == Promise::Order {
            self.errors.order += u64::from(reply.sequence != self.reply_count());
        }
        self.judge_memory(reply);
        // A reply that the network duplicates is identical. Any other reply must continue from the last one, also the second
        // reply to a request that the network has duplicated.
        if self.replies.insert((reply.sequence, reply.counter)) {
            self.judge_progress(reply);
        }
        let is_first = self.replied.insert(reply.sequence);
        self.duplicate_count += u64::from(!is_first);
        is_first
    }

    /// Counts a datagram that does not have the size of a reply.
    pub fn judge_garbage(&mut self) {
        self.errors.echo += 1;
    }

    fn judge_memory(&mut self, reply: Reply) {
        let page = self.heap.probed_page(reply.sequence);
        let expected = *self
            .checksums
            .entry(page)
            .or_insert_with(|| self.heap.checksum(page));
        self.errors.checksum += u64::from(reply.checksum != expected);
        self.errors.torn_page += u64::from(reply.flags & FLAG_TORN_PAGE != 0);
        self.errors.unknown_flag += u64::from(reply.flags & !FLAG_TORN_PAGE != 0);
    }

    fn judge_progress(&mut self, reply: Reply) {
        self.errors.counter_back += u64::from(reply.counter <= self.last_counter);
        self.errors.dirtied_back += u64::from(reply.pages_dirtied < self.last_dirtied);
        self.last_counter = self.last_counter.max(reply.counter);
        self.first_dirtied.get_or_insert(reply.pages_dirtied);
        self.last_dirtied = self.last_dirtied.max(reply.pages_dirtied);
    }

    /// The number of requests sent.
    pub fn request_count(&self) -> u64 {
        self.requests.len() as u64
    }

    /// The number of requests that have had a reply.
    pub fn reply_count(&self) -> u64 {
        self.replied.len() as u64
    }

    /// The number of further replies to the same requests.
    pub fn duplicate_count(&self) -> u64 {
        self.duplicate_count
    }

    /// The number of pages that the domain has dirtied between the first reply and the last.
    pub fn dirtied_count(&self) -> u64 {
        self.last_dirtied - self.first_dirtied.unwrap_or(self.last_dirtied)
    }

    /// The violations so far.
    pub fn errors(&self) -> Errors {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAP: Heap = Heap {
        mib: 2,
        working_mib: 1,
    };

    /// A checker after three requests, and the correct replies.
    fn after_requests(promise: Promise) -> (Checker, [Reply; 3]) {
        let mut checker = Checker::new(HEAP, promise);
        let replies = [1, 2, 3].map(|counter| {
            let Request {
                sequence,
                client_time,
            } = checker.next_request(100 + counter);
            let checksum = HEAP.checksum(HEAP.probed_page(sequence));
            Reply {
                sequence,
                client_time,
                counter,
                checksum,
                pages_dirtied: counter * 10,
                flags: 0,
            }
        });
        (checker, replies)
    }

    fn errors_of(promise: Promise, replies: impl FnOnce([Reply; 3]) -> Vec<Reply>) -> Errors {
        let (mut checker, right) = after_requests(promise);
        for reply in replies(right) {
            checker.judge(reply);
        }
        checker.errors()
    }

    #[test]
    fn finds_no_error_in_correct_replies() {
        assert_eq!(
            errors_of(Promise::Order, |right| right.to_vec()),
            Errors::default()
        );
    }

    #[test]
    fn allows_lost_and_duplicate_replies_over_udp_only() {
        let one_twice = |[one, _, three]: [Reply; 3]| vec![one, one, three];
        assert_eq!(errors_of(Promise::Nothing, one_twice), Errors::default());
        assert_eq!(
            errors_of(Promise::Order, one_twice),
            Errors {
                order: 2,
                ..Errors::default()
            }
        );
    }

    #[test]
    fn allows_two_replies_to_a_duplicated_request() {
        let again = |[one, two, three]: [Reply; 3]| {
            let second = Reply {
                sequence: one.sequence,
                client_time: one.client_time,
                checksum: one.checksum,
                ..three
            };
            vec![one, two, second, second]
        };
        assert_eq!(errors_of(Promise::Nothing, again), Errors::default());
    }

    #[test]
    fn notices_an_older_state() {
        let older = |[one, two, three]: [Reply; 3]| vec![one, three, two];
        let expected = Errors {
            counter_back: 1,
            dirtied_back: 1,
            ..Errors::default()
        };
        assert_eq!(errors_of(Promise::Nothing, older), expected);
    }

    #[test]
    fn notices_a_stalled_counter() {
        let still = |[one, two, _]: [Reply; 3]| vec![one, Reply { counter: 1, ..two }];
        assert_eq!(
            errors_of(Promise::Nothing, still),
            Errors {
                counter_back: 1,
                ..Errors::default()
            }
        );
    }

    #[test]
    fn notices_a_reply_without_a_request() {
        let stray = |[one, ..]: [Reply; 3]| {
            vec![
                Reply { sequence: 3, ..one },
                Reply {
                    client_time: 0,
                    ..one
                },
            ]
        };
        assert_eq!(
            errors_of(Promise::Nothing, stray),
            Errors {
                echo: 2,
                ..Errors::default()
            }
        );
    }

    #[test]
    fn notices_changed_memory() {
        let wrong = |[one, two, three]: [Reply; 3]| {
            vec![
                Reply { checksum: 0, ..one },
                Reply { flags: 1, ..two },
                Reply { flags: 2, ..three },
            ]
        };
        let expected = Errors {
            checksum: 1,
            torn_page: 1,
            unknown_flag: 1,
            ..Errors::default()
        };
        assert_eq!(errors_of(Promise::Order, wrong), expected);
        assert_eq!(expected.total(), 3);
    }
}
