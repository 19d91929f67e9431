//! A domain that may move, with a thread in every state and every kind of object, each checking itself for ever. Whoever sends
//! it a datagram hears how they are.
//!
//! | file | noun |
//! | --- | --- |
//! | `habits` | the workloads of its own, which need the domain's clock or its memory |
//! | `report` | how the workloads are, in words |
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod habits;
#[cfg(target_os = "none")]
mod report;

#[cfg(target_os = "none")]
runtime::entry!(zoo::main);

#[cfg(not(target_os = "none"))]
fn main() {}

/// Workloads run below the thread that answers.
#[cfg(target_os = "none")]
const PRIORITY: u8 = 8;

#[cfg(target_os = "none")]
mod zoo {
    use guest_workloads::slots::OUTSIDE;
    use guest_workloads::stage::Stage;
    use guest_workloads::{Needs, WORKLOADS, Workload};
    use runtime::abi::kind::{DomainRights, EndpointRights};
    use runtime::capability::Endpoint;
    use runtime::embassy_net::Stack;
    use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
    use runtime::executor::{self, Tasks};
    use runtime::{Cap, Error, Start, log, net};

    use crate::PRIORITY;
    use crate::habits::{self, HABITS};
    use crate::report::report;

    /// The port of its reports.
    const PORT: u16 = 7300;
    /// Bytes of requests and of reports that may wait.
    const BUFFER_BYTES: usize = 4096;
    /// Bytes of a request, which the report repeats.
    const REQUEST_BYTES: usize = 32;
    /// The service outside of the domain that its threads call: each machine has one.
    const SERVICE: &str = "answers";

    /// The program.
    pub fn main(start: Start) -> ! {
        executor::run(start, move |tasks| live(start, tasks))
    }

    /// Those that need neither this machine's counter nor the domain's description.
    pub fn workloads() -> impl Iterator<Item = Workload> + Clone {
        let is_portable = |workload: &Workload| {
            let needs = workload.needs;
            !matches!(needs, Needs::Counter | Needs::Description)
        };
        WORKLOADS.into_iter().filter(is_portable).chain(HABITS)
    }

    async fn live(start: Start, tasks: Tasks) {
        settle(start).unwrap_or_else(|error| panic!("cannot begin: {error}"));
        log::info!("zoo: ready, with {} threads", workloads().count());
        answer(net::stack(start, tasks)).await;
    }

    fn settle(start: Start) -> Result<(), Error> {
        let (pool, domain) = (start.require("pool"), start.require("domain"));
        let stage = Stage { pool, domain };
        let count = workloads().count() as u64;
        let rights = DomainRights::MAP | DomainRights::SPAWN;
        stage.furnish(count, rights)?.delete()?;
        let service: Cap<Endpoint> = start.require(SERVICE);
        domain.install(service, OUTSIDE, EndpointRights::SEND, 0)?;
        habits::furnish(&stage)?;
        stage.start(workloads(), PRIORITY)
    }

    async fn answer(stack: Stack<'static>) {
        let mut metadata = [[PacketMetadata::EMPTY; 4]; 2];
        let mut bytes = [[0; BUFFER_BYTES]; 2];
        let ([heard_metadata, said_metadata], [heard, said]) = (&mut metadata, &mut bytes);
        let mut socket = UdpSocket::new(stack, heard_metadata, heard, said_metadata, said);
        socket.bind(PORT).expect("a free port");
        let mut request = [0; REQUEST_BYTES];
        loop {
            // What is longer is nobody's request.
            let Ok((length, from)) = socket.recv_from(&mut request).await else {
                continue;
            };
            let text = report(&request[..length], workloads());
            // Who cannot be reached will ask again.
            let _ = socket.send_to(text.as_bytes(), from).await;
        }
    }
}
