//! The domain with a thread in every state, as a client sees it: [`Zoo`], and what it says of itself, [`Report`].

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::ThirdParty;
use crate::fleet::LIMIT;
use crate::prober::now_ns;

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
    /// What its clock shows, in nanoseconds.
    pub clock_ns: u64,
    /// When it was asked and when its answer was there, in nanoseconds of this host's clock: it looked at its own in between.
    pub between_ns: [u64; 2],
    /// By what each thread does: how often it has done it.
    pub rounds: BTreeMap<String, u64>,
    /// Those that found something wrong, with the number of what they found.
    pub complaints: BTreeMap<String, u64>,
    /// Those with a call that a move interrupted, with the number of such calls.
    pub interruptions: BTreeMap<String, u64>,
}

impl Report {
    /// Reads an answer to this request; none if it is the answer to another one.
    fn of_answer(request: &str, answer: &str) -> Option<Report> {
        let (head, rest) = answer.split_once('\n')?;
        let mut words = head.split(' ');
        if words.next()? != request {
            return None;
        }
        let mut report = Report {
            incarnation: words.next()?.parse().ok()?,
            clock_ns: words.next()?.parse().ok()?,
            ..Report::default()
        };
        for line in rest.lines() {
            report.read_line(line)?;
        }
        Some(report)
    }

    /// Reads the line of one thread.
    fn read_line(&mut self, line: &str) -> Option<()> {
        let mut words = line.splitn(4, ' ');
        let mut number = || words.next()?.parse().ok();
        let (rounds, complaint, interruptions) = (number()?, number()?, number()?);
        let name = words.next()?.to_owned();
        if complaint != 0 {
            self.complaints.insert(name.clone(), complaint);
        }
        if interruptions != 0 {
            self.interruptions.insert(name.clone(), interruptions);
        }
        self.rounds.insert(name, rounds);
        Some(())
    }

    /// By how much its clock has gone too far since this report, or not far enough if that is below zero; in nanoseconds. Zero if
    /// both clocks may have gone equally far.
    pub fn clock_error_ns(&self, since: &Report) -> i64 {
        let ([asked, answered], [asked_since, answered_since]) =
            (self.between_ns, since.between_ns);
        let least = asked.saturating_sub(answered_since);
        let most = answered.saturating_sub(asked_since);
        // Less than nothing if it has gone back.
        let passed = self.clock_ns.cast_signed() - since.clock_ns.cast_signed();
        passed - passed.clamp(least.cast_signed(), most.cast_signed())
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
            let asked_ns = now_ns();
            let answer = self.ask(&request);
            if let Some(report) = Report::of_answer(&request, &answer) {
                let between_ns = [asked_ns, now_ns()];
                return Report {
                    between_ns,
                    ..report
                };
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
        let answer = "r7 3 1500\n12 0 0 keeps flags\n5 90 0 sleeps\n7 0 2 calls outside\n";
        let report = Report::of_answer("r7", answer).unwrap();
        assert_eq!((report.incarnation, report.clock_ns), (3, 1500));
        assert_eq!(report.rounds["keeps flags"], 12);
        assert_eq!(
            report.complaints,
            BTreeMap::from([("sleeps".to_owned(), 90)])
        );
        assert_eq!(
            report.interruptions,
            BTreeMap::from([("calls outside".to_owned(), 2)])
        );
    }

    #[test]
    fn an_answer_to_another_request_is_none() {
        assert_eq!(Report::of_answer("r8", "r7 3 1500\n12 0 0 sleeps\n"), None);
        assert_eq!(Report::of_answer("r8", ""), None);
    }

    #[test]
    fn a_clock_is_wrong_by_what_the_time_of_asking_does_not_explain() {
        let report = |clock_ns, between_ns| Report {
            clock_ns,
            between_ns,
            ..Report::default()
        };
        let before = report(1_000, [50, 60]);
        // From 40 to 70 may have passed.
        for (clock_ns, error) in [(1_040, 0), (1_070, 0), (1_075, 5), (1_039, -1), (900, -140)] {
            let now = report(clock_ns, [100, 120]);
            assert_eq!(now.clock_error_ns(&before), error, "{clock_ns}");
        }
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
