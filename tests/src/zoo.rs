//! A client of the zoo, the domain with a thread in every state: [`Zoo`], and the zoo's own [`Report`].

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::ThirdParty;
use crate::fleet::LIMIT;
use crate::prober::now_ns;

/// The zoo's address, in bash's notation.
const PLACE: &str = "/dev/udp/10.77.0.25/7300";
/// The address of the service that it calls on the first machine, in the same notation.
const SERVICE_PLACE: &str = "/dev/udp/10.77.0.26/7400";
/// The time after which a request is repeated, since the request or its reply may be lost.
const PATIENCE_SECONDS: u64 = 2;
/// The interval between queries of the threads' progress.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The zoo's report about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Its incarnation.
    pub incarnation: u64,
    /// The time of its clock, in nanoseconds.
    pub clock_ns: u64,
    /// The times of request and reply, in nanoseconds of this host's clock. The zoo has read its own clock between them.
    pub between_ns: [u64; 2],
    /// The number of rounds of each thread, by the thread's name.
    pub rounds: BTreeMap<String, u64>,
    /// The threads that have found an error, with the number of the error.
    pub failures: BTreeMap<String, u64>,
    /// The threads with calls that a move interrupted, with the number of such calls.
    pub interruptions: BTreeMap<String, u64>,
}

impl Report {
    /// Parses the reply to this request; `None` if it is the reply to another one.
    fn of_reply(request: &str, reply: &str) -> Option<Report> {
        let (head, rest) = reply.split_once('\n')?;
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

    /// Parses the line of one thread.
    fn read_line(&mut self, line: &str) -> Option<()> {
        let mut words = line.splitn(4, ' ');
        let mut number = || words.next()?.parse().ok();
        let (rounds, failure, interruptions) = (number()?, number()?, number()?);
        let name = words.next()?.to_owned();
        if failure != 0 {
            self.failures.insert(name.clone(), failure);
        }
        if interruptions != 0 {
            self.interruptions.insert(name.clone(), interruptions);
        }
        self.rounds.insert(name, rounds);
        Some(())
    }

    /// The error of its clock since this report, in nanoseconds: positive if the clock is ahead, negative if it is behind, and
    /// zero if both clocks may have advanced equally.
    pub fn clock_error_ns(&self, since: &Report) -> i64 {
        let ([sent, received], [sent_since, received_since]) = (self.between_ns, since.between_ns);
        let least = sent.saturating_sub(received_since);
        let most = received.saturating_sub(sent_since);
        // It is negative if the clock went back.
        let passed = self.clock_ns.cast_signed() - since.clock_ns.cast_signed();
        passed - passed.clamp(least.cast_signed(), most.cast_signed())
    }

    /// The threads of an earlier report that have made no progress since.
    fn stalled_since<'a>(&self, before: &'a Report) -> Vec<&'a str> {
        let is_stalled = |name: &String| self.rounds.get(name) <= before.rounds.get(name);
        let stalled = before.rounds.keys().filter(|name| is_stalled(name));
        stalled.map(String::as_str).collect()
    }
}

/// A client of the zoo.
#[derive(Debug)]
pub struct Zoo<'a> {
    party: &'a ThirdParty,
    requests: u64,
}

impl<'a> Zoo<'a> {
    /// A client on this host beside the machines.
    pub fn new(party: &'a ThirdParty) -> Zoo<'a> {
        Zoo { party, requests: 0 }
    }

    /// Requests a report.
    ///
    /// # Panics
    ///
    /// If the zoo does not reply.
    pub fn report(&mut self) -> Report {
        let deadline = Instant::now() + LIMIT;
        loop {
            self.requests += 1;
            let request = format!("r{}", self.requests);
            let sent_ns = now_ns();
            let reply = self.request(&request);
            if let Some(report) = Report::of_reply(&request, &reply) {
                let between_ns = [sent_ns, now_ns()];
                return Report {
                    between_ns,
                    ..report
                };
            }
            assert!(Instant::now() < deadline, "the zoo does not reply");
        }
    }

    /// Waits until every thread has made progress since a report, and returns a new one.
    ///
    /// # Panics
    ///
    /// If a thread found an error or makes no progress.
    pub fn await_progress(&mut self, since: &Report) -> Report {
        let deadline = Instant::now() + LIMIT;
        loop {
            let now = self.report();
            assert!(now.failures.is_empty(), "{now:#?}");
            let stalled = now.stalled_since(since);
            if stalled.is_empty() {
                return now;
            }
            assert!(
                Instant::now() < deadline,
                "{stalled:?} make no progress: {now:#?}"
            );
            sleep(POLL_INTERVAL);
        }
    }

    /// The number of calls to which the service on the first machine has replied, by its own count.
    ///
    /// # Panics
    ///
    /// If the service does not reply on the network.
    pub fn calls_served(&self) -> u64 {
        let deadline = Instant::now() + LIMIT;
        loop {
            let script = format!(
                "exec 3<>{SERVICE_PLACE}; printf %s ask >&3; timeout {PATIENCE_SECONDS} dd bs=8 count=1 status=none <&3 | od -An -tu8 || true"
            );
            let reply = self.party.run("bash", &["-c", &script], LIMIT);
            if let Ok(count) = reply.trim().parse() {
                return count;
            }
            assert!(Instant::now() < deadline, "the service does not reply");
        }
    }

    fn request(&self, request: &str) -> String {
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
    fn parses_a_reply() {
        let reply = "r7 3 1500\n12 0 0 keeps flags\n5 90 0 sleeps\n7 0 2 calls outside\n";
        let report = Report::of_reply("r7", reply).unwrap();
        assert_eq!((report.incarnation, report.clock_ns), (3, 1500));
        assert_eq!(report.rounds["keeps flags"], 12);
        assert_eq!(report.failures, BTreeMap::from([("sleeps".to_owned(), 90)]));
        assert_eq!(
            report.interruptions,
            BTreeMap::from([("calls outside".to_owned(), 2)])
        );
    }

    #[test]
    fn refuses_the_reply_to_another_request() {
        assert_eq!(Report::of_reply("r8", "r7 3 1500\n12 0 0 sleeps\n"), None);
        assert_eq!(Report::of_reply("r8", ""), None);
    }

    #[test]
    fn a_clock_error_is_the_part_that_the_request_times_do_not_explain() {
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
    fn threads_without_progress_are_stalled() {
        let report = |rounds: &[(&str, u64)]| Report {
            rounds: rounds
                .iter()
                .map(|(name, rounds)| ((*name).to_owned(), *rounds))
                .collect(),
            ..Report::default()
        };
        let before = report(&[("sleeps", 2), ("sends", 2), ("rings", 0)]);
        let after = report(&[("sleeps", 3), ("sends", 2)]);
        assert_eq!(after.stalled_since(&before), ["rings", "sends"]);
    }
}
