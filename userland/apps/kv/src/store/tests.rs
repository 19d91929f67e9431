use super::*;
use crate::account::RESERVE_BYTES;
use crate::account::tests::HEAP_BYTES;
use core::cell::Cell;
use proptest::prelude::*;
use std::collections::HashMap;
use std::vec;

#[test]
fn a_full_store_refuses_writes_and_stays_usable() {
    let mut store = Store::new(3 * (ENTRY_BYTES + 1 + 10));
    for key in [b"a", b"b", b"c"] {
        store.set(key, &[1; 10]).unwrap();
    }
    assert_eq!(store.set(b"d", b""), Err(Full));
    assert_eq!(store.set(b"a", &[2; 11]), Err(Full));
    assert_eq!(store.append(b"a", b"x"), Err(Full));
    assert_eq!(store.get(b"a"), Some(&[1; 10][..]));
    assert_eq!(store.set(b"a", &[3; 10]), Ok(()));
    assert!(store.remove(b"b"));
    assert_eq!(store.set(b"d", &[4; 10]), Ok(()));
    assert_eq!(store.len(), 3);
}

#[test]
fn a_cleared_store_uses_no_memory() {
    let mut store = Store::new(1 << 20);
    store.set(b"key", &[0; 1000]).unwrap();
    store.append(b"other", b"value").unwrap();
    store.append(b"other", &[0; 100]).unwrap();
    store.clear();
    assert_eq!((store.len(), store.account().used()), (0, 0));
}

std::thread_local! {
    /// The number of further copies that fit this thread's heap, if the test simulates fragmentation.
    static COPIES: Cell<Option<usize>> = const { Cell::new(None) };
}

pub fn copy_from_heap() -> Result<(), Full> {
    let Some(left) = COPIES.get() else {
        return Ok(());
    };
    COPIES.set(Some(left.checked_sub(1).ok_or(Full)?));
    Ok(())
}

#[test]
fn several_keys_are_set_or_none_wherever_the_heap_ends() {
    let pairs: [(&[u8], &[u8]); 4] = [(b"a", b"new"), (b"b", b"new"), (b"c", b"1"), (b"c", b"2")];
    let needed = 2 * pairs.len();
    for copies in 0..=needed {
        let mut store = Store::new(1 << 20);
        store.set(b"b", b"old").unwrap();
        let used = store.account().used();
        COPIES.set(Some(copies));
        let result = store.set_several(pairs.into_iter());
        COPIES.set(None);
        let values = [b"a", b"b", b"c"].map(|key| store.get(key).map(<[u8]>::to_vec));
        if copies < needed {
            assert_eq!(result, Err(Full), "with room for {copies}");
            assert_eq!(values, [None, Some(b"old".to_vec()), None]);
            assert_eq!(store.account().used(), used);
        } else {
            assert_eq!(result, Ok(()));
            let new = Some(b"new".to_vec());
            assert_eq!(values, [new.clone(), new, Some(b"2".to_vec())]);
            let spent = [4, 4, 2].map(|bytes| ENTRY_BYTES + bytes);
            assert_eq!(store.account().used(), spent.iter().sum());
        }
    }
}

#[test]
fn an_exhausted_heap_refuses_growth_but_serves_other_requests() {
    let mut store = Store::new(1 << 20);
    store.set(b"a", &[1; 10]).unwrap();
    HEAP_BYTES.set(Some(RESERVE_BYTES));
    assert_eq!(store.set(b"b", b""), Err(Full));
    assert_eq!(store.set(b"a", &[2; 1000]), Err(Full));
    assert_eq!(store.append(b"a", &[2; 1000]), Err(Full));
    assert_eq!(
        store.set_several([(&b"b"[..], &b""[..])].into_iter()),
        Err(Full)
    );
    assert_eq!(store.set(b"a", &[3; 10]), Ok(()));
    assert_eq!((store.get(b"a"), store.len()), (Some(&[3; 10][..]), 1));
    assert!(store.remove(b"a"));
    HEAP_BYTES.set(None);
}

#[derive(Clone, Debug)]
enum Operation {
    Set(u8, usize),
    Append(u8, usize),
    Remove(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (0..8_u8, 0..600_usize).prop_map(|(key, length)| Operation::Set(key, length)),
        (0..8_u8, 0..90_usize).prop_map(|(key, length)| Operation::Append(key, length)),
        (0..8_u8).prop_map(Operation::Remove),
    ]
}

/// Applies an operation to the store, and to an unlimited map if the store accepts it.
fn apply(store: &mut Store, model: &mut HashMap<u8, Vec<u8>>, operation: &Operation) {
    match *operation {
        Operation::Set(key, length) => {
            if store.set(&[key], &vec![key; length]).is_ok() {
                model.insert(key, vec![key; length]);
            }
        }
        Operation::Append(key, length) => {
            if store.append(&[key], &vec![!key; length]).is_ok() {
                model.entry(key).or_default().extend(vec![!key; length]);
            }
        }
        Operation::Remove(key) => {
            assert_eq!(store.remove(&[key]), model.remove(&key).is_some());
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map_and_accounts_for_every_entry(
        operations in prop::collection::vec(operation(), 0..200)
    ) {
        let mut store = Store::new(2500);
        let mut model = HashMap::new();
        for operation in &operations {
            apply(&mut store, &mut model, operation);
            let spent: usize = store.entries.iter().map(|(key, value)| cost(key, value.capacity())).sum();
            prop_assert_eq!(store.account().used(), spent);
            prop_assert!(spent <= 2500);
            prop_assert_eq!(store.len(), model.len());
            for (key, value) in &model {
                prop_assert_eq!(store.get(&[*key]), Some(value.as_slice()));
            }
        }
    }
}
