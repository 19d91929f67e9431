//! The checker's oracle. It tries all orders of all operations, with and without each pending one.

use super::history::{Completion, Entry};
use super::register::State;

/// Whether some order explains all replies.
pub fn is_linearizable(entries: &[Entry]) -> bool {
    continues(None, entries)
}

/// Whether some order of the remaining operations explains all their replies from this state on.
fn continues(state: State, left: &[Entry]) -> bool {
    if left.iter().all(|entry| entry.completion.is_none()) {
        return true;
    }
    (0..left.len()).any(|index| {
        let mut rest = left.to_vec();
        let entry = rest.remove(index);
        let (next, reply) = entry.operation.apply(state);
        let is_explained = entry
            .completion
            .is_none_or(|completion| completion.reply == reply);
        let is_first = !rest.iter().any(|other| precedes(other, &entry));
        is_first && is_explained && continues(next, &rest)
    })
}

/// Whether an operation had been completed before the other was invoked.
fn precedes(one: &Entry, other: &Entry) -> bool {
    let completed = one.completion;
    completed.is_some_and(|Completion { at_ns, .. }| at_ns < other.invoked_ns)
}
