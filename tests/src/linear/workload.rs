//! Clients of a store: [`Workload`], and what they [`Observed`].
//!
//! Every client has a connection and asks one thing after another. Now and then it closes its connection instead of awaiting
//! the answer, so that nobody knows whether the operation takes effect. A connection that ends in another way is lost, which
//! is counted, and leaves an operation without an answer, too. In both cases the client connects again.

mod client;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::thread;

use serde::{Deserialize, Serialize};

use super::history::Entry;
use client::Client;

/// The line that the program `registers` prints when each of its clients has been answered.
pub const ANSWERED: &str = "answered";

/// What clients do. What they ask follows from the seed; when they ask does not.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The store's address.
    pub store: SocketAddr,
    /// Decides what is asked.
    pub seed: u64,
    /// How many clients there are: [`super::checker::OPEN_MAX`] at most.
    pub clients: u32,
    /// How many keys there are, of which some are asked for more often.
    pub keys: u32,
}

/// What the clients saw.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// All operations.
    pub history: Vec<Entry>,
    /// What is known besides.
    pub summary: Summary,
}

/// What is known of clients besides their history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Connections that ended although the client wanted to go on.
    pub lost: Vec<String>,
    /// Answers that no store gives to what was asked. The client stops then.
    pub errors: Vec<String>,
}

impl Workload {
    /// Has all clients ask until they are told to stop, and then one of them read every key. Calls `answered` when each
    /// has been answered once.
    ///
    /// # Errors
    ///
    /// Those of the network, if the first connection of a client fails.
    pub fn run(&self, stop: &AtomicBool, answered: impl FnOnce()) -> io::Result<Observed> {
        let mut clients = Vec::new();
        for number in 0..self.clients {
            clients.push(Client::connect(self, stop, number)?);
        }
        clients.iter_mut().for_each(Client::ask);
        answered();
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.run());
            }
        });
        // Nobody else asks any more, so that this shows what is left.
        clients[0].read_all();
        let mut observed = Observed::default();
        for client in clients {
            observed.add(client.observed);
        }
        Ok(observed)
    }
}

impl Observed {
    fn add(&mut self, other: Observed) {
        self.history.extend(other.history);
        self.summary.lost.extend(other.summary.lost);
        self.summary.errors.extend(other.summary.errors);
    }
}

#[cfg(test)]
mod tests;
