//! The progress of a move as one line of text: [`Progress`].

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
        match event {
            Event::Move(Notice::Phase(phase)) => self.phase = Some(*phase),
            Event::Move(Notice::Progress(_)) => self.round = Some(event.clone()),
            _ => return false,
        }
        true
    }

    /// The line: the time since the command was given, the phase, and the text of the last round's event.
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
