//! The progress of a move, in a line for a person: [`Progress`].

use std::time::Duration;

use nomad_client::Event;
use nomad_protocol::planner::{self, PAGE_BYTES};
use nomad_protocol::{Notice, PhaseName};

/// The progress of a move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    phase: Option<PhaseName>,
    round: Option<planner::Progress>,
}

impl Progress {
    /// Takes in an event; returns whether it is about progress.
    pub fn handle(&mut self, event: &Event) -> bool {
        match event {
            Event::Move(Notice::Phase(phase)) => self.phase = Some(*phase),
            Event::Move(Notice::Progress(round)) => self.round = Some(*round),
            _ => return false,
        }
        true
    }

    /// Phase, round, pages, rate and an estimate of the copying that remains, this long after the command was given.
    pub fn text(&self, elapsed: Duration) -> String {
        let phase = match self.phase {
            Some(phase) => format!("{phase:?}"),
            None => "waiting".into(),
        };
        let mut text = format!("{:5.1} s  {phase:<8}", elapsed.as_secs_f64());
        let Some(round) = self.round else {
            return text;
        };
        let (sent, remaining) = (round.pages_sent, round.pages_remaining);
        text += &format!(
            "  round {}: {sent} pages sent, {remaining} to send again",
            round.rounds
        );
        if let Some(rate) = round.bytes_per_second.filter(|rate| *rate > 0) {
            let megabytes = rate as f64 / 1e6;
            let left = remaining as f64 * PAGE_BYTES as f64 / rate as f64;
            text += &format!(", {megabytes:.1} MB/s, about {left:.1} s left");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(bytes_per_second: Option<u64>) -> Event {
        Event::Move(Notice::Progress(planner::Progress {
            rounds: 1,
            pages_sent: 16990,
            pages_remaining: 2441,
            bytes_per_second,
            downtime_estimate_us: None,
        }))
    }

    #[test]
    fn shows_phase_round_pages_rate_and_an_estimate() {
        let mut progress = Progress::default();
        assert!(progress.handle(&Event::Move(Notice::Phase(PhaseName::Rounds))));
        assert!(progress.handle(&round(Some(10_000_000))));
        assert!(!progress.handle(&Event::Move(Notice::Committed)));
        assert_eq!(
            progress.text(Duration::from_millis(1250)),
            "  1.2 s  Rounds    round 1: 16990 pages sent, 2441 to send again, 10.0 MB/s, about 1.0 s left"
        );
    }

    #[test]
    fn estimates_nothing_without_a_rate() {
        for rate in [None, Some(0)] {
            let mut progress = Progress::default();
            progress.handle(&round(rate));
            let text = progress.text(Duration::ZERO);
            assert!(!text.contains("left") && text.contains("waiting"), "{text}");
        }
    }
}
