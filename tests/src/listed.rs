//! The domains and moves that both machines of a fleet list: [`Listed`].

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::fleet::LIMIT;
use crate::reply::Reply;
use crate::{Fleet, Node};

/// The interval between queries.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The lists of both machines, A's first.
#[derive(Clone, Debug)]
pub struct Listed([Reply; 2]);

impl Listed {
    /// Queries both machines.
    pub fn query(fleet: &Fleet) -> Listed {
        Listed([Node::A, Node::B].map(|node| fleet.list(node)))
    }

    /// Queries both machines until `found` returns a value. `domain` may run on one of them only.
    ///
    /// # Panics
    ///
    /// If it runs on both, or nothing is found in time; `what` describes the expectation.
    pub fn wait<T>(
        fleet: &Fleet,
        domain: &str,
        what: &str,
        found: impl Fn(&Listed) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + LIMIT;
        loop {
            let listed = Listed::query(fleet);
            let [a, b] = &listed.0;
            let runs_twice = listed.runs_twice(fleet, domain);
            assert!(!runs_twice, "{domain} runs twice:\n{a}\n{b}");
            if let Some(value) = found(&listed) {
                return value;
            }
            assert!(Instant::now() < deadline, "not {what}:\na:\n{a}\nb:\n{b}");
            sleep(POLL_INTERVAL);
        }
    }

    /// The list of one machine.
    pub fn at(&self, node: Node) -> &Reply {
        &self.0[node as usize]
    }

    /// Whether a domain runs on this machine and not on the other one, and no move is left.
    pub fn is_settled_on(&self, node: Node, domain: &str) -> bool {
        let runs = self.at(node).running(domain).is_some();
        let elsewhere = self.at(node.other()).has(domain);
        let both_replied = self.0.iter().all(Reply::is_done);
        runs && both_replied && !elsewhere && !self.0.iter().any(Reply::has_moves)
    }

    /// The node a domain is settled on, if any.
    pub fn settled(&self, domain: &str) -> Option<Node> {
        let mut nodes = [Node::A, Node::B].into_iter();
        nodes.find(|node| self.is_settled_on(*node, domain))
    }

    /// Whether a domain runs on both machines. A was queried first, so the domain may have moved to B before B was queried.
    /// It runs twice only if A still runs the same incarnation.
    pub fn runs_twice(&self, fleet: &Fleet, domain: &str) -> bool {
        let [a, b] = [Node::A, Node::B].map(|node| self.at(node).running(domain));
        a.is_some() && b.is_some() && fleet.list(Node::A).running(domain) == a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: &str = r#"{"at_us":1,"text":"","event":{"domain":{"name":"counter","id":"7","state":"running","movable":true,"is_part_of_machine":false,"has_package":false,"incarnation":12,"spent_pages":5,"pool_pages":9,"home":null}}}"#;
    const MOVES: &str = r#"{"at_us":1,"text":"","event":{"transaction":{"transaction":"7","domain":"counter","side":"Destination","phase":"Receive","peer":null,"doubt":null}}}"#;
    const DONE: &str = r#"{"at_us":2,"text":"","event":"done"}"#;

    fn settled(a: &[&str], b: &[&str]) -> Option<Node> {
        let listed = Listed([a, b].map(|lines| Reply::parse(&lines.join("\n"), "")));
        listed.settled("counter")
    }

    #[test]
    fn a_domain_is_settled_where_it_runs_alone() {
        let waits = RUNS.replace("running", "waiting");
        assert_eq!(settled(&[RUNS, DONE], &[DONE]), Some(Node::A));
        assert_eq!(settled(&[&waits, DONE], &[RUNS, DONE]), Some(Node::B));
        assert_eq!(settled(&[RUNS, DONE], &[RUNS, DONE]), None);
        assert_eq!(settled(&[&waits, DONE], &[DONE]), None);
        assert_eq!(settled(&[RUNS, DONE], &[MOVES, DONE]), None);
        // A machine that does not reply may have the domain too.
        assert_eq!(settled(&[RUNS, DONE], &[]), None);
    }
}
