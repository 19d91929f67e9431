//! Interrupted moves. A [`FaultScenario`] has a small counter at home on machine A, a client that probes it throughout, and two
//! machines into which a test injects faults.

use std::time::Duration;

use crate::fleet::LIMIT;
use crate::listed::Listed;
use crate::third_party::{Client, Probe};
use crate::{Fleet, Node, counter};

/// The domain that moves.
const DOMAIN: &str = "counter";

/// Two machines with a counter, and its client.
#[derive(Debug)]
pub struct FaultScenario {
    /// The machines.
    pub fleet: Fleet,
    probe: Option<Probe>,
}

impl FaultScenario {
    /// Starts the machines and moves the counter to B and back, so that no table grows later.
    ///
    /// # Panics
    ///
    /// If a machine, a server or the counter does not come up.
    pub fn start() -> FaultScenario {
        FaultScenario::start_in(Fleet::start_hooked())
    }

    /// The same on these machines.
    ///
    /// # Panics
    ///
    /// As [`FaultScenario::start`].
    pub fn start_in(mut fleet: Fleet) -> FaultScenario {
        fleet.await_log(Node::A, counter::READY);
        let scenario = FaultScenario { fleet, probe: None };
        scenario.move_once(Node::A);
        scenario.move_once(Node::B);
        scenario
    }

    /// Starts a client that probes the counter from now on, and waits for its first reply. It replaces an earlier client.
    ///
    /// # Panics
    ///
    /// If the counter does not reply.
    pub fn probe(&mut self) {
        let mut options = counter::options(counter::SMALL);
        options.heap.mib = 2;
        options.heap.working_mib = 1;
        options.udp_interval = Duration::from_millis(5);
        options.tcp_interval = Duration::from_millis(10);
        self.probe = Some(self.fleet.party.probe(&options));
    }

    /// Begins to move the counter from A, and waits until the migration server on `node` is held at a line that begins with
    /// `line`.
    ///
    /// # Panics
    ///
    /// If the move does not get that far.
    pub fn hold_at(&mut self, node: Node, line: &str) -> Client {
        // An earlier move may have been reported more than once.
        for node in [Node::A, Node::B] {
            self.fleet.machine(node).skip_log();
        }
        self.fleet.hold_at(node, line);
        let migration = self.fleet.begin_migration("counter", Node::A);
        let held = format!("held at `{line}");
        self.fleet.machine(node).expect(&held, LIMIT);
        migration
    }

    /// Waits until B has received the frozen counter, if A is held at this line after it has sent all of it.
    ///
    /// # Panics
    ///
    /// If B does not receive it.
    pub fn await_sent(&self, line: &str) {
        if ["phase Commit", "committed"].contains(&line) {
            let received = "counter Destination Verify";
            self.fleet.await_listed(Node::B, received);
        }
    }

    /// Moves the counter without interruption, and waits until the move is settled.
    ///
    /// # Panics
    ///
    /// If the move fails.
    pub fn move_once(&self, from: Node) {
        self.fleet.migrate("counter", from);
        self.await_settled_on(from.other());
    }

    /// Waits until the counter runs on this machine alone and no move is left.
    ///
    /// # Panics
    ///
    /// If that does not happen, or the counter is seen to run twice.
    pub fn await_settled_on(&self, node: Node) {
        self.await_listed(&format!("settled on {}", node.name()), |listed| {
            listed.is_settled_on(node, DOMAIN)
        });
    }

    /// Waits until this machine lists a move as in doubt.
    ///
    /// # Panics
    ///
    /// If that does not happen, or the counter is seen to run twice.
    pub fn await_in_doubt(&self, node: Node) {
        self.await_listed(&format!("in doubt on {}", node.name()), |listed| {
            listed.at(node).has_doubt()
        });
    }

    /// Waits until the counter runs on this machine alone, or this machine lists its copy as in doubt. Returns whether it
    /// is in doubt.
    ///
    /// # Panics
    ///
    /// If neither happens, or the counter is seen to run twice.
    pub fn await_decision(&self, node: Node) -> bool {
        let what = format!("settled or in doubt on {}", node.name());
        Listed::wait(&self.fleet, DOMAIN, &what, |listed| {
            let is_in_doubt = listed.at(node).has_doubt();
            let is_decided = is_in_doubt || listed.is_settled_on(node, DOMAIN);
            is_decided.then_some(is_in_doubt)
        })
    }

    /// Settles a move that a machine lists as in doubt; `how` is `run` or `drop`.
    ///
    /// # Panics
    ///
    /// If there is nothing to settle.
    pub fn force(&self, node: Node, how: &str) {
        self.fleet.force(node, how);
    }

    /// Stops the client and checks its results: no reply was wrong, none is missing, and its one connection survived.
    ///
    /// # Panics
    ///
    /// If a check fails, or no client is running.
    pub fn finish_probe(&mut self) {
        let probe = self.probe.take().expect("a running client");
        let summary = probe.finish().summary;
        assert_eq!(summary.error_count(), 0, "{summary:?}");
        assert!(summary.tcp_survived, "{summary:?}");
        assert_eq!(summary.tcp.replies, summary.tcp.requests, "{summary:?}");
        assert!(summary.tcp.replies > 0, "{summary:?}");
    }

    /// Queries both machines until `is_met` holds. Neither may be dead or cut off.
    fn await_listed(&self, what: &str, is_met: impl Fn(&Listed) -> bool) {
        Listed::wait(&self.fleet, DOMAIN, what, |listed| {
            is_met(listed).then_some(())
        });
    }
}
