//! The steps of pauses, as the migration servers log them: [`steps`].

/// The text before the steps in a line of the log.
const MARK: &str = ": pause, ";

/// The time that one pause spent in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The side and the name of the step, such as `source.freeze`.
    pub name: String,
    /// Its duration in microseconds.
    pub us: u64,
}

/// The steps of all pauses in a machine's log, in order.
pub fn steps(log: &str) -> Vec<Step> {
    let pauses = log.lines().filter_map(|line| line.split_once(MARK));
    let sides = pauses.filter_map(|(_, pause)| pause.split_once(": "));
    let steps = sides.flat_map(|(side, steps)| {
        let steps = steps.split(", ");
        steps.filter_map(move |step| Step::parse(side, step))
    });
    steps.collect()
}

impl Step {
    fn parse(side: &str, text: &str) -> Option<Step> {
        let (name, us) = text.trim_end().strip_suffix(" us")?.split_once(' ')?;
        Some(Step {
            name: format!("{side}.{name}"),
            us: us.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_steps_of_both_sides() {
        let log = "\
[nomad] nomad: 0b1c: round 2 sent 17512 pages
[nomad] nomad: 0b1c: pause, source: freeze 12 us, all 20012 us
[nomad] nomad: 0b1d: pause, destination: adopt 300 us\r
";
        let read = steps(log).into_iter().map(|step| (step.name, step.us));
        let expected = [
            ("source.freeze", 12),
            ("source.all", 20_012),
            ("destination.adopt", 300),
        ];
        assert!(read.eq(expected.map(|(name, us)| (name.to_string(), us))));
    }
}
