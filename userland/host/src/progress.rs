//! How far a move has come, in a line for a person: [`Progress`].

use std::time::Duration;

use crate::line::{Line, Meaning, PAGE_BYTES, Round};

/// How far a move has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    phase: Option<String>,
    round: Option<Round>,
}

impl Progress {
    /// Hears a line; says whether it is about progress.
    pub fn hear(&mut self, line: &Line<'_>) -> bool {
        match line.meaning {
            Meaning::Phase(phase) => self.phase = Some(phase.to_owned()),
            Meaning::Round(round) => self.round = Some(round),
            _ => return false,
        }
        true
    }

    /// Phase, round, pages, rate and an estimate of what remains of the copying, so long after the question.
    pub fn text(&self, elapsed: Duration) -> String {
        let phase = self.phase.as_deref().unwrap_or("waiting");
        let mut text = format!("{:5.1} s  {phase:<8}", elapsed.as_secs_f64());
        if let Some(round) = self.round {
            let Round {
                number,
                sent,
                remaining,
                rate,
            } = round;
            text += &format!("  round {number}: {sent} pages sent, {remaining} to send again");
            if rate > 0 {
                let megabytes = rate as f64 / 1e6;
                let left = remaining as f64 * PAGE_BYTES as f64 / rate as f64;
                text += &format!(", {megabytes:.1} MB/s, about {left:.1} s left");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_phase_round_pages_rate_and_an_estimate() {
        let mut progress = Progress::default();
        assert!(progress.hear(&Line::of("phase Rounds")));
        assert!(progress.hear(&Line::of("round 1 sent 16990 remaining 2441 rate 10000000")));
        assert!(!progress.hear(&Line::of("committed")));
        assert_eq!(
            progress.text(Duration::from_millis(1250)),
            "  1.2 s  Rounds    round 1: 16990 pages sent, 2441 to send again, 10.0 MB/s, about 1.0 s left"
        );
    }

    #[test]
    fn estimates_nothing_without_a_rate() {
        let mut progress = Progress::default();
        progress.hear(&Line::of("round 1 sent 0 remaining 7 rate 0"));
        let text = progress.text(Duration::ZERO);
        assert!(!text.contains("left") && text.contains("waiting"), "{text}");
    }
}
