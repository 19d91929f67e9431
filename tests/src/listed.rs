//! What both machines of a fleet list at one moment: [`Listed`].

use crate::fleet::has;
use crate::{Fleet, Station};

/// What a migration server lists of moves.
const MOVES: &str = "transaction ";

/// What both machines list, A's first.
#[derive(Clone, Debug)]
pub struct Listed([String; 2]);

impl Listed {
    /// Asks both.
    pub fn ask(fleet: &Fleet) -> Listed {
        Listed([Station::A, Station::B].map(|station| fleet.ask(station, &["list"])))
    }

    /// What one of them listed.
    pub fn at(&self, station: Station) -> &str {
        &self.0[station as usize]
    }

    /// Whether a domain runs there, nothing of it is elsewhere, and no move is left.
    pub fn is_settled_on(&self, station: Station, domain: &str) -> bool {
        let there = running(self.at(station), domain).is_some();
        let elsewhere = has(self.at(station.other()), domain);
        let both_answered = self.0.iter().all(|list| list.ends_with("done"));
        let moves = self.0.iter().any(|list| list.contains(MOVES));
        there && both_answered && !elsewhere && !moves
    }

    /// Where a domain is settled, if it is.
    pub fn settled(&self, domain: &str) -> Option<Station> {
        let mut stations = [Station::A, Station::B].into_iter();
        stations.find(|station| self.is_settled_on(*station, domain))
    }

    /// Whether a domain runs on both machines. A was asked first, and the domain may have gone from there to B before B was
    /// asked: it runs twice only if A still runs what it ran.
    pub fn runs_twice(&self, fleet: &Fleet, domain: &str) -> bool {
        let [a, b] = [Station::A, Station::B].map(|station| running(self.at(station), domain));
        if a.is_none() || b.is_none() {
            return false;
        }
        let still = fleet.ask(Station::A, &["list"]);
        running(&still, domain) == a
    }
}

/// The incarnation of a domain that runs on a machine, from what that lists.
fn running<'a>(list: &'a str, domain: &str) -> Option<&'a str> {
    let runs = format!("domain {domain} running, incarnation ");
    let (_, rest) = list.split_once(&runs)?;
    rest.split(',').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: &str = "domain switch running, incarnation 1, 5 of 9 pages\n\
        domain counter running, incarnation 12, 5 of 9 pages\ndone";

    #[test]
    fn the_incarnation_that_runs_is_read_from_a_list() {
        assert_eq!(running(RUNS, "counter"), Some("12"));
        assert_eq!(running(RUNS, "count"), None);
        let waits = RUNS.replace("counter running", "counter waiting");
        assert_eq!(running(&waits, "counter"), None);
    }

    #[test]
    fn a_domain_is_settled_where_it_runs_alone() {
        let settled = |a: &str, b: &str| Listed([a.into(), b.into()]).settled("counter");
        let waits = RUNS.replace("counter running", "counter waiting");
        assert_eq!(settled(RUNS, "done"), Some(Station::A));
        assert_eq!(settled(&waits, RUNS), Some(Station::B));
        assert_eq!(settled(RUNS, RUNS), None);
        assert_eq!(settled(&waits, "done"), None);
        assert_eq!(
            settled(RUNS, "transaction 1 counter Destination Receive\ndone"),
            None
        );
        // A machine that does not answer may have it, too.
        assert_eq!(settled(RUNS, "the machine does not answer"), None);
    }
}
