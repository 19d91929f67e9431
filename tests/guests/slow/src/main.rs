//! A service that keeps nothing of its clients and takes its time over each call, so that a client that moves is nearly always in the
//! middle of one. It serves one call at a time: the next ones wait at its endpoint. On the network it reports, at any time, how many calls
//! it has answered.
//!
//! Some calls take longer than a client stands still before it is retired, and are interrupted. The others are answered while it is
//! frozen, so that what was read of it is out of date and has to be sent again.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
runtime::main!(slow::serve);

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod slow {
    use core::cell::Cell;

    use guest_workloads::answer_of;
    use runtime::embassy_net::Stack;
    use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
    use runtime::embassy_time::{Duration, Timer};
    use runtime::executor::Tasks;
    use runtime::message::Message;
    use runtime::server::{self, Answer, Event};
    use runtime::{Start, net};

    extern crate alloc;
    use alloc::rc::Rc;

    /// The service that it provides.
    const SERVICE: &str = "answers";
    /// The UDP port on which it reports the number of calls it has answered.
    const PORT: u16 = 7400;
    /// The size of a report: one little-endian word.
    const REPORT_BYTES: usize = 8;
    /// How long most calls take.
    const SHORT: Duration = Duration::from_millis(20);
    /// How long a call takes whose number is a multiple of [`LONG_EVERY`]: far longer than a client stands still on a busy host. These
    /// take most of the service's time, and are few, so that clients do not wait long for their next short one.
    const LONG: Duration = Duration::from_secs(1);
    /// See [`LONG`].
    const LONG_EVERY: u64 = 16;

    /// The program: serves calls and, at the same time, the network.
    pub async fn serve(start: Start, tasks: Tasks) {
        let answered = Rc::new(Cell::new(0));
        let counter = answered.clone();
        let handle = async move |event| {
            let answer = answer(event).await;
            counter.set(counter.get() + 1);
            answer
        };
        server::serve(start, tasks, start.require(SERVICE), handle).expect("a receiver");
        report(net::stack(start, tasks), &answered).await;
    }

    /// The answer to a number, after a while. A call without a number gets none.
    async fn answer(event: Event) -> Answer {
        let Event::Call { message, .. } = event else {
            return Answer::Never;
        };
        let Ok(number) = message.reader().word() else {
            return Answer::Never;
        };
        Timer::after(match number.is_multiple_of(LONG_EVERY) {
            true => LONG,
            false => SHORT,
        })
        .await;
        Answer::Now(Message::of(&[answer_of(number)]))
    }

    /// Answers each datagram with the number of calls answered so far.
    async fn report(stack: Stack<'static>, answered: &Cell<u64>) {
        let mut metadata = [[PacketMetadata::EMPTY; 4]; 2];
        let mut bytes = [[0; 4 * REPORT_BYTES]; 2];
        let ([received_metadata, sent_metadata], [received, sent]) = (&mut metadata, &mut bytes);
        let mut socket = UdpSocket::new(stack, received_metadata, received, sent_metadata, sent);
        socket.bind(PORT).expect("a free port");
        let mut request = [0; REPORT_BYTES];
        loop {
            if let Ok((_, from)) = socket.recv_from(&mut request).await {
                // A client that cannot be reached asks again.
                let _ = socket.send_to(&answered.get().to_le_bytes(), from).await;
            }
        }
    }
}
