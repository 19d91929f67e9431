//! Frames between a device and the switch's end of its port.

mod bad_wire;
mod packets;
mod segments;
mod stack;
mod streams;

use super::super::{FRAME_BYTES_MAX, Layout, Side, layout};
use super::*;
use crate::capability::Cap;
use crate::host::shared_memory;
use crate::shared::SharedMemory;
use abi::register::Slot;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{self, Relaxed};

fn device() -> (Device, Port<'static>, SharedMemory<'static>) {
    let memory = shared_memory(layout::PORT_BYTES);
    let (device, switch) = device_at(memory);
    (device, switch, memory)
}

fn device_at(memory: SharedMemory<'static>) -> (Device, Port<'static>) {
    let doorbell = Doorbell {
        notification: Cap::from_slot(Slot(9)),
        flags: 1,
    };
    let domain = Port::try_new(memory, Side::Domain).unwrap();
    let switch = Port::try_new(memory, Side::Switch).unwrap();
    (Device::new(domain, doorbell, [2; 6]), switch)
}

#[test]
fn frames_go_through_the_device_both_ways() {
    let (mut device, switch, _) = device();
    let context = &mut Context::from_waker(Waker::noop());
    assert!(device.receive(context).is_none());
    assert!(
        switch.take_wake_request(WakeFlag::FRAMES),
        "an empty device requests a wake-up"
    );

    switch.outgoing().send(&[5; 60]).unwrap();
    let (received, transmission) = device.receive(context).unwrap();
    assert_eq!(received.consume(|frame| frame.to_vec()), [5; 60]);
    transmission.consume(70, |frame| frame.fill(6));

    let mut frame = [0; FRAME_BYTES_MAX];
    assert_eq!(switch.incoming().receive(&mut frame), Ok(Some(70)));
    assert_eq!(frame[..70], [6; 70]);
}

#[test]
fn frames_are_as_long_as_the_ports_mtu_allows() {
    for mtu in [1500, 9000, 65_000] {
        let layout = Layout::of(crate::protocol::Mtu::try_from(mtu).unwrap());
        let memory = shared_memory(layout.bytes());
        layout.write(memory);
        let (mut device, switch) = device_at(memory);
        let length = device.capabilities().max_transmission_unit;
        assert_eq!(length, 14 + mtu as usize);
        let context = &mut Context::from_waker(Waker::noop());
        let frame = vec![7; length];
        switch.outgoing().send(&frame).unwrap();
        let (received, transmission) = device.receive(context).unwrap();
        assert_eq!(received.consume(|frame| frame.to_vec()), frame);
        transmission.consume(length, |buffer| buffer.fill(8));
        let mut sent = vec![0; length];
        assert_eq!(switch.incoming().receive(&mut sent), Ok(Some(length)));
        assert_eq!(sent, vec![8; length]);
    }
}

#[test]
fn a_damaged_segment_of_tcp_is_dropped_and_a_sent_one_gets_its_checksum() {
    let (mut device, switch, _) = device();
    let context = &mut Context::from_waker(Waker::noop());
    let mut segment = [0; 60];
    segment[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6]);
    segment[26..30].copy_from_slice(&[10, 77, 0, 100]);
    switch.outgoing().send(&segment).unwrap();
    switch.outgoing().send(&[5; 60]).unwrap();
    let (received, transmission) = device.receive(context).unwrap();
    assert_eq!(received.consume(|frame| frame.to_vec()), [5; 60]);
    transmission.consume(60, |frame| frame.copy_from_slice(&segment));

    let mut sent = [0; 60];
    assert_eq!(switch.incoming().receive(&mut sent), Ok(Some(60)));
    assert_ne!(sent, segment);
    switch.outgoing().send(&sent).unwrap();
    let (received, _) = device.receive(context).unwrap();
    assert_eq!(received.consume(|frame| frame.to_vec()), sent);
}

#[test]
fn a_frame_that_the_stack_does_not_survive_is_dropped() {
    let (mut device, switch, _) = device();
    let context = &mut Context::from_waker(Waker::noop());
    let mut nobodys = [0; 60];
    nobodys[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17]);
    switch.outgoing().send(&nobodys).unwrap();
    assert!(device.receive(context).is_none());
    assert_eq!(switch.outgoing().queued(), Ok(0));
}

#[test]
fn a_flood_is_received_in_bursts() {
    let (mut device, switch, _) = device();
    let context = &mut Context::from_waker(Waker::noop());
    for _ in 0..2 * BURST + 1 {
        switch.outgoing().send(&[5; 60]).unwrap();
    }
    let mut burst = || {
        let received = core::iter::from_fn(|| device.receive(context).map(drop));
        received.count()
    };
    assert_eq!([burst(), burst(), burst(), burst()], [16, 16, 1, 0]);
}

#[test]
fn a_flood_of_damaged_frames_is_received_in_bursts() {
    let (mut device, switch, _) = device();
    let context = &mut Context::from_waker(Waker::noop());
    let mut damaged = [0; 60];
    damaged[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6]);
    damaged[26..30].copy_from_slice(&[10, 77, 0, 100]);
    for _ in 0..BURST + 1 {
        switch.outgoing().send(&damaged).unwrap();
    }
    for queued in [1, 0] {
        assert!(device.receive(context).is_none());
        assert_eq!(switch.outgoing().queued(), Ok(queued));
    }
}

#[test]
fn a_frame_waits_at_the_gate_and_those_behind_it_with_it() {
    static IS_OPEN: AtomicBool = AtomicBool::new(false);
    let (device, switch, _) = device();
    let mut device = device.with_gate(|frame, _| match frame[0] {
        0 => Passage::Dropped,
        2 if !IS_OPEN.load(Relaxed) => Passage::Closed,
        _ => Passage::Open,
    });
    let context = &mut Context::from_waker(Waker::noop());
    for first in [0, 1, 0, 0, 2, 1, 0] {
        switch.outgoing().send(&[first; 60]).unwrap();
    }
    let mut next = || {
        let (received, _) = device.receive(context)?;
        Some(received.consume(|frame| frame[0]))
    };
    assert_eq!([next(), next(), next()], [Some(1), None, None]);
    IS_OPEN.store(true, Relaxed);
    assert_eq!([next(), next(), next()], [Some(2), Some(1), None]);
}

#[test]
fn a_full_ring_stops_sending_until_there_is_space() {
    let (mut device, switch, _) = device();
    let context = &mut Context::from_waker(Waker::noop());
    while let Some(transmission) = device.transmit(context) {
        transmission.consume(60, |frame| frame.fill(1));
    }
    assert_eq!(switch.incoming().space(), Ok(0));
    switch.incoming().take();
    assert!(switch.take_wake_request(WakeFlag::SPACE));
    assert!(device.transmit(context).is_some());
}

#[test]
fn a_corrupt_port_goes_down() {
    let (mut device, switch, memory) = device();
    let context = &mut Context::from_waker(Waker::noop());
    switch.outgoing().send(&[5; 60]).unwrap();
    memory
        .word32(layout::TO_DOMAIN.slots)
        .store(9999, Ordering::Relaxed);
    assert!(device.receive(context).is_none());
    assert!(matches!(device.link_state(context), LinkState::Down));
    assert!(device.transmit(context).is_none());
}
