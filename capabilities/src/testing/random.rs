//! Long random sequences of operations over several growing tables, and over slots outside of tables, against the oracle.

use core::cell::Cell;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use crate::testing::forest::{Bits, Forest, at, full, index_of};
use crate::testing::operation::{Operation, perform};
use crate::testing::oracle::{Oracle, perform_both};
use crate::testing::tables::TestTable;
use crate::{Badge, Directory, Error, Scan, SlotNumber, clear_leaf};

const TABLE_COUNT: usize = 3;
/// Slots that are embedded in objects.
const EMBEDDED_COUNT: usize = 4;
const TABLE_SLOT_COUNT_MAX: u32 = TestTable::SLOTS_PER_FRAME * TestTable::FRAME_COUNT_MAX;
const FOREST_SIZE: usize = EMBEDDED_COUNT + TABLE_COUNT * TABLE_SLOT_COUNT_MAX as usize;

/// A slot as a caller names it, which need not exist.
#[derive(Clone, Copy, Debug)]
enum Name {
    Embedded(usize),
    InTable(usize, u32),
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Grow(usize),
    /// The operation's first slot, its second, and its kind.
    Operate(Name, Name, Kind),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Plant(u8),
    Copy,
    Mint(u8, u64),
    Derive(u8),
    Move,
    Delete,
    ClearLeaf,
    Revoke,
    RevokeExcept,
}

fn names() -> impl Strategy<Value = Name> {
    prop_oneof![
        1 => (0..EMBEDDED_COUNT).prop_map(Name::Embedded),
        // The first number past the table's end is among them.
        5 => (0..TABLE_COUNT, 0..=TABLE_SLOT_COUNT_MAX)
            .prop_map(|(table, slot)| Name::InTable(table, slot)),
    ]
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        2 => any::<u8>().prop_map(Kind::Plant),
        6 => Just(Kind::Copy),
        6 => (0..4u8, 0..3u64).prop_map(|(rights, badge)| Kind::Mint(rights, badge)),
        4 => any::<u8>().prop_map(Kind::Derive),
        3 => Just(Kind::Move),
        2 => Just(Kind::Delete),
        1 => Just(Kind::ClearLeaf),
        2 => Just(Kind::Revoke),
        2 => Just(Kind::RevokeExcept),
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => (0..TABLE_COUNT).prop_map(Action::Grow),
        20 => (names(), names(), kinds())
            .prop_map(|(first, second, kind)| Action::Operate(first, second, kind)),
    ]
}

fn operation(first: usize, second: usize, kind: Kind) -> Operation {
    match kind {
        Kind::Plant(object) => Operation::Plant(first, full(object)),
        Kind::Copy => Operation::Copy(first, second),
        Kind::Mint(rights, badge) => {
            Operation::Mint(first, second, Bits(rights), Badge::new(badge))
        }
        Kind::Derive(object) => Operation::Derive(first, second, full(object)),
        Kind::Move => Operation::Move(first, second),
        Kind::Delete => Operation::Delete(first),
        Kind::ClearLeaf => Operation::ClearLeaf(first),
        Kind::Revoke => Operation::Revoke(first),
        Kind::RevokeExcept => Operation::RevokeExcept(first, second),
    }
}

fn find(tables: &[TestTable], name: Name) -> Result<usize, Error<Bits>> {
    match name {
        Name::Embedded(index) => Ok(index),
        Name::InTable(table, slot) => tables[table].locate(slot).map(index_of),
    }
}

/// Grows a table, which fails exactly when it is full.
fn grow(table: &TestTable) {
    let frame_count = table.table.frame_count();
    let first = SlotNumber::new(frame_count * TestTable::SLOTS_PER_FRAME);
    let expected = match frame_count {
        TestTable::FRAME_COUNT_MAX => Err(Error::TableFull { frame_count }),
        _ => Ok(first),
    };
    assert_eq!(table.grow(), expected);
}

/// Checks that the searches for occupied and for free slots, three slots per step, find the same as a scan of all slots.
fn check_searches(forest: &Forest, table: &TestTable) {
    let occupied = forest.occupied();
    let slots = 0..table.table.slot_count::<TestTable>();
    let (full, free): (Vec<u32>, Vec<u32>) =
        slots.partition(|&slot| occupied.contains(&index_of(table.locate(slot).unwrap())));
    let listed = list(|from| table.table.next_occupied(table, from, 3));
    assert_eq!(listed, full);
    assert_eq!(list(|from| table.table.next_free(table, from, 3)), free);
}

fn list(search: impl Fn(SlotNumber) -> Scan) -> Vec<u32> {
    let mut found = Vec::new();
    let mut from = SlotNumber::new(0);
    loop {
        from = match search(from) {
            Scan::Found { slot, .. } => {
                found.push(slot.get());
                SlotNumber::new(slot.get() + 1)
            }
            Scan::Unfinished { next } => next,
            Scan::End => return found,
        }
    }
}

/// Revokes every slot, clears the roots that are left, and checks that the forest is empty.
fn clear(forest: &Forest) {
    for index in forest.occupied() {
        forest.revoke_all(index);
    }
    for index in forest.occupied() {
        clear_leaf(forest, at(index)).unwrap();
    }
    assert_eq!(forest.save(), Forest::new(FOREST_SIZE).save());
}

/// Performs `actions` on tables that start with one frame each.
fn run(forest: &Forest, actions: Vec<Action>) -> Result<(), String> {
    let unused = Cell::new(EMBEDDED_COUNT);
    let tables = [(); TABLE_COUNT].map(|()| TestTable::new(forest, &unused));
    tables.iter().for_each(grow);
    let mut oracle = Oracle::default();
    for action in actions {
        match action {
            Action::Grow(table) => grow(&tables[table]),
            Action::Operate(first, second, kind) => {
                if let (Ok(first), Ok(second)) = (find(&tables, first), find(&tables, second)) {
                    let operation = operation(first, second, kind);
                    // A refusal is a valid outcome.
                    let _outcome = perform_both(forest, &mut oracle, operation, perform)?;
                }
            }
        }
    }
    for table in &tables {
        check_searches(forest, table);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_sequence_of_operations_agrees_with_the_oracle(
        actions in prop::collection::vec(actions(), 1..300),
    ) {
        let forest = Forest::new(FOREST_SIZE);
        run(&forest, actions).map_err(TestCaseError::fail)?;
        clear(&forest);
    }
}
