//! The progress of a move, alone or as a part of a drain, as one line of text: [`Progress`].

use std::time::Duration;

use nomad_client::Event;
use nomad_protocol::{Notice, PhaseName};

/// The progress of a move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    phase: Option<PhaseName>,
    round: Option<Event>,
}

impl Progress {
    /// Takes in an event; returns whether it is about progress.
    pub fn handle(&mut self, event: &Event) -> bool {
        let (Event::Move(notice) | Event::DrainMove { notice, .. }) = event else {
            return false;
        };
        match notice {
            Notice::Phase(phase) => {
                if *phase == PhaseName::Offer {
                    // The next move of a drain has no rounds yet.
                    self.round = None;
                }
                self.phase = Some(*phase);
            }
            Notice::Progress(_) | Notice::Round(_) => self.round = Some(event.clone()),
            _ => return false,
        }
        true
    }

    /// The line: the time since the command was given, the phase, and the text of the last event about a round, which has ended or is in
    /// progress.
    pub fn text(&self, elapsed: Duration) -> String {
        let phase = match self.phase {
            Some(phase) => format!("{phase:?}"),
            None => "waiting".into(),
        };
        let text = format!("{:5.1} s  {phase:<8}", elapsed.as_secs_f64());
        match &self.round {
            Some(round) => format!("{text}  {round}"),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::planner;

    use super::*;

    #[test]
    fn the_next_move_of_a_drain_begins_without_the_rounds_of_the_one_before() {
        let event = |notice| Event::DrainMove {
            domain: identity::Name::try_new("kv").expect("a name"),
            notice,
        };
        let mut progress = Progress::default();
        let round = event(Notice::Progress(planner::Progress::default()));
        assert!(progress.handle(&round));
        assert!(progress.text(Duration::ZERO).ends_with(&round.to_string()));
        assert!(progress.handle(&event(Notice::Phase(PhaseName::Offer))));
        assert_eq!(progress.text(Duration::ZERO), "  0.0 s  Offer   ");
        assert!(!progress.handle(&event(Notice::Finished)));
    }

    #[test]
    fn shows_how_far_a_round_has_come_until_it_has_ended() {
        let running = Event::Move(Notice::Round(planner::RoundProgress {
            round: 1,
            pages_sent: 500,
            pages: 16990,
            ..planner::RoundProgress::default()
        }));
        let ended = Event::Move(Notice::Progress(planner::Progress::default()));
        let mut progress = Progress::default();
        for event in [running, ended] {
            assert!(progress.handle(&event));
            let text = progress.text(Duration::ZERO);
            assert!(text.ends_with(&event.to_string()), "{text}");
        }
    }

    #[test]
    fn shows_the_phase_and_the_last_round() {
        let round = Event::Move(Notice::Progress(planner::Progress {
            rounds: 1,
            pages_sent: 16990,
            ..planner::Progress::default()
        }));
        let mut progress = Progress::default();
        assert_eq!(progress.text(Duration::ZERO), "  0.0 s  waiting ");
        assert!(progress.handle(&Event::Move(Notice::Phase(PhaseName::Rounds))));
        assert!(progress.handle(&round));
        assert!(!progress.handle(&Event::Move(Notice::Committed)));
        assert_eq!(
            progress.text(Duration::from_millis(1250)),
            format!("  1.2 s  Rounds    {round}")
        );
    }
}
