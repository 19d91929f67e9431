//! One move of a domain, as observed by the operator and the clients: [`Migration`].

use std::time::Duration;

use caravan::report::Report;
use nomad_client::{End, Event};
use nomad_protocol::{Notice, PhaseName};

use crate::prober::Replies;

/// The time after the end of a move in which a pause still belongs to the move.
const AFTERMATH_NS: u64 = 3_000_000_000;

/// The migration server's report of a move.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The time of the command, on the prober's clock.
    pub begun_ns: u64,
    /// The time from the command to the last line of the reply, in microseconds.
    pub total_us: u64,
    /// The time from the domain's freeze to its release by the source, in microseconds: the time between the reply's lines
    /// about the phases Freeze and Release, as the operator's command line receives them.
    pub freeze_to_release_us: u64,
    /// Total pages that the rounds covered, absent ones and pages of zeros included.
    pub pages_sent: u64,
    /// The number of them that the first round covered.
    pub first_round_pages: u64,
    /// The number of pages sent again: all that were sent after the first round.
    pub pages_resent: u64,
    /// Rounds of copying before the domain was frozen.
    pub rounds: u64,
}

impl Migration {
    /// Reads the reply to a `migrate` command.
    ///
    /// # Panics
    ///
    /// If it is not such a reply, or the move failed.
    pub fn of_reply(begun_ns: u64, reply: &str) -> Migration {
        let reports = reply.lines().map(serde_json::from_str::<Report>);
        let reports = reports.map(|report| report.expect("a report as JSON"));
        let reports: Vec<Report> = reports.collect();
        let last = reports.last().expect("a reply");
        assert_eq!(last.event.end(), Some(End::Done), "{reply}");
        let entered = |phase: PhaseName| {
            let event = Event::Move(Notice::Phase(phase));
            let report = reports.iter().find(|report| report.event == event);
            report
                .unwrap_or_else(|| panic!("no phase {phase:?} in {reply}"))
                .at_us
        };
        let sent = reports.iter().filter_map(|report| match report.event {
            Event::Move(Notice::Progress(progress)) => Some(progress.pages_sent),
            _ => None,
        });
        let sent: Vec<u64> = sent.collect();
        let (first, all) = (
            sent.first().copied().unwrap_or(0),
            sent.last().copied().unwrap_or(0),
        );
        Migration {
            begun_ns,
            total_us: last.at_us,
            freeze_to_release_us: entered(PhaseName::Release) - entered(PhaseName::Freeze),
            pages_sent: all,
            first_round_pages: first,
            pages_resent: all - first,
            rounds: sent.len() as u64,
        }
    }

    /// The longest time between consecutive ones of these replies, from the command to three seconds after the end of the move,
    /// in nanoseconds.
    pub fn gap_ns(&self, replies: &Replies) -> u64 {
        gap_ns(replies, self.begun_ns, Duration::from_micros(self.total_us))
    }
}

/// The longest time between consecutive ones of these replies, from `begun_ns` (the beginning of a move, on the prober's clock)
/// to three seconds after the end of the move, in nanoseconds.
pub fn gap_ns(replies: &Replies, begun_ns: u64, total: Duration) -> u64 {
    let end = begun_ns + total.as_nanos() as u64 + AFTERMATH_NS;
    replies.longest_gap(begun_ns, end)
}

#[cfg(test)]
mod tests {
    use nomad_protocol::planner::Progress;

    use super::*;

    fn reply() -> String {
        let round = |rounds, pages_sent| {
            Event::Move(Notice::Progress(Progress {
                rounds,
                pages_sent,
                ..Progress::default()
            }))
        };
        let phase = |phase| Event::Move(Notice::Phase(phase));
        let events = [
            (20, phase(PhaseName::Offer)),
            (1000, round(1, 16990)),
            (1200, round(2, 17512)),
            (1300, phase(PhaseName::Freeze)),
            (1370, phase(PhaseName::Release)),
            (1400, Event::Move(Notice::Finished)),
        ];
        let lines = events.map(|(at_us, event)| json(at_us, event));
        lines.join("\n")
    }

    fn json(at_us: u64, event: Event) -> String {
        Report::new(Duration::from_micros(at_us), event).to_json()
    }

    #[test]
    fn reads_the_servers_reply() {
        let migration = Migration::of_reply(5, &reply());
        assert_eq!(
            (migration.total_us, migration.freeze_to_release_us),
            (1400, 70)
        );
        assert_eq!(
            (
                migration.pages_sent,
                migration.first_round_pages,
                migration.pages_resent,
                migration.rounds
            ),
            (17512, 16990, 522, 2)
        );
    }

    #[test]
    fn a_failed_move_is_refused() {
        let failed = json(10, Event::Failed("no memory".into()));
        assert!(std::panic::catch_unwind(|| Migration::of_reply(0, &failed)).is_err());
    }
}
