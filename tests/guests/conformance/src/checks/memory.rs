//! Mappings, faults, pagers, and what the processor still remembers.

use guest_support::worker::{PLAYGROUND, Page, Worker};
use runtime::Cap;
use runtime::abi::PAGE_BYTES;
use runtime::abi::calls::{CapabilityRevoke, DomainMap, DomainUnmap, MemoryDiscard};
use runtime::abi::kind::{DomainRights, MemoryRights};
use runtime::abi::register::{Access, PageCount, PageIndex, UserAddress};
use runtime::capability::{BusRange, Memory};
use runtime::fault::Fault;
use runtime::mapping::Mapping;
use runtime::message::Message;
use runtime::system_call::invoke;

use super::given::{DOMAIN, MEMORY};
use crate::bed::{Bed, Failure, expect, require};

/// Bits of a page fault's error code.
const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const USER: u64 = 4;
const FETCH: u64 = 16;

/// RET.
const RETURN: u64 = 0xc3;
/// Where a page of a worker's has an instruction: its word of this index.
const CODE: usize = 8;
/// Words of a page in which scripts report what they found.
const FOUND: usize = 0;
const AGAIN: usize = 1;
/// What is written.
const MARK: u64 = 0x5a5a_1234;

const ZERO: PageIndex = PageIndex(0);
const ONE: PageCount = PageCount(1);

fn read(address: u64) -> u64 {
    // SAFETY: the address is the script's playground, or a fault is what the check is about.
    unsafe { (address as *const u64).read_volatile() }
}

fn write(address: u64, value: u64) {
    // SAFETY: as in `read`.
    unsafe { (address as *mut u64).write_volatile(value) }
}

fn jump(address: u64) {
    // SAFETY: there is a RET, or a fault is what the check is about.
    unsafe { core::arch::asm!("call {}", in(reg) address, clobber_abi("sysv64")) }
}

extern "C" fn jumps_into_its_page(page: Page) -> ! {
    jump(page.address() + CODE as u64 * 8);
    page.done()
}

extern "C" fn jumps_into_the_playground(page: Page) -> ! {
    jump(PLAYGROUND);
    page.set(FOUND, 1);
    page.done()
}

extern "C" fn writes(page: Page) -> ! {
    write(PLAYGROUND, MARK);
    page.set(FOUND, read(PLAYGROUND));
    page.done()
}

extern "C" fn reads(page: Page) -> ! {
    page.set(FOUND, read(page.word(CODE)));
    page.done()
}

/// A page fault at this address, of which the error code has these bits.
fn expect_page_fault(bed: &Bed, at: u64, bits: u64) -> Result<(), Failure> {
    match bed.fault()? {
        Fault::Page { address, code, .. } => {
            expect("the address", address, at)?;
            expect("the error code", code, bits)
        }
        _ => Err(Failure::Missing("page fault")),
    }
}

/// A Memory of one page that begins with this word.
fn memory_with(bed: &Bed, word: u64) -> Result<Cap<Memory>, Failure> {
    let memory = bed.pool.create_populated_memory(ONE)?;
    let mapping = Mapping::new(bed.domain, memory, ONE, Access::ReadWrite)?;
    mapping.memory().write(0, &word.to_le_bytes());
    Ok(memory)
}

fn first_word(bed: &Bed, memory: Cap<Memory>) -> Result<u64, Failure> {
    let mapping = Mapping::new(bed.domain, memory, ONE, Access::Read)?;
    let mut word = [0; 8];
    mapping.memory().read(0, &mut word);
    Ok(u64::from_le_bytes(word))
}

pub fn data_is_never_executed(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.set(CODE, RETURN);
    worker.start(jumps_into_its_page)?;
    match bed.fault()? {
        Fault::Page {
            address,
            code,
            instruction,
        } => {
            expect("the error code", code, PRESENT | USER | FETCH)?;
            expect("the instruction", instruction, address)?;
        }
        _ => return Err(Failure::Missing("page fault")),
    }
    Ok(worker.end()?)
}

pub fn code_runs_where_mapped(bed: &Bed) -> Result<(), Failure> {
    for (access, runs) in [
        (Access::Read, false),
        (Access::ReadWrite, false),
        (Access::ReadExecute, true),
    ] {
        let worker = bed.worker()?;
        worker.map(memory_with(bed, RETURN)?, 1, access)?;
        worker.start(jumps_into_the_playground)?;
        if runs {
            bed.wait()?;
        } else {
            expect_page_fault(bed, PLAYGROUND, PRESENT | USER | FETCH)?;
        }
        expect("whether it ran", worker.word(FOUND), u64::from(runs))?;
        worker.end()?;
    }
    Ok(())
}

pub fn writes_where_mapped(bed: &Bed) -> Result<(), Failure> {
    for (access, allowed) in [
        (Access::Read, false),
        (Access::ReadExecute, false),
        (Access::ReadWrite, true),
    ] {
        let worker = bed.worker()?;
        let memory = memory_with(bed, 7)?;
        worker.map(memory, 1, access)?;
        worker.start(writes)?;
        if allowed {
            bed.wait()?;
        } else {
            expect_page_fault(bed, PLAYGROUND, PRESENT | WRITE | USER)?;
        }
        let must = if allowed { MARK } else { 7 };
        expect("what is there", first_word(bed, memory)?, must)?;
        worker.end()?;
    }
    Ok(())
}

/// The kernel's image, its map of memory, its last page.
const KERNEL_ADDRESSES: [u64; 4] = [
    0xffff_ffff_8010_0000,
    0xffff_8000_0010_0000,
    0xffff_8000_0000_0000,
    0xffff_ffff_ffff_f000,
];

pub fn kernel_memory(bed: &Bed) -> Result<(), Failure> {
    for address in KERNEL_ADDRESSES {
        let worker = bed.worker()?;
        worker.set(CODE, address);
        worker.start(reads)?;
        match bed.fault()? {
            Fault::Page {
                address: at, code, ..
            } => {
                expect("the address", at, address)?;
                expect("the error code", code & !PRESENT, USER)?;
            }
            _ => return Err(Failure::Missing("page fault")),
        }
        expect("what was read", worker.word(FOUND), 0)?;
        worker.end()?;
    }
    Ok(())
}

pub fn fault_and_map(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    worker.set(CODE, PLAYGROUND + 8);
    worker.start(reads)?;
    expect_page_fault(bed, PLAYGROUND + 8, USER)?;
    let memory = bed.pool.create_populated_memory(ONE)?;
    let mapping = Mapping::new(bed.domain, memory, ONE, Access::ReadWrite)?;
    mapping.memory().write(8, &MARK.to_le_bytes());
    worker.map(memory, 1, Access::Read)?;
    bed.answer(&Message::new())?;
    bed.wait()?;
    expect("what it read", worker.word(FOUND), MARK)?;
    Ok(worker.end()?)
}

pub fn pager(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    let memory = bed.pool.create_memory(PageCount(4))?;
    let pager = bed.pool.create_endpoint()?;
    memory.set_pager(Some(pager))?;
    worker.map(memory, 4, Access::ReadWrite)?;
    worker.set(CODE, PLAYGROUND + 2 * PAGE_BYTES);
    worker.set(FOUND, 9);
    worker.start(reads)?;
    match Fault::decode(&bed.receive(pager)?) {
        Some(Fault::AbsentPage { page, .. }) => expect("the page", page, 2)?,
        _ => return Err(Failure::Missing("message to the pager")),
    }
    memory.populate(PageIndex(2), ONE)?;
    bed.answer(&Message::new())?;
    bed.wait()?;
    expect("what it read", worker.word(FOUND), 0)?;
    Ok(worker.end()?)
}

/// Writes a page so that the processor knows where it is, takes it away with `take`, and reads it.
fn touches_and(page: Page, take: impl Fn() -> bool) -> ! {
    write(PLAYGROUND, MARK);
    page.set(FOUND, read(PLAYGROUND));
    page.set(2, u64::from(take()));
    page.set(AGAIN, read(PLAYGROUND));
    page.done()
}

extern "C" fn discards(page: Page) -> ! {
    touches_and(page, || {
        invoke(MemoryDiscard {
            memory: MEMORY,
            first_page: ZERO,
            page_count: ONE,
        })
        .is_ok()
    })
}

extern "C" fn unmaps(page: Page) -> ! {
    touches_and(page, || {
        let address = UserAddress(PLAYGROUND);
        invoke(DomainUnmap {
            domain: DOMAIN,
            address,
        })
        .is_ok()
    })
}

extern "C" fn revokes(page: Page) -> ! {
    let address = UserAddress(PLAYGROUND);
    let mapped = invoke(DomainMap {
        domain: DOMAIN,
        memory: MEMORY,
        address,
        first_page: ZERO,
        page_count: ONE,
        access: Access::ReadWrite,
    });
    page.set(3, u64::from(mapped.is_ok()));
    touches_and(page, || invoke(CapabilityRevoke { slot: MEMORY }).is_ok())
}

/// A worker with a Memory of one page, which it may manage, and its own domain, in which it may map.
fn self_manager(bed: &Bed) -> Result<(Worker, Cap<Memory>), Failure> {
    let worker = bed.worker()?;
    let memory = worker.pool.create_populated_memory(ONE)?;
    let rights = MemoryRights::MANAGE | MemoryRights::READ | MemoryRights::WRITE;
    worker.domain.install(memory, MEMORY, rights, 0)?;
    worker
        .domain
        .install(worker.domain, DOMAIN, DomainRights::MAP, 0)?;
    Ok((worker, memory))
}

/// The page that the script took away is gone: reading it is a fault, with this error code.
fn expect_gone(bed: &Bed, worker: &Worker) -> Result<(), Failure> {
    expect_page_fault(bed, PLAYGROUND, USER)?;
    expect("what it wrote and read", worker.word(FOUND), MARK)?;
    expect("whether it was taken away", worker.word(2), 1)
}

pub fn discard(bed: &Bed) -> Result<(), Failure> {
    let (worker, memory) = self_manager(bed)?;
    worker.map(memory, 1, Access::ReadWrite)?;
    worker.start(discards)?;
    expect_gone(bed, &worker)?;
    memory.populate(ZERO, ONE)?;
    bed.answer(&Message::new())?;
    bed.wait()?;
    expect("what is in the new page", worker.word(AGAIN), 0)?;
    memory.delete()?;
    Ok(worker.end()?)
}

pub fn unmap(bed: &Bed) -> Result<(), Failure> {
    let (worker, memory) = self_manager(bed)?;
    worker.map(memory, 1, Access::ReadWrite)?;
    worker.start(unmaps)?;
    expect_gone(bed, &worker)?;
    memory.delete()?;
    Ok(worker.end()?)
}

pub fn revoke_mapping(bed: &Bed) -> Result<(), Failure> {
    let (worker, memory) = self_manager(bed)?;
    worker.start(revokes)?;
    expect_gone(bed, &worker)?;
    expect("whether it was mapped", worker.word(3), 1)?;
    memory.delete()?;
    Ok(worker.end()?)
}

pub fn supply(bed: &Bed) -> Result<(), Failure> {
    let worker = bed.worker()?;
    let memory = memory_with(bed, 1)?;
    worker.map(memory, 1, Access::Read)?;
    memory.supply(ZERO, ONE, memory_with(bed, MARK)?, ZERO)?;
    worker.set(CODE, PLAYGROUND);
    bed.finish(&worker, reads)?;
    expect("what it read", worker.word(FOUND), MARK)?;
    expect("what the guest reads", first_word(bed, memory)?, MARK)?;
    Ok(worker.end()?)
}

/// Pages that were written before and given back.
const DIRTIED: u64 = 64;

pub fn fresh_pages(bed: &Bed) -> Result<(), Failure> {
    let count = PageCount(DIRTIED);
    for round in 0..2 {
        let memory = bed.pool.create_populated_memory(count)?;
        {
            let mapping = Mapping::new(bed.domain, memory, count, Access::ReadWrite)?;
            check_and_dirty(&mapping, DIRTIED, round == 0)?;
        }
        memory.destroy()?;
    }
    Ok(())
}

/// The second Memory lies where the first one lay and was written.
pub fn contiguous(bed: &Bed) -> Result<(), Failure> {
    let mut addresses = [0; 2];
    for address in &mut addresses {
        let (memory, bus_address) = bed
            .pool
            .create_contiguous_memory(PageCount(8), BusRange::ALL)?;
        *address = bus_address;
        {
            let mapping = Mapping::new(bed.domain, memory, PageCount(8), Access::ReadWrite)?;
            check_and_dirty(&mapping, 8, true)?;
        }
        memory.destroy()?;
    }
    require(
        "bus address",
        addresses[0] != 0 && addresses[0].is_multiple_of(PAGE_BYTES),
    )?;
    expect("where the second one lies", addresses[1], addresses[0])
}

fn check_and_dirty(mapping: &Mapping, pages: u64, dirty: bool) -> Result<(), Failure> {
    for word in 0..(pages * PAGE_BYTES / 8) as usize {
        let word = mapping.memory().word64(word * 8);
        expect(
            "a word of a fresh page",
            word.load(core::sync::atomic::Ordering::Relaxed),
            0,
        )?;
        if dirty {
            word.store(MARK, core::sync::atomic::Ordering::Relaxed);
        }
    }
    Ok(())
}
