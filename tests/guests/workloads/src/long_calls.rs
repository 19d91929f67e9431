//! Workloads whose calls take many steps, so that freezes interrupt them halfway; and a Memory with a pager.

use runtime::Error;
use runtime::abi::PAGE_BYTES;
use runtime::abi::calls::{
    CapabilityCopy, CapabilityIdentify, CapabilityMint, CapabilityRevoke, Destroy, DomainDescribe,
    DomainMap, DomainPages, MemoryCreate, MemorySupply, PageSet,
};
use runtime::abi::fault::FaultKind;
use runtime::abi::kind::EndpointRights;
use runtime::abi::message::DATA_OFFSET;
use runtime::abi::record::{List, RECORD_WORDS};
use runtime::abi::register::{Access, ObjectId, PageCount, PageIndex, Slot, UserAddress};
use runtime::system_call::invoke;

use crate::board::{Board, Buffer};
use crate::calls::{
    are_empty, discard, is_empty, populate, receive, reply_and_receive, yield_times,
};
use crate::scrambled;
use crate::slots::{
    DOMAIN, FILLED, FIRST, MADE, MADE_COPIES, MADE_COUNT, MANY, MANY_COUNT, MANY_DERIVED, PAGER,
    PAGER_REPLY, PAGES, PING, PING_SIGNAL, POOL, SOURCE, SOURCE_PRESENT,
};

/// The address of the Memory with a pager.
pub const PAGES_ADDRESS: u64 = 24 << 30;
/// The pages of this Memory.
pub const PAGES_COUNT: u64 = 8;
/// The address of the Memory that the pager supplies from.
pub const SOURCE_ADDRESS: u64 = 28 << 30;
/// The pages of this Memory.
pub const SOURCE_COUNT: u64 = 6;
/// The address of the Memory that is filled and emptied.
pub const FILLED_ADDRESS: u64 = 32 << 30;
/// The pages of this Memory.
pub const FILLED_COUNT: u64 = 64;
/// The address at which a workload maps the Memory that it creates.
pub const MADE_ADDRESS: u64 = 36 << 30;
const MADE_PAGES: u64 = 32;

/// Reads, writes and discards pages of a Memory with a pager.
pub extern "C" fn uses_paged_memory(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let page = round % PAGES_COUNT;
        let word = word_at(PAGES_ADDRESS, page);
        // SAFETY: the page is this workload's, and the pager supplies it.
        let (found, written) = unsafe {
            let found = word.read_volatile();
            word.write_volatile(!found);
            yield_times(1);
            (found, word.read_volatile())
        };
        board.check(found == scrambled(round), 50);
        board.check(written == !found, 51);
        board.check(discard(PAGES, page, 1).is_ok(), 52);
        board.round();
    }
}

/// The pager: supplies the page, with the number that the previous workload expects.
pub extern "C" fn supplies_pages(board: Board) -> ! {
    let mut fault = invoke(receive(PAGER, PAGER_REPLY));
    loop {
        let round = board.before().rounds();
        let [kind, page, ..] = fault.map_or([0; 4], |fault| fault.words);
        board.check(fault.is_ok_and(|fault| fault.info.is_fault()), 53);
        board.check(kind == FaultKind::AbsentPage as u64, 54);
        board.check(page == round % PAGES_COUNT, 55);
        // SAFETY: the Memory's first page is this workload's.
        unsafe { word_at(SOURCE_ADDRESS, 0).write_volatile(scrambled(round)) };
        yield_times(1);
        let supplied = supply(PAGES, page, 1, SOURCE, 0);
        board.check(supplied.is_ok(), 56);
        board.round();
        fault = invoke(reply_and_receive(PAGER, 0, PAGER_REPLY));
    }
}

/// Populates half of a Memory, copies it to the other half, and discards both.
pub extern "C" fn fills_and_empties(board: Board) -> ! {
    const HALF: u64 = FILLED_COUNT / 2;
    /// The number of copies per round: enough for a freeze to be likely to interrupt one.
    const SUPPLIES: u64 = 4;
    loop {
        let round = board.rounds();
        board.check(populate(FILLED, 0, HALF).is_ok(), 65);
        for page in 0..HALF {
            let word = word_at(FILLED_ADDRESS, page);
            // SAFETY: the page is this workload's, and was populated.
            let fresh = unsafe {
                let fresh = word.read_volatile();
                word.write_volatile(scrambled(round + page));
                fresh
            };
            // The pages discarded before are gone.
            board.check(fresh == 0, 66);
        }
        for _ in 0..SUPPLIES {
            board.check(supply(FILLED, HALF, HALF, FILLED, 0).is_ok(), 67);
        }
        for page in 0..HALF {
            // SAFETY: as above; the page was supplied.
            let copied = unsafe { word_at(FILLED_ADDRESS, HALF + page).read_volatile() };
            board.check(copied == scrambled(round + page), 68);
        }
        board.check(discard(FILLED, 0, FILLED_COUNT).is_ok(), 69);
        board.round();
        yield_times(1);
    }
}

/// Creates a Memory with pages, a mapping and many capabilities, and destroys it.
pub extern "C" fn makes_and_destroys(board: Board) -> ! {
    loop {
        board.check(make().is_ok(), 70);
        board.check(invoke(Destroy { object: MADE }).is_ok(), 71);
        board.check(is_empty(MADE) && are_empty(MADE_COPIES, MADE_COUNT), 72);
        board.round();
        yield_times(1);
    }
}

fn make() -> Result<(), Error> {
    invoke(MemoryCreate {
        pool: POOL,
        pages: PageCount(MADE_PAGES),
        into: MADE,
    })?;
    // If the previous round's mapping still existed, this one would overlap it.
    invoke(DomainMap {
        domain: DOMAIN,
        memory: MADE,
        address: UserAddress(MADE_ADDRESS),
        first_page: PageIndex(0),
        page_count: PageCount(MADE_PAGES),
        access: Access::ReadWrite,
    })?;
    populate(MADE, 0, MADE_PAGES)?;
    for number in 0..MADE_COUNT {
        let to = Slot(MADE_COPIES.0 + number);
        invoke(CapabilityCopy { from: MADE, to })?;
    }
    Ok(())
}

/// Derives many capabilities from one and revokes them.
pub extern "C" fn revokes_many(board: Board) -> ! {
    loop {
        for number in 0..MANY_COUNT {
            let minted = invoke(CapabilityMint {
                from: MANY,
                to: Slot(MANY_DERIVED.0 + number),
                rights: EndpointRights::SEND.into(),
                badge: board.rounds() + 1,
            });
            board.check(minted.is_ok(), 73);
        }
        // Lets another workload read the list of them.
        yield_times(1);
        board.check(invoke(CapabilityRevoke { slot: MANY }).is_ok(), 74);
        board.check(are_empty(MANY_DERIVED, MANY_COUNT), 75);
        board.round();
        yield_times(1);
    }
}

/// Reads the list of its own domain's capabilities, and the bitmap of a Memory's present pages.
pub extern "C" fn describes_itself(board: Board) -> ! {
    let buffer = board.buffer();
    loop {
        board.check(describe(FIRST).is_ok(), 76);
        // No slot up to this one is ever empty.
        let last = PING_SIGNAL.0 - FIRST.0;
        for number in 0..=last {
            let record = number as usize * RECORD_WORDS;
            board.check(data(buffer, record) == u64::from(FIRST.0 + number), 77);
        }
        let parent = last as usize * RECORD_WORDS + 5;
        board.check(data(buffer, parent) == u64::from(PING.0) + 1, 78);
        // One of many siblings, if it exists at the moment.
        let child = Slot(MANY_DERIVED.0 + board.rounds() as u32 % 2 * (MANY_COUNT - 1));
        let count = describe(child);
        let is_there = count.is_ok_and(|count| count > 0) && data(buffer, 0) == u64::from(child.0);
        let is_of_many = data(buffer, 5) == u64::from(MANY.0) + 1;
        board.check(count.is_ok() && (!is_there || is_of_many), 81);
        match present(buffer) {
            Ok(pages) => {
                board.check(pages == SOURCE_PRESENT, 79);
                board.round();
            }
            // A move changed the Memory's identity.
            Err(Error::NotThere) => board.interrupted(),
            Err(_) => board.check(false, 80),
        }
        yield_times(1);
    }
}

/// Reads a part of the list of the domain's capabilities, from a slot on, into the buffer; returns the number of records.
fn describe(from: Slot) -> Result<u64, Error> {
    let described = invoke(DomainDescribe {
        domain: DOMAIN,
        list: List::Capabilities,
        cursor: from.0.into(),
    });
    described.map(|(count, ..)| count)
}

/// The present pages of [`SOURCE`], a bit each.
fn present(buffer: Buffer) -> Result<u64, Error> {
    let (domain, slot) = (DOMAIN, SOURCE);
    let memory = ObjectId(invoke(CapabilityIdentify { domain, slot })?);
    buffer.set_word(DATA_OFFSET as usize / 8, u64::MAX);
    let covered = invoke(DomainPages {
        domain,
        memory,
        log: 0,
        first_page: PageIndex(0),
        page_count: PageCount(SOURCE_COUNT),
        which: PageSet::Present,
    })?;
    Ok(data(buffer, 0) & ((1 << covered) - 1))
}

/// A word of the buffer's data.
fn data(buffer: Buffer, index: usize) -> u64 {
    buffer.word(DATA_OFFSET as usize / 8 + index)
}

fn supply(
    memory: Slot,
    page: u64,
    count: u64,
    source: Slot,
    source_page: u64,
) -> Result<(), Error> {
    invoke(MemorySupply {
        memory,
        first_page: PageIndex(page),
        page_count: PageCount(count),
        source,
        source_page: PageIndex(source_page),
    })
}

fn word_at(address: u64, page: u64) -> *mut u64 {
    (address + page * PAGE_BYTES) as *mut u64
}
