//! The cost of networking: a store on one machine per card model, and its clients on a host beside the machines.
//!
//! One machine of each model counts its instructions, another one runs in real time. Two further ones are the same machines with
//! Linux and Redis instead of Caravan and kv, if Linux is here. `CARAVAN_NET_MODELS` has the names of models, separated by commas; by
//! default all are measured. Prints lines `bench NAME VALUE UNIT`.

#![forbid(unsafe_code)]

mod counted;
mod cpio;
mod figures;
mod linux;
mod memory;
mod modules;
mod nic;
mod site;
mod system;
mod timed;

use std::env;

use figures::Figures;
use linux::Linux;
use nic::Nic;
use system::System;

fn main() {
    let wanted = env::var("CARAVAN_NET_MODELS").unwrap_or_default();
    let linux = Linux::find();
    if let Err(reason) = &linux {
        eprintln!("no Linux is measured beside Caravan: {reason}");
    }
    for nic in Nic::named(&wanted) {
        measure(nic, linux.as_ref().ok());
    }
}

/// Prints the figures of a card.
fn measure(nic: Nic, linux: Option<&Linux>) {
    let systems = [Some(System::Caravan), linux.map(System::Linux)];
    let systems: Vec<System<'_>> = systems.into_iter().flatten().collect();
    let figures = systems.iter().map(|system| Figures::new(nic, *system));
    let mut figures: Vec<Figures> = figures.collect();
    for (system, figures) in systems.iter().zip(&mut figures) {
        counted::measure(nic, *system, figures);
    }
    timed::measure(nic, &systems, &mut figures);
    if let [own, linux] = &figures[..] {
        own.print_ratios(linux);
    }
}
