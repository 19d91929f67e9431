//! An endpoint served by a task, beside the network, timers and other endpoints: [`TaskServer`].
//!
//! A domain's first thread sleeps at one place, its notification `wake`. So each endpoint has a thread of its own that waits
//! there (see [`super::receiver`]) and passes messages on, one at a time: further callers wait at the endpoint.

use core::sync::atomic::{AtomicU32, Ordering};

use abi::Error;
use abi::register::Slot;

use super::receiver::Receiver;
use super::{Answer, Event, event, forget_caller};
use crate::capability::{Cap, Domain, Endpoint, Notification, Reply};
use crate::executor::Tasks;
use crate::{Start, events, slots};

/// The number of servers so far.
static SERVERS: AtomicU32 = AtomicU32::new(0);

/// An endpoint served by a task.
///
/// ```no_run
/// # use runtime::{Start, Message, server::{Answer, Event, TaskServer}};
/// # async fn echo(start: Start) -> Result<(), runtime::Error> {
/// let mut server = TaskServer::new(start, start.require("echo"))?;
/// loop {
///     if let Event::Call { message, .. } = server.next().await? {
///         server.answer(Answer::Now(Message::of(message.words())));
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct TaskServer {
    receiver: Receiver,
    /// The receiver's flag in `wake`.
    flag: u64,
    reply: Slot,
    accepts: usize,
    /// Whether the receiver was started and its message not taken yet.
    is_receiving: bool,
    /// Whether the last event's reply right may be in its slot.
    has_caller: bool,
}

impl TaskServer {
    /// Creates a server of this endpoint that accepts no capabilities. It is meant to live as long as the domain: its thread
    /// and its 16 KiB of memory are never freed.
    ///
    /// # Errors
    /// That the domain has [`events::SERVERS_MAX`] servers, that no slot is free, or the kernel's refusal of the thread.
    ///
    /// # Panics
    /// If the domain was started without `wake` or `domain`.
    pub fn new(start: Start, endpoint: Cap<Endpoint>) -> Result<TaskServer, Error> {
        TaskServer::with(start.require("domain"), start.require("wake"), endpoint)
    }

    /// As [`TaskServer::new`], with the notification that the executor waits on and this domain's own Domain.
    ///
    /// # Errors
    /// As [`TaskServer::new`].
    pub fn with(
        domain: Cap<Domain>,
        wake: Cap<Notification>,
        endpoint: Cap<Endpoint>,
    ) -> Result<TaskServer, Error> {
        let number = SERVERS.load(Ordering::Relaxed);
        let flag = events::server(number).ok_or(Error::TableFull)?;
        let reply = slots::take()?;
        let receiver = Receiver::new(domain, wake, flag, endpoint);
        let receiver = receiver.inspect_err(|_| slots::give_back(reply))?;
        SERVERS.store(number + 1, Ordering::Relaxed);
        Ok(TaskServer {
            receiver,
            flag,
            reply,
            accepts: 0,
            is_receiving: false,
            has_caller: false,
        })
    }

    /// The same server, accepting up to this many capabilities with each message.
    #[must_use]
    pub fn accepting(self, capabilities: usize) -> TaskServer {
        TaskServer {
            accepts: capabilities,
            ..self
        }
    }

    /// Waits for the next event. A caller who was not answered, and whose right was not taken, gets `Gone`. Cancelling the
    /// wait loses nothing.
    ///
    /// # Errors
    /// The error of `Receive`, or that no slot is free.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if !self.is_receiving {
                self.forget_caller();
                self.receiver.start(self.reply, self.accepts)?;
                self.is_receiving = true;
            }
            while !self.receiver.has_received() {
                events::wait(self.flag).await;
            }
            self.is_receiving = false;
            self.has_caller = true;
            if let Some(received) = self.receiver.take()
                && let Some(event) = event(received?)
            {
                return Ok(event);
            }
        }
    }

    /// Answers the last event. If the answer cannot be delivered, the caller's call ends with `Gone`: no client can stop the
    /// server.
    pub fn answer(&mut self, answer: Answer) {
        if let Answer::Now(message) = answer {
            let reply = Cap::<Reply>::from_slot(self.reply);
            self.has_caller &= reply.reply(&message).is_err();
        }
        self.forget_caller();
    }

    /// Takes the right to answer the last call, for a later [`Cap::reply`]; the caller then frees the slot.
    ///
    /// # Errors
    /// That no slot is free for the next caller's reply right.
    pub fn take_reply(&mut self) -> Result<Cap<Reply>, Error> {
        let next = slots::take()?;
        self.has_caller = false;
        Ok(Cap::from_slot(core::mem::replace(&mut self.reply, next)))
    }

    /// Empties the slot of the last event's reply right.
    fn forget_caller(&mut self) {
        if core::mem::take(&mut self.has_caller) {
            forget_caller(self.reply);
        }
    }
}

/// Serves an endpoint in a task of its own, until it is gone. The handler may await: until it returns, further callers wait.
///
/// # Errors
/// As [`TaskServer::new`].
///
/// # Panics
/// As [`TaskServer::new`].
pub fn serve<H>(
    start: Start,
    tasks: Tasks,
    endpoint: Cap<Endpoint>,
    mut handle: H,
) -> Result<(), Error>
where
    H: AsyncFnMut(Event) -> Answer + 'static,
{
    let mut server = TaskServer::new(start, endpoint)?;
    tasks.spawn(async move {
        loop {
            match server.next().await {
                Ok(event) => {
                    let answer = handle(event).await;
                    server.answer(answer);
                }
                Err(error) => {
                    log::error!("stopped serving {endpoint:?}: {error}");
                    return;
                }
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{self, Answer as KernelAnswer, DONE, with_kernel};
    use crate::message::Message;
    use crate::server::receiver::run_started;
    use abi::{MessageInfo, Request};
    use core::cell::{Cell, RefCell};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};
    use std::vec::Vec;

    const DOMAIN: Slot = Slot(1);
    const ENDPOINT: Slot = Slot(9);

    std::thread_local! {
        /// The argument of the receiver, and whether it was started and waits.
        static RECEIVER: Cell<(u64, bool)> = const { Cell::new((0, false)) };
        /// The first words of the calls that wait at the endpoint.
        static CALLERS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }

    /// A kernel with a receiver that runs as soon as it is started and a caller waits.
    fn kernel(request: &Request) -> KernelAnswer {
        match request {
            Request::ThreadSchedule(call) if call.priority > 16 => Err(Error::MissingRight),
            Request::ThreadPrepare(call) => {
                RECEIVER.set((call.argument, false));
                DONE
            }
            Request::ThreadStart(_) => {
                RECEIVER.set((RECEIVER.get().0, true));
                run_receiver();
                DONE
            }
            Request::Receive(call) => {
                assert_eq!(call.endpoint, ENDPOINT);
                let word = CALLERS.with_borrow_mut(|callers| callers.remove(0));
                let info = MessageInfo::words_only(1).unwrap();
                let mut registers = [0; abi::register::REGISTER_COUNT];
                registers[..3].copy_from_slice(&[5, info.bits(), word]);
                Ok(registers)
            }
            Request::Signal(call) => {
                events::raise(call.flags);
                DONE
            }
            _ => DONE,
        }
    }

    fn run_receiver() {
        let (argument, waits) = RECEIVER.get();
        if waits && CALLERS.with_borrow(|callers| !callers.is_empty()) {
            RECEIVER.set((argument, false));
            run_started(argument);
        }
    }

    fn call(word: u64) {
        CALLERS.with_borrow_mut(|callers| callers.push(word));
        run_receiver();
    }

    fn server() -> TaskServer {
        let [domain, endpoint] = [DOMAIN, ENDPOINT];
        let wake = Cap::from_slot(host::WAKE);
        TaskServer::with(Cap::from_slot(domain), wake, Cap::from_slot(endpoint)).unwrap()
    }

    fn poll(server: &mut TaskServer) -> Poll<Result<Event, Error>> {
        pin!(server.next()).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn called_with(word: u64) -> Poll<Result<Event, Error>> {
        let message = Message::of(&[word]);
        Poll::Ready(Ok(Event::Call { badge: 5, message }))
    }

    #[test]
    fn calls_reach_the_task_one_at_a_time_and_none_is_lost_by_cancelling() {
        let ((), requests) = with_kernel(kernel, || {
            let mut server = server();
            assert_eq!(poll(&mut server), Poll::Pending);
            call(1);
            call(2);
            assert_eq!(poll(&mut server), called_with(1));
            server.answer(Answer::Now(Message::of(&[10])));
            assert_eq!(poll(&mut server), called_with(2));
            server.answer(Answer::Never);
            assert_eq!(poll(&mut server), Poll::Pending);
        });
        let replies = requests.iter().filter_map(|request| match request {
            Request::Reply(call) => Some(call.w0),
            _ => None,
        });
        assert_eq!(replies.collect::<Vec<_>>(), [10]);
        let starts = |request: &&Request| matches!(request, Request::ThreadStart(_));
        assert_eq!(requests.iter().filter(starts).count(), 3);
    }

    #[test]
    fn the_receiver_has_the_priority_of_the_first_thread() {
        let (_, requests) = with_kernel(kernel, server);
        let last = requests.iter().rev().find_map(|request| match request {
            Request::ThreadSchedule(call) => Some(call.priority),
            _ => None,
        });
        assert_eq!(last, Some(16));
    }

    #[test]
    fn a_taken_right_is_not_given_up_by_the_next_wait() {
        let (taken, requests) = with_kernel(kernel, || {
            let mut server = server();
            call(1);
            assert_eq!(poll(&mut server), called_with(1));
            let taken = server.take_reply().unwrap();
            assert_eq!(poll(&mut server), Poll::Pending);
            taken
        });
        let deletes = |request: &Request| match request {
            Request::CapabilityDelete(call) => call.slot == taken.slot(),
            _ => false,
        };
        let start = requests
            .iter()
            .rposition(|request| matches!(request, Request::Receive(_)));
        assert!(!requests[start.unwrap()..].iter().any(deletes));
    }
}
