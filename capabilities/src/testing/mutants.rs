//! Shows that the tests would find a fault: exploring finds wrong operations, and the checker finds wrong links and contents.

use std::vec::Vec;

use crate::euler_tour::{self, Edge, Link, Mark};
use crate::slot::{Content, Role};
use crate::testing::checker::check;
use crate::testing::exhaustive::explore;
use crate::testing::forest::{Bits, Forest, Thing, at, full, index_of, parent};
use crate::testing::operation::{Effect, Operation, Outcome, perform};
use crate::{Badge, Place, RevokeStep, Storage, copy, derive, first_child, mint, move_to, plant};

/// An implementation of the model with one fault.
type Mutant = fn(&Forest, Operation) -> Outcome;

const MUTANTS: [(&str, Mutant); 17] = [
    ("copy makes a sibling", copy_makes_sibling),
    ("mint checks no rights", mint_checks_no_rights),
    ("mint checks no badge", mint_checks_no_badge),
    ("derive keeps the generation", derive_keeps_generation),
    ("a refusal overwrites", refusal_overwrites),
    ("move leaves the children", move_leaves_children),
    ("move leaves the original", move_leaves_original),
    ("move forgets a neighbour", move_forgets_neighbour),
    ("delete takes the children", delete_takes_children),
    ("delete loses the children", delete_loses_children),
    ("delete takes an origin in use", delete_takes_origin_in_use),
    ("delete leaves a link", delete_leaves_link),
    ("revoke takes an origin in use", revoke_takes_origin_in_use),
    ("revoke stops too early", revoke_stops_early),
    ("revoke takes the revoked slot itself", revoke_takes_root),
    ("revoke takes the kept slot", revoke_takes_kept),
    ("revoke names another slot", revoke_names_another),
];

fn copy_makes_sibling(forest: &Forest, operation: Operation) -> Outcome {
    let outcome = perform(forest, operation);
    if let (Operation::Copy(from, to), Ok(_)) = (operation, outcome)
        && let Some(parent) = parent(forest, at(from))
    {
        euler_tour::remove(forest, at(to));
        euler_tour::insert_below(forest, parent, at(to));
    }
    outcome
}

fn mint_checks_no_rights(forest: &Forest, operation: Operation) -> Outcome {
    let Operation::Mint(from, to, rights, _) = operation else {
        return perform(forest, operation);
    };
    let outcome = perform(forest, Operation::Copy(from, to));
    if outcome.is_ok() {
        edit(forest, at(to), |content| content.rights = rights);
    }
    outcome
}

fn mint_checks_no_badge(forest: &Forest, operation: Operation) -> Outcome {
    let Operation::Mint(from, to, rights, badge) = operation else {
        return perform(forest, operation);
    };
    let outcome = perform(forest, Operation::Mint(from, to, rights, Badge::NONE));
    if outcome.is_ok() {
        edit(forest, at(to), |content| content.badge = badge);
    }
    outcome
}

fn derive_keeps_generation(forest: &Forest, operation: Operation) -> Outcome {
    let outcome = perform(forest, operation);
    if let (Operation::Derive(_, to, _), Ok(_)) = (operation, outcome) {
        edit(forest, at(to), |content| content.generation -= 1);
    }
    outcome
}

fn refusal_overwrites(forest: &Forest, operation: Operation) -> Outcome {
    let outcome = perform(forest, operation);
    if let (Operation::Copy(_, to), Err(crate::Error::Occupied { .. })) = (operation, outcome) {
        edit(forest, at(to), |content| content.rights = Bits(0));
    }
    outcome
}

fn move_leaves_children(forest: &Forest, operation: Operation) -> Outcome {
    let outcome = perform(forest, operation);
    if let (Operation::Move(_, to), Ok(_)) = (operation, outcome)
        && let Some(parent) = parent(forest, at(to))
    {
        euler_tour::remove(forest, at(to));
        euler_tour::insert_below(forest, parent, at(to));
    }
    outcome
}

fn move_leaves_original(forest: &Forest, operation: Operation) -> Outcome {
    match operation {
        Operation::Move(from, to) => perform(forest, Operation::Copy(from, to)),
        _ => perform(forest, operation),
    }
}

fn move_forgets_neighbour(forest: &Forest, operation: Operation) -> Outcome {
    let outcome = perform(forest, operation);
    if let (Operation::Move(from, to), Ok(_)) = (operation, outcome)
        && let Some(mark) = euler_tour::after(forest, Mark::end(at(to)))
    {
        let stale = Link::new(Some(Mark::end(at(from))));
        forest.slot(mark.place).before(mark.edge).set(stale);
    }
    outcome
}

fn delete_takes_children(forest: &Forest, operation: Operation) -> Outcome {
    if let Operation::Delete(index) = operation {
        forest.revoke_all(index);
    }
    perform(forest, operation)
}

fn delete_loses_children(forest: &Forest, operation: Operation) -> Outcome {
    if let Operation::Delete(index) = operation
        && forest.slot(at(index)).role() == Some(Role::Copy)
    {
        while let Some(child) = first_child(forest, at(index)) {
            euler_tour::remove(forest, child);
            euler_tour::begin(forest, child);
        }
    }
    perform(forest, operation)
}

fn delete_takes_origin_in_use(forest: &Forest, operation: Operation) -> Outcome {
    match operation {
        Operation::Delete(index) => crate::derivation::take(forest, at(index)).map(Effect::Took),
        _ => perform(forest, operation),
    }
}

fn delete_leaves_link(forest: &Forest, operation: Operation) -> Outcome {
    let outcome = perform(forest, operation);
    if let (Operation::Delete(index), Ok(_)) = (operation, outcome) {
        let stale = Link::new(Some(Mark::end(at(index))));
        forest.slot(at(index)).after(Edge::Start).set(stale);
    }
    outcome
}

fn revoke_takes_origin_in_use(forest: &Forest, operation: Operation) -> Outcome {
    match operation {
        Operation::Revoke(index) => match first_child(forest, at(index)) {
            Some(child) => Ok(take_as_step(forest, child)),
            None => perform(forest, operation),
        },
        _ => perform(forest, operation),
    }
}

fn revoke_stops_early(forest: &Forest, operation: Operation) -> Outcome {
    match operation {
        Operation::Revoke(index)
            if first_child(forest, at(index))
                .is_some_and(|child| !euler_tour::is_leaf(forest, child)) =>
        {
            Ok(Effect::Step(RevokeStep::Done))
        }
        _ => perform(forest, operation),
    }
}

fn revoke_takes_root(forest: &Forest, operation: Operation) -> Outcome {
    let outcome = perform(forest, operation);
    match (operation, outcome) {
        (Operation::Revoke(index), Ok(Effect::Step(RevokeStep::Done))) => {
            Ok(take_as_step(forest, at(index)))
        }
        _ => outcome,
    }
}

fn revoke_takes_kept(forest: &Forest, operation: Operation) -> Outcome {
    match operation {
        Operation::RevokeExcept(index, _) => perform(forest, Operation::Revoke(index)),
        _ => perform(forest, operation),
    }
}

fn revoke_names_another(forest: &Forest, operation: Operation) -> Outcome {
    let mut outcome = perform(forest, operation);
    if let (Operation::Revoke(index), Ok(Effect::Step(RevokeStep::Removed { place, .. }))) =
        (operation, &mut outcome)
    {
        *place = at(index);
    }
    outcome
}

fn take_as_step(forest: &Forest, place: Place) -> Effect {
    let role = forest.slot(place).role().expect("it is in a tree");
    let capability = crate::derivation::take(forest, place).expect("it is in a tree");
    Effect::Step(RevokeStep::Removed {
        place,
        capability,
        role,
    })
}

fn edit(forest: &Forest, place: Place, change: impl FnOnce(&mut Content<Thing>)) {
    let mut content = forest.slot(place).content().expect("it is occupied");
    change(&mut content);
    forest.slot(place).set_content(Some(content));
}

#[test]
fn exploring_finds_every_wrong_operation() {
    for (fault, mutant) in MUTANTS {
        assert!(explore(4, mutant).is_err(), "not found: {fault}");
    }
}

/// Two trees of six slots in all, with both roles, siblings, a badge, and a free slot, number 6.
fn forest() -> Forest {
    let forest = Forest::new(7);
    plant(&forest, at(0), full(0)).unwrap();
    copy(&forest, at(0), at(1)).unwrap();
    mint(&forest, at(1), at(2), Bits(1), Badge::new(1)).unwrap();
    derive(&forest, at(1), at(3), full(1)).unwrap();
    mint(&forest, at(3), at(4), Bits(1), Badge::NONE).unwrap();
    plant(&forest, at(5), full(2)).unwrap();
    check(&forest).unwrap();
    forest
}

#[test]
fn the_checker_finds_every_wrong_link() {
    let forest = forest();
    let good = forest.save();
    let marks = (0..forest.len()).flat_map(|index| [Mark::start(at(index)), Mark::end(at(index))]);
    let links: Vec<Link> = marks.map(Some).chain([None]).map(Link::new).collect();
    for (index, which) in
        (0..forest.len()).flat_map(|index| (0..4).map(move |which| (index, which)))
    {
        for &link in &links {
            let mut bad = good.clone();
            bad[index].1[which] = link;
            forest.restore(&bad);
            let is_good = bad == good;
            assert_eq!(
                check(&forest).is_ok(),
                is_good,
                "{link:?} in link {which} of {index}"
            );
        }
    }
}

#[test]
fn the_checker_finds_every_wrong_content() {
    let wrong: [fn(&mut Content<Thing>); 4] = [
        |content| content.generation += 1,
        |content| {
            content.role = match content.role {
                Role::Origin => Role::Copy,
                Role::Copy => Role::Origin,
            }
        },
        |content| content.object = Thing(9),
        |content| content.rights = Bits(0b111),
    ];
    for index in 0..6 {
        for (which, change) in wrong.into_iter().enumerate() {
            let forest = forest();
            edit(&forest, at(index), change);
            // An origin may have any rights, and an origin without copies may have any object.
            let is_free = which == 3 && [0, 3, 5].contains(&index) || which == 2 && index == 5;
            assert_eq!(check(&forest).is_ok(), is_free, "{which} of {index}");
        }
        let forest = forest();
        forest.slot(at(index)).set_content(None);
        check(&forest).expect_err("an empty slot with links");
    }
}

#[test]
fn the_checker_finds_a_lost_badge() {
    let forest = forest();
    move_to(&forest, at(2), at(6)).unwrap();
    copy(&forest, at(6), at(2)).unwrap();
    check(&forest).unwrap();
    edit(&forest, at(2), |content| content.badge = Badge::NONE);
    check(&forest).expect_err("a copy without its parent's badge");
    assert_eq!(parent(&forest, at(2)).map(index_of), Some(6));
}
