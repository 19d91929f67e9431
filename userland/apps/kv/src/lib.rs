//! A key-value store that ordinary Redis clients talk to, in a domain that moves with its keys and connections.
//!
//! | module | noun |
//! | --- | --- |
//! | [`settings`] | how much, where |
//! | [`account`], [`buffer`] | bytes within a limit |
//! | [`resp`], [`request`], [`reply`] | what clients say and hear, as bytes |
//! | [`command`], [`commands`] | the table of commands, and what they do |
//! | [`store`], [`service`], [`info`] | keys and values; what connections share; how it is |
//! | [`session`] | a connection without its socket |
//! | [`tasks`] | connections with their sockets |
//!
//! Everything but [`tasks`] runs anywhere. A client gets errors for what it does wrong and cannot make the server
//! spend more memory than [`settings`] says, whatever it sends and however slowly it reads.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod account;
pub mod buffer;
pub mod command;
pub mod commands;
pub mod info;
pub mod reply;
pub mod request;
pub mod resp;
pub mod service;
pub mod session;
pub mod settings;
pub mod store;
pub mod tasks;

use alloc::rc::Rc;
use core::cell::RefCell;
use core::future::pending;

use runtime::executor::Tasks;
use runtime::{Start, clock, executor, heap, log, net};

use service::{Facts, Service};
use settings::Settings;

/// The program.
///
/// # Panics
/// If an argument is no number, or the heap does not serve the arguments: whoever described the domain has to be told, before
/// there is anything to lose.
pub fn run(start: Start) -> ! {
    let settings = Settings::from_arguments(start);
    if let Err(why) = settings.check_heap(heap::free_bytes()) {
        panic!("{why}");
    }
    executor::run(start, move |tasks| serve(start, tasks, settings))
}

async fn serve(start: Start, tasks: Tasks, settings: Settings) {
    let service = Rc::new(RefCell::new(Service::new(settings, facts)));
    let stack = net::stack_for::<{ tasks::CONNECTIONS }>(start, tasks);
    tasks::answer(stack, tasks, service);
    log::info!("kv: ready on port {}", settings.port);
    pending().await
}

fn facts() -> Facts {
    Facts {
        now_s: clock::now_ns() / 1_000_000_000,
        incarnation: clock::incarnation(),
    }
}
