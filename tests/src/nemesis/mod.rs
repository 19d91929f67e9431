//! A nemesis. It moves a store between two machines, and injects faults into machines, migration servers and wires in an order that
//! a seed determines. A fleet must tolerate the faults: clients of the store may notice only pauses.
//!
//! ```text
//!   settled on X -- an action during the move to Y --> healed -- await --> settled on X or Y -- a move without action --> ...
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | [`action`] | [`Action`]: one fault, its time and its victim |
//! | [`deck`] | [`Deck`]: the order of actions |
//! | `perform` | performs an action |
//! | [`tally`] | [`Tally`]: the actions performed, and [`Struck`]: the state they met |
//!
//! # Which machines are killed
//!
//! No action destroys the machine that has the only valid state of the store. While the store moves, that is the source
//! until the commit point and the destination after it. A nemesis learns of the commit point only afterwards, so it does not know
//! at every time which machine that is. It therefore kills a machine only while
//!
//! * the store runs on the other one and is not being moved ([`Kind::KillBystander`]);
//! * it is the destination, and the source's migration server is held before the commit point ([`Kind::KillDestination`]);
//! * it is the destination, and the source has not frozen the store yet, at any instant ([`Kind::KillReceiver`]). It is stopped first, so
//!   that the source's list is not out of date when the machine dies;
//! * it is the source, and the destination has received the commit ([`Kind::KillSource`]).
//!
//! The death of the machine that has the store is not covered here. `tests/failures.rs` shows that a domain's home then lists the
//! domain as lost, and starts it afresh when ordered to. Everything else may happen at any time.

pub mod action;
pub mod deck;
mod perform;
pub mod tally;

pub use action::{Action, Kind};
pub use deck::Deck;
pub use tally::{Struck, Tally};

use crate::listed::Listed;
use crate::prober::now_ns;
use crate::{Fleet, Node, store};

/// The domain that moves.
pub const DOMAIN: &str = "kv";

/// Two machines, and the faults injected into them.
#[derive(Debug)]
pub struct Nemesis {
    /// The machines.
    pub fleet: Fleet,
    /// The actions performed.
    pub tally: Tally,
    /// The node that runs the store.
    runs_on: Node,
}

impl Nemesis {
    /// Takes over a fleet whose first machine runs the store.
    ///
    /// # Panics
    ///
    /// If the store does not start.
    pub fn new(mut fleet: Fleet) -> Nemesis {
        fleet.await_log(Node::A, store::READY);
        Nemesis {
            fleet,
            tally: Tally::default(),
            runs_on: Node::A,
        }
    }

    /// Performs an action, heals its effects, waits until the store runs on one machine, and moves it once without
    /// interruption.
    ///
    /// # Panics
    ///
    /// If the store does not settle, does not move, or runs twice.
    pub fn strike(&mut self, action: &Action) {
        self.tally
            .note(&format!("{action}, from {}", self.runs_on.name()));
        let source = self.runs_on;
        let (struck, migration) = self.perform(action);
        self.heal();
        self.settle();
        drop(migration);
        let has_moved = self.runs_on != source;
        self.tally.count(action.kind, struck, has_moved);
        self.move_once();
    }

    /// Moves the store without interruption.
    fn move_once(&mut self) {
        self.fleet.migrate(DOMAIN, self.runs_on);
        self.settle();
    }

    /// Repairs all wires. Machines and servers already run again.
    fn heal(&mut self) {
        self.fleet.port(Node::A).clear_partitions();
        for node in [Node::A, Node::B] {
            self.fleet.port(node).set_faults(None);
            self.fleet.port(node).heal();
        }
    }

    /// Waits until the store runs on one machine and no move is left.
    fn settle(&mut self) {
        let settled = |listed: &Listed| listed.settled(DOMAIN);
        let node = Listed::wait(&self.fleet, DOMAIN, "settled", settled);
        self.settled_on(node);
    }

    fn settled_on(&mut self, node: Node) {
        self.runs_on = node;
        self.tally.note(&format!("settled on {}", node.name()));
    }
}

/// The time in seconds, on the clients' clock.
fn seconds() -> f64 {
    now_ns() as f64 / 1e9
}
