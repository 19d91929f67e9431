//! The driver against a NIC that keeps the rules of virtio: [`FakeNic`].

extern crate std;

use core::sync::atomic::{AtomicU64, Ordering};
use std::vec;
use std::vec::Vec;

use nic::DmaAddress;
use nic::host::contract::{self, MAC, NicModel};
use nic::host::{receive_all, send};
use runtime::host::shared_memory;

use super::*;
use crate::configuration::Kind;
use crate::device::VECTOR;
use crate::fake::{FEATURES, FakeNic, Fault, NOTIFY_MULTIPLIER};
use crate::features::{FEATURE_LINK, FEATURE_MAC};

/// At least as much as a driver takes for the standard MTU: two queues, and their buffers.
pub const MEMORY_BYTES: usize = 2 * (QUEUE_BYTES + 128 * 2048);

/// Memory for a driver and its NIC.
pub fn memory(bytes: usize) -> DmaMemory {
    static NEXT: AtomicU64 = AtomicU64::new(0x7_5000_0000);
    // No two memories have an address in common, so that a NIC cannot reach an earlier driver's by chance.
    let address = NEXT.fetch_add(2 * bytes as u64, Ordering::Relaxed);
    DmaMemory::new(shared_memory(bytes), DmaAddress::new(address))
}

/// A NIC that does not run yet, and a driver for it with parts of this memory, for a port of this MTU.
fn stopped(
    fake: &FakeNic,
    memory: DmaMemory,
    port: Mtu,
    vector: Option<u16>,
) -> Result<Stopped<FakeNic, impl Allocate>, InitError> {
    let [common, notify, specific] =
        [Kind::Common, Kind::Notify, Kind::Device].map(|kind| fake.block(kind));
    let device = Device::new(common, (notify, NOTIFY_MULTIPLIER), specific, vector)?;
    let mut taken = 0;
    let allocate = move |bytes: usize| {
        let part = memory.part(taken, bytes);
        taken += bytes.next_multiple_of(4096);
        Ok(part)
    };
    Ok(Stopped {
        device,
        port,
        allocate,
    })
}

/// Starts a driver with parts of this memory, for a port of this MTU.
fn start_for(
    fake: &FakeNic,
    memory: DmaMemory,
    port: Mtu,
    vector: Option<u16>,
) -> Result<VirtioNet<FakeNic>, InitError> {
    nic::host::start(stopped(fake, memory, port, vector)?, fake)
}

/// Starts a driver for this NIC, with its interrupt.
pub fn start(fake: &FakeNic, memory: DmaMemory) -> Result<VirtioNet<FakeNic>, InitError> {
    start_for(fake, memory, Mtu::STANDARD, Some(VECTOR))
}

/// A NIC that this function has changed, and a driver for it.
pub fn started_with(change: impl FnOnce(&FakeNic)) -> (VirtioNet<FakeNic>, FakeNic) {
    let memory = memory(MEMORY_BYTES);
    let fake = FakeNic::new(memory);
    change(&fake);
    let nic = start(&fake, memory).expect("a NIC that works");
    (nic, fake)
}

/// A NIC without defects, and a driver for it.
pub fn started() -> (VirtioNet<FakeNic>, FakeNic) {
    started_with(|_| {})
}

/// Moves a few frames both ways.
fn carries_some_frames(nic: &mut VirtioNet<FakeNic>, fake: &FakeNic) {
    for round in 0..3 {
        assert!(fake.deliver(&[round; 60]) && send(nic, &[round; 70]));
        assert_eq!(receive_all(nic), [Some(vec![round; 60])]);
        assert_eq!(fake.sent(), [vec![round; 70]]);
    }
}

/// Numbers without a pattern, the same in each run.
fn randoms() -> impl Iterator<Item = u64> {
    let mut state = 1_u64;
    core::iter::repeat_with(move || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        state ^ state >> 29
    })
}

#[test]
fn is_reset_whatever_state_it_was_in_and_has_its_address() {
    let memory = memory(MEMORY_BYTES);
    for (status, random) in (0..=0xff).cycle().zip(randoms()).take(1024) {
        memory.memory().write(0, &[0; MEMORY_BYTES]);
        let fake = FakeNic::new(memory);
        fake.leave(status, random);
        let mut nic = start(&fake, memory).expect("a NIC that works");
        assert_eq!(nic.mac(), Some(MAC));
        assert_eq!(nic.link(), Some(Link::UpWithoutSpeed));
        assert!(fake.is_promiscuous() && !fake.takes_interrupt());
        carries_some_frames(&mut nic, &fake);
    }
}

#[test]
fn is_reset_before_it_may_reach_memory() {
    let memory = memory(MEMORY_BYTES);
    let fake = FakeNic::new(memory);
    let card = || stopped(&fake, memory, Mtu::STANDARD, Some(VECTOR)).expect("its registers");
    let mut nic = contract::is_reset_before_it_masters_the_bus(card, &fake);
    carries_some_frames(&mut nic, &fake);
}

#[test]
fn a_driver_that_is_started_again_works_whatever_the_last_one_left() {
    let fake = FakeNic::new(memory(MEMORY_BYTES));
    for random in randoms().take(50) {
        // The memory of the last driver has another owner by now, so the NIC must not reach it.
        let memory = memory(MEMORY_BYTES);
        let fake = fake.with_memory(memory);
        let mut nic = start(&fake, memory).expect("a NIC that works");
        fake.hold_sending(false);
        carries_some_frames(&mut nic, &fake);
        nic.set_space_interrupt(random & 1 != 0);
        fake.hold_sending(true);
        for frame in 0..random as u8 % 130 {
            fake.deliver(&[frame; 60]);
            send(&mut nic, &[frame; 60]);
        }
        if random & 2 != 0 {
            fake.demand_reset();
        }
        fake.set_link(random & 4 != 0);
        fake.set_link(true);
        // Its frames are lost with the reset.
        drop(nic);
        fake.leave(random as u8, random);
    }
}

#[test]
fn frames_are_received_and_sent_over_many_rounds_of_the_rings() {
    let (mut nic, fake) = started();
    contract::carries_frames_both_ways(&mut nic, &fake);
}

#[test]
fn a_nic_with_short_queues_works() {
    for size in [1, 2, 64, 128, 1024] {
        let (mut nic, fake) = started_with(|fake| {
            fake.set_queue_size(0, size);
            fake.set_queue_size(1, size);
        });
        assert!(fake.has_queues_of(size.min(128)));
        contract::carries_frames_both_ways(&mut nic, &fake);
    }
}

#[test]
fn frames_beyond_the_buffers_are_lost() {
    let (mut nic, fake) = started();
    let reported = contract::loses_frames_beyond(&mut nic, &fake, 128);
    assert_eq!(reported, 0, "a NIC does not count them");
}

#[test]
fn sent_frames_interrupt_only_when_space_is_wanted() {
    let (mut nic, fake) = started();
    contract::interrupts_for_space_if_wanted(&mut nic, &fake);
}

#[test]
fn a_change_of_the_link_is_an_event() {
    let (mut nic, fake) = started();
    contract::reports_each_change_of_the_link(&mut nic, &fake);
}

#[test]
fn a_change_of_the_link_with_a_frame_in_the_ring_is_an_event() {
    let (mut nic, fake) = started();
    contract::reports_a_change_of_the_link_beside_a_frame(&mut nic, &fake);
}

#[test]
fn a_link_that_falls_before_the_nic_reports_changes_is_reported_when_it_returns() {
    let (mut nic, fake) = started_with(|fake| fake.fault(Fault::LinkFallsAtStart));
    // The driver logs this state.
    assert_eq!(nic.link(), Some(Link::Down));
    fake.set_link(true);
    assert!(nic.acknowledge().link);
    assert_eq!(nic.link(), Some(Link::UpWithoutSpeed));
}

#[test]
fn a_nic_that_polls_is_not_notified() {
    let (mut nic, fake) = started();
    send(&mut nic, &[1; 60]);
    assert_eq!((fake.sent().len(), fake.take_notifications()), (1, 1));
    fake.poll_sending(true);
    send(&mut nic, &[2; 60]);
    assert_eq!(fake.take_notifications(), 0);
    fake.send_all();
    assert_eq!(fake.sent().len(), 1);
    fake.poll_sending(false);
    send(&mut nic, &[3; 60]);
    assert_eq!((fake.sent().len(), fake.take_notifications()), (1, 1));
}

#[test]
fn a_nic_without_messages_is_polled() {
    let memory = memory(MEMORY_BYTES);
    let fake = FakeNic::new(memory);
    fake.remove_vectors();
    let refused = start(&fake, memory).err();
    assert_eq!(refused, Some(InitError::ConfigurationVector));
    let mut nic = start_for(&fake, memory, Mtu::STANDARD, None).expect("a NIC that works");
    carries_some_frames(&mut nic, &fake);
    fake.set_link(false);
    assert!(nic.acknowledge().link && !fake.takes_interrupt());
}

#[test]
fn a_nic_has_an_address_a_link_and_an_mtu_if_it_offers_them() {
    let (mut nic, fake) = started_with(|fake| {
        fake.set_features(FEATURES & !FEATURE_MAC & !FEATURE_LINK);
        fake.set_mtu(1400);
    });
    assert_eq!((nic.mac(), nic.link()), (None, None));
    assert_eq!(nic.frame_bytes_max(), 1414);
    fake.set_link(false);
    assert!(!nic.acknowledge().link);
    // It says nothing about its link, so it may receive.
    fake.set_link(true);
    carries_some_frames(&mut nic, &fake);
}

#[test]
fn a_port_with_a_large_mtu_gets_long_frames() {
    let memory = memory(6 << 20);
    let fake = FakeNic::new(memory);
    let port = Mtu::try_from(9000).expect("an MTU");
    let mut nic = start_for(&fake, memory, port, Some(VECTOR)).expect("a NIC that works");
    assert_eq!(nic.frame_bytes_max(), 9014);
    let into = shared_memory(9014);
    for round in 0..300_u32 {
        let frame: Vec<u8> = (0..9014).map(|at| (at + round) as u8).collect();
        assert!(fake.deliver(&frame));
        assert_eq!(nic.receive(into), Ok(Some(Received::Frame(9014))));
        nic.publish();
        let mut received = vec![0; 9014];
        into.read(0, &mut received);
        assert_eq!(received, frame);
    }
}

#[test]
fn an_address_that_changes_while_it_is_read_is_read_again() {
    let (nic, fake) = started_with(|fake| fake.fault(Fault::Torn(3)));
    assert_eq!(nic.mac(), Some(fake.mac()));
    assert_ne!(nic.mac(), Some(MAC));
}

#[test]
fn a_nic_that_needs_a_reset_ends_the_driver_and_gets_it() {
    for has_frame in [false, true] {
        let (mut nic, fake) = started();
        if has_frame {
            assert!(fake.deliver(&[1; 60]));
        }
        fake.demand_reset();
        assert!(fake.takes_interrupt());
        if nic.acknowledge().has_unread {
            assert_eq!(receive_all(&mut nic).len(), 1);
            nic.acknowledge();
        }
        assert!(nic.has_space().is_err());
        assert!(nic.receive(shared_memory(1514)).is_err());
        let memory = memory(MEMORY_BYTES);
        let fake = fake.with_memory(memory);
        let mut nic = start(&fake, memory).expect("a NIC that works");
        carries_some_frames(&mut nic, &fake);
    }
}
