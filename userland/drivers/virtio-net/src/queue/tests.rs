//! The queue against the NIC's side of it.

extern crate std;

use super::*;
use crate::fake::FakeQueue;
use runtime::host::shared_memory;
use std::vec::Vec;

const NOWHERE: DmaAddress = DmaAddress::new(0);

/// A NIC with one queue, which may mark any buffer as used.
struct FakeNic {
    memory: DmaMemory,
    queue: FakeQueue,
}

impl FakeNic {
    /// The driver's flags and index.
    fn head(&self) -> (u16, u16) {
        let head = self.memory.memory().word32(AVAILABLE);
        let head = head.load(Ordering::Relaxed);
        (head as u16, (head >> 16) as u16)
    }

    /// The index, address, length and access of each buffer that became available since the last call.
    fn take_available(&mut self) -> Vec<(u16, u64, u32, bool)> {
        let next = || self.queue.take(&self.memory);
        core::iter::from_fn(next)
            .map(|lent| (lent.id, lent.address, lent.bytes, lent.is_writable))
            .collect()
    }

    fn mark_used(&mut self, index: u32, bytes: u32) {
        self.queue.give_back(&self.memory, (index, bytes), 1);
    }
}

fn pair() -> (Queue, FakeNic) {
    pair_of(QUEUE_SIZE_MAX)
}

fn pair_of(size: u16) -> (Queue, FakeNic) {
    let memory = DmaMemory::new(shared_memory(QUEUE_BYTES), NOWHERE);
    let queue = Queue::new(memory, size);
    let addresses = queue.addresses();
    let places = [addresses.descriptors, addresses.available, addresses.used];
    let fake = FakeQueue::new(size, places.map(DmaAddress::get));
    (
        queue,
        FakeNic {
            memory,
            queue: fake,
        },
    )
}

/// Offers and publishes these buffers, which the NIC takes.
fn lend(queue: &mut Queue, nic: &mut FakeNic, buffers: &[u16]) {
    for buffer in buffers {
        queue.offer(Buffer(*buffer), NOWHERE, 1, Purpose::Send);
    }
    assert!(queue.publish());
    assert_eq!(nic.take_available().len(), buffers.len());
}

#[test]
fn the_nic_sees_buffers_only_after_they_are_published() {
    let (mut queue, mut nic) = pair();
    queue.offer(
        Buffer(5),
        DmaAddress::new(0xdead_0000),
        100,
        Purpose::Receive,
    );
    queue.offer(Buffer(6), DmaAddress::new(0xbeef_0000), 60, Purpose::Send);
    assert!(nic.take_available().is_empty());
    assert!(queue.publish());
    assert_eq!(
        nic.take_available(),
        [(5, 0xdead_0000, 100, true), (6, 0xbeef_0000, 60, false)]
    );
    assert!(!queue.publish(), "nothing was offered since");
}

#[test]
fn buffers_are_reused_indefinitely() {
    for (mut queue, mut nic) in [pair(), pair_of(8)] {
        for round in 0..100_000u32 {
            let buffer = Buffer((round % 7) as u16);
            queue.offer(buffer, NOWHERE, 1, Purpose::Send);
            let _ = queue.publish();
            assert_eq!(nic.take_available().len(), 1);
            nic.mark_used(buffer.0.into(), round);
            assert_eq!(queue.take(), Ok(Some((buffer, round))));
            assert_eq!(queue.take(), Ok(None));
        }
    }
}

#[test]
fn a_nic_that_suppresses_notifications_gets_none() {
    let (mut queue, nic) = pair();
    nic.queue.suppress_notifications(&nic.memory, true);
    queue.offer(Buffer(0), NOWHERE, 1, Purpose::Send);
    assert!(!queue.publish());
}

#[test]
fn the_interrupt_flag_and_the_index_do_not_overwrite_each_other() {
    let (mut queue, mut nic) = pair();
    queue.set_interrupts(false);
    assert_eq!(nic.head(), (1, 0));
    lend(&mut queue, &mut nic, &[0]);
    assert_eq!(nic.head(), (1, 1));
    queue.set_interrupts(true);
    assert_eq!(nic.head(), (0, 1));
}

#[test]
fn a_used_buffer_that_was_not_lent_is_an_error() {
    for id in [3, u32::from(QUEUE_SIZE_MAX), 0x1_0001, u32::MAX] {
        let (mut queue, mut nic) = pair();
        lend(&mut queue, &mut nic, &[1, 2]);
        nic.mark_used(id, 0);
        assert_eq!(queue.take(), Err(UsedRingError));
    }
    let (mut queue, mut nic) = pair();
    lend(&mut queue, &mut nic, &[1, 2]);
    nic.mark_used(1, 0);
    nic.mark_used(1, 0);
    assert!(queue.take().is_ok());
    assert_eq!(queue.take(), Err(UsedRingError));
}

#[test]
fn more_used_buffers_than_are_lent_are_an_error() {
    // The entries of earlier rounds name buffers that are lent again.
    for (size, step) in [(8, 3), (8, 9), (8, 0x8000), (8, 0xffff), (128, 0xffff)] {
        let (mut queue, mut nic) = pair_of(size);
        for round in 0..u32::from(size) {
            lend(&mut queue, &mut nic, &[round as u16 % 4]);
            nic.mark_used(round % 4, 60);
            assert!(queue.take().is_ok());
        }
        lend(&mut queue, &mut nic, &[0, 1]);
        nic.queue.give_back(&nic.memory, (0, 60), step);
        assert_eq!(queue.take(), Err(UsedRingError), "{size} {step}");
    }
}
