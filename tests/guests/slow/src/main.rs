//! A stateless service that takes a long time for each call, so that a client that moves is nearly always in the middle of one. It
//! serves one call at a time; further calls queue at its endpoint. It reports over UDP the number of calls that it has served.
//!
//! Some calls take longer than the client's freeze, and are interrupted. In the other calls the reply comes while the client
//! is frozen. So the state that was read from the client is stale, and is sent again.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::rc::Rc;
use core::cell::Cell;

use guest_support::udp;
use guest_workloads::scrambled;
use runtime::embassy_time::{Duration, Timer};
use runtime::executor::Tasks;
use runtime::message::Message;
use runtime::server::{self, Event, Handled};
use runtime::{Start, net};

/// The service that the domain provides.
const SERVICE: &str = "replies";
/// The UDP port of the reports. A report is a little-endian word.
const PORT: u16 = 7400;
/// The time that most calls take.
const SHORT: Duration = Duration::from_millis(20);
/// The time that every call takes whose number is a multiple of [`LONG_EVERY`]. It is far longer than a client's freeze on a
/// busy host. These calls take most of the service's time but are few, so that clients do not wait long for their next short
/// one.
const LONG: Duration = Duration::from_secs(1);
const LONG_EVERY: u64 = 16;

runtime::main!(serve);

/// Serves calls and, at the same time, the network.
async fn serve(start: Start, tasks: Tasks) {
    let served = Rc::new(Cell::new(0_u64));
    let counter = served.clone();
    let handle = async move |event| {
        let handled = handle(event).await;
        counter.set(counter.get() + 1);
        handled
    };
    server::serve(start, tasks, start.require(SERVICE), handle).expect("a receiver");
    let report = |_: &[u8]| served.get().to_le_bytes().to_vec();
    udp::respond(net::stack(start, tasks), PORT, report).await;
}

/// Replies to a number after a delay. A call without a number gets no reply.
async fn handle(event: Event) -> Handled {
    let Event::Call { message, .. } = event else {
        return Handled::NoReply;
    };
    let Ok(number) = message.reader().word() else {
        return Handled::NoReply;
    };
    let is_long = number.is_multiple_of(LONG_EVERY);
    Timer::after(if is_long { LONG } else { SHORT }).await;
    Handled::Reply(Message::of(&[scrambled(number)]))
}
