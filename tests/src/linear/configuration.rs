//! Explanations of a history: [`Configuration`], and sets of them without redundant ones: [`Frontier`].

use std::collections::BTreeMap;

use super::register::State;

/// One explanation of the replies so far.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The content of the register.
    pub state: State,
    /// The open operations, by their places, that have had their effect.
    pub placed: u128,
    /// The number of pending operations of each kind that have had their effect.
    pub used: Vec<u32>,
    /// Whether the last effect was that of a pending operation, and no operation has read it. Then overwriting it is pointless.
    pub is_fresh: bool,
}

/// A set of configurations, none of which makes another redundant.
#[derive(Default)]
pub struct Frontier {
    used: BTreeMap<(State, u128), Vec<Vec<u32>>>,
}

impl Frontier {
    /// Inserts a configuration unless it is redundant, and removes those that it makes redundant. Returns whether it was
    /// inserted.
    pub fn insert(&mut self, configuration: &Configuration) -> bool {
        let key = (configuration.state, configuration.placed);
        let used = &configuration.used;
        let others = self.used.entry(key).or_default();
        if others.iter().any(|other| is_within(other, used)) {
            return false;
        }
        others.retain(|other| !is_within(used, other));
        others.push(used.clone());
        true
    }

    /// All of them.
    pub fn into_configurations(self) -> Vec<Configuration> {
        let keys = self.used.into_iter();
        let configurations = keys.flat_map(|((state, placed), used)| {
            used.into_iter().map(move |used| Configuration {
                state,
                placed,
                used,
                is_fresh: false,
            })
        });
        configurations.collect()
    }
}

/// Whether each number is at most the other number at the same index.
fn is_within(numbers: &[u32], others: &[u32]) -> bool {
    numbers.iter().zip(others).all(|(one, other)| one <= other)
}
