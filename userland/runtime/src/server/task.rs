//! An endpoint served by a task, beside the network, timers and other endpoints: [`TaskServer`].
//!
//! A domain's first thread sleeps in one place, at its notification `wake`. So each endpoint has a thread of its own (see
//! [`super::receiver`]) that waits at the endpoint and passes messages on, one at a time: further callers wait at the endpoint.

use core::sync::atomic::{AtomicU32, Ordering};

use abi::Error;
use abi::register::Slot;

use super::receiver::Receiver;
use super::{Event, Handled, event, forget_caller};
use crate::capability::{Cap, Domain, Endpoint, Notification, Reply};
use crate::executor::Tasks;
use crate::{Start, events, slots};

/// The number of servers so far.
static SERVERS: AtomicU32 = AtomicU32::new(0);

/// An endpoint served by a task.
///
/// ```no_run
/// # use runtime::{Start, Message, server::{Event, Handled, TaskServer}};
/// # async fn echo(start: Start) -> Result<(), runtime::Error> {
/// let mut server = TaskServer::new(start, start.require("echo"))?;
/// loop {
///     if let Event::Call { message, .. } = server.next().await? {
///         server.respond(Handled::Reply(Message::of(message.words())));
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
    /// Whether the receiver was started and its message was not taken yet.
    is_receiving: bool,
    /// Whether the last event's reply right may be in its slot.
    has_caller: bool,
}

impl TaskServer {
    /// Creates a server of this endpoint that accepts no capabilities. It is meant to live as long as the domain: its thread
    /// and its 16 KiB of memory are never freed.
    ///
    /// # Errors
    /// The domain already has [`events::SERVERS_MAX`] servers, no slot is free, or the kernel refuses the thread.
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
        // Only the first thread makes servers.
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

    /// Waits for the next event. If the last caller got no reply and its reply right was not taken, its call ends with `Gone`.
    /// Cancelling the wait loses no event.
    ///
    /// # Errors
    /// The error of `Receive`, or the lack of a free slot.
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

    /// Responds to the last event. If the reply cannot be delivered, the caller's call ends with `Gone`: no client can stop the
    /// server. If there is no event, as after a cancelled wait, nothing is sent: the reply right may be that of a caller whose
    /// message was not taken yet.
    pub fn respond(&mut self, handled: Handled) {
        if let Handled::Reply(message) = handled
            && self.has_caller
        {
            let reply = Cap::<Reply>::from_slot(self.reply);
            self.has_caller &= reply.reply(&message).is_err();
        }
        self.forget_caller();
    }

    /// Takes the reply right of the last call, for a later [`Cap::reply`]. The caller has to free its slot.
    ///
    /// # Errors
    /// [`Error::EmptySlot`] without an event, or the lack of a free slot for the next caller's reply right.
    pub fn take_reply(&mut self) -> Result<Cap<Reply>, Error> {
        if !self.has_caller {
            return Err(Error::EmptySlot);
        }
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

/// Serves an endpoint in a task of its own until receiving fails, for example because the endpoint is gone. The handler may await;
/// until it returns, further callers wait.
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
    H: AsyncFnMut(Event) -> Handled + 'static,
{
    let mut server = TaskServer::new(start, endpoint)?;
    tasks.spawn(async move {
        loop {
            match server.next().await {
                Ok(event) => {
                    let handled = handle(event).await;
                    server.respond(handled);
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
mod tests;
