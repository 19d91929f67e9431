//! Workloads that need what only a domain with a program of its own has: its clock, and more memory than a thread's board.

use core::ptr;

use guest_workloads::board::{Board, FREE};
use guest_workloads::slots::{DOMAIN, SILENCE, TABLE_SLOTS};
use guest_workloads::stage::Stage;
use guest_workloads::{Workload, answer_of, plain};
use runtime::abi::PAGE_BYTES;
use runtime::abi::calls::{
    Destroy, MemoryDiscard, MemoryPopulate, ThreadCreate, ThreadPrepare, ThreadSchedule,
    ThreadStart, ThreadStop, Wait, Yield,
};
use runtime::abi::kind::MemoryRights;
use runtime::abi::register::{Access, PageCount, PageIndex, UserAddress};
use runtime::system_call::invoke;
use runtime::{Error, Slot, clock};

use crate::PRIORITY;

/// All of them.
pub const HABITS: [Workload; 4] = [
    plain("sleeps", sleeps),
    plain("keeps pages", keeps_pages),
    plain("looks through windows", looks_through_windows),
    plain("makes threads", makes_threads),
];

/// The Memory whose pages come and go. Those that do are far apart: it has more than the kernel keeps in one piece of its index, and
/// most of them are never there.
const KEPT: Slot = Slot(TABLE_SLOTS);
const KEPT_ADDRESS: u64 = 40 << 30;
const KEPT_PAGES: u64 = 64;
const KEPT_DISTANCE: u64 = 17;
const KEPT_MEMORY_PAGES: u64 = KEPT_PAGES * KEPT_DISTANCE;
const _: () = assert!(KEPT_MEMORY_PAGES > 1024);
/// Where a part of it that is neither its beginning nor its end is mapped once more, to be read.
const CRACK_ADDRESS: u64 = 46 << 30;
const CRACK_FIRST: u64 = 512;
const CRACK_PAGES: u64 = 512;

/// The addresses, far apart, at which one Memory is mapped again and again.
const WINDOWS_ADDRESS: u64 = 44 << 30;
const WINDOWS_STEP: u64 = 2 << 20;
const WINDOWS: u64 = 40;
const WINDOW_PAGES: u64 = 4;

/// Empty: for the thread that is made.
const MADE_THREAD: Slot = Slot(TABLE_SLOTS + 1);
/// What a thread that was made writes to the board of its maker.
const HAS_RUN: usize = FREE;
/// For how long a thread is left alone before it is started, and when it has ended.
const LEFT_ALONE: u64 = 16;

/// The shortest and the longest sleep.
const SLEEP_NS_MIN: u64 = 300_000;
const SLEEP_NS_MAX: u64 = 40_000_000;

const WORDS: usize = PAGE_BYTES as usize / 8;

/// Makes what they need.
pub fn furnish(stage: &Stage) -> Result<(), Error> {
    let Stage { pool, domain } = *stage;
    domain.grow(MADE_THREAD.0 + 1)?;
    let kept = pool.create_memory(PageCount(KEPT_MEMORY_PAGES))?;
    let (address, pages) = (UserAddress(KEPT_ADDRESS), PageCount(KEPT_MEMORY_PAGES));
    domain.map(kept, address, PageIndex(0), pages, Access::ReadWrite)?;
    let (first, pages) = (PageIndex(CRACK_FIRST), PageCount(CRACK_PAGES));
    let address = UserAddress(CRACK_ADDRESS);
    domain.map(kept, address, first, pages, Access::Read)?;
    domain.install(kept, KEPT, MemoryRights::MANAGE, 0)?;
    kept.delete()?;
    let seen = pool.create_populated_memory(PageCount(WINDOW_PAGES))?;
    for number in 0..WINDOWS {
        let access = match number % 2 {
            0 => Access::ReadWrite,
            _ => Access::Read,
        };
        let (address, pages) = (UserAddress(window(number)), PageCount(WINDOW_PAGES));
        domain.map(seen, address, PageIndex(0), pages, access)?;
    }
    seen.delete()
}

/// Sleeps until a time of the domain's clock: never less long, and the clock never goes back.
extern "C" fn sleeps(board: Board) -> ! {
    loop {
        let length = SLEEP_NS_MIN + answer_of(board.rounds()) % (SLEEP_NS_MAX - SLEEP_NS_MIN);
        let deadline = clock::now_ns() + length;
        let ended = invoke(Wait {
            notification: SILENCE,
            deadline,
        });
        board.check(ended == Err(Error::TimedOut), 100);
        board.check(clock::now_ns() >= deadline, 101);
        board.round();
    }
}

/// The content of a page.
#[derive(Clone, Copy)]
enum Content {
    /// It is not there.
    Absent,
    /// Every word is this one.
    Words(u64),
}

/// Fills pages with a word, with zeros, or gives them up, and looks whether they are as they were left: one was written before a
/// move, another is zero again, a third is gone.
extern "C" fn keeps_pages(board: Board) -> ! {
    let mut contents = [Content::Absent; KEPT_PAGES as usize];
    loop {
        let chance = answer_of(board.rounds());
        let number = chance % KEPT_PAGES;
        let content = &mut contents[number as usize];
        board.check(is_kept(number, *content), 102);
        *content = match chance >> 32 & 3 {
            0 => {
                board.check(discard(number).is_ok(), 103);
                Content::Absent
            }
            1 => fill(number, 0),
            _ => fill(number, chance),
        };
        if let (Content::Words(word), Some(seen)) = (*content, seen_through_crack(number)) {
            // SAFETY: the page is there, and mapped there too.
            board.check(unsafe { seen.read_volatile() } == word, 105);
        }
        let _ = invoke(Yield {});
        board.round();
    }
}

/// Whether a page is as it was left. It is there afterwards.
fn is_kept(number: u64, content: Content) -> bool {
    let expected = match content {
        // A page that is there already stays as it is.
        Content::Absent if populate(number).is_err() => return false,
        Content::Absent => 0,
        Content::Words(word) => word,
    };
    let page = kept_page(number);
    // SAFETY: the page is this workload's, and is there.
    (0..WORDS).all(|index| unsafe { page.add(index).read_volatile() } == expected)
}

fn fill(number: u64, word: u64) -> Content {
    let page = kept_page(number);
    for index in 0..WORDS {
        // SAFETY: the page is this workload's, and `is_kept` saw to it that it is there.
        unsafe { page.add(index).write_volatile(word) };
    }
    Content::Words(word)
}

fn populate(number: u64) -> Result<(), Error> {
    invoke(MemoryPopulate {
        memory: KEPT,
        first_page: PageIndex(number * KEPT_DISTANCE),
        page_count: PageCount(1),
    })
}

fn discard(number: u64) -> Result<(), Error> {
    invoke(MemoryDiscard {
        memory: KEPT,
        first_page: PageIndex(number * KEPT_DISTANCE),
        page_count: PageCount(1),
    })
}

/// Writes through one of many mappings of a Memory, and reads through all.
extern "C" fn looks_through_windows(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let page = round % WINDOW_PAGES;
        let writable = round % (WINDOWS / 2) * 2;
        // SAFETY: the pages are this workload's, and windows of even number can be written through.
        unsafe { seen_through(writable, page).write_volatile(answer_of(round)) };
        let _ = invoke(Yield {});
        for number in 0..WINDOWS {
            // SAFETY: all can be read through.
            let seen = unsafe { seen_through(number, page).read_volatile() };
            board.check(seen == answer_of(round), 104);
        }
        board.round();
    }
}

/// Makes a thread, starts it after a while, lets it end, and destroys it after a while: whatever happens meanwhile, it runs once.
extern "C" fn makes_threads(board: Board) -> ! {
    loop {
        board.set(HAS_RUN, 0);
        board.check(make_thread(board).is_ok(), 106);
        pause();
        board.check(board.word(HAS_RUN) == 0, 107);
        let thread = MADE_THREAD;
        board.check(invoke(ThreadStart { thread }).is_ok(), 108);
        while board.word(HAS_RUN) == 0 {
            let _ = invoke(Yield {});
        }
        pause();
        board.check(board.word(HAS_RUN) == 1, 109);
        board.check(
            invoke(Destroy {
                object: MADE_THREAD,
            })
            .is_ok(),
            110,
        );
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
        // The board's last words are nobody's. As after a call: a return address would be on the stack.
        stack: UserAddress(board.address_of(0) + PAGE_BYTES - 8),
        argument: board.address_of(0),
        message_buffer: UserAddress(0),
    })
}

/// Notes that it has run, and ends.
extern "C" fn runs_once(board: Board) -> ! {
    board.set(HAS_RUN, board.word(HAS_RUN) + 1);
    loop {
        let thread = MADE_THREAD;
        let _ = invoke(ThreadStop { thread });
        // It was started again, which nobody does.
        board.set(HAS_RUN, board.word(HAS_RUN) + 1);
    }
}

fn pause() {
    for _ in 0..LEFT_ALONE {
        let _ = invoke(Yield {});
    }
}

fn kept_page(number: u64) -> *mut u64 {
    ptr::with_exposed_provenance_mut((KEPT_ADDRESS + number * KEPT_DISTANCE * PAGE_BYTES) as usize)
}

fn window(number: u64) -> u64 {
    WINDOWS_ADDRESS + number * WINDOWS_STEP
}

fn seen_through(number: u64, page: u64) -> *mut u64 {
    ptr::with_exposed_provenance_mut((window(number) + page * PAGE_BYTES) as usize)
}

/// The page of this number in the second mapping, if it is mapped there.
fn seen_through_crack(number: u64) -> Option<*const u64> {
    let page = (number * KEPT_DISTANCE).checked_sub(CRACK_FIRST)?;
    let address = (page < CRACK_PAGES).then_some(CRACK_ADDRESS + page * PAGE_BYTES)?;
    Some(ptr::with_exposed_provenance(address as usize))
}
