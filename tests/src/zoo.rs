//! The domain with a thread in every state, as a client sees it: [`Zoo`], and what it says of itself, [`Report`].

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::ThirdParty;
use crate::fleet::LIMIT;

/// Where it is asked, as bash has it.
const PLACE: &str = "/dev/udp/10.77.0.25/7300";
/// How long an answer is waited for before it is asked again: one of both may be lost.
const PATIENCE_SECONDS: u64 = 2;
/// How often it is asked whether everybody has got on.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// What it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Its incarnation.
    pub incarnation: u64,
    /// By what each thread does: how often it has done it.
    pub rounds: BTreeMap<String, u64>,
    /// Those that found something wrong, with the number of what they found.
    pub complaints: BTreeMap<String, u64>,
}

impl Report {
    /// Reads an answer to this request; none if it is the answer to another one.
    fn of_answer(request: &str, answer: &str) -> Option<Report> {
        let (head, rest) = answer.split_once('\n')?;
        let (echo, incarnation) = head.split_once(' ')?;
        if echo != request {
            return None;
        }
        let mut report = Report {
            incarnation: incarnation.parse().ok()?,
            ..Report::default()
        };
        for line in rest.lines() {
            let mut words = line.splitn(3, ' ');
            let rounds = words.next()?.parse().ok()?;
            let complaint = words.next()?.parse().ok()?;
            let name = words.next()?.to_owned();
            if complaint != 0 {
                report.complaints.insert(name.clone(), complaint);
            }
            report.rounds.insert(name, rounds);
        }
        Some(report)
    }

    /// Those that have done nothing since this report, or that it does not know.
    fn standing_since<'a>(&self, before: &'a Report) -> Vec<&'a str> {
        let stands = |name: &String| self.rounds.get(name) <= before.rounds.get(name);
        let standing = before.rounds.keys().filter(|name| stands(name));
        standing.map(String::as_str).collect()
    }
}

/// Who asks it.
#[derive(Debug)]
pub struct Zoo<'a> {
    party: &'a ThirdParty,
    asked: u64,
}

impl<'a> Zoo<'a> {
    /// Asks from there.
    pub fn new(party: &'a ThirdParty) -> Zoo<'a> {
        Zoo { party, asked: 0 }
    }

    /// What it says now.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub fn report(&mut self) -> Report {
        let deadline = Instant::now() + LIMIT;
        loop {
            self.asked += 1;
            let request = format!("r{}", self.asked);
            if let Some(report) = Report::of_answer(&request, &self.ask(&request)) {
                return report;
            }
            assert!(Instant::now() < deadline, "the zoo does not answer");
        }
    }

    /// Waits until every thread has done something since a report, and says how it is then.
    ///
    /// # Panics
    ///
    /// If one found something wrong, or stands still.
    pub fn await_progress(&mut self, since: &Report) -> Report {
        let deadline = Instant::now() + LIMIT;
        loop {
            let now = self.report();
            assert!(now.complaints.is_empty(), "{now:#?}");
            let standing = now.standing_since(since);
            if standing.is_empty() {
                return now;
            }
            assert!(
                Instant::now() < deadline,
                "{standing:?} stand still: {now:#?}"
            );
            sleep(LOOK_INTERVAL);
        }
    }

    fn ask(&self, request: &str) -> String {
        let script = format!(
            "exec 3<>{PLACE}; printf %s {request} >&3; timeout {PATIENCE_SECONDS} dd bs=4096 count=1 status=none <&3 || true"
        );
        self.party.run("bash", &["-c", &script], LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_says() {
        let report = Report::of_answer("r7", "r7 3\n12 0 keeps flags\n5 90 sleeps\n").unwrap();
        assert_eq!(report.incarnation, 3);
        assert_eq!(report.rounds["keeps flags"], 12);
        assert_eq!(
            report.complaints,
            BTreeMap::from([("sleeps".to_owned(), 90)])
        );
    }

    #[test]
    fn an_answer_to_another_request_is_none() {
        assert_eq!(Report::of_answer("r8", "r7 3\n12 0 sleeps\n"), None);
        assert_eq!(Report::of_answer("r8", ""), None);
    }

    #[test]
    fn who_has_done_nothing_stands() {
        let report = |rounds: &[(&str, u64)]| Report {
            rounds: rounds
                .iter()
                .map(|(name, rounds)| ((*name).to_owned(), *rounds))
                .collect(),
            ..Report::default()
        };
        let before = report(&[("sleeps", 2), ("sends", 2), ("rings", 0)]);
        let after = report(&[("sleeps", 3), ("sends", 2)]);
        assert_eq!(after.standing_since(&before), ["rings", "sends"]);
    }
}
