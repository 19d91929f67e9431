//! The steps of one machine's part in a pause, and the time that each took: [`Timeline`].
//!
//! Each machine measures its own steps with its own clock. `docs/performance.md` has the list of steps.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use runtime::clock;

const NS_PER_US: u64 = 1_000;

/// The steps measured since [`Timeline::begin`], in the order in which they first ended.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The time of the beginning or of the last mark; `None` if nothing is measured.
    last_ns: Option<u64>,
    steps: Vec<(&'static str, u64)>,
}

impl Timeline {
    /// Begins to measure, unless the measurement has begun already.
    pub fn begin(&mut self) {
        self.last_ns.get_or_insert_with(clock::now_ns);
    }

    /// Adds the time since the last mark to a step. Has no effect before [`Timeline::begin`].
    pub fn mark(&mut self, step: &'static str) {
        self.mark_at(step, clock::now_ns());
    }

    fn mark_at(&mut self, step: &'static str, now_ns: u64) {
        let Some(last_ns) = &mut self.last_ns else {
            return;
        };
        let took_ns = now_ns.saturating_sub(*last_ns);
        *last_ns = now_ns;
        match self.steps.iter_mut().find(|(known, _)| *known == step) {
            Some((_, sum_ns)) => *sum_ns += took_ns,
            None => self.steps.push((step, took_ns)),
        }
    }

    /// Ends the measurement and returns its text, unless nothing was measured.
    pub fn end(&mut self) -> Option<String> {
        let ended = core::mem::take(self);
        (!ended.steps.is_empty()).then(|| ended.to_string())
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all_ns: u64 = self.steps.iter().map(|(_, took_ns)| took_ns).sum();
        for (step, took_ns) in &self.steps {
            write!(formatter, "{step} {} us, ", took_ns / NS_PER_US)?;
        }
        write!(formatter, "all {} us", all_ns / NS_PER_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_the_times_of_a_step_that_is_repeated() {
        let mut timeline = Timeline {
            last_ns: Some(1_000),
            ..Timeline::default()
        };
        for (step, us) in [("copy", 3), ("send", 7), ("copy", 8)] {
            timeline.mark_at(step, us * NS_PER_US);
        }
        let text = timeline.end();
        assert_eq!(text.as_deref(), Some("copy 3 us, send 4 us, all 7 us"));
        assert_eq!(timeline.end(), None);
    }

    #[test]
    fn measures_nothing_before_the_beginning() {
        let mut timeline = Timeline::default();
        timeline.mark("copy");
        assert_eq!(timeline.end(), None);
    }
}
