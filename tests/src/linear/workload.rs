//! Clients of a store: [`Workload`], and their observations: [`Observed`].
//!
//! Every client has a connection and sends one operation after another. Sometimes it closes its connection instead of
//! awaiting the reply, so that the operation's effect is unknown. A connection that ends in another way is counted as lost,
//! and its operation stays pending as well. In both cases the client reconnects.

mod client;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::thread;

use serde::{Deserialize, Serialize};

use super::history::Entry;
use client::Client;

/// The line that the program `registers` prints when each of its clients has had a reply.
pub const REPLIED: &str = "replied";

/// A workload. The seed determines the clients' operations, but not their times.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The store's address.
    pub store: SocketAddr,
    /// The seed of the operations.
    pub seed: u64,
    /// The number of clients: at most [`super::checker::OPEN_MAX`].
    pub clients: u32,
    /// The number of keys, some of which are used more often than the others.
    pub keys: u32,
}

/// The clients' observations.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// All operations.
    pub history: Vec<Entry>,
    /// Errors and lost connections.
    pub summary: Summary,
}

/// The clients' errors and lost connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Connections that ended without being closed by their client.
    pub lost: Vec<String>,
    /// Replies that a correct store never sends. A client stops at its first one.
    pub errors: Vec<String>,
}

impl Workload {
    /// Runs all clients until `stop` is set; then one of them reads every key. Calls `on_reply` when each has had its first
    /// reply.
    ///
    /// # Errors
    ///
    /// Network errors, if the first connection of a client fails.
    pub fn run(&self, stop: &AtomicBool, on_reply: impl FnOnce()) -> io::Result<Observed> {
        let mut clients = Vec::new();
        for number in 0..self.clients {
            clients.push(Client::connect(self, stop, number)?);
        }
        clients.iter_mut().for_each(Client::execute_next);
        on_reply();
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.run());
            }
        });
        // No other client is running, so this reads the final values.
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
