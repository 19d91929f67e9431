//! Mappings, faults, pagers, and the content of pages.

use core::sync::atomic::Ordering::Relaxed;

use guest_support::worker::{PLAYGROUND, Page};
use runtime::Cap;
use runtime::abi::PAGE_BYTES;
use runtime::abi::register::{Access, PageCount, PageIndex};
use runtime::capability::{BusRange, Memory};
use runtime::fault::Fault;
use runtime::mapping::Mapping;
use runtime::message::Message;

use crate::fixture::{Failure, Fixture, expect, require};

/// Bits of a page fault's error code.
const PRESENT: u64 = 1;
const WRITE: u64 = 2;
pub const USER: u64 = 4;
const FETCH: u64 = 16;

/// The instruction RET.
const RETURN: u64 = 0xc3;
/// The word of a worker's page that holds an instruction or an address.
const CODE: usize = 8;
/// The word with the value that a script read.
pub const FOUND: usize = 0;
/// The value that is written.
pub const MARK: u64 = 0x5a5a_1234;

pub const ZERO: PageIndex = PageIndex(0);
pub const ONE: PageCount = PageCount(1);

/// Reads a word of memory, which may fault.
pub fn read(address: u64) -> u64 {
    // SAFETY: the address is in the script's playground, or the check needs the fault.
    unsafe { (address as *const u64).read_volatile() }
}

/// Writes a word of memory, which may fault.
pub fn write(address: u64, value: u64) {
    // SAFETY: as in `read`.
    unsafe { (address as *mut u64).write_volatile(value) }
}

fn jump(address: u64) {
    // SAFETY: there is a RET, or the check needs the fault.
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

/// Expects a page fault at this address with this error code.
pub fn expect_page_fault(fixture: &Fixture, at: u64, bits: u64) -> Result<(), Failure> {
    match fixture.fault()? {
        Fault::Page { address, code, .. } => {
            expect("the address", address, at)?;
            expect("the error code", code, bits)
        }
        _ => Err(Failure::missing("page fault")),
    }
}

/// Creates a Memory of one page that begins with this word.
fn memory_with(fixture: &Fixture, word: u64) -> Result<Cap<Memory>, Failure> {
    let memory = fixture.pool.create_populated_memory(ONE)?;
    let mapping = Mapping::new(fixture.domain, memory, ONE, Access::ReadWrite)?;
    mapping.memory().write(0, &word.to_le_bytes());
    Ok(memory)
}

fn first_word(fixture: &Fixture, memory: Cap<Memory>) -> Result<u64, Failure> {
    let mapping = Mapping::new(fixture.domain, memory, ONE, Access::Read)?;
    let mut word = [0; 8];
    mapping.memory().read(0, &mut word);
    Ok(u64::from_le_bytes(word))
}

pub fn data_is_never_executed(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.set(CODE, RETURN);
    worker.start(jumps_into_its_page)?;
    match fixture.fault()? {
        Fault::Page {
            address,
            code,
            instruction,
        } => {
            expect("the error code", code, PRESENT | USER | FETCH)?;
            expect("the instruction", instruction, address)?;
        }
        _ => return Err(Failure::missing("page fault")),
    }
    Ok(worker.end()?)
}

pub fn code_runs_where_mapped(fixture: &Fixture) -> Result<(), Failure> {
    for (access, runs) in [
        (Access::Read, false),
        (Access::ReadWrite, false),
        (Access::ReadExecute, true),
    ] {
        let worker = fixture.worker()?;
        worker.map(memory_with(fixture, RETURN)?, 1, access)?;
        worker.start(jumps_into_the_playground)?;
        if runs {
            fixture.wait()?;
        } else {
            expect_page_fault(fixture, PLAYGROUND, PRESENT | USER | FETCH)?;
        }
        expect("whether it ran", worker.word(FOUND), u64::from(runs))?;
        worker.end()?;
    }
    Ok(())
}

pub fn writes_where_mapped(fixture: &Fixture) -> Result<(), Failure> {
    for (access, allowed) in [
        (Access::Read, false),
        (Access::ReadExecute, false),
        (Access::ReadWrite, true),
    ] {
        let worker = fixture.worker()?;
        let memory = memory_with(fixture, 7)?;
        worker.map(memory, 1, access)?;
        worker.start(writes)?;
        if allowed {
            fixture.wait()?;
        } else {
            expect_page_fault(fixture, PLAYGROUND, PRESENT | WRITE | USER)?;
        }
        let must = if allowed { MARK } else { 7 };
        expect("the first word", first_word(fixture, memory)?, must)?;
        worker.end()?;
    }
    Ok(())
}

/// The kernel's image, its direct map of memory, its last page.
const KERNEL_ADDRESSES: [u64; 4] = [
    0xffff_ffff_8010_0000,
    0xffff_8000_0010_0000,
    0xffff_8000_0000_0000,
    0xffff_ffff_ffff_f000,
];

pub fn kernel_memory(fixture: &Fixture) -> Result<(), Failure> {
    for address in KERNEL_ADDRESSES {
        let worker = fixture.worker()?;
        worker.set(CODE, address);
        worker.start(reads)?;
        match fixture.fault()? {
            Fault::Page {
                address: at, code, ..
            } => {
                expect("the address", at, address)?;
                expect("the error code", code & !PRESENT, USER)?;
            }
            _ => return Err(Failure::missing("page fault")),
        }
        expect("the value read", worker.word(FOUND), 0)?;
        worker.end()?;
    }
    Ok(())
}

pub fn fault_and_map(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    worker.set(CODE, PLAYGROUND + 8);
    worker.start(reads)?;
    expect_page_fault(fixture, PLAYGROUND + 8, USER)?;
    let memory = fixture.pool.create_populated_memory(ONE)?;
    let mapping = Mapping::new(fixture.domain, memory, ONE, Access::ReadWrite)?;
    mapping.memory().write(8, &MARK.to_le_bytes());
    worker.map(memory, 1, Access::Read)?;
    fixture.send_reply(&Message::new())?;
    fixture.wait()?;
    expect("the value read", worker.word(FOUND), MARK)?;
    Ok(worker.end()?)
}

pub fn pager(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    let memory = fixture.pool.create_memory(PageCount(4))?;
    let pager = fixture.pool.create_endpoint()?;
    memory.set_pager(Some(pager))?;
    worker.map(memory, 4, Access::ReadWrite)?;
    worker.set(CODE, PLAYGROUND + 2 * PAGE_BYTES);
    worker.set(FOUND, 9);
    worker.start(reads)?;
    match Fault::decode(&fixture.receive(pager)?) {
        Some(Fault::AbsentPage { page, .. }) => expect("the page", page, 2)?,
        _ => return Err(Failure::missing("message to the pager")),
    }
    memory.populate(PageIndex(2), ONE)?;
    fixture.send_reply(&Message::new())?;
    fixture.wait()?;
    expect("the value read", worker.word(FOUND), 0)?;
    Ok(worker.end()?)
}

pub fn supply(fixture: &Fixture) -> Result<(), Failure> {
    let worker = fixture.worker()?;
    let memory = memory_with(fixture, 1)?;
    worker.map(memory, 1, Access::Read)?;
    memory.supply(ZERO, ONE, memory_with(fixture, MARK)?, ZERO)?;
    worker.set(CODE, PLAYGROUND);
    fixture.finish(&worker, reads)?;
    expect("the value read", worker.word(FOUND), MARK)?;
    expect(
        "the value that the guest reads",
        first_word(fixture, memory)?,
        MARK,
    )?;
    Ok(worker.end()?)
}

/// The number of pages that are written, released and created again.
const DIRTIED: u64 = 64;

pub fn fresh_pages(fixture: &Fixture) -> Result<(), Failure> {
    let count = PageCount(DIRTIED);
    for round in 0..2 {
        let memory = fixture.pool.create_populated_memory(count)?;
        {
            let mapping = Mapping::new(fixture.domain, memory, count, Access::ReadWrite)?;
            check_and_dirty(&mapping, DIRTIED, round == 0)?;
        }
        memory.destroy()?;
    }
    Ok(())
}

/// The second Memory gets the frames of the first one, which were written.
pub fn contiguous(fixture: &Fixture) -> Result<(), Failure> {
    let mut addresses = [0; 2];
    for address in &mut addresses {
        let (memory, bus_address) = fixture
            .pool
            .create_contiguous_memory(PageCount(8), BusRange::ALL)?;
        *address = bus_address;
        {
            let mapping = Mapping::new(fixture.domain, memory, PageCount(8), Access::ReadWrite)?;
            check_and_dirty(&mapping, 8, true)?;
        }
        memory.destroy()?;
    }
    require(
        "bus address",
        addresses[0] != 0 && addresses[0].is_multiple_of(PAGE_BYTES),
    )?;
    expect("the second address", addresses[1], addresses[0])
}

fn check_and_dirty(mapping: &Mapping, pages: u64, dirty: bool) -> Result<(), Failure> {
    for word in 0..(pages * PAGE_BYTES / 8) as usize {
        let word = mapping.memory().word64(word * 8);
        expect("a word of a fresh page", word.load(Relaxed), 0)?;
        if dirty {
            word.store(MARK, Relaxed);
        }
    }
    Ok(())
}
