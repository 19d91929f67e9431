//! An event as a line of JSON: [`Report`].

use std::time::Duration;

use nomad_client::Event;
use serde::{Deserialize, Serialize};

/// An event, and the time at which it was received. `--json` prints one per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Microseconds since the command was given.
    pub at_us: u64,
    /// The event.
    pub event: Event,
    /// The event in words.
    pub text: String,
}

impl Report {
    /// The report of an event that was received this long after the command was given.
    pub fn new(elapsed: Duration, event: Event) -> Report {
        Report {
            at_us: elapsed.as_micros() as u64,
            text: event.to_string(),
            event,
        }
    }

    /// The report as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an event has a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::{Notice, PhaseName};

    use super::*;

    #[test]
    fn json_is_the_event_with_its_time_and_its_words() {
        for (event, json) in [
            (
                Event::Move(Notice::Phase(PhaseName::Rounds)),
                r#"{"at_us":7,"event":{"move":{"phase":"Rounds"}},"text":"phase Rounds"}"#,
            ),
            (
                Event::Failed("no \"machine\"".into()),
                r#"{"at_us":7,"event":{"failed":"no \"machine\""},"text":"failed: no \"machine\""}"#,
            ),
            (Event::Done, r#"{"at_us":7,"event":"done","text":"done"}"#),
        ] {
            let report = Report::new(Duration::from_micros(7), event);
            assert_eq!(report.to_json(), json);
            let back: Report = serde_json::from_str(json).expect("a report");
            assert_eq!(back, report);
        }
    }
}
