//! Histories of a register that exists: what clients of it see, and what they would see if it made a mistake.

use super::history::{Completion, Entry};
use super::register::{Answer, Operation, State};
use crate::random::Random;

/// How long an operation takes to have its effect, and then to be answered, at most.
const STEP_NS: u64 = 20;
/// An unanswered operation may have its effect so many times later.
const LATE: u64 = 10;

/// What a sample is like.
#[derive(Clone, Copy)]
pub struct Shape {
    pub clients: u32,
    pub operations: usize,
    /// A client pauses for so long at most.
    pub pause_ns: u64,
    /// One of so many operations is not answered.
    pub unanswered_one_in: u64,
    /// Values are below this, or all differ.
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
        let is_answered = random.below(shape.unanswered_one_in) != 0;
        if is_answered {
            effects.push((effect_ns, number));
        } else if random.below(2) == 0 {
            effects.push((invoked_ns + random.below(STEP_NS * LATE), number));
        }
        let answer = Answer::Done;
        entries.push(Entry {
            client: client as u32,
            key: 0,
            operation: draw(random, shape.values, number),
            invoked_ns,
            completion: is_answered.then_some(Completion { at_ns, answer }),
        });
    }
    effects.sort_unstable();
    let mut state: State = None;
    for (_, number) in effects {
        let (next, answer) = entries[number].operation.apply(state);
        state = next;
        if let Some(completion) = &mut entries[number].completion {
            completion.answer = answer;
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

/// Gives an operation that was answered another's answer, or one that nobody had.
pub fn spoil(random: &mut Random, entries: &mut [Entry]) {
    let answers = entries.iter().filter_map(|entry| entry.completion);
    let mut answers: Vec<Answer> = answers.map(|completion| completion.answer).collect();
    answers.push(Answer::Value(Some(-1)));
    let entry = random.below(entries.len() as u64) as usize;
    if let Some(completion) = &mut entries[entry].completion {
        completion.answer = *random.pick(&answers);
    }
}
