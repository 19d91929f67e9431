//! The segment groups in correct and malformed MCFGs.

use super::*;

/// A table with entries for these segment groups, without its last `missing` bytes.
fn mcfg(segments: &[u16], missing: usize) -> Vec<u8> {
    let mut body = vec![0; 8];
    for segment in segments {
        body.extend(0xb000_0000_u64.to_le_bytes());
        body.extend(segment.to_le_bytes());
        body.extend([0, 0xff, 0xee, 0xee, 0xee, 0xee]);
    }
    body.truncate(body.len() - missing);
    table_of(b"MCFG", &body)
}

fn found(table: Vec<u8>) -> Vec<u16> {
    Memory::listing(&[table]).tables(|tables| {
        let tables = tables.expect("the list is usable");
        let table = tables.table(Signature::MCFG, |_| ());
        table.map_or(Vec::new(), |table| further_segments(table).collect())
    })
}

#[test]
fn the_segment_groups_after_the_first_one_are_found() {
    assert!(found(mcfg(&[0], 0)).is_empty());
    assert_eq!(found(mcfg(&[0, 1, 0x123], 0)), [1, 0x123]);
}

#[test]
fn an_entry_that_is_cut_off_is_ignored() {
    assert_eq!(found(mcfg(&[0, 2, 3], 1)), [2]);
    assert!(found(mcfg(&[], 1)).is_empty());
}
