//! For tests: the server stands still at a moment that they name, until they let it go on or end it. Only where the
//! manifest says `hooks`.
//!
//! A server that stands still performs nothing that the ledger asks for, is deaf to other machines, and lets no timer
//! fire; it obeys its operator.

use alloc::string::String;

/// The moment, as the beginning of the line that is told of it, and whether it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hook {
    moment: Option<String>,
    is_held: bool,
}

impl Hook {
    /// Names the moment.
    pub fn hold(&mut self, line: &str) {
        self.moment = Some(line.into());
    }

    /// This was told now. Says whether it was the moment.
    pub fn told(&mut self, line: &str) -> bool {
        let is_it = |moment: &mut String| begins(line, moment);
        let came = self.moment.take_if(is_it).is_some();
        self.is_held |= came;
        came
    }

    /// Whether the server stands still.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Lets it go on.
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
    fn stands_still_from_the_moment_on_until_it_may_go() {
        let mut hook = Hook::default();
        assert!(!hook.told("phase Freeze"));
        hook.hold("phase Commit");
        assert!(!hook.told("phase Freeze") && !hook.is_held());
        assert!(hook.told("phase Commit") && hook.is_held());
        hook.go();
        assert!(!hook.is_held() && !hook.told("phase Commit"));
    }

    #[test]
    fn a_moment_is_named_by_whole_words() {
        assert!(begins("round 1 sent 2", "round 1"));
        assert!(!begins("round 12 sent 2", "round 1"));
        assert!(begins("committed", "committed"));
    }
}
