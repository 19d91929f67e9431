//! A movable domain with a thread in every state and an object of every kind. The threads check themselves forever, and the domain
//! reports on them over UDP.
//!
//! | file | content |
//! | --- | --- |
//! | `report` | the state of the workloads, as text |
//! | `workloads` | the workloads that need the domain's clock or memory |
#![no_std]
#![no_main]
#![allow(unsafe_code)]

extern crate alloc;

mod report;
mod workloads;

use guest_support::udp;
use guest_workloads::slots::OUTSIDE;
use guest_workloads::stage::Stage;
use guest_workloads::{Needs, WORKLOADS, Workload};
use report::report;
use runtime::abi::kind::{DomainRights, EndpointRights};
use runtime::capability::Endpoint;
use runtime::executor::{self, Tasks};
use runtime::{Cap, Error, Start, log, net};
use workloads::OWN;

/// The priority of the workloads, below that of the thread that reports.
const PRIORITY: u8 = 8;
/// The UDP port of the reports.
const PORT: u16 = 7300;
/// The service outside the domain that its threads call. Every machine has one.
const SERVICE: &str = "replies";

runtime::entry!(main);

fn main(start: Start) -> ! {
    executor::run(start, move |tasks| live(start, tasks))
}

/// The workloads that need neither this machine's time-stamp counter nor the domain's description.
fn all() -> impl Iterator<Item = Workload> + Clone {
    let is_portable = |workload: &Workload| {
        let needs = workload.needs;
        !matches!(needs, Needs::Counter | Needs::Description)
    };
    WORKLOADS.into_iter().filter(is_portable).chain(OWN)
}

async fn live(start: Start, tasks: Tasks) {
    set_up(start).unwrap_or_else(|error| panic!("cannot start: {error}"));
    log::info!("zoo: ready, with {} threads", all().count());
    let stack = net::stack(start, tasks);
    udp::respond(stack, PORT, |request| report(request, all()).into()).await;
}

fn set_up(start: Start) -> Result<(), Error> {
    let (pool, domain) = (start.require("pool"), start.require("domain"));
    let stage = Stage { pool, domain };
    let count = all().count() as u64;
    let rights = DomainRights::MAP | DomainRights::SPAWN;
    stage.furnish(count, rights)?.delete()?;
    let service: Cap<Endpoint> = start.require(SERVICE);
    domain.install(service, OUTSIDE, EndpointRights::SEND, 0)?;
    workloads::furnish(&stage)?;
    stage.start(all(), PRIORITY)
}
