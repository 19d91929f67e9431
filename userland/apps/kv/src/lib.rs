//! A key-value store for ordinary Redis clients, in a domain that moves with its keys and connections.
//!
//! | module | content |
//! | --- | --- |
//! | [`settings`] | the domain's arguments |
//! | [`account`], [`buffer`] | memory within a limit |
//! | [`resp`], [`request`], [`reply`] | requests and replies as bytes |
//! | [`command`], [`commands`] | the table of commands, and their implementation |
//! | [`store`], [`service`], [`info`] | keys and values; the state shared by connections; `INFO` |
//! | [`session`] | a connection without its socket |
//! | [`tasks`] | connections with their sockets |
//!
//! Everything except [`tasks`] runs on any host. The reply to a client's mistake is an error, and no client can make the server
//! exceed the memory limits in [`settings`], whatever the client sends and however slowly it reads.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod account;
pub mod buffer;
mod command;
mod commands;
mod info;
pub mod reply;
mod request;
mod resp;
pub mod service;
pub mod session;
pub mod settings;
mod store;
mod tasks;

use alloc::rc::Rc;
use core::cell::RefCell;
use core::future::pending;

use runtime::executor::Tasks;
use runtime::{Start, clock, executor, heap, log, net};

use service::{Facts, Service};
use settings::Settings;

/// The entry point of the program.
///
/// # Panics
/// If an argument is not a number, or the heap is too small for the arguments. So a mistake in the manifest is reported before
/// there is any data to lose.
pub fn run(start: Start) -> ! {
    let settings = Settings::from_arguments(start);
    if let Err(error) = settings.check_heap(heap::free_bytes()) {
        panic!("{error}");
    }
    executor::run(start, move |tasks| serve(start, tasks, settings))
}

async fn serve(start: Start, tasks: Tasks, settings: Settings) {
    let service = Rc::new(RefCell::new(Service::new(settings, facts)));
    let stack = net::stack_for::<{ settings::CONNECTIONS }>(start, tasks);
    tasks::serve(stack, tasks, service);
    log::info!("kv: ready on port {}", settings.port);
    pending().await
}

fn facts() -> Facts {
    Facts {
        now_s: clock::now_ns() / 1_000_000_000,
        incarnation: clock::incarnation(),
    }
}
