//! What the migration servers log of each move: [`pauses`], and [`repeats`] of the streams.

/// The text before a pause in a line of the log.
const MARK: &str = ": pause, ";
/// The text before the cost of a stream in a line of the log.
const STREAM_MARK: &str = ": stream, ";

/// The part of one machine in a pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// `source` or `destination`.
    pub side: String,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// The pages of the move, which only the source counts.
    pub pages: Option<Pages>,
}

/// The time that a pause spent in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name, such as `freeze`.
    pub name: String,
    /// Its duration in microseconds.
    pub us: u64,
}

/// The pages that a move sent with their bytes. Pages of zeros are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Those sent while the domain was frozen.
    pub in_pause: u64,
    /// All.
    pub all: u64,
}

/// The pauses in a machine's log, in order.
pub fn pauses(log: &str) -> Vec<Pause> {
    let pauses = log.lines().filter_map(|line| line.split_once(MARK));
    let sides = pauses.filter_map(|(_, pause)| pause.split_once(": "));
    sides.map(|(side, text)| Pause::parse(side, text)).collect()
}

/// The datagrams that each stream in a machine's log sent again, in the order in which the streams ended.
pub fn repeats(log: &str) -> Vec<u64> {
    let streams = log.lines().filter_map(|line| line.split_once(STREAM_MARK));
    let repeats = streams.filter_map(|(_, stream)| {
        let mut parts = stream.split(", ");
        parts.find_map(|part| part.strip_suffix(" repeated"))
    });
    repeats.filter_map(|count| count.parse().ok()).collect()
}

impl Pause {
    fn parse(side: &str, text: &str) -> Pause {
        let parts = || text.trim_end().split(", ");
        Pause {
            side: side.to_owned(),
            steps: parts().filter_map(Step::parse).collect(),
            pages: parts().find_map(Pages::parse),
        }
    }

    /// The duration of a step in microseconds, if the pause had it.
    pub fn us(&self, step: &str) -> Option<u64> {
        let step = self.steps.iter().find(|it| it.name == step);
        step.map(|step| step.us)
    }
}

impl Step {
    fn parse(text: &str) -> Option<Step> {
        let (name, us) = text.strip_suffix(" us")?.split_once(' ')?;
        Some(Step {
            name: name.to_owned(),
            us: us.parse().ok()?,
        })
    }
}

impl Pages {
    fn parse(text: &str) -> Option<Pages> {
        let counts = text.strip_prefix("sent ")?.strip_suffix(" pages")?;
        let (in_pause, all) = counts.split_once(" of ")?;
        Some(Pages {
            in_pause: in_pause.parse().ok()?,
            all: all.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_datagrams_that_streams_sent_again() {
        let log = "\
[nomad] nomad: 0b1c: stream, 1929 datagrams of up to 64943 bytes, 52 repeated, 0 probes, round trip 5739 us
[nomad] nomad: 0b1c: pause, source: freeze 12 us, all 20012 us, sent 62 of 17574 pages\r
[nomad] nomad: 0b1d: stream, 40 datagrams of up to 1443 bytes, 0 repeated, 1 probes, round trip 1 us\r
";
        assert_eq!(repeats(log), [52, 0]);
    }

    #[test]
    fn reads_the_steps_of_both_sides_and_the_pages_of_the_source() {
        let log = "\
[nomad] nomad: 0b1c: round 2 sent 17512 pages
[nomad] nomad: 0b1c: pause, source: freeze 12 us, all 20012 us, sent 62 of 17574 pages\r
[nomad] nomad: 0b1d: pause, destination: adopt 300 us\r
";
        let [source, destination] = &pauses(log)[..] else {
            panic!("two pauses");
        };
        assert_eq!((&*source.side, source.us("freeze")), ("source", Some(12)));
        assert_eq!(source.us("all"), Some(20_012));
        assert_eq!(source.steps.len(), 2);
        let pages = Pages {
            in_pause: 62,
            all: 17_574,
        };
        assert_eq!(source.pages, Some(pages));
        assert_eq!(destination.us("adopt"), Some(300));
        assert_eq!((destination.us("freeze"), destination.pages), (None, None));
    }
}
