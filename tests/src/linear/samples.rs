//! Histories of a simulated register: as its clients observe them, and with a wrong reply.

use super::history::{Completion, Entry};
use super::register::{Operation, Reply, State};
use crate::random::Random;

/// The longest time to an operation's effect, and from there to its reply.
const STEP_NS: u64 = 20;
/// The factor by which the effect of a pending operation may be delayed.
const LATE: u64 = 10;

/// The parameters of a sample.
#[derive(Clone, Copy)]
pub struct Shape {
    pub clients: u32,
    pub operations: usize,
    /// The longest pause of a client.
    pub pause_ns: u64,
    /// One in this many operations stays pending.
    pub pending_one_in: u64,
    /// The bound of the values. Without it, all values differ.
    pub values: Option<i64>,
}

/// A linearizable history of one key.
pub fn sample(random: &mut Random, shape: Shape) -> Vec<Entry> {
    let mut free_at = vec![0; shape.clients as usize];
    let mut effects: Vec<(u64, usize)> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for number in 0..shape.operations {
        let client = random.below(shape.clients.into());
        let invoked_ns = free_at[client as usize] + random.below(STEP_NS);
        let effect_ns = invoked_ns + random.below(STEP_NS);
        let at_ns = effect_ns + random.below(STEP_NS);
        free_at[client as usize] = at_ns + 1 + random.below(shape.pause_ns + 1);
        let is_completed = random.below(shape.pending_one_in) != 0;
        if is_completed {
            effects.push((effect_ns, number));
        } else if random.below(2) == 0 {
            effects.push((invoked_ns + random.below(STEP_NS * LATE), number));
        }
        let reply = Reply::Done;
        entries.push(Entry {
            client: client as u32,
            key: 0,
            operation: draw(random, shape.values, number),
            invoked_ns,
            completion: is_completed.then_some(Completion { at_ns, reply }),
        });
    }
    effects.sort_unstable();
    let mut state: State = None;
    for (_, number) in effects {
        let (next, reply) = entries[number].operation.apply(state);
        state = next;
        if let Some(completion) = &mut entries[number].completion {
            completion.reply = reply;
        }
    }
    entries
}

fn draw(random: &mut Random, values: Option<i64>, number: usize) -> Operation {
    let value = match values {
        Some(bound) => random.below(bound as u64) as i64,
        None => (number as i64 + 1) * 1_000_000,
    };
    let operations = [
        Operation::Get,
        Operation::Get,
        Operation::Set(value),
        Operation::SetIfAbsent(value),
        Operation::Swap(value),
        Operation::Increment,
        Operation::Delete,
    ];
    *random.pick(&operations)
}

/// Replaces the reply to an operation: with the reply to another operation, or with a reply that no operation had.
pub fn spoil(random: &mut Random, entries: &mut [Entry]) {
    let replies = entries.iter().filter_map(|entry| entry.completion);
    let mut replies: Vec<Reply> = replies.map(|completion| completion.reply).collect();
    replies.push(Reply::Value(Some(-1)));
    let entry = random.below(entries.len() as u64) as usize;
    if let Some(completion) = &mut entries[entry].completion {
        completion.reply = *random.pick(&replies);
    }
}
