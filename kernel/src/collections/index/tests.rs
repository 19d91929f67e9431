//! The index against a sorted set, and the number of keys that an operation reads.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::arch::fake;
use crate::memory::FrameAllocator;

std::thread_local! {
    /// The number of times that a key was read.
    static KEY_READS: Cell<u32> = const { Cell::new(0) };
}

struct Numbered {
    number: Cell<u32>,
    link: IndexLink<Numbered>,
}

impl IndexElement for Numbered {
    type Key = u32;

    fn key(&self) -> u32 {
        KEY_READS.set(KEY_READS.get() + 1);
        self.number.get()
    }

    fn index_link(&self) -> &IndexLink<Numbered> {
        &self.link
    }
}

/// Elements in frames of the fake machine.
struct Elements {
    _machine: fake::Machine,
    allocator: FrameAllocator,
    spare: Vec<Ref<Numbered>>,
}

impl Elements {
    fn new() -> Elements {
        let machine = fake::Machine::new(32);
        Elements {
            _machine: machine,
            allocator: FrameAllocator::new(&fake::boot_information().memory),
            spare: Vec::new(),
        }
    }

    fn make(&mut self, number: u32) -> Ref<Numbered> {
        let element = self.spare.pop().unwrap_or_else(|| self.make_many());
        element.number.set(number);
        element
    }

    fn make_many(&mut self) -> Ref<Numbered> {
        let frame = self.allocator.allocate().expect("a frame");
        // The frame is released with the machine.
        let _ = Ref::place_many(frame, |element| {
            self.spare.push(element);
            Numbered {
                number: Cell::new(0),
                link: IndexLink::unlinked(),
            }
        });
        self.spare.pop().expect("a frame has room for one")
    }
}

fn numbers(index: &Index<Numbered>) -> Vec<u32> {
    index
        .iter_from(0)
        .map(|element| element.number.get())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn holds_the_same_as_a_sorted_set(
        events in proptest::collection::vec((0_u32..64, any::<bool>()), 1..200),
        shift in 0_u32..26,
    ) {
        let mut elements = Elements::new();
        let index = Index::empty();
        let mut model = BTreeSet::new();
        for (number, up) in events {
            let number = number << shift;
            if model.insert(number) {
                index.insert(elements.make(number));
            } else {
                model.remove(&number);
                index.remove(index.first_from(number).expect("it is there"));
            }
            let key = if up { number.saturating_add(1) } else { number.saturating_sub(1) };
            let found = |element: Option<Ref<Numbered>>| element.map(|element| element.number.get());
            prop_assert_eq!(found(index.first_from(key)), model.range(key..).next().copied());
            prop_assert_eq!(found(index.last_until(key)), model.range(..=key).next_back().copied());
            prop_assert_eq!(found(index.last_until(u32::MAX)), model.last().copied());
            prop_assert_eq!(found(index.first_from(0)), model.first().copied());
            prop_assert_eq!(index.is_empty(), model.is_empty());
            prop_assert_eq!(numbers(&index), model.iter().copied().collect::<Vec<_>>());
        }
    }
}

#[test]
fn no_operation_reads_more_keys_than_the_bits_of_a_key_allow() {
    // Ascending, descending, and bit-reversed: orders that degenerate other trees.
    let rows: [fn(u32) -> u32; 3] = [
        |number| number,
        |number| u32::MAX - 1 - number,
        |number| (number + 1).reverse_bits() - 1,
    ];
    for row in rows {
        let mut elements = Elements::new();
        let index = Index::empty();
        let mut most = 0;
        let mut count = |act: &mut dyn FnMut()| {
            KEY_READS.set(0);
            act();
            most = most.max(KEY_READS.get());
        };
        let all: Vec<_> = (0..20_000)
            .map(|number| elements.make(row(number)))
            .collect();
        for element in &all {
            count(&mut || index.insert(*element));
        }
        for element in &all {
            let key = element.number.get();
            count(&mut || assert!(index.first_from(key.saturating_sub(1)).is_some()));
            count(&mut || assert!(index.last_until(key + 1).is_some()));
            count(&mut || assert!(index.first_from(0).is_some()));
        }
        for element in &all {
            count(&mut || index.remove(*element));
        }
        assert!(index.is_empty());
        // One walk goes down the path, and one goes down beside it.
        assert!(most <= 2 * (u32::BITS + 1), "{most} reads");
    }
}
