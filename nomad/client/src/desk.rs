//! The side that answers: [`Desk`], all requests of a migration server's operators.
//!
//! ```text
//!   Open -> a number is given -> Ask: an Order, once -> lines are said -> Heard to the end: forgotten
//! ```
//!
//! Requests are bounded. The one that was heard of least recently goes first, for a client that is there asks again
//! and again; that it goes ends its transcript, not what it asked for.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use nomad_channel::Random;

use crate::message::{Answer, Nonce, Question, RequestId};
use crate::transcript::Transcript;

/// Most requests that are remembered.
pub const REQUESTS_MAX: usize = 32;

/// What operators at addresses of type `A` have asked for.
pub struct Desk<A> {
    /// The one heard of most recently first.
    requests: VecDeque<Request<A>>,
    outbox: VecDeque<(A, Answer)>,
    random: Random,
}

/// A command to be obeyed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whom to say lines to.
    pub request: RequestId,
    /// The command.
    pub command: String,
}

struct Request<A> {
    id: RequestId,
    nonce: Nonce,
    /// Where it was last heard from.
    from: A,
    stage: Stage,
    transcript: Transcript,
    /// The number of the first line that was not sent.
    unsent: u32,
    /// Whether an answer is owed even if there is no line to send.
    owed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has a number.
    Open,
    /// It was given out as an order.
    Obeyed,
}

impl<A: Copy> Desk<A> {
    /// No requests yet.
    pub fn new(random: Random) -> Desk<A> {
        Desk {
            requests: VecDeque::new(),
            outbox: VecDeque::new(),
            random,
        }
    }

    /// Hears what the operator at `from` says. What is no question is passed over.
    pub fn hear(&mut self, from: A, message: &[u8]) -> Option<Order> {
        match Question::decode(message)? {
            Question::Open { nonce } => {
                self.open(from, nonce);
                None
            }
            Question::Ask {
                request,
                heard,
                command,
            } => self.ask(from, request, heard, command),
            Question::Heard { request, heard } => {
                self.confirm(from, request, heard);
                None
            }
        }
    }

    /// Says a line to whoever has made a request, if it is remembered.
    pub fn say(&mut self, request: RequestId, line: &str) {
        let Some(position) = self.position(request) else {
            return;
        };
        if self.requests[position].transcript.say(line).is_err() {
            self.requests.remove(position);
        }
    }

    /// The next message for an operator.
    pub fn poll_message(&mut self) -> Option<(A, Vec<u8>)> {
        if self.outbox.is_empty() {
            let mut requests = self.requests.iter_mut();
            let request = requests.find(|request| request.has_news())?;
            let from = request.from;
            let news = request.news();
            self.outbox
                .extend(news.into_iter().map(|answer| (from, answer)));
        }
        let (to, answer) = self.outbox.pop_front()?;
        Some((to, answer.encode()))
    }

    fn open(&mut self, from: A, nonce: Nonce) {
        let mut known = self.requests.iter();
        let known = known.find(|request| request.nonce == nonce);
        let request = match known.map(|request| request.id) {
            Some(request) => request,
            None => self.add(from, nonce),
        };
        self.outbox
            .push_back((from, Answer::Opened { nonce, request }));
    }

    fn add(&mut self, from: A, nonce: Nonce) -> RequestId {
        let id = RequestId(self.random.number() as u64);
        self.requests.push_front(Request {
            id,
            nonce,
            from,
            stage: Stage::Open,
            transcript: Transcript::default(),
            unsent: 0,
            owed: false,
        });
        self.requests.truncate(REQUESTS_MAX);
        id
    }

    fn ask(&mut self, from: A, id: RequestId, heard: u32, command: String) -> Option<Order> {
        let Some(request) = self.freshen(from, id) else {
            let answer = Answer::Unknown { request: id };
            self.outbox.push_back((from, answer));
            return None;
        };
        request.transcript.confirm(heard);
        request.unsent = heard.min(request.transcript.count());
        request.owed = true;
        let before = core::mem::replace(&mut request.stage, Stage::Obeyed);
        (before == Stage::Open).then_some(Order {
            request: id,
            command,
        })
    }

    fn confirm(&mut self, from: A, id: RequestId, heard: u32) {
        let Some(request) = self.freshen(from, id) else {
            return;
        };
        request.transcript.confirm(heard);
        if request.transcript.is_over() {
            self.requests.pop_front();
        }
    }

    /// A request that is heard of: it becomes the first.
    fn freshen(&mut self, from: A, id: RequestId) -> Option<&mut Request<A>> {
        let position = self.position(id)?;
        let mut request = self.requests.remove(position)?;
        request.from = from;
        self.requests.push_front(request);
        self.requests.front_mut()
    }

    fn position(&self, id: RequestId) -> Option<usize> {
        self.requests.iter().position(|request| request.id == id)
    }
}

impl<A> Request<A> {
    fn has_news(&self) -> bool {
        self.owed || self.unsent < self.transcript.count()
    }

    fn news(&mut self) -> Vec<Answer> {
        let from = core::mem::replace(&mut self.unsent, self.transcript.count());
        self.owed = false;
        self.transcript.since(self.id, from)
    }
}
