//! The workloads that need the clock of a domain with its own program, or more memory than a board.

use core::ptr;

use guest_workloads::board::{Board, FREE};
use guest_workloads::calls::{discard, populate, wait_until, yield_times};
use guest_workloads::slots::{DOMAIN, SILENCE, TABLE_SLOTS};
use guest_workloads::stage::Stage;
use guest_workloads::{Workload, plain, scrambled};
use runtime::abi::calls::{
    Destroy, ThreadCreate, ThreadPrepare, ThreadSchedule, ThreadStart, ThreadStop,
};
use runtime::abi::kind::MemoryRights;
use runtime::abi::register::{Access, PageCount, PageIndex, UserAddress};
use runtime::abi::{Number, PAGE_BYTES};
use runtime::system_call::invoke;
use runtime::{Error, Slot, clock};

use crate::PRIORITY;

/// The zoo's own workloads.
pub const OWN: [Workload; 6] = [
    plain("sleeps", sleeps),
    plain("keeps pages", keeps_pages),
    plain("uses many mappings", uses_many_mappings),
    plain("makes threads", makes_threads),
    plain("populates many pages", populates_many_pages),
    plain("copies backwards", copies_backwards),
];

/// A sparse Memory whose pages are populated and discarded. The pages in use are far apart and span several of the kernel's leaf tables.
const KEPT: Slot = Slot(TABLE_SLOTS);
const KEPT_ADDRESS: u64 = 40 << 30;
const KEPT_PAGES: u64 = 64;
const KEPT_DISTANCE: u64 = 17;
const KEPT_MEMORY_PAGES: u64 = KEPT_PAGES * KEPT_DISTANCE;
const _: () = assert!(KEPT_MEMORY_PAGES > 1024);
/// The address at which a part from the middle of this Memory is mapped again, read-only.
const SECOND_ADDRESS: u64 = 46 << 30;
const SECOND_FIRST: u64 = 512;
const SECOND_PAGES: u64 = 512;

/// The addresses, far apart, at which one Memory is mapped many times.
const VIEWS_ADDRESS: u64 = 44 << 30;
const VIEWS_STEP: u64 = 2 << 20;
const VIEWS: u64 = 40;
const VIEW_PAGES: u64 = 4;

/// The slot of the thread that [`makes_threads`] creates.
const MADE_THREAD: Slot = Slot(TABLE_SLOTS + 1);
/// The word of the creator's board in which the created thread counts its runs.
const HAS_RUN: usize = FREE;
/// The number of yields before the thread is started, and after it has ended.
const PAUSE: u64 = 16;

/// A Memory whose pages are populated by one call, which takes many of the kernel's steps, so that freezes interrupt it halfway.
const THOUSAND: Slot = Slot(TABLE_SLOTS + 2);
const THOUSAND_ADDRESS: u64 = 56 << 30;
const THOUSAND_PAGES: u64 = 1000;
/// The number of yields between two rounds of that.
const REST: u64 = 64;

/// The words of a board that are copied, and those they are copied to.
const COPIED: usize = 32;
const COPY: usize = 256;
const COPY_WORDS: usize = 128;

/// The latest end of a sleep after its deadline. It is longer than a domain may be frozen, and shorter than the difference of the machines'
/// clocks in the test.
const LATE_NS_MAX: u64 = 9_000_000_000;

/// The shortest and the longest sleep.
const SLEEP_NS_MIN: u64 = 300_000;
const SLEEP_NS_MAX: u64 = 40_000_000;

const WORDS: usize = PAGE_BYTES as usize / 8;

/// Creates the objects that these workloads need.
pub fn furnish(stage: &Stage) -> Result<(), Error> {
    let Stage { pool, domain } = *stage;
    domain.grow(THOUSAND.0 + 1)?;
    let kept = pool.create_memory(PageCount(KEPT_MEMORY_PAGES))?;
    let (address, pages) = (UserAddress(KEPT_ADDRESS), PageCount(KEPT_MEMORY_PAGES));
    domain.map(kept, address, PageIndex(0), pages, Access::ReadWrite)?;
    let (first, pages) = (PageIndex(SECOND_FIRST), PageCount(SECOND_PAGES));
    let address = UserAddress(SECOND_ADDRESS);
    domain.map(kept, address, first, pages, Access::Read)?;
    domain.install(kept, KEPT, MemoryRights::MANAGE, 0)?;
    kept.delete()?;
    let seen = pool.create_populated_memory(PageCount(VIEW_PAGES))?;
    for number in 0..VIEWS {
        let access = match number % 2 {
            0 => Access::ReadWrite,
            _ => Access::Read,
        };
        let (address, pages) = (UserAddress(view(number)), PageCount(VIEW_PAGES));
        domain.map(seen, address, PageIndex(0), pages, access)?;
    }
    seen.delete()?;
    let (address, pages) = (UserAddress(THOUSAND_ADDRESS), PageCount(THOUSAND_PAGES));
    let thousand = pool.create_memory(pages)?;
    domain.map(thousand, address, PageIndex(0), pages, Access::ReadWrite)?;
    domain.install(thousand, THOUSAND, MemoryRights::MANAGE, 0)?;
    thousand.delete()
}

/// Sleeps until a deadline of the domain's clock. The sleep is never too short or far too long, and the clock never goes back.
extern "C" fn sleeps(board: Board) -> ! {
    loop {
        let length = SLEEP_NS_MIN + scrambled(board.rounds()) % (SLEEP_NS_MAX - SLEEP_NS_MIN);
        let deadline = clock::now_ns() + length;
        board.check(wait_until(SILENCE, deadline) == Err(Error::TimedOut), 100);
        let late_ns = clock::now_ns().checked_sub(deadline);
        board.check(late_ns.is_some(), 101);
        board.check(late_ns.is_some_and(|late| late < LATE_NS_MAX), 111);
        board.round();
    }
}

/// The content of a page.
#[derive(Clone, Copy)]
enum Content {
    /// The page is absent.
    Absent,
    /// Every word has this value.
    Words(u64),
}

/// Fills pages with a word or with zeros, or discards them, and checks later that they are as they were left. So a move
/// finds some pages written, some zeroed and some discarded.
extern "C" fn keeps_pages(board: Board) -> ! {
    let mut contents = [Content::Absent; KEPT_PAGES as usize];
    loop {
        let chance = scrambled(board.rounds());
        let number = chance % KEPT_PAGES;
        let content = &mut contents[number as usize];
        board.check(is_kept(number, *content), 102);
        *content = match chance >> 32 & 3 {
            0 => {
                board.check(discard(KEPT, number * KEPT_DISTANCE, 1).is_ok(), 103);
                Content::Absent
            }
            1 => fill(number, 0),
            _ => fill(number, chance),
        };
        if let (Content::Words(word), Some(seen)) = (*content, second_view(number)) {
            // SAFETY: the page is present and mapped there too.
            board.check(unsafe { seen.read_volatile() } == word, 105);
        }
        yield_times(1);
        board.round();
    }
}

/// Whether a page is as it was left. Afterwards it is present.
fn is_kept(number: u64, content: Content) -> bool {
    let expected = match content {
        // Populating does not change a present page.
        Content::Absent if populate(KEPT, number * KEPT_DISTANCE, 1).is_err() => return false,
        Content::Absent => 0,
        Content::Words(word) => word,
    };
    let page = kept_page(number);
    // SAFETY: the page is this workload's, and present.
    (0..WORDS).all(|index| unsafe { page.add(index).read_volatile() } == expected)
}

fn fill(number: u64, word: u64) -> Content {
    let page = kept_page(number);
    for index in 0..WORDS {
        // SAFETY: the page is this workload's, and `is_kept` has populated it.
        unsafe { page.add(index).write_volatile(word) };
    }
    Content::Words(word)
}

/// Writes through one of many mappings of a Memory, and reads through all of them.
extern "C" fn uses_many_mappings(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let page = round % VIEW_PAGES;
        let writable = round % (VIEWS / 2) * 2;
        // SAFETY: the pages are this workload's, and the mappings of even number are writable.
        unsafe { seen_through(writable, page).write_volatile(scrambled(round)) };
        yield_times(1);
        for number in 0..VIEWS {
            // SAFETY: all mappings are readable.
            let seen = unsafe { seen_through(number, page).read_volatile() };
            board.check(seen == scrambled(round), 104);
        }
        board.round();
    }
}

/// Creates a thread, starts it after a while, lets it end, and destroys it after a while. It runs exactly once.
extern "C" fn makes_threads(board: Board) -> ! {
    loop {
        board.set(HAS_RUN, 0);
        board.check(make_thread(board).is_ok(), 106);
        yield_times(PAUSE);
        board.check(board.word(HAS_RUN) == 0, 107);
        let thread = MADE_THREAD;
        board.check(invoke(ThreadStart { thread }).is_ok(), 108);
        while board.word(HAS_RUN) == 0 {
            yield_times(1);
        }
        yield_times(PAUSE);
        board.check(board.word(HAS_RUN) == 1, 109);
        board.check(invoke(Destroy { object: thread }).is_ok(), 110);
        board.round();
    }
}

fn make_thread(board: Board) -> Result<(), Error> {
    let thread = MADE_THREAD;
    invoke(ThreadCreate {
        domain: DOMAIN,
        into: thread,
    })?;
    invoke(ThreadSchedule {
        thread,
        priority: PRIORITY,
    })?;
    invoke(ThreadPrepare {
        thread,
        instruction: UserAddress(runs_once as *const () as u64),
        // The stack is the unused end of the board, aligned as after a call instruction.
        stack: UserAddress(board.address_of(0) + PAGE_BYTES - 8),
        argument: board.address_of(0),
        message_buffer: UserAddress(0),
    })
}

/// Counts its run, and ends.
extern "C" fn runs_once(board: Board) -> ! {
    board.set(HAS_RUN, board.word(HAS_RUN) + 1);
    loop {
        let thread = MADE_THREAD;
        let _ = invoke(ThreadStop { thread });
        // The thread was started again, which is an error.
        board.set(HAS_RUN, board.word(HAS_RUN) + 1);
    }
}

/// Populates a thousand pages by one call, uses each, and discards them by another one.
extern "C" fn populates_many_pages(board: Board) -> ! {
    loop {
        let round = board.rounds();
        board.check(populate(THOUSAND, 0, THOUSAND_PAGES).is_ok(), 112);
        for number in 0..THOUSAND_PAGES {
            let word = page_of_thousand(number);
            // SAFETY: the page is this workload's, and was populated.
            let fresh = unsafe {
                let fresh = word.read_volatile();
                word.write_volatile(scrambled(round + number));
                fresh
            };
            board.check(fresh == 0, 113);
        }
        yield_times(1);
        for number in 0..THOUSAND_PAGES {
            // SAFETY: as above.
            let word = unsafe { page_of_thousand(number).read_volatile() };
            board.check(word == scrambled(round + number), 114);
        }
        board.check(discard(THOUSAND, 0, THOUSAND_PAGES).is_ok(), 115);
        board.round();
        yield_times(REST);
    }
}

fn page_of_thousand(number: u64) -> *mut u64 {
    ptr::with_exposed_provenance_mut((THOUSAND_ADDRESS + number * PAGE_BYTES) as usize)
}

/// Copies bytes downwards in two halves, with the direction flag set from the first to the last byte, and a yield between the halves.
///
/// # Safety
/// `to` and `from` are the last bytes of areas of twice this length.
#[unsafe(naked)]
unsafe extern "C" fn copy_backwards(to: *mut u8, from: *const u8, half_bytes: u64) {
    core::arch::naked_asm!(
        "std",
        "mov rcx, rdx",
        "rep movsb",
        "mov eax, {number}",
        "syscall",
        "mov rcx, rdx",
        "rep movsb",
        "cld",
        "ret",
        number = const Number::Yield as u32,
    )
}

/// Copies a part of the board backwards, and checks the copy.
extern "C" fn copies_backwards(board: Board) -> ! {
    const BYTES: u64 = COPY_WORDS as u64 * 8;
    let last = |word: usize| {
        ptr::with_exposed_provenance_mut((board.address_of(word) + BYTES - 1) as usize)
    };
    loop {
        let round = board.rounds();
        for index in 0..COPY_WORDS {
            board.set(COPIED + index, scrambled(round + index as u64));
            board.set(COPY + index, 0);
        }
        // SAFETY: both areas are parts of the board, and do not overlap.
        unsafe { copy_backwards(last(COPY), last(COPIED), BYTES / 2) };
        let is_copied = |index| board.word(COPY + index) == scrambled(round + index as u64);
        board.check((0..COPY_WORDS).all(is_copied), 116);
        board.round();
    }
}

fn kept_page(number: u64) -> *mut u64 {
    ptr::with_exposed_provenance_mut((KEPT_ADDRESS + number * KEPT_DISTANCE * PAGE_BYTES) as usize)
}

fn view(number: u64) -> u64 {
    VIEWS_ADDRESS + number * VIEWS_STEP
}

fn seen_through(number: u64, page: u64) -> *mut u64 {
    ptr::with_exposed_provenance_mut((view(number) + page * PAGE_BYTES) as usize)
}

/// The page of this number in the second mapping, if it is mapped there.
fn second_view(number: u64) -> Option<*const u64> {
    let page = (number * KEPT_DISTANCE).checked_sub(SECOND_FIRST)?;
    let address = (page < SECOND_PAGES).then_some(SECOND_ADDRESS + page * PAGE_BYTES)?;
    Some(ptr::with_exposed_provenance(address as usize))
}
