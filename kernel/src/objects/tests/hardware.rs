//! Access to ports within the range of a capability; random numbers and the restart of the machine through the Hardware.

use std::collections::BTreeSet;

use abi::calls::{CapabilityMint, IoIn, IoOut, IoPortsCreate, Random, Reboot};
use abi::register::Width;
use abi::{Error, HardwareRights};

use super::driver::{FIRST, HARDWARE, driver};
use crate::arch::IoWidth;
use crate::arch::fake::Event;
use crate::testing::{TestDomain, World, slots};

const WIDTHS: [(Width, IoWidth, u32); 3] = [
    (Width::Byte, IoWidth::Byte, 1),
    (Width::Word, IoWidth::Word, 2),
    (Width::Long, IoWidth::Long, 4),
];

fn ports(first: u16, count: u32) -> IoPortsCreate {
    IoPortsCreate {
        pool: slots::POOL,
        hardware: HARDWARE,
        first,
        count,
        into: FIRST,
    }
}

/// Expects this result of reading and of writing a port, and that the machine sees both accesses or none.
fn expect(
    (world, actor): (&World, TestDomain),
    port: u16,
    (width, io_width): (Width, IoWidth),
    expected: Result<(), Error>,
) {
    let (ports, value) = (FIRST, 0x5a5a_5a5a);
    world.machine.take_events();
    let read = IoIn { ports, port, width };
    let read = world.call(actor, read).map(|_| ());
    let write = IoOut {
        ports,
        port,
        width,
        value,
    };
    let written = world.call(actor, write);
    assert_eq!([read, written], [expected; 2], "{port:#x} {width:?}");
    let mut events = world.machine.take_events();
    events.retain(|event| matches!(event, Event::IoRead { .. } | Event::IoWrite { .. }));
    let width = io_width;
    let seen = [
        Event::IoRead { port, width },
        Event::IoWrite { port, width, value },
    ];
    let seen: &[Event] = if expected.is_ok() { &seen } else { &[] };
    assert_eq!(events, seen);
}

#[test]
fn an_access_needs_every_port_to_be_in_the_range() {
    for (first, count) in [(0x300, 8), (0x300, 1), (0, 2), (0xfffa, 6)] {
        let (world, actor) = driver();
        world.does(actor, ports(first, count));
        let (first, end) = (u32::from(first), u32::from(first) + count);
        let near = first.saturating_sub(5)..(end + 5).min(1 << 16);
        for port in near.chain([0, 0x80, 0xffff]) {
            for (width, io_width, bytes) in WIDTHS {
                let within = first <= port && port + bytes <= end;
                let expected = within.then_some(()).ok_or(Error::ArgumentRange);
                let scene = (&world, actor);
                expect(scene, port as u16, (width, io_width), expected);
            }
        }
    }
}

#[test]
fn refuses_ports_beyond_the_last() {
    let (world, actor) = driver();
    for (first, count) in [
        (0x300, 0),
        (0xffff, 2),
        (1, 1 << 16),
        (0, 65_537),
        (2, u32::MAX),
    ] {
        let refused = world.call(actor, ports(first, count));
        assert_eq!(refused, Err(Error::ArgumentRange), "{first:#x} {count}");
    }
    world.does(actor, ports(0, 1 << 16));
}

#[test]
fn every_bit_of_a_random_number_is_random() {
    const DRAWS: usize = 256;
    let (world, actor) = driver();
    let hardware = HARDWARE;
    let draws: Vec<u64> = (0..DRAWS)
        .map(|_| world.does(actor, Random { hardware }))
        .collect();
    assert_eq!(draws.iter().collect::<BTreeSet<_>>().len(), DRAWS);
    for bit in 0..64 {
        let ones = draws.iter().filter(|word| *word >> bit & 1 == 1).count();
        assert!(
            (DRAWS / 4..DRAWS * 3 / 4).contains(&ones),
            "bit {bit}: {ones}"
        );
    }
}

#[test]
fn the_machine_restarts_through_a_capability_with_that_right_only() {
    let (world, actor) = driver();
    let hardware = FIRST;
    let devices_only = CapabilityMint {
        from: HARDWARE,
        to: hardware,
        rights: HardwareRights::CREATE.into(),
        badge: 0,
    };
    world.does(actor, devices_only);
    world.machine.take_events();
    let refused = world.call(actor, Reboot { hardware });
    assert_eq!(refused, Err(Error::MissingRight));
    assert!(!world.machine.take_events().contains(&Event::Reboot));
    world.does(actor, Reboot { hardware: HARDWARE });
    assert!(world.machine.take_events().contains(&Event::Reboot));
}
