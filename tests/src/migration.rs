//! One move of a domain, as the operator and the clients saw it: [`Migration`].

use std::time::Duration;

use serde::Deserialize;

use crate::prober::Report;

/// How long after the command a pause still counts as the move's.
const AFTERMATH_NS: u64 = 3_000_000_000;

/// What the migration server said about a move.
#[derive(Clone, Debug)]
pub struct Migration {
    /// When the command was given, on the prober's clock.
    pub begun_ns: u64,
    /// From the command to the last line, in microseconds.
    pub total_us: u64,
    /// From freezing the domain to hearing that it runs elsewhere, in microseconds: as the lines came, at the third
    /// party.
    pub freeze_to_release_us: u64,
    /// Pages sent in all.
    pub pages_sent: u64,
    /// Pages sent more than once: all but those of the first round.
    pub pages_resent: u64,
    /// Rounds of copying before the domain was frozen.
    pub rounds: u64,
}

/// A line of the operator's command line, as JSON.
#[derive(Deserialize)]
struct Line {
    at_us: u64,
    event: String,
    text: String,
}

impl Migration {
    /// Reads the answer to a `migrate` command.
    ///
    /// # Panics
    ///
    /// If it is not one, or says that the move failed.
    pub fn of_answer(begun_ns: u64, answer: &str) -> Migration {
        let lines: Vec<Line> = answer
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        let last = lines.last().expect("an answer");
        assert_eq!(last.event, "done", "{answer}");
        let phase = |name: &str| {
            let line = lines
                .iter()
                .find(|line| line.event == "phase" && line.text == name);
            line.unwrap_or_else(|| panic!("no phase {name} in {answer}"))
                .at_us
        };
        let sent: Vec<u64> = lines
            .iter()
            .filter(|line| line.event == "round")
            .map(sent_until)
            .collect();
        let (first, all) = (
            sent.first().copied().unwrap_or(0),
            sent.last().copied().unwrap_or(0),
        );
        Migration {
            begun_ns,
            total_us: last.at_us,
            freeze_to_release_us: phase("Release") - phase("Freeze"),
            pages_sent: all,
            pages_resent: all - first,
            rounds: sent.len() as u64,
        }
    }

    /// The longest time between two UDP replies, from the command to three seconds after its end, in nanoseconds.
    pub fn gap_ns(&self, report: &Report) -> u64 {
        gap_ns(report, self.begun_ns, Duration::from_micros(self.total_us))
    }
}

/// The longest time between two UDP replies from the beginning of a move, on the prober's clock, to three seconds after
/// its end, in nanoseconds.
pub fn gap_ns(report: &Report, begun_ns: u64, total: Duration) -> u64 {
    let end = begun_ns + total.as_nanos() as u64 + AFTERMATH_NS;
    report.longest_gap_ns(begun_ns, end)
}

/// The pages sent up to the end of a round: `1 sent 16990 remaining 1053 rate 6139056`.
fn sent_until(line: &Line) -> u64 {
    let mut words = line.text.split(' ').skip_while(|word| *word != "sent");
    let pages = words.nth(1).and_then(|word| word.parse().ok());
    pages.unwrap_or_else(|| panic!("a round that does not say what it sent: {}", line.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"at_us":10,"event":"moving","text":"counter to 10.77.0.2"}
{"at_us":20,"event":"phase","text":"Offer"}
{"at_us":1000,"event":"round","text":"1 sent 16990 remaining 522 rate 6174261"}
{"at_us":1200,"event":"round","text":"2 sent 17512 remaining 0 rate 6274294"}
{"at_us":1300,"event":"phase","text":"Freeze"}
{"at_us":1370,"event":"phase","text":"Release"}
{"at_us":1400,"event":"done","text":""}"#;

    #[test]
    fn reads_what_the_server_said() {
        let migration = Migration::of_answer(5, ANSWER);
        assert_eq!(
            (migration.total_us, migration.freeze_to_release_us),
            (1400, 70)
        );
        assert_eq!(
            (
                migration.pages_sent,
                migration.pages_resent,
                migration.rounds
            ),
            (17512, 522, 2)
        );
    }

    #[test]
    fn a_move_that_failed_is_none() {
        let failed = r#"{"at_us":10,"event":"failed","text":"NoMemory"}"#;
        assert!(std::panic::catch_unwind(|| Migration::of_answer(0, failed)).is_err());
    }
}
