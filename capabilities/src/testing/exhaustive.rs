//! Every operation in every state that a few slots can reach, against the oracle.
//!
//! A state is the whole content of the slots, links included. So this covers every sequence of operations on them, of any
//! length, and revocations that are interrupted at any step by any other operation.

use std::collections::HashSet;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::testing::forest::{Bits, Forest, Thing, at, full};
use crate::testing::operation::{Operation, Outcome, perform};
use crate::testing::oracle::{Oracle, perform_both};
use crate::{Badge, Capability, Storage};

/// Visits every state reachable from the empty forest; returns their number, or the first difference.
pub(crate) fn explore(
    slot_count: usize,
    perform: impl Fn(&Forest, Operation) -> Outcome,
) -> Result<usize, String> {
    let forest = Forest::new(slot_count);
    let mut seen = HashSet::from([forest.save()]);
    let mut unexplored = vec![forest.save()];
    while let Some(state) = unexplored.pop() {
        forest.restore(&state);
        let oracle = Oracle::of(&forest)?;
        for operation in operations(&forest) {
            let outcome = perform_both(&forest, &mut oracle.clone(), operation, &perform)?;
            if outcome.is_err() {
                continue;
            }
            let reached = forest.save();
            if !seen.contains(&reached) {
                seen.insert(reached.clone());
                unexplored.push(reached);
            }
            forest.restore(&state);
        }
    }
    Ok(seen.len())
}

/// Every operation on every choice of slots. Derived objects are numbered by their depth, so that states recur.
fn operations(forest: &Forest) -> Vec<Operation> {
    let mut all = vec![];
    for first in 0..forest.len() {
        all.push(Operation::Plant(first, full(0)));
        all.push(Operation::Delete(first));
        all.push(Operation::ClearLeaf(first));
        all.push(Operation::Revoke(first));
        for second in 0..forest.len() {
            all.push(Operation::Copy(first, second));
            for (rights, badge) in [(0b01, 0), (0b11, 1)] {
                let badge = Badge::new(badge);
                all.push(Operation::Mint(first, second, Bits(rights), badge));
            }
            all.push(Operation::Derive(first, second, below(forest, first)));
            all.push(Operation::Move(first, second));
            all.push(Operation::RevokeExcept(first, second));
        }
    }
    all
}

fn below(forest: &Forest, index: usize) -> Capability<Thing> {
    let held = forest.slot(at(index)).capability();
    full(held.map_or(0, |capability| capability.object.0 + 1))
}

#[test]
fn every_operation_is_right_in_every_state_of_four_slots() {
    let state_count = explore(4, perform).unwrap_or_else(|flaw| panic!("{flaw}"));
    // Recorded from a run. Another number means that the operations reach more or fewer states.
    assert_eq!(state_count, 11_344);
}
