//! Checks a whole forest against invariants 1 to 4 of the crate's documentation, and finds every slot's parent.

use core::cell::Cell;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::euler_tour::{self, Edge, Link, Mark};
use crate::slot::Content;
use crate::testing::forest::{Forest, Thing, at, index_of};
use crate::{GENERATION_MAX, Rights, Role, Storage};

/// The parent of every slot that has one, or the first violation.
pub(crate) fn check(forest: &Forest) -> Result<Vec<Option<usize>>, String> {
    let mut parents = vec![None; forest.len()];
    let mut seen = vec![false; forest.len()];
    for index in 0..forest.len() {
        match forest.slot(at(index)).content() {
            None => check_empty(forest, index)?,
            Some(_) if euler_tour::before(forest, Mark::start(at(index))).is_none() => {
                walk(forest, index, &mut parents, &mut seen)?;
            }
            Some(_) => {}
        }
    }
    for index in forest.occupied() {
        ensure(seen[index], || format!("slot {index} is in no tree"))?;
        check_content(forest, index, parents[index])?;
    }
    Ok(parents)
}

fn check_empty(forest: &Forest, index: usize) -> Result<(), String> {
    let slot = forest.slot(at(index));
    let edges = [Edge::Start, Edge::End];
    let has_link = edges.into_iter().any(|edge| {
        let links = [slot.before(edge), slot.after(edge)].map(Cell::get);
        links != [Link::NONE; 2]
    });
    ensure(!has_link, || format!("empty slot {index} has links"))
}

/// Walks the Euler tour of the tree of `root`, from mark to mark: a mark is the start or the end of a slot. A stack holds the
/// slots whose start was passed and whose end was not.
fn walk(
    forest: &Forest,
    root: usize,
    parents: &mut [Option<usize>],
    seen: &mut [bool],
) -> Result<(), String> {
    let mut inside = vec![];
    let mut next = Some(Mark::start(at(root)));
    while let Some(mark) = next {
        let index = index_of(mark.place);
        ensure(index < forest.len(), || {
            format!("a link leads to slot {index}, which is out of range")
        })?;
        match mark.edge {
            Edge::Start => {
                ensure(!seen[index], || format!("slot {index} starts twice"))?;
                seen[index] = true;
                parents[index] = inside.last().copied();
                inside.push(index);
            }
            Edge::End => ensure(inside.pop() == Some(index), || {
                format!("slot {index} ends before a slot inside it, or before it starts")
            })?,
        }
        next = checked_next(forest, mark)?;
        ensure(next.is_some() || inside.is_empty(), || {
            format!("the tour of {root} ends inside a subtree")
        })?;
        ensure(next.is_none() || !inside.is_empty(), || {
            format!("the tour of {root} goes on after the end of {root}")
        })?;
    }
    Ok(())
}

/// The mark after `mark`; fails unless it links back to `mark`.
fn checked_next(forest: &Forest, mark: Mark) -> Result<Option<Mark>, String> {
    let Some(next) = euler_tour::after(forest, mark) else {
        return Ok(None);
    };
    ensure(index_of(next.place) < forest.len(), || {
        format!("the link after {mark:?} is out of range")
    })?;
    let back = euler_tour::before(forest, next);
    ensure(back == Some(mark), || {
        format!("{next:?} follows {mark:?}, but does not link back to it")
    })?;
    Ok(Some(next))
}

fn check_content(forest: &Forest, index: usize, parent: Option<usize>) -> Result<(), String> {
    let content_of = |index| forest.slot(at(index)).content().ok_or("an empty parent");
    let content = content_of(index)?;
    let parent = parent.map(content_of).transpose()?;
    let generation = match (content.role, parent) {
        (Role::Origin, None) => 0,
        (Role::Origin, Some(parent)) => parent.generation + 1,
        (Role::Copy, Some(parent)) => {
            check_copy(index, content, parent)?;
            parent.generation
        }
        (Role::Copy, None) => return Err(format!("slot {index} is a copy without a parent")),
    };
    ensure(content.generation == generation, || {
        format!("slot {index} has the wrong generation")
    })?;
    ensure(generation <= GENERATION_MAX, || {
        format!("the generation of slot {index} exceeds GENERATION_MAX")
    })
}

fn check_copy(index: usize, content: Content<Thing>, parent: Content<Thing>) -> Result<(), String> {
    let has_subset = parent.rights.contains(content.rights);
    let keeps_badge = !parent.badge.is_set() || content.badge == parent.badge;
    ensure(content.object == parent.object, || {
        format!("slot {index} refers to a different object than its parent")
    })?;
    ensure(has_subset, || {
        format!("slot {index} has rights its parent lacks")
    })?;
    ensure(keeps_badge, || {
        format!("slot {index} lost its parent's badge")
    })
}

/// Fails with `flaw` unless `holds`.
pub(crate) fn ensure(holds: bool, flaw: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(flaw()) }
}
