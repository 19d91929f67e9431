//! Reports on a machine's hardware in its log: what is in the machine, what drives it, and whether the machine can join a fleet.
//!
//! | module | content |
//! | --- | --- |
//! | [`machine`] | all that is known of the machine |
//! | [`inventory`] | client for root's endpoint `inventory` |
//! | [`processor`] | the processor, by CPUID |
//! | [`class`], [`function`] | the kinds of PCI functions; the address and identity of one |
//! | [`nic`] | a network card, its driver and its link |
//! | [`report`] | the lines of the report |
//! | [`verdict`] | the last of them |
//!
//! The domain holds `log` and `inventory`. It is not a driver. The manifest starts drivers beside it, and it quotes their lines in
//! the log.
//! The manifest has no switch, so no card sends anything.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod class;
mod function;
mod inventory;
mod machine;
mod nic;
mod processor;
mod report;
mod verdict;

use runtime::embassy_time::Timer;
use runtime::{Start, executor, log};

use machine::Machine;

/// The time that drivers have until the report: two ends of a cable agree on a speed within about four seconds.
const LINK_SECONDS: u64 = 6;

/// The interval between lines, so that a long report is within the log's quota.
const LINE_MS: u64 = 12;

/// The entry point of the program.
pub fn run(start: Start) -> ! {
    executor::run(start, move |_| check(start))
}

async fn check(start: Start) {
    log::info!("the report on this machine's hardware follows in {LINK_SECONDS} seconds");
    Timer::after_secs(LINK_SECONDS).await;
    match Machine::read(start) {
        Ok(machine) => {
            for line in report::lines(&machine) {
                log::info!("{line}");
                Timer::after_millis(LINE_MS).await;
            }
        }
        Err(reason) => log::error!("no report: {reason}"),
    }
}
