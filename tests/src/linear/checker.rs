//! Decides whether the operations on one key are linearizable: Lowe's just-in-time variant of Wing and Gong's search.
//!
//! The checker goes through invocations and replies in the order of their times. It keeps every [`Configuration`] that explains the
//! replies so far: a possible value of the register, and the set of open operations that have had their effect. An operation has
//! its effect at the latest when its reply comes:
//!
//! ```text
//!   invoked: it is open
//!   completed: each configuration is extended by open operations, in every order that explains their replies, until this
//!             one has had its effect; a configuration without such an extension is dropped, and duplicates are removed
//! ```
//!
//! The replies are known in advance, so a configuration is extended only by an operation whose reply it explains. An operation that
//! changes nothing, such as a read, has its effect as soon as its reply is explained: a later moment explains no more. If no
//! configuration is left, the history is not linearizable, and the completed operation is the evidence.
//!
//! A pending operation, one without a reply, stays open for ever. Equal pending operations are interchangeable, so they are only
//! counted. If two configurations differ only in the number of them that they have used, the one that has used more is redundant.
//! A configuration is also redundant if it uses a pending operation and overwrites its effect with another operation: the
//! configuration without that pending operation exists as well. Therefore the time to check a long history with many pending
//! operations grows only with its length.

use std::collections::VecDeque;
use std::fmt;

use super::configuration::{Configuration, Frontier};
use super::history::{Completion, Entry};
use super::register::{Operation, Reply, State};

/// The maximum number of operations with a reply that may be open at once: the bits of [`Configuration::placed`].
pub const OPEN_MAX: usize = 128;

/// The number of possible values that a violation lists.
const VALUES_SHOWN_MAX: usize = 8;

/// The history is linearizable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The number of configurations examined: the cost of the check.
    pub configurations: u64,
}

/// The history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The operation that no order explains together with all operations completed before it.
    pub entry: Entry,
    /// The values that the register may have held at that reply, according to the earlier replies.
    pub states: Vec<State>,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "no order explains\n{}", self.entry)?;
        write!(formatter, "The key held")?;
        for (index, state) in self.states.iter().take(VALUES_SHOWN_MAX).enumerate() {
            let or = if index == 0 { "" } else { " or" };
            match state {
                Some(value) => write!(formatter, "{or} {value}")?,
                None => write!(formatter, "{or} nothing")?,
            }
        }
        Ok(())
    }
}

/// Checks the operations on one key, which is absent at first.
///
/// # Errors
///
/// [`Violation`].
///
/// # Panics
///
/// If more than [`OPEN_MAX`] operations with a reply are open at once.
pub fn check(entries: &[Entry]) -> Result<Checked, Violation> {
    let mut search = Search::new(entries);
    for event in events(entries) {
        match event {
            Event::Invoked(index) => search.open(&entries[index], index),
            Event::Completed(index) => search.close(index).map_err(|states| Violation {
                entry: entries[index],
                states,
            })?,
        }
    }
    Ok(Checked {
        configurations: search.examined,
    })
}

/// An event of the entry with this index.
#[derive(Clone, Copy)]
enum Event {
    Invoked(usize),
    Completed(usize),
}

/// All events in the order of their times. At equal times invocations come first, so that the operations may overlap.
fn events(entries: &[Entry]) -> Vec<Event> {
    let mut events = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        events.push((entry.invoked_ns, 0, Event::Invoked(index)));
        if let Some(Completion { at_ns, .. }) = entry.completion {
            events.push((at_ns, 1, Event::Completed(index)));
        }
    }
    events.sort_by_key(|(at_ns, order, _)| (*at_ns, *order));
    events.into_iter().map(|(_, _, event)| event).collect()
}

/// An open operation that will be completed.
#[derive(Clone, Copy)]
struct Open {
    index: usize,
    operation: Operation,
    reply: Reply,
}

/// The search: all configurations after the events so far.
struct Search {
    configurations: Vec<Configuration>,
    /// The open operations with a reply. The place of a closed operation is free again.
    places: Vec<Option<Open>>,
    /// The kinds of pending operations in the whole history, and how many of each are open.
    kinds: Vec<(Operation, u32)>,
    examined: u64,
}

impl Search {
    fn new(entries: &[Entry]) -> Search {
        let mut kinds: Vec<(Operation, u32)> = Vec::new();
        for entry in entries.iter().filter(|entry| entry.completion.is_none()) {
            if !kinds.iter().any(|(kind, _)| *kind == entry.operation) {
                kinds.push((entry.operation, 0));
            }
        }
        let first = Configuration {
            state: None,
            placed: 0,
            used: vec![0; kinds.len()],
            is_fresh: false,
        };
        Search {
            configurations: vec![first],
            places: Vec::new(),
            kinds,
            examined: 0,
        }
    }

    fn open(&mut self, entry: &Entry, index: usize) {
        let Some(completion) = entry.completion else {
            let mut kinds = self.kinds.iter_mut();
            let kind = kinds.find(|(kind, _)| *kind == entry.operation);
            return kind.expect("every kind was collected").1 += 1;
        };
        let open = Some(Open {
            index,
            operation: entry.operation,
            reply: completion.reply,
        });
        match self.places.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = open,
            None => self.places.push(open),
        }
        assert!(self.places.len() <= OPEN_MAX, "too many clients");
    }

    /// Handles the reply to the operation of this index. If nothing explains it, returns the possible values.
    fn close(&mut self, index: usize) -> Result<(), Vec<State>> {
        let mut places = self.places.iter();
        let place = places.position(|place| place.is_some_and(|open| open.index == index));
        let place = place.expect("a completed operation was invoked");
        let bit = 1 << place;
        let (mut seen, mut explained) = (Frontier::default(), Frontier::default());
        let mut waiting: VecDeque<Configuration> = VecDeque::new();
        for configuration in &self.configurations {
            let configuration = self.with_reads(configuration.clone());
            if seen.insert(&configuration) {
                waiting.push_back(configuration);
            }
        }
        while let Some(mut configuration) = waiting.pop_front() {
            self.examined += 1;
            if configuration.placed & bit != 0 {
                configuration.placed &= !bit;
                explained.insert(&configuration);
                continue;
            }
            self.successors(&configuration, |next| {
                let next = self.with_reads(next);
                if seen.insert(&next) {
                    waiting.push_back(next);
                }
            });
        }
        let before = std::mem::replace(&mut self.configurations, explained.into_configurations());
        if self.configurations.is_empty() {
            return Err(states(before));
        }
        self.places[place] = None;
        Ok(())
    }

    /// Places every open operation that changes nothing and whose reply is explained.
    fn with_reads(&self, mut configuration: Configuration) -> Configuration {
        for (bit, open) in self.open_operations() {
            let (_, reply) = open.operation.apply(configuration.state);
            let is_placed = configuration.placed & bit != 0;
            if !is_placed && open.operation.is_read(open.reply) && reply == open.reply {
                configuration.placed |= bit;
                // It has read the last write, so that write is needed.
                configuration.is_fresh = false;
            }
        }
        configuration
    }

    /// All configurations after one more operation.
    fn successors(&self, from: &Configuration, mut reached: impl FnMut(Configuration)) {
        for (bit, open) in self.open_operations() {
            let (state, reply) = open.operation.apply(from.state);
            if from.placed & bit == 0 && reply == open.reply {
                let mut next = from.clone();
                next.state = state;
                next.placed |= bit;
                next.is_fresh = false;
                reached(next);
            }
        }
        for (kind, (operation, open)) in self.kinds.iter().enumerate() {
            let (state, _) = operation.apply(from.state);
            let is_pointless = state == from.state || from.is_fresh && operation.overwrites();
            if from.used[kind] < *open && !is_pointless {
                let mut next = from.clone();
                next.state = state;
                next.used[kind] += 1;
                next.is_fresh = true;
                reached(next);
            }
        }
    }

    /// The open operations with a reply, and the bit of each.
    fn open_operations(&self) -> impl Iterator<Item = (u128, Open)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(place, open)| Some((1 << place, (*open)?)))
    }
}

fn states(configurations: Vec<Configuration>) -> Vec<State> {
    let states = configurations.into_iter();
    let mut states: Vec<State> = states.map(|configuration| configuration.state).collect();
    states.sort_unstable();
    states.dedup();
    states
}
