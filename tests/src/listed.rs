//! What both machines of a fleet list at one moment: [`Listed`].

use crate::reply::Reply;
use crate::{Fleet, Station};

/// What both machines list, A's first.
#[derive(Clone, Debug)]
pub struct Listed([Reply; 2]);

impl Listed {
    /// Asks both.
    pub fn ask(fleet: &Fleet) -> Listed {
        Listed([Station::A, Station::B].map(|station| fleet.list(station)))
    }

    /// What one of them listed.
    pub fn at(&self, station: Station) -> &Reply {
        &self.0[station as usize]
    }

    /// Whether a domain runs there, nothing of it is elsewhere, and no move is left.
    pub fn is_settled_on(&self, station: Station, domain: &str) -> bool {
        let runs = self.at(station).running(domain).is_some();
        let elsewhere = self.at(station.other()).has(domain);
        let both_answered = self.0.iter().all(Reply::is_done);
        runs && both_answered && !elsewhere && !self.0.iter().any(Reply::has_moves)
    }

    /// Where a domain is settled, if it is.
    pub fn settled(&self, domain: &str) -> Option<Station> {
        let mut stations = [Station::A, Station::B].into_iter();
        stations.find(|station| self.is_settled_on(*station, domain))
    }

    /// Whether a domain runs on both machines. A was asked first, and the domain may have gone from there to B before B was
    /// asked: it runs twice only if A still runs what it ran.
    pub fn runs_twice(&self, fleet: &Fleet, domain: &str) -> bool {
        let [a, b] = [Station::A, Station::B].map(|station| self.at(station).running(domain));
        a.is_some() && b.is_some() && fleet.list(Station::A).running(domain) == a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: &str = r#"{"at_us":1,"text":"","event":{"domain":{"name":"counter","id":"7","state":"running","movable":true,"incarnation":12,"spent_pages":5,"pool_pages":9,"home":null}}}"#;
    const MOVES: &str = r#"{"at_us":1,"text":"","event":{"transaction":{"transaction":"7","domain":"counter","side":"Destination","phase":"Receive","peer":null,"doubt":null}}}"#;
    const DONE: &str = r#"{"at_us":2,"text":"","event":"done"}"#;

    fn settled(a: &[&str], b: &[&str]) -> Option<Station> {
        let listed = Listed([a, b].map(|lines| Reply::parse(&lines.join("\n"), "")));
        listed.settled("counter")
    }

    #[test]
    fn a_domain_is_settled_where_it_runs_alone() {
        let waits = RUNS.replace("running", "waiting");
        assert_eq!(settled(&[RUNS, DONE], &[DONE]), Some(Station::A));
        assert_eq!(settled(&[&waits, DONE], &[RUNS, DONE]), Some(Station::B));
        assert_eq!(settled(&[RUNS, DONE], &[RUNS, DONE]), None);
        assert_eq!(settled(&[&waits, DONE], &[DONE]), None);
        assert_eq!(settled(&[RUNS, DONE], &[MOVES, DONE]), None);
        // A machine that does not answer may have it, too.
        assert_eq!(settled(&[RUNS, DONE], &[]), None);
    }
}
