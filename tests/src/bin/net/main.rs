//! The cost of networking: the store on one machine per card model, and its clients on a host beside the machines.
//!
//! One machine of each model counts its instructions, another one runs in real time. `CARAVAN_NET_MODELS` has the names of models,
//! separated by commas; by default all are measured. Prints lines `bench NAME VALUE UNIT`.

#![forbid(unsafe_code)]

mod counted;
mod nic;
mod site;
mod timed;

use std::env;
use std::fmt::Display;

use nic::Nic;

fn main() {
    let wanted = env::var("CARAVAN_NET_MODELS").unwrap_or_default();
    for nic in Nic::named(&wanted) {
        counted::measure(nic);
        timed::measure(nic);
    }
}

/// Prints a figure.
fn print(nic: Nic, name: &str, value: impl Display, unit: &str) {
    println!("bench net.{}.{name} {value} {unit}", nic.name());
}
