//! A counter that answers on the network and checks itself: the workload that moves are measured with.
//!
//! It fills a heap with words that anybody can compute, dirties pages of its beginning at a steady rate, and
//! answers requests on UDP and TCP with a counter, a checksum of some page and what it thinks of itself. A
//! prober sees from that whether memory, time and connections survived. While nobody asks, it checks itself
//! page by page.
//!
//! | module | noun |
//! | --- | --- |
//! | [`settings`] | how much, how fast, where |
//! | [`pages`] | the heap: what each word must be |
//! | [`pace`] | how many pages are due |
//! | [`service`] | a request's answer; the self-check |
//! | [`wire`] | requests and replies as bytes |
//! | [`tasks`] | what runs at the same time |

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod pace;
pub mod pages;
pub mod service;
pub mod settings;
pub mod tasks;
pub mod wire;

use alloc::rc::Rc;
use core::cell::RefCell;

use runtime::executor::Tasks;
use runtime::{Start, executor, log, net};

use pages::Pages;
use service::Service;
use settings::Settings;

/// The program.
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
        tasks.spawn(tasks::answer_datagrams(
            stack,
            settings.port,
            service.clone(),
        ));
        tasks::answer_connections(stack, tasks, settings.port, service.clone());
    }
    tasks.spawn(tasks::check(service.clone()));
    tasks.spawn(tasks::report(service.clone()));
    log::info!("counter: ready {settings}");
    tasks::dirty(settings.pages_per_second, service).await;
}
