//! For tests: pauses the server at a moment that a test names, until the test resumes or ends the server. A server has a
//! hook only if its manifest has `hooks`.
//!
//! A paused server performs none of the ledger's actions, ignores other machines and fires no timer, but executes its
//! operator's commands.

use alloc::string::String;

/// The moment to pause at, and whether it was reached. The first words of the line that reports the moment identify it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hook {
    moment: Option<String>,
    is_held: bool,
}

impl Hook {
    /// Sets the moment to pause at.
    pub fn hold(&mut self, line: String) {
        self.moment = Some(line);
    }

    /// Handles a reported line; returns whether the server pauses at it.
    pub fn reached(&mut self, line: &str) -> bool {
        let is_reached = |moment: &mut String| begins(line, moment);
        let is_reached = self.moment.take_if(is_reached).is_some();
        self.is_held |= is_reached;
        is_reached
    }

    /// Whether the server is paused.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Resumes the server.
    pub fn go(&mut self) {
        *self = Hook::default();
    }
}

/// Whether a line begins with these words.
fn begins(line: &str, words: &str) -> bool {
    let rest = line.strip_prefix(words);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_from_the_moment_on_until_resumed() {
        let mut hook = Hook::default();
        assert!(!hook.reached("phase Freeze"));
        hook.hold("phase Commit".into());
        assert!(!hook.reached("phase Freeze") && !hook.is_held());
        assert!(hook.reached("phase Commit") && hook.is_held());
        hook.go();
        assert!(!hook.is_held() && !hook.reached("phase Commit"));
    }

    #[test]
    fn a_moment_is_named_by_whole_words() {
        assert!(begins("round 1 sent 2", "round 1"));
        assert!(!begins("round 12 sent 2", "round 1"));
        assert!(begins("committed", "committed"));
    }
}
