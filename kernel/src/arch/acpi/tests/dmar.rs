//! The flags of DMARs.

use super::*;

/// Whether a table with these bytes after its header forbids x2APIC mode.
fn forbids(body: &[u8]) -> bool {
    let table = table_of(b"DMAR", body);
    Memory::listing(&[table]).tables(|tables| {
        let tables = tables.expect("the list is usable");
        let table = tables.table(Signature::DMAR, |_| ());
        forbids_x2apic(table.expect("a usable table"))
    })
}

#[test]
fn x2apic_mode_is_forbidden_by_its_flag_alone() {
    const ADDRESS_WIDTH: u8 = 0xff;
    for (flags, expected) in [(0, false), (0b101, false), (0b010, true), (0b111, true)] {
        let mut body = [0; 12];
        body[..2].copy_from_slice(&[ADDRESS_WIDTH, flags]);
        assert_eq!(forbids(&body), expected, "{flags:#b}");
    }
}

#[test]
fn a_table_without_flags_forbids_nothing() {
    assert!(!forbids(&[0xff]) && !forbids(&[]));
}
