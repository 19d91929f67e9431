//! A service that keeps nothing of its clients and takes its time over each call, so that a client that moves is nearly always in the
//! middle of one. It serves one call at a time: the next ones wait at its endpoint.
//!
//! Some calls take longer than a client stands still before it is retired, and are interrupted. The others are answered while it is
//! frozen, so that what was read of it is out of date and has to be sent again.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
runtime::entry!(slow::main);

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod slow {
    use guest_workloads::answer_of;
    use runtime::capability::Notification;
    use runtime::message::Message;
    use runtime::server::{Answer, Event, Server};
    use runtime::{Cap, Start, clock};

    /// The service that it provides.
    const SERVICE: &str = "answers";
    /// How long most calls take.
    const SHORT_NS: u64 = 20_000_000;
    /// How long a call takes whose number is a multiple of [`LONG_EVERY`]: far longer than a client stands still on a busy host. These
    /// take most of the service's time, and are few, so that clients do not wait long for their next short one.
    const LONG_NS: u64 = 1_000_000_000;
    /// See [`LONG_NS`].
    const LONG_EVERY: u64 = 16;

    /// The program.
    pub fn main(start: Start) -> ! {
        // Nobody signals it: this domain has no port.
        let silence = start.require("wake");
        let server = Server::new(start.require(SERVICE)).expect("a free slot");
        let ended = server.run(|event| answer(silence, event));
        panic!("cannot serve: {ended:?}");
    }

    /// The answer to a number, after a while. A call without a number gets none.
    fn answer(silence: Cap<Notification>, event: Event) -> Answer {
        let Event::Call { message, .. } = event else {
            return Answer::Never;
        };
        let Ok(number) = message.reader().word() else {
            return Answer::Never;
        };
        let length = match number.is_multiple_of(LONG_EVERY) {
            true => LONG_NS,
            false => SHORT_NS,
        };
        let flags = silence.wait_until_ns(clock::now_ns() + length);
        flags.expect("a notification of this domain");
        Answer::Now(Message::of(&[answer_of(number)]))
    }
}
