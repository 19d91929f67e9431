//! Correct tables, and defective ones as some firmware writes them.

mod dmar;
mod fadt;
mod madt;
mod mcfg;

use super::*;
use std::collections::BTreeMap;
use std::vec::Vec;

/// Physical memory with tables in it. Everything else is out of reach.
#[derive(Default)]
struct Memory(BTreeMap<u64, Vec<u8>>);

impl Memory {
    fn with(mut self, address: u64, bytes: Vec<u8>) -> Self {
        self.0.insert(address, bytes);
        self
    }

    /// A machine whose XSDT lists these tables. They follow one another in memory.
    fn listing(tables: &[Vec<u8>]) -> Self {
        let addresses: Vec<u64> = (0..tables.len() as u64)
            .map(|number| TABLES + (number << 16))
            .collect();
        let memory = Self::default()
            .with(POINTER, pointer(RSDT, XSDT))
            .with(XSDT, xsdt(&addresses));
        let tables = addresses.into_iter().zip(tables);
        tables.fold(memory, |memory, (address, table)| {
            memory.with(address, table.clone())
        })
    }

    fn read(&self, address: u64, count: usize) -> Option<&[u8]> {
        let (start, bytes) = self.0.range(..=address).next_back()?;
        bytes.get((address - start) as usize..)?.get(..count)
    }

    /// Runs `action` on the tables found from the root pointer.
    fn tables<T>(&self, action: impl FnOnce(Result<Tables<'_>, Problem>) -> T) -> T {
        let read = |address, count| self.read(address, count);
        action(Tables::find(&read, POINTER))
    }

    /// The MADT, and the reported problems.
    fn madt(&self) -> (Option<Vec<u8>>, Vec<Problem>) {
        let mut problems = Vec::new();
        let found = self.tables(|tables| {
            let tables = tables.expect("the list is usable");
            let table = tables.table(Signature::MADT, |problem| problems.push(problem));
            table.map(<[u8]>::to_vec)
        });
        (found, problems)
    }

    fn problem(&self) -> Option<Problem> {
        self.tables(|tables| tables.err())
    }
}

const POINTER: u64 = 0x100;
const XSDT: u64 = 0x1000;
const RSDT: u64 = 0x2000;
const TABLES: u64 = 0x1_0000;

// The specification's numbers, to check the layouts against.
const HEADER_BYTES: usize = 36;
const LENGTH_OFFSET: usize = 4;
const POINTER_BYTES: usize = 20;
const LONG_POINTER_BYTES: usize = 36;
const POINTER_REVISION_OFFSET: usize = 15;
const RSDT_OFFSET: usize = 16;

/// Sets the byte at this offset so that the bytes add up to zero.
fn sum_up(bytes: &mut [u8], at: usize) {
    bytes[at] = 0;
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[at] = sum.wrapping_neg();
}

fn table_of(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    bytes.extend((HEADER_BYTES as u32 + body.len() as u32).to_le_bytes());
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend(body);
    sum_up(&mut bytes, 9);
    bytes
}

fn xsdt(addresses: &[u64]) -> Vec<u8> {
    let body: Vec<u8> = addresses.iter().flat_map(|one| one.to_le_bytes()).collect();
    table_of(b"XSDT", &body)
}

fn rsdt(addresses: &[u32]) -> Vec<u8> {
    let body: Vec<u8> = addresses.iter().flat_map(|one| one.to_le_bytes()).collect();
    table_of(b"RSDT", &body)
}

/// A root pointer of ACPI 2.0.
fn pointer(rsdt: u64, xsdt: u64) -> Vec<u8> {
    let mut bytes = b"RSD PTR \0OEMID \x02".to_vec();
    bytes[POINTER_REVISION_OFFSET] = 2;
    bytes.extend((rsdt as u32).to_le_bytes());
    bytes.extend(36_u32.to_le_bytes());
    bytes.extend(xsdt.to_le_bytes());
    bytes.resize(LONG_POINTER_BYTES, 0);
    sum_up(&mut bytes[..POINTER_BYTES], 8);
    sum_up(&mut bytes, 32);
    bytes
}

fn madt_of(entries: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend(entries.concat());
    table_of(b"APIC", &body)
}

const CORE: &[u8] = &[0, 8, 7, 3, 1, 0, 0, 0];
const CHIP: &[u8] = &[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0];

#[test]
fn finds_a_table_through_the_long_list() {
    let memory = Memory::listing(&[table_of(b"FACP", &[]), madt_of(&[CORE])]);
    assert_eq!(memory.madt(), (Some(madt_of(&[CORE])), vec![]));
    let none = Memory::listing(&[table_of(b"FACP", &[])]);
    assert_eq!(none.madt(), (None, vec![]));
}

#[test]
fn finds_a_table_through_the_short_list_of_an_old_machine() {
    let mut old = pointer(RSDT, 0);
    old.truncate(POINTER_BYTES);
    old[POINTER_REVISION_OFFSET] = 0;
    sum_up(&mut old, 8);
    let memory = Memory::default()
        .with(POINTER, old)
        .with(RSDT, rsdt(&[TABLES as u32]))
        .with(TABLES, madt_of(&[CORE]));
    assert!(memory.madt().0.is_some());
}

#[test]
fn uses_the_short_list_if_the_long_one_is_unusable() {
    let mut damaged = xsdt(&[TABLES]);
    damaged[HEADER_BYTES] ^= 1;
    for (address, long_list) in [(XSDT, damaged), (1 << 40, xsdt(&[TABLES]))] {
        let memory = Memory::default()
            .with(POINTER, pointer(RSDT, XSDT))
            .with(address, long_list)
            .with(RSDT, rsdt(&[TABLES as u32]))
            .with(TABLES, madt_of(&[CORE]));
        assert!(memory.madt().0.is_some());
    }
}

#[test]
fn skips_zeros_in_the_list() {
    let memory = Memory::listing(&[madt_of(&[CORE])]).with(XSDT, xsdt(&[0, 0, TABLES, 0]));
    assert!(memory.madt().0.is_some());
}

#[test]
fn counts_tables_out_of_reach_and_uses_the_others() {
    let memory =
        Memory::listing(&[madt_of(&[CORE])]).with(XSDT, xsdt(&[1 << 33, TABLES, u64::MAX]));
    assert!(memory.madt().0.is_some());
    let unreachable = memory.tables(|tables| tables.map(|tables| tables.unreachable()));
    assert_eq!(unreachable, Ok(2));
}

#[test]
fn a_root_that_is_out_of_reach_or_damaged_is_a_problem() {
    let address = 1 << 33;
    let beyond = Memory::default().with(POINTER, pointer(0, address));
    assert_eq!(beyond.problem(), Some(Problem::OutOfReach { address }));

    let address = POINTER;
    let nothing = Memory::default();
    assert_eq!(nothing.problem(), Some(Problem::OutOfReach { address }));
    let mut damaged = pointer(RSDT, XSDT);
    damaged[RSDT_OFFSET] ^= 1;
    let damaged = Memory::default().with(POINTER, damaged);
    assert_eq!(damaged.problem(), Some(Problem::Checksum { address }));
    let other = Memory::default().with(POINTER, vec![0; LONG_POINTER_BYTES]);
    assert_eq!(other.problem(), Some(Problem::Signature { address }));
}

#[test]
fn a_table_with_a_wrong_checksum_or_length_is_not_used() {
    let address = TABLES;
    let mut damaged = madt_of(&[CORE]);
    damaged[HEADER_BYTES] ^= 1;
    let memory = Memory::listing(&[damaged]);
    assert_eq!(memory.madt(), (None, vec![Problem::Checksum { address }]));
    for length in [0, HEADER_BYTES - 1, u32::MAX as usize] {
        let mut table = madt_of(&[CORE]);
        table[LENGTH_OFFSET..][..4].copy_from_slice(&(length as u32).to_le_bytes());
        let memory = Memory::listing(&[table]);
        let problem = Problem::Length { address, length };
        assert_eq!(memory.madt(), (None, vec![problem]));
    }
    let mut table = madt_of(&[CORE]);
    table[LENGTH_OFFSET..][..4].copy_from_slice(&4096_u32.to_le_bytes());
    let memory = Memory::listing(&[table]);
    assert_eq!(memory.madt(), (None, vec![Problem::OutOfReach { address }]));
}

#[test]
fn a_manufacturers_name_may_be_any_bytes() {
    let mut root = pointer(RSDT, XSDT);
    root[9..15].fill(0xff);
    sum_up(&mut root[..POINTER_BYTES], 8);
    sum_up(&mut root, 32);
    let mut table = madt_of(&[CORE]);
    table[10..24].fill(0xff);
    sum_up(&mut table, 9);
    let memory = Memory::listing(&[table.clone()]).with(POINTER, root);
    assert_eq!(memory.madt(), (Some(table), vec![]));
}

#[test]
fn a_second_table_replaces_a_damaged_one() {
    let mut damaged = madt_of(&[CORE]);
    damaged[HEADER_BYTES] ^= 1;
    let memory = Memory::listing(&[damaged, madt_of(&[CHIP])]);
    assert_eq!(memory.madt().0, Some(madt_of(&[CHIP])));
}

#[test]
fn the_hpet_is_in_memory_or_not_used() {
    let registers: u64 = 0xfed0_0000;
    let hpet = |space: u8| {
        let mut body = vec![0, 0, 0, 0, space, 0, 0, 0];
        body.extend(registers.to_le_bytes());
        body
    };
    for (body, expected) in [
        (hpet(0), Some(registers)),
        (hpet(1), None),
        (vec![0; 16], None),
        (vec![0; 10], None),
    ] {
        let memory = Memory::listing(&[table_of(b"HPET", &body)]);
        let found = memory.tables(|tables| tables.map(|tables| tables.hpet(|_| ())));
        assert_eq!(found, Ok(expected));
    }
}
