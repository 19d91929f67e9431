//! A line of an answer, and what it means: [`Line`].
//!
//! ```text
//!   domain NAME STATE, incarnation N, SPENT of PAGES pages
//!   machine NAME ADDRESS
//!   phase NAME
//!   round N sent PAGES remaining PAGES rate BYTES
//! ```
//!
//! A line of another form is shown as it is.

use std::net::Ipv4Addr;
use std::time::Duration;

use nomad_client::End;
use serde_json::{Value, json};

/// Bytes of a page.
pub const PAGE_BYTES: u64 = 4096;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// As it was said.
    pub text: &'a str,
    /// What it means.
    pub meaning: Meaning<'a>,
}

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// A domain is there.
    Domain(Domain<'a>),
    /// A machine is of the fleet.
    Machine(&'a str, Ipv4Addr),
    /// A move enters this phase.
    Phase(&'a str),
    /// A move has sent a round of pages.
    Round(Round),
    /// This is the last line.
    End(End),
    /// Something else.
    Other,
}

/// A domain of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is doing.
    pub state: &'a str,
    /// How often it was activated.
    pub incarnation: u64,
    /// Pages that it has spent.
    pub spent: u64,
    /// Pages that it may spend.
    pub pages: u64,
}

/// A round of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Its number, from 1.
    pub number: u64,
    /// Pages sent so far, in all rounds.
    pub sent: u64,
    /// Pages that were written since and are to be sent again.
    pub remaining: u64,
    /// Bytes a second; 0 if that is not known.
    pub rate: u64,
}

impl<'a> Line<'a> {
    /// The line with this text.
    pub fn of(text: &'a str) -> Line<'a> {
        let meaning = domain(text)
            .or_else(|| machine(text))
            .or_else(|| round(text))
            .or_else(|| text.strip_prefix("phase ").map(Meaning::Phase))
            .or_else(|| End::of_line(text).map(Meaning::End));
        Line {
            text,
            meaning: meaning.unwrap_or(Meaning::Other),
        }
    }

    /// The line as a JSON object: when it came, in microseconds since the question, its first word, the others, and its
    /// figures if it has some.
    pub fn to_json(&self, elapsed: Duration) -> Value {
        let (kind, rest) = self.text.split_once(' ').unwrap_or((self.text, ""));
        let mut object = json!({
            "at_us": elapsed.as_micros() as u64,
            "event": kind.trim_end_matches(':'),
            "text": rest,
        });
        for (key, value) in self.figures() {
            object[key] = value;
        }
        object
    }

    fn figures(&self) -> Vec<(&'static str, Value)> {
        match self.meaning {
            Meaning::Domain(domain) => vec![
                ("name", json!(domain.name)),
                ("state", json!(domain.state)),
                ("incarnation", json!(domain.incarnation)),
                ("spent_bytes", json!(domain.spent * PAGE_BYTES)),
                ("pool_bytes", json!(domain.pages * PAGE_BYTES)),
            ],
            Meaning::Machine(name, address) => vec![
                ("name", json!(name)),
                ("address", json!(address.to_string())),
            ],
            Meaning::Round(round) => vec![
                ("round", json!(round.number)),
                ("pages_sent", json!(round.sent)),
                ("pages_remaining", json!(round.remaining)),
                ("bytes_per_second", json!(round.rate)),
            ],
            Meaning::Phase(_) | Meaning::End(_) | Meaning::Other => Vec::new(),
        }
    }
}

fn domain(text: &str) -> Option<Meaning<'_>> {
    let rest = text.strip_prefix("domain ")?;
    let [head, incarnation, memory] = parts(rest, ", ")?;
    let (name, state) = head.split_once(' ')?;
    let (spent, pages) = memory.strip_suffix(" pages")?.split_once(" of ")?;
    Some(Meaning::Domain(Domain {
        name,
        state,
        incarnation: incarnation.strip_prefix("incarnation ")?.parse().ok()?,
        spent: spent.parse().ok()?,
        pages: pages.parse().ok()?,
    }))
}

fn machine(text: &str) -> Option<Meaning<'_>> {
    let (name, address) = text.strip_prefix("machine ")?.split_once(' ')?;
    Some(Meaning::Machine(name, address.parse().ok()?))
}

fn round(text: &str) -> Option<Meaning<'_>> {
    let words: [&str; 8] = parts(text, " ")?;
    let [
        "round",
        number,
        "sent",
        sent,
        "remaining",
        remaining,
        "rate",
        rate,
    ] = words
    else {
        return None;
    };
    Some(Meaning::Round(Round {
        number: number.parse().ok()?,
        sent: sent.parse().ok()?,
        remaining: remaining.parse().ok()?,
        rate: rate.parse().ok()?,
    }))
}

/// So many parts, and no more.
fn parts<'a, const N: usize>(text: &'a str, between: &str) -> Option<[&'a str; N]> {
    let parts: Vec<&str> = text.split(between).collect();
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(text: &str) -> String {
        Line::of(text).to_json(Duration::from_micros(7)).to_string()
    }

    #[test]
    fn knows_what_lines_mean() {
        let domain = Domain {
            name: "counter",
            state: "running",
            incarnation: 3,
            spent: 17000,
            pages: 20480,
        };
        let text = "domain counter running, incarnation 3, 17000 of 20480 pages";
        assert_eq!(Line::of(text).meaning, Meaning::Domain(domain));
        let round = Round {
            number: 2,
            sent: 17512,
            remaining: 0,
            rate: 6274294,
        };
        let text = "round 2 sent 17512 remaining 0 rate 6274294";
        assert_eq!(Line::of(text).meaning, Meaning::Round(round));
        let machine = Meaning::Machine("b", Ipv4Addr::new(10, 77, 0, 2));
        assert_eq!(Line::of("machine b 10.77.0.2").meaning, machine);
        assert_eq!(Line::of("phase Freeze").meaning, Meaning::Phase("Freeze"));
        let failed = Line::of("failed: no machine").meaning;
        assert_eq!(failed, Meaning::End(End::Failed));
        for other in ["domain x", "round 1", "committed", "machine b nowhere", ""] {
            assert_eq!(Line::of(other).meaning, Meaning::Other, "{other}");
        }
    }

    #[test]
    fn json_has_the_event_and_its_text_and_figures_where_there_are_some() {
        assert_eq!(
            json_of("phase Rounds"),
            r#"{"at_us":7,"event":"phase","text":"Rounds"}"#
        );
        assert_eq!(
            json_of("failed: no \"machine\""),
            r#"{"at_us":7,"event":"failed","text":"no \"machine\""}"#
        );
        let round = json_of("round 1 sent 5 remaining 2 rate 100");
        for part in [
            r#""event":"round""#,
            r#""text":"1 sent 5 remaining 2 rate 100""#,
            r#""pages_remaining":2"#,
            r#""bytes_per_second":100"#,
        ] {
            assert!(round.contains(part), "{round}");
        }
    }
}
