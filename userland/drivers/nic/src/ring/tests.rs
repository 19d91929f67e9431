//! Rings with cards that keep their contract, and with cards that violate it.

use super::*;
use runtime::host::shared_memory;
use runtime::port::{Port, Side};

/// Bit 63 of the second word marks a completed descriptor, bit 62 a damaged frame; the rest is a length.
struct Plain;

const DONE: u64 = 1 << 63;
const DAMAGED: u64 = 1 << 62;

impl Layout for Plain {
    const MARK: usize = 1;

    fn receive(buffer: DmaAddress) -> Words {
        [buffer.get(), 0]
    }

    fn received([_, status]: Words) -> Option<Completed> {
        (status & DONE != 0).then_some(Completed {
            bytes: (status & u64::from(u32::MAX)) as usize,
            is_intact: status & DAMAGED == 0,
        })
    }

    fn send(buffer: DmaAddress, bytes: usize) -> Words {
        [buffer.get(), bytes as u64]
    }

    fn is_sent([_, status]: Words) -> bool {
        status & DONE != 0
    }
}

const BASE: u64 = 0x1234_5000;

fn memory() -> DmaMemory {
    DmaMemory::new(shared_memory(RING_BYTES), DmaAddress::new(BASE))
}

fn complete(memory: DmaMemory, index: u16, status: u64) {
    let at = usize::from(index) * DESCRIPTOR_BYTES + 8;
    memory
        .memory()
        .word64(at)
        .store(DONE | status, Ordering::Relaxed);
}

fn buffer(memory: DmaMemory, index: u16) -> DmaMemory {
    memory.part(
        DESCRIPTORS_BYTES + usize::from(index) * BUFFER_BYTES,
        BUFFER_BYTES,
    )
}

#[test]
fn all_buffers_but_one_are_lent_and_used_for_ever() {
    let memory = memory();
    let mut ring = ReceiveRing::<Plain>::new(memory);
    assert_eq!(ring.publish(), Some(RING_SIZE - 1));
    assert_eq!(ring.publish(), None);
    let into = shared_memory(FRAME_BYTES_MAX);
    for round in 0..1000_u16 {
        assert!(!ring.has_frame());
        let index = round % RING_SIZE;
        let bytes = 14 + usize::from(round);
        buffer(memory, index).memory().write(0, &[round as u8; 14]);
        complete(memory, index, bytes as u64);
        assert!(ring.has_frame());
        assert_eq!(ring.receive(into), Ok(Some(Received::Frame(bytes))));
        let mut head = [0; 14];
        into.read(0, &mut head);
        assert_eq!(head, [round as u8; 14]);
        assert_eq!(ring.publish(), Some(index));
    }
}

#[test]
fn a_length_that_no_frame_has_and_a_damaged_frame_are_invalid() {
    let memory = memory();
    let mut ring = ReceiveRing::<Plain>::new(memory);
    let into = shared_memory(FRAME_BYTES_MAX);
    into.write(0, &[7; FRAME_BYTES_MAX]);
    let lies = [0, 13, 1515, BUFFER_BYTES as u64, DAMAGED | 60];
    for (index, status) in lies.into_iter().enumerate() {
        complete(memory, index as u16, status);
        assert_eq!(ring.receive(into), Ok(Some(Received::Invalid)));
    }
    let mut untouched = [0; FRAME_BYTES_MAX];
    into.read(0, &mut untouched);
    assert_eq!(untouched, [7; FRAME_BYTES_MAX]);
    assert_eq!(ring.receive(into), Ok(None));
}

#[test]
fn a_frame_larger_than_its_buffer_is_a_fault_of_the_card() {
    for bytes in [BUFFER_BYTES as u64 + 1, u64::from(u32::MAX)] {
        let memory = memory();
        let mut ring = ReceiveRing::<Plain>::new(memory);
        complete(memory, 0, bytes);
        assert!(ring.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
    }
}

#[test]
fn a_completed_descriptor_beyond_the_oldest_waits() {
    let memory = memory();
    let mut ring = ReceiveRing::<Plain>::new(memory);
    complete(memory, 1, 60);
    complete(memory, RING_SIZE - 1, 60);
    assert!(!ring.has_frame());
    complete(memory, 0, 60);
    let into = shared_memory(FRAME_BYTES_MAX);
    let mut receive = || ring.receive(into).unwrap();
    assert!(receive().is_some() && receive().is_some());
    assert_eq!(ring.receive(into), Ok(None));
}

#[test]
fn frames_are_sent_in_order_and_short_ones_are_filled_with_zeros() {
    let memory = memory();
    let mut ring = SendRing::<Plain>::new(memory);
    let link = shared_memory(runtime::port::layout::PORT_BYTES);
    let near = Port::try_new(link, Side::Switch).unwrap();
    let far = Port::try_new(link, Side::Domain).unwrap();
    for index in 0..3 * RING_SIZE {
        let length = if index % 2 == 0 { 42 } else { 1514 };
        near.outgoing()
            .send(&[index as u8 | 1; 1514][..length])
            .unwrap();
        assert!(ring.has_space());
        ring.send(&far.incoming().peek().unwrap().unwrap());
        far.incoming().take();
        let index = index % RING_SIZE;
        assert_eq!(ring.publish(), Some((index + 1) % RING_SIZE));
        let mut sent = [1; SENT_BYTES_MIN];
        buffer(memory, index).memory().read(0, &mut sent);
        assert_eq!(sent[42..].iter().all(|byte| *byte == 0), length == 42);
        let at = usize::from(index) * DESCRIPTOR_BYTES;
        let word = |at| memory.memory().word64(at).load(Ordering::Relaxed);
        assert_eq!(word(at), buffer(memory, index).address().get());
        assert_eq!(word(at + 8), length.max(SENT_BYTES_MIN) as u64);
        complete(memory, index, 0);
    }
}

#[test]
fn a_ring_that_the_card_does_not_empty_is_full() {
    let memory = memory();
    let mut ring = SendRing::<Plain>::new(memory);
    let link = shared_memory(runtime::port::layout::PORT_BYTES);
    let near = Port::try_new(link, Side::Switch).unwrap();
    near.outgoing().send(&[0; 60]).unwrap();
    let far = Port::try_new(link, Side::Domain).unwrap();
    let frame = far.incoming().peek().unwrap().unwrap();
    for _ in 1..RING_SIZE {
        assert!(ring.has_space());
        ring.send(&frame);
    }
    assert!(!ring.has_space());
    ring.send(&frame);
    assert_eq!(ring.publish(), Some(RING_SIZE - 1));
    complete(memory, 0, 0);
    assert!(ring.has_space());
}

/// As [`Plain`], with the words exchanged, few descriptors, and the last one marked.
struct Short;

impl Layout for Short {
    const SIZE: u16 = 4;
    const LAST: Words = [1 << 61, 0];
    const MARK: usize = 0;

    fn receive(buffer: DmaAddress) -> Words {
        [0, buffer.get()]
    }

    fn received([status, _]: Words) -> Option<Completed> {
        Plain::received([0, status])
    }

    fn send(buffer: DmaAddress, bytes: usize) -> Words {
        [bytes as u64, buffer.get()]
    }

    fn is_sent([status, _]: Words) -> bool {
        Plain::is_sent([0, status])
    }
}

#[test]
fn a_short_ring_ends_at_its_marked_descriptor() {
    let memory = memory();
    let mut ring = ReceiveRing::<Short>::new(memory);
    assert_eq!(ring.publish(), Some(3));
    let into = shared_memory(FRAME_BYTES_MAX);
    for round in 0..10_u16 {
        let at = usize::from(round % 4) * DESCRIPTOR_BYTES;
        let words = [0, 8].map(|word| memory.memory().word64(at + word));
        let [first, second] = words.map(|word| word.load(Ordering::Relaxed));
        assert_eq!(first, if round % 4 == 3 { 1 << 61 } else { 0 });
        assert_eq!(second, buffer(memory, round % 4).address().get());
        words[0].store(DONE | 60, Ordering::Relaxed);
        assert_eq!(ring.receive(into), Ok(Some(Received::Frame(60))));
        assert_eq!(ring.publish(), Some(round % 4));
    }
}
