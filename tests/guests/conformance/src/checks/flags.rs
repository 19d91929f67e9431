//! Flags of a thread's of which the kernel's own code must know nothing.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use guest_support::worker::{PLAYGROUND, Page};
use runtime::abi::calls::{MemoryDiscard, MemoryPopulate, MemorySupply};
use runtime::abi::register::{Access, PageCount, PageIndex};
use runtime::abi::{Number, PAGE_BYTES};
use runtime::mapping::Mapping;
use runtime::system_call::invoke;

use super::given::MEMORY;
use super::registers::{TURNS, WRONG, two};
use crate::bed::{Bed, Failure, expect};

/// Spins with the direction flag set; returns whether it still is.
#[unsafe(naked)]
extern "C" fn keep_direction(turns: u64) -> u64 {
    core::arch::naked_asm!(
        "std",
        "2: dec rdi",
        "jnz 2b",
        "pushf",
        "pop rax",
        "cld",
        "and eax, 0x400",
        "ret",
    )
}

/// Pages that the kernel fills and copies while the direction flag is set.
const PAGES: u64 = 16;

extern "C" fn runs_backwards(page: Page) -> ! {
    let kept = keep_direction(TURNS) == 0x400;
    let (memory, giver) = (MEMORY, MEMORY);
    let (first_page, page_count) = (PageIndex(1), PageCount(PAGES - 2));
    let mut refused = 0;
    for _ in 0..64 {
        // SAFETY: what follows are system calls alone, which touch no memory of the script's; the flag is cleared behind.
        unsafe { core::arch::asm!("std") };
        let supplied = invoke(MemorySupply {
            memory,
            first_page,
            page_count,
            giver,
            giver_page: PageIndex(0),
        });
        let discarded = invoke(MemoryDiscard {
            memory,
            first_page,
            page_count,
        });
        let populated = invoke(MemoryPopulate {
            memory,
            first_page,
            page_count,
        });
        // SAFETY: as above.
        unsafe { core::arch::asm!("cld") };
        refused += [supplied, discarded, populated]
            .iter()
            .filter(|it| it.is_err())
            .count() as u64;
    }
    page.set(WRONG, u64::from(!kept) + 2 * refused);
    page.done()
}

/// The kernel's copies and fills run forwards whatever the flag is, in calls and in interrupts.
pub fn direction_flag(bed: &Bed) -> Result<(), Failure> {
    let workers = [bed.worker()?, bed.worker()?];
    let count = PageCount(PAGES);
    let mut memories = alloc::vec::Vec::new();
    for worker in &workers {
        let memory = worker.pool.create_populated_memory(count)?;
        {
            let mapping = Mapping::new(bed.domain, memory, count, Access::ReadWrite)?;
            for page in 0..PAGES as usize {
                let word = mapping.memory().word64(page * 4096 + 4088);
                word.store(page as u64 + 1, Relaxed);
            }
        }
        worker.give(memory, MEMORY)?;
        worker.set(WRONG, u64::MAX);
        worker.start(runs_backwards)?;
        memories.push(memory);
    }
    while workers.iter().any(|worker| worker.word(WRONG) == u64::MAX) {
        bed.wait()?;
    }
    for (worker, memory) in workers.into_iter().zip(memories) {
        expect("what was wrong", worker.word(WRONG), 0)?;
        {
            let mapping = Mapping::new(bed.domain, memory, count, Access::Read)?;
            for (page, must) in [(0, 1), (1, 0), (PAGES - 2, 0), (PAGES - 1, PAGES)] {
                let word = mapping.memory().word64(page as usize * 4096 + 4088);
                let is = word.load(Relaxed);
                expect("the last word of a page", is, must)?;
            }
        }
        memory.delete()?;
        worker.end()?;
    }
    Ok(())
}

/// Pages around the one that a table is made of, and the one.
const FIELD: u64 = 65;
const GAP: u64 = FIELD / 2;
/// What is written to them: no table's entry that is present.
const MARK: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// Touches the playground while the direction flag is set.
#[unsafe(naked)]
extern "C" fn touches_backwards(_: Page) -> ! {
    core::arch::naked_asm!(
        "mov rax, {playground}",
        "std",
        "mov [rax], rax",
        "cld",
        "jmp {done}",
        playground = const PLAYGROUND,
        done = sym says_done,
    )
}

extern "C" fn says_done(page: Page) -> ! {
    page.done()
}

/// The words of a Memory, as the guest sees them.
fn words(mapping: &Mapping, pages: u64) -> impl Iterator<Item = &AtomicU64> {
    (0..(pages * PAGE_BYTES / 8) as usize).map(|index| mapping.memory().word64(index * 8))
}

/// A page fault that makes a table fills that table forwards: the frames before and behind it are the ones that they were.
///
/// The table gets the only free frame above those of a Memory that are not free: the one in the middle of that Memory.
pub fn direction_flag_in_a_fault(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    let absent = bed.pool.create_memory(PageCount(1))?;
    // The first fault links it, since it gets its page when it is mapped already.
    worker.map(absent, 1, Access::ReadWrite)?;
    absent.populate(PageIndex(0), PageCount(1))?;
    let count = PageCount(FIELD);
    let field = bed.pool.create_populated_memory(count)?;
    let mapping = Mapping::new(bed.domain, field, count, Access::ReadWrite)?;
    words(&mapping, FIELD).for_each(|word| word.store(MARK, Relaxed));
    field.discard(PageIndex(GAP), PageCount(1))?;
    bed.finish(&worker, touches_backwards)?;
    field.populate(PageIndex(GAP), PageCount(1))?;
    let words_per_page = PAGE_BYTES as usize / 8;
    for (index, word) in words(&mapping, FIELD).enumerate() {
        let is_gap = index / words_per_page == GAP as usize;
        let must = if is_gap { 0 } else { MARK };
        expect("a word near the table", word.load(Relaxed), must)?;
    }
    drop(mapping);
    Ok(worker.end()?)
}

/// Calls and runs over slices with AC and NT set, of which the kernel's own code must know nothing.
#[unsafe(naked)]
extern "C" fn keep_odd_flags(turns: u64) -> u64 {
    core::arch::naked_asm!(
        "pushf",
        "or dword ptr [rsp], 0x44000",
        "popf",
        "2: dec rdi",
        "jnz 2b",
        "mov eax, {null}",
        "syscall",
        // From here it goes on in a thread that was preempted.
        "mov eax, {yield_}",
        "syscall",
        "pushf",
        "and dword ptr [rsp], 0xfffbbfff",
        "popf",
        "ret",
        null = const Number::Null as u64,
        yield_ = const Number::Yield as u64,
    )
}

extern "C" fn keeps_odd_flags(page: Page) -> ! {
    page.set(WRONG, keep_odd_flags(TURNS));
    page.done()
}

pub fn odd_flags(bed: &Bed) -> Result<(), Failure> {
    two(bed, keeps_odd_flags)
}
