//! The server's side: [`Server`], the requests of all operators of a migration server.
//!
//! ```text
//!   Open -> a request id -> Ask: a Request, once -> events are sent -> all acknowledged: forgotten
//! ```
//!
//! The number of requests is bounded. The least recently active request is evicted first, because a live client keeps
//! sending questions. Eviction drops the request's reply, but does not cancel its command.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use nomad_channel::Random;

use crate::command::{Command, PackageSize};
use crate::event::Event;
use crate::message::{Nonce, Question, Reply, RequestId};
use crate::reply_buffer::ReplyBuffer;
use crate::upload::UploadReceiver;

/// The maximum number of requests that are kept.
pub const REQUESTS_MAX: usize = 32;

/// The requests of operators at addresses of type `A`.
pub struct Server<A> {
    /// The most recently active first.
    requests: VecDeque<RequestState<A>>,
    outbox: VecDeque<(A, Reply)>,
    random: Random,
}

/// An action to perform now, and the request that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The request that the events of the reply are sent to.
    pub id: RequestId,
    /// The action.
    pub action: Action,
}

/// An action of the server for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Execute a command.
    Execute(Command),
    /// Accept the next piece of the data that belongs to the command.
    AcceptData(Vec<u8>),
}

struct RequestState<A> {
    id: RequestId,
    nonce: Nonce,
    /// The source of its last message.
    from: A,
    stage: Stage,
    data: UploadReceiver,
    events: ReplyBuffer,
    /// The number of the first event that was not sent.
    unsent: u32,
    /// Whether a reply is due even without an event to send.
    reply_due: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has an id.
    Open,
    /// Its command was handed out for execution.
    Executing,
}

impl<A: Copy> Server<A> {
    /// Creates a server without requests.
    pub fn new(random: Random) -> Server<A> {
        Server {
            requests: VecDeque::new(),
            outbox: VecDeque::new(),
            random,
        }
    }

    /// Handles a message of the operator at `from`. A message that is not a question is ignored.
    pub fn handle_message(&mut self, from: A, message: &[u8]) -> Option<Request> {
        match Question::decode(message)? {
            Question::Open { nonce } => {
                self.open(from, nonce);
                None
            }
            Question::Ask {
                request,
                received,
                command,
            } => self.ask(from, request, received, command),
            Question::Ack { request, received } => {
                self.acknowledge(from, request, received);
                None
            }
            Question::Data {
                request,
                offset,
                bytes,
            } => self.accept_data(from, request, offset, bytes),
        }
    }

    /// Adds an event to the reply of a request, if the request is still kept. Drops the request if too many events are
    /// unacknowledged.
    pub fn send_event(&mut self, request: RequestId, event: Event) {
        let Some(position) = self.position(request) else {
            return;
        };
        if self.requests[position].events.push(event).is_err() {
            self.requests.remove(position);
        }
    }

    /// The next message for an operator.
    pub fn poll_message(&mut self) -> Option<(A, Vec<u8>)> {
        if self.outbox.is_empty() {
            let mut requests = self.requests.iter_mut();
            let request = requests.find(|request| request.has_replies())?;
            let from = request.from;
            let replies = request.take_replies();
            self.outbox
                .extend(replies.into_iter().map(|reply| (from, reply)));
        }
        let (to, reply) = self.outbox.pop_front()?;
        Some((to, reply.encode()))
    }

    fn open(&mut self, from: A, nonce: Nonce) {
        let mut known = self.requests.iter();
        let known = known.find(|request| request.nonce == nonce);
        let request = match known.map(|request| request.id) {
            Some(request) => request,
            None => self.add(from, nonce),
        };
        self.outbox
            .push_back((from, Reply::Opened { nonce, request }));
    }

    fn add(&mut self, from: A, nonce: Nonce) -> RequestId {
        let id = RequestId(self.random.number() as u64);
        self.requests.push_front(RequestState {
            id,
            nonce,
            from,
            stage: Stage::Open,
            data: UploadReceiver::default(),
            events: ReplyBuffer::default(),
            unsent: 0,
            reply_due: false,
        });
        self.requests.truncate(REQUESTS_MAX);
        id
    }

    fn ask(&mut self, from: A, id: RequestId, received: u32, command: Command) -> Option<Request> {
        let Some(request) = self.touch(from, id) else {
            self.refuse(from, id);
            return None;
        };
        request.events.acknowledge(received);
        request.unsent = received.min(request.events.count());
        request.reply_due = true;
        let before = core::mem::replace(&mut request.stage, Stage::Executing);
        if before == Stage::Executing {
            return None;
        }
        if let Command::Run(PackageSize(bytes)) = command {
            request.data = UploadReceiver::new(bytes);
        }
        let action = Action::Execute(command);
        Some(Request { id, action })
    }

    fn accept_data(
        &mut self,
        from: A,
        id: RequestId,
        offset: u32,
        piece: Vec<u8>,
    ) -> Option<Request> {
        let Some(request) = self.touch(from, id) else {
            self.refuse(from, id);
            return None;
        };
        let is_next = request.data.accept(offset, &piece);
        let bytes = request.data.accepted();
        let reply = Reply::Accepted { request: id, bytes };
        self.outbox.push_back((from, reply));
        let action = Action::AcceptData(piece);
        is_next.then_some(Request { id, action })
    }

    fn acknowledge(&mut self, from: A, id: RequestId, received: u32) {
        let Some(request) = self.touch(from, id) else {
            return;
        };
        request.events.acknowledge(received);
        if request.events.is_complete() {
            self.requests.pop_front();
        }
    }

    fn refuse(&mut self, from: A, id: RequestId) {
        let reply = Reply::Unknown { request: id };
        self.outbox.push_back((from, reply));
    }

    /// Makes a request the most recently active one.
    fn touch(&mut self, from: A, id: RequestId) -> Option<&mut RequestState<A>> {
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

impl<A> RequestState<A> {
    fn has_replies(&self) -> bool {
        self.reply_due || self.unsent < self.events.count()
    }

    fn take_replies(&mut self) -> Vec<Reply> {
        let from = core::mem::replace(&mut self.unsent, self.events.count());
        self.reply_due = false;
        self.events.since(self.id, from)
    }
}
