//! The register that restarts the machine, in correct and malformed FADTs.

use super::*;
use crate::arch::reset::{Register, Reset};

// The specification's numbers (ACPI 6.5, table 5.9), to check the layout against.
const FLAGS_OFFSET: usize = 112;
const RESET_REGISTER_OFFSET: usize = 116;
const RESET_VALUE_OFFSET: usize = 128;
const RESET_REG_SUP: u32 = 1 << 10;

/// The size of ACPI 1.0's table, which has no register.
const SHORT_BYTES: usize = 116;

const MEMORY: u8 = 0;
const IO: u8 = 1;
const CONFIGURATION: u8 = 2;
const EMBEDDED_CONTROLLER: u8 = 3;

/// A table with these flags, this register (address space, bits, first bit, address) and this value.
fn fadt(flags: u32, (space, bits, first_bit, address): (u8, u8, u8, u64), value: u8) -> Vec<u8> {
    let mut table = vec![0; 276];
    table[FLAGS_OFFSET..][..4].copy_from_slice(&flags.to_le_bytes());
    table[RESET_REGISTER_OFFSET..][..4].copy_from_slice(&[space, bits, first_bit, 1]);
    table[RESET_REGISTER_OFFSET + 4..][..8].copy_from_slice(&address.to_le_bytes());
    table[RESET_VALUE_OFFSET] = value;
    let body = table.split_off(HEADER_BYTES);
    table_of(b"FACP", &body)
}

#[test]
fn the_register_is_a_port_an_address_or_in_configuration_space() {
    let configuration = Register::Configuration {
        device: 31,
        function: 3,
        offset: 0xac,
    };
    for (space, address, register) in [
        (IO, 0xcf9, Register::Port(0xcf9)),
        (MEMORY, 0xfed0_8000, Register::Memory(0xfed0_8000)),
        (CONFIGURATION, 0x1f_0003_00ac, configuration),
    ] {
        let table = fadt(RESET_REG_SUP | 1, (space, 8, 0, address), 0xf);
        let value = 0xf;
        let memory = Memory::listing(&[table]);
        let found = memory.tables(|tables| {
            let tables = tables.expect("the list is usable");
            tables
                .table(Signature::FADT, |_| ())
                .and_then(reset_register)
        });
        assert_eq!(found, Some(Reset { register, value }));
    }
}

#[test]
fn a_register_that_is_not_flagged_or_not_as_specified_is_not_used() {
    let port = (IO, 8, 0, 0xcf9);
    for (flags, register) in [
        (0, port),
        (!RESET_REG_SUP, port),
        (RESET_REG_SUP, (IO, 8, 0, 0x1_0000)),
        (RESET_REG_SUP, (IO, 16, 0, 0xcf9)),
        (RESET_REG_SUP, (IO, 8, 1, 0xcf9)),
        (RESET_REG_SUP, (MEMORY, 8, 0, 0)),
        (RESET_REG_SUP, (CONFIGURATION, 8, 0, 32 << 32)),
        (RESET_REG_SUP, (CONFIGURATION, 8, 0, 8 << 16)),
        (RESET_REG_SUP, (CONFIGURATION, 8, 0, 0x100)),
        (RESET_REG_SUP, (CONFIGURATION, 8, 0, 1 << 48)),
        (RESET_REG_SUP, (EMBEDDED_CONTROLLER, 8, 0, 0xcf9)),
        (RESET_REG_SUP, (0x40, 8, 0, 0xcf9)),
    ] {
        let table = fadt(flags, register, 6);
        assert_eq!(reset_register(&table), None, "{flags:#x} {register:x?}");
    }
}

#[test]
fn a_table_that_ends_before_the_register_has_none() {
    let table = fadt(RESET_REG_SUP, (IO, 8, 0, 0xcf9), 6);
    for count in [0, FLAGS_OFFSET + 3, SHORT_BYTES, RESET_VALUE_OFFSET] {
        assert_eq!(reset_register(&table[..count]), None, "{count}");
    }
    assert!(reset_register(&table[..=RESET_VALUE_OFFSET]).is_some());
}
