//! Arguments at their limits, and empty ranges: whatever the outcome of a call, the kernel does not panic.
//!
//! The rows make calls that succeed. Here one or two arguments of such a call are replaced by values at the end of some
//! range. The other arguments stay valid, so that the call reaches the check or the index under test. The host's arithmetic
//! panics on overflow.

use abi::calls::{
    Arguments, DomainMap, DomainPages, DomainReadPages, MemoryCreate, MemoryDiscard,
    MemoryPopulate, MemorySupply, PageSet, ThreadStop, ThreadWrite,
};
use abi::message::DATA_OFFSET;
use abi::register::{Access, PageCount, PageIndex};
use abi::thread_state::THREAD_STATE_BYTES;
use abi::{Error, MEMORY_PAGES_MAX, Number, PAGE_BYTES, PAGES_PER_TABLE, SLOTS_MAX, USER_END};

use super::row::{EncodedCall, Row, encode};
use super::rows::{id, rows};
use super::stage::{ADDRESS, FREE, HELPER, MEMORY, POOL, SOURCE, SUBJECT, Stage};
use super::table;
use crate::objects::Phase;

/// The limits of the arguments' ranges.
const LIMITS: [u64; 15] = [
    0,
    1,
    8,
    64,
    PAGES_PER_TABLE,
    PAGE_BYTES,
    SLOTS_MAX as u64,
    1 << 16,
    MEMORY_PAGES_MAX,
    1 << 32,
    USER_END / PAGE_BYTES,
    USER_END,
    1 << 52,
    1 << 63,
    u64::MAX,
];

/// Each limit and its neighbours.
fn values() -> impl Iterator<Item = u64> {
    let around = |limit: u64| [limit.wrapping_sub(1), limit, limit.wrapping_add(1)];
    LIMITS.into_iter().flat_map(around)
}

/// The number of steps after which a call is abandoned, since all further steps do the same.
const STEPS_MAX: usize = 40;

/// Lets the caller take some steps of a call; returns whether it can make another call after that.
fn is_able_after(stage: &Stage, call: EncodedCall) -> bool {
    let thread = stage.caller.thread;
    stage.stand_at(call);
    for _ in 0..STEPS_MAX {
        stage.world.step(thread);
        if !stage.world.is_at_call(thread) {
            break;
        }
    }
    thread.is_runnable() && thread.phase.get() == Phase::Ready
}

/// The stage of a row.
fn small(row: &Row) -> Stage {
    let stage = Stage::new();
    (row.prepare)(&stage);
    stage
}

/// Like [`small`], with the largest Memories instead of those that the call uses.
fn large(row: &Row) -> Stage {
    let stage = small(row);
    for memory in [MEMORY, SOURCE] {
        let (pool, pages, into) = (POOL, PageCount(MEMORY_PAGES_MAX), FREE);
        stage.does(MemoryCreate { pool, pages, into });
        for first_page in [0, MEMORY_PAGES_MAX - 1].map(PageIndex) {
            let (memory, page_count) = (FREE, PageCount(1));
            stage.does(MemoryPopulate {
                memory,
                first_page,
                page_count,
            });
        }
        stage.replace(memory, FREE);
        stage.clear(FREE);
    }
    stage
}

/// The number of arguments of a call.
fn argument_count(number: Number) -> usize {
    let mut descriptions = abi::calls::DESCRIPTIONS.iter();
    let found = descriptions.find(|call| call.number == number as u16);
    found.expect("every call is described").arguments.len()
}

/// Makes a row's call with every value in every argument, and with every pair of limits in every pair of arguments.
fn try_pairs(row: &Row, set_up: fn(&Row) -> Stage) {
    let mut stage = set_up(row);
    let mut good = (row.call)(&stage);
    let count = argument_count(good.number);
    let mut try_out = |changes: &[(usize, u64)]| {
        let mut call = good;
        for (index, value) in changes {
            call.registers[*index] = *value;
        }
        if !is_able_after(&stage, call) {
            stage = set_up(row);
            good = (row.call)(&stage);
        }
    };
    for first in 0..count {
        values().for_each(|value| try_out(&[(first, value)]));
        for second in first + 1..count {
            let pairs = LIMITS.map(|one| LIMITS.map(|other| [(first, one), (second, other)]));
            pairs.iter().flatten().for_each(|pair| try_out(pair));
        }
    }
}

#[test]
fn no_pair_of_arguments_at_their_limits_breaks_a_call() {
    for (_, row) in table() {
        try_pairs(&row, small);
    }
}

#[test]
fn no_pair_of_arguments_at_their_limits_breaks_a_call_on_the_largest_memory() {
    for (_, row) in table() {
        try_pairs(&row, large);
    }
}

#[test]
fn no_word_of_a_thread_s_state_at_a_limit_breaks_its_import() {
    let stage = Stage::new();
    stage.write_other_state();
    let buffer = stage.world.buffer(stage.caller);
    let mut good = [0; THREAD_STATE_BYTES];
    buffer.read_bytes(DATA_OFFSET, &mut good);
    for offset in (0..THREAD_STATE_BYTES - 7).step_by(8) {
        for value in values() {
            let mut bytes = good;
            bytes[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
            buffer.write_bytes(DATA_OFFSET, &bytes);
            let able = is_able_after(&stage, encode(ThreadWrite { thread: HELPER }));
            assert!(able, "{value:#x} at {offset}");
            stage.does(ThreadStop { thread: HELPER });
        }
    }
}

/// Expects the call to return this result, or to block.
fn expect<A: Arguments>(stage: &Stage, call: A, expected: Result<(), Error>) {
    let outcome = stage.run(encode(call));
    assert_eq!(outcome, Some(expected), "{:?}", A::NUMBER);
}

/// A stage with the largest Memories.
fn largest() -> Stage {
    large(&rows(Number::MemoryDiscard).remove(0))
}

const START: PageIndex = PageIndex(0);
const END: PageIndex = PageIndex(MEMORY_PAGES_MAX);

#[test]
fn calls_of_the_largest_memory_accept_an_empty_range_at_its_end() {
    let stage = largest();
    let (memory, page_count) = (MEMORY, PageCount(0));
    for (first_page, expected) in [
        (END, Ok(())),
        (PageIndex(END.0 + 1), Err(Error::ArgumentRange)),
    ] {
        let discard = MemoryDiscard {
            memory,
            first_page,
            page_count,
        };
        expect(&stage, discard, expected);
        let populate = MemoryPopulate {
            memory,
            first_page,
            page_count,
        };
        expect(&stage, populate, expected);
        for (first_page, source_page) in [(first_page, START), (START, first_page)] {
            let supply = MemorySupply {
                memory,
                first_page,
                page_count,
                source: SOURCE,
                source_page,
            };
            expect(&stage, supply, expected);
        }
    }
}

#[test]
fn reading_no_page_is_accepted_at_the_end_of_the_largest_memory() {
    let stage = largest();
    let memory = id(&stage, MEMORY);
    for (first_page, into_page) in [(END, START), (START, END), (END, END)] {
        let read = DomainReadPages {
            domain: SUBJECT,
            memory,
            log: 0,
            first_page,
            wanted: 0,
            into: SOURCE,
            into_page,
        };
        expect(&stage, read, Ok(()));
    }
}

#[test]
fn bitmaps_and_mappings_refuse_an_empty_range_at_the_end_of_the_largest_memory() {
    let stage = largest();
    let (domain, first_page, page_count) = (SUBJECT, END, PageCount(0));
    let refused = Err(Error::ArgumentRange);
    let pages = DomainPages {
        domain,
        memory: id(&stage, MEMORY),
        log: 0,
        first_page,
        page_count,
        which: PageSet::Present,
    };
    expect(&stage, pages, refused);
    let map = DomainMap {
        domain,
        memory: MEMORY,
        address: ADDRESS,
        first_page,
        page_count,
        access: Access::Read,
    };
    expect(&stage, map, refused);
}
