//! The cost of networking: the store on one machine per card model, and its clients on a host beside the machines.
//!
//! One machine of each model counts its instructions, another one runs in real time. `CARAVAN_NET_CARDS` has the names of models,
//! separated by commas; by default all are measured. Prints lines `bench NAME VALUE UNIT`.

#![forbid(unsafe_code)]

mod card;
mod counted;
mod site;
mod timed;

use std::env;
use std::fmt::Display;

use card::Card;

fn main() {
    let wanted = env::var("CARAVAN_NET_CARDS").unwrap_or_default();
    for card in Card::named(&wanted) {
        counted::measure(card);
        timed::measure(card);
    }
}

/// Prints a figure.
fn print(card: Card, name: &str, value: impl Display, unit: &str) {
    println!("bench net.{}.{name} {value} {unit}", card.name());
}
