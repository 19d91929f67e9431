//! The operations of the model as data, so that they can be enumerated, drawn at random and performed on two models.

use crate::testing::forest::{Bits, Forest, Thing, at};
use crate::{
    Badge, Capability, Error, RevokeStep, clear_leaf, copy, delete, derive, mint, move_to, plant,
    revoke, revoke_except,
};

/// One operation on slots by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Plant(usize, Capability<Thing>),
    Copy(usize, usize),
    Mint(usize, usize, Bits, Badge),
    Derive(usize, usize, Capability<Thing>),
    Move(usize, usize),
    Delete(usize),
    ClearLeaf(usize),
    /// One step of a revocation.
    Revoke(usize),
    /// One step of a revocation that keeps the second slot.
    RevokeExcept(usize, usize),
}

/// The result of a successful operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Filled,
    Took(Capability<Thing>),
    Step(RevokeStep<Thing>),
}

pub(crate) type Outcome = Result<Effect, Error<Bits>>;

/// Performs `operation` with the code under test.
pub(crate) fn perform(forest: &Forest, operation: Operation) -> Outcome {
    let filled = |()| Effect::Filled;
    match operation {
        Operation::Plant(to, capability) => plant(forest, at(to), capability).map(filled),
        Operation::Copy(from, to) => copy(forest, at(from), at(to)).map(filled),
        Operation::Mint(from, to, rights, badge) => {
            mint(forest, at(from), at(to), rights, badge).map(filled)
        }
        Operation::Derive(from, to, capability) => {
            derive(forest, at(from), at(to), capability).map(filled)
        }
        Operation::Move(from, to) => move_to(forest, at(from), at(to)).map(filled),
        Operation::Delete(index) => delete(forest, at(index)).map(Effect::Took),
        Operation::ClearLeaf(index) => clear_leaf(forest, at(index)).map(Effect::Took),
        Operation::Revoke(index) => revoke(forest, at(index)).map(Effect::Step),
        Operation::RevokeExcept(index, keep) => {
            revoke_except(forest, at(index), at(keep)).map(Effect::Step)
        }
    }
}
