//! Judges every reply of one transport.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::protocol::{FLAG_TORN_PAGE, Heap, Reply, Request};

/// How often each property was violated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// The heap does not hold what it held.
    pub checksum: u64,
    /// The domain saw a page of its own that was half written.
    pub torn_page: u64,
    /// A flag that this version does not know.
    pub unknown_flag: u64,
    /// The counter did not rise: something runs from an older state, or twice.
    pub counter_back: u64,
    /// The number of dirtied pages fell: the same.
    pub dirtied_back: u64,
    /// The reply belongs to no request of ours, or garbles it.
    pub echo: u64,
    /// The stream of replies lacks one, or has one twice or out of order (TCP).
    pub order: u64,
}

impl Errors {
    /// All of them together.
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

/// What a transport promises about the replies it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Only that none overtakes another: they may be lost or come twice. (UDP, over a wire without jitter)
    Nothing,
    /// Each comes once, in order. (TCP)
    Order,
}

/// Keeps what was asked on one transport, and judges the answers.
#[derive(Debug)]
pub struct Checker {
    heap: Heap,
    promise: Promise,
    /// When each request was sent, by its sequence number.
    asked: Vec<u64>,
    answered: HashSet<u64>,
    /// The sequence number and counter of each answer.
    answers: HashSet<(u64, u64)>,
    duplicate_count: u64,
    last_counter: u64,
    first_dirtied: Option<u64>,
    last_dirtied: u64,
    checksums: HashMap<u64, u64>,
    errors: Errors,
}

impl Checker {
    /// A checker for one transport to a domain with such a heap.
    pub fn new(heap: Heap, promise: Promise) -> Self {
        Self {
            heap,
            promise,
            asked: Vec::new(),
            answered: HashSet::new(),
            answers: HashSet::new(),
            duplicate_count: 0,
            last_counter: 0,
            first_dirtied: None,
            last_dirtied: 0,
            checksums: HashMap::new(),
            errors: Errors::default(),
        }
    }

    /// The next request, sent at `now`.
    pub fn next_request(&mut self, now: u64) -> Request {
        let sequence = self.asked.len() as u64;
        self.asked.push(now);
        Request {
            sequence,
            client_time: now,
        }
    }

    /// Judges an answer, and says whether it is the first one to its request.
    pub fn judge(&mut self, reply: Reply) -> bool {
        let Some(client_time) = self.asked.get(reply.sequence as usize) else {
            self.errors.echo += 1;
            return false;
        };
        self.errors.echo += u64::from(*client_time != reply.client_time);
        if self.promise == Promise::Order {
            self.errors.order += u64::from(reply.sequence != self.answered_count());
        }
        self.judge_memory(reply);
        // A reply that the network doubled says the same again; any other has to go on from the last. (A request that
        // the network doubled has two answers.)
        if self.answers.insert((reply.sequence, reply.counter)) {
            self.judge_progress(reply);
        }
        let is_first = self.answered.insert(reply.sequence);
        self.duplicate_count += u64::from(!is_first);
        is_first
    }

    /// Judges an answer that is none: not of a reply's size.
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

    /// How many requests were sent.
    pub fn request_count(&self) -> u64 {
        self.asked.len() as u64
    }

    /// How many of them were answered.
    pub fn answered_count(&self) -> u64 {
        self.answered.len() as u64
    }

    /// How many answers were to a request that had been answered.
    pub fn duplicate_count(&self) -> u64 {
        self.duplicate_count
    }

    /// How many pages the domain has dirtied from the first answer to the last.
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

    /// A checker that has asked three times, and the right answers.
    fn asked(promise: Promise) -> (Checker, [Reply; 3]) {
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
        let (mut checker, right) = asked(promise);
        for reply in replies(right) {
            checker.judge(reply);
        }
        checker.errors()
    }

    #[test]
    fn finds_no_fault_with_right_answers() {
        assert_eq!(
            errors_of(Promise::Order, |right| right.to_vec()),
            Errors::default()
        );
    }

    #[test]
    fn allows_a_datagram_to_be_lost_or_doubled_but_not_a_stream() {
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
    fn allows_a_doubled_request_two_answers() {
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
    fn notices_a_counter_that_stands_still() {
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
    fn notices_an_answer_to_nothing() {
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
    fn notices_what_memory_lost() {
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
