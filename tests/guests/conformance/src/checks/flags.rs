//! Flags of a thread that must not affect the kernel's code.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use guest_support::worker::{PLAYGROUND, Page};
use runtime::Cap;
use runtime::abi::register::{Access, PageCount, PageIndex};
use runtime::abi::{Number, PAGE_BYTES};
use runtime::capability::Memory;
use runtime::mapping::Mapping;

use super::given::MEMORY;
use super::registers::{TURNS, WRONG, two, wait_for};
use crate::fixture::{Failure, Fixture, expect};

/// Spins with the direction flag set; returns its final value.
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

/// The number of pages that the kernel fills and copies while the direction flag is set.
const PAGES: u64 = 16;

extern "C" fn runs_backwards(page: Page) -> ! {
    let kept = keep_direction(TURNS) == 0x400;
    let memory = Cap::<Memory>::from_slot(MEMORY);
    let (first_page, page_count) = (PageIndex(1), PageCount(PAGES - 2));
    let mut refused = 0;
    for _ in 0..64 {
        // SAFETY: only system calls follow, which touch no memory of the script; then the flag is cleared.
        unsafe { core::arch::asm!("std") };
        let supplied = memory.supply(first_page, page_count, memory, PageIndex(0));
        let discarded = memory.discard(first_page, page_count);
        let populated = memory.populate(first_page, page_count);
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

/// The kernel copies and fills memory forwards, whatever the direction flag is, in calls and in interrupts.
pub fn direction_flag(fixture: &Fixture) -> Result<(), Failure> {
    let workers = [fixture.worker()?, fixture.worker()?];
    let count = PageCount(PAGES);
    let mut memories = alloc::vec::Vec::new();
    for worker in &workers {
        let memory = worker.pool.create_populated_memory(count)?;
        {
            let mapping = Mapping::new(fixture.domain, memory, count, Access::ReadWrite)?;
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
    wait_for(fixture, &workers)?;
    for (worker, memory) in workers.into_iter().zip(memories) {
        expect("the error found", worker.word(WRONG), 0)?;
        {
            let mapping = Mapping::new(fixture.domain, memory, count, Access::Read)?;
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

/// The number of pages of a Memory, and the page in its middle that becomes a table.
const FIELD: u64 = 65;
const GAP: u64 = FIELD / 2;
/// The word that fills the pages around the gap. As a table's entry it is not present.
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
        done = sym Page::done,
    )
}

/// The words of a Memory.
fn words(mapping: &Mapping, pages: u64) -> impl Iterator<Item = &AtomicU64> {
    (0..(pages * PAGE_BYTES / 8) as usize).map(|index| mapping.memory().word64(index * 8))
}

/// A page fault that creates a table clears that table forwards: the frames around it keep their content.
///
/// The highest free frame is the one discarded from the middle of a Memory, so the table gets that frame.
pub fn direction_flag_in_a_fault(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    let absent = fixture.pool.create_memory(PageCount(1))?;
    // The page comes after the mapping, so the first fault links its table.
    worker.map(absent, 1, Access::ReadWrite)?;
    absent.populate(PageIndex(0), PageCount(1))?;
    let count = PageCount(FIELD);
    let field = fixture.pool.create_populated_memory(count)?;
    let mapping = Mapping::new(fixture.domain, field, count, Access::ReadWrite)?;
    words(&mapping, FIELD).for_each(|word| word.store(MARK, Relaxed));
    field.discard(PageIndex(GAP), PageCount(1))?;
    fixture.finish(&worker, touches_backwards)?;
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

/// Makes calls and is preempted with AC and NT set, which must not affect the kernel's code.
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
        // This call returns in the other thread, which was preempted.
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

pub fn odd_flags(fixture: &Fixture) -> Result<(), Failure> {
    two(fixture, keeps_odd_flags)
}
