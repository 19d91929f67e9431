//! A counter that serves the network and checks itself: the workload for measuring moves.
//!
//! It fills a heap with reproducible words, and dirties the pages at the heap's beginning at a steady rate. In the background it
//! checks its heap page by page. It replies to requests on UDP and TCP; a reply has a counter, the checksum of a page and the
//! result of the self-check. The replies show a prober whether memory, time and connections survived a move.
//!
//! | module | content |
//! | --- | --- |
//! | [`settings`] | the domain's arguments |
//! | [`pages`] | the heap, and the expected value of each word |
//! | [`pace`] | the rate of dirtying |
//! | [`service`] | the reply to a request; the self-check |
//! | [`wire`] | requests and replies as bytes |
//! | [`tasks`] | the concurrent tasks |

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod pace;
pub mod pages;
mod service;
mod settings;
mod tasks;
mod wire;

use alloc::rc::Rc;
use core::cell::RefCell;

use runtime::executor::Tasks;
use runtime::{Start, executor, log, net};

use pages::Pages;
use service::Service;
use settings::Settings;

/// The entry point of the program.
pub fn run(start: Start) -> ! {
    executor::run(start, move |tasks| count(start, tasks))
}

async fn count(start: Start, tasks: Tasks) {
    let settings = Settings::from_arguments(start);
    let pages = Pages::try_new(settings.page_count, settings.working_page_count)
        .unwrap_or_else(|error| panic!("{error}"));
    let service = Rc::new(RefCell::new(Service::new(pages)));
    if net::is_connected(start) {
        let stack = net::stack(start, tasks);
        tasks.spawn(tasks::serve_datagrams(
            stack,
            settings.port,
            service.clone(),
        ));
        tasks::serve_connections(stack, tasks, settings.port, service.clone());
    }
    tasks.spawn(tasks::check(service.clone()));
    tasks.spawn(tasks::report(service.clone()));
    log::info!("counter: ready {settings}");
    tasks::dirty(settings.pages_per_second, service).await;
}
