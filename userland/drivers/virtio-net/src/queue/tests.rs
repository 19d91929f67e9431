//! The queue against a fake NIC.

use super::*;
use alloc::vec::Vec;
use runtime::host::shared_memory;

const NOWHERE: DmaAddress = DmaAddress::new(0);

/// A NIC that may mark any buffer as used, whether it was offered or not.
struct FakeNic {
    memory: SharedMemory<'static>,
    size: u16,
    /// Its index in the available ring.
    available: u16,
    /// Its index in the used ring.
    used: u16,
}

impl FakeNic {
    fn u16_at(&self, at: usize) -> u16 {
        let mut bytes = [0; 2];
        self.memory.read(at, &mut bytes);
        u16::from_le_bytes(bytes)
    }

    /// The index, address, length and flags of each buffer that became available since the last call.
    fn take_available(&mut self) -> Vec<(u16, u64, u32, u16)> {
        let mut buffers = Vec::new();
        while self.available != self.u16_at(AVAILABLE + 2) {
            let place = usize::from(self.available % self.size);
            let index = self.u16_at(AVAILABLE + HEAD_BYTES + 2 * place);
            let at = usize::from(index) * DESCRIPTOR_BYTES;
            let address = self.memory.word64(at).load(Ordering::Relaxed);
            let bytes = self.memory.word32(at + 8).load(Ordering::Relaxed);
            buffers.push((index, address, bytes, self.u16_at(at + 12)));
            self.available = self.available.wrapping_add(1);
        }
        buffers
    }

    fn mark_used(&mut self, index: u32, bytes: u32) {
        let at = USED + HEAD_BYTES + usize::from(self.used % self.size) * USED_ENTRY_BYTES;
        self.memory.word32(at).store(index, Ordering::Relaxed);
        self.memory.word32(at + 4).store(bytes, Ordering::Relaxed);
        self.used = self.used.wrapping_add(1);
        self.memory.write(USED + 2, &self.used.to_le_bytes());
    }
}

fn pair() -> (Queue, FakeNic) {
    pair_of(QUEUE_SIZE_MAX)
}

fn pair_of(size: u16) -> (Queue, FakeNic) {
    let memory = shared_memory(QUEUE_BYTES);
    let nic = FakeNic {
        memory,
        size,
        available: 0,
        used: 0,
    };
    (Queue::new(DmaMemory::new(memory, NOWHERE), size), nic)
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
        [(5, 0xdead_0000, 100, 2), (6, 0xbeef_0000, 60, 0)]
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
    nic.memory.write(USED, &[1, 0]);
    queue.offer(Buffer(0), NOWHERE, 1, Purpose::Send);
    assert!(!queue.publish());
}

#[test]
fn the_interrupt_flag_and_the_index_do_not_overwrite_each_other() {
    let (mut queue, mut nic) = pair();
    queue.set_interrupts(false);
    assert_eq!(nic.u16_at(AVAILABLE), 1);
    queue.offer(Buffer(0), NOWHERE, 1, Purpose::Send);
    let _ = queue.publish();
    assert_eq!(nic.u16_at(AVAILABLE), 1);
    assert_eq!(nic.take_available().len(), 1);
    queue.set_interrupts(true);
    assert_eq!((nic.u16_at(AVAILABLE), nic.u16_at(AVAILABLE + 2)), (0, 1));
}

#[test]
fn a_used_buffer_that_was_not_lent_is_an_error() {
    let (mut queue, mut nic) = pair();
    nic.mark_used(3, 0);
    assert_eq!(queue.take(), Err(UsedRingError));
    let (mut queue, mut nic) = pair();
    nic.mark_used(QUEUE_SIZE_MAX.into(), 0);
    assert_eq!(queue.take(), Err(UsedRingError));
    let (mut queue, mut nic) = pair();
    queue.offer(Buffer(1), NOWHERE, 1, Purpose::Send);
    nic.mark_used(1, 0);
    nic.mark_used(1, 0);
    assert!(queue.take().is_ok());
    assert_eq!(queue.take(), Err(UsedRingError));
}
