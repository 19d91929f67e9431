//! Values in the rings of a machine's first network card that the card itself would never write, so that its driver fails.

use std::time::{Duration, Instant};

use crate::Machine;
use crate::fleet::LIMIT;

/// A virtio NIC's queues, and the size of those queues and of the rings of Intel's cards.
const RECEIVE_QUEUE: u16 = 0;
const SEND_QUEUE: u16 = 1;
const QUEUE_SIZE: u16 = 128;
/// The size of the rings of Realtek's cards.
const REALTEK_QUEUE_SIZE: u64 = 64;

/// How long a driver may take to notice the change to its memory, before the change is repeated.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// Writes a value into a ring that the card itself would never write, so that the driver fails. If the card overwrites it first,
/// this is repeated.
///
/// # Panics
///
/// If the driver does not end.
pub fn end_driver(machine: &mut Machine, forge: fn(&mut Machine)) {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        forge(machine);
        if machine
            .wait_for("nic0 has exception 6", SEEN_WITHIN)
            .is_ok()
        {
            return;
        }
    }
    panic!("the driver does not end");
}

/// Forges a used buffer that the driver never made available.
pub fn forge_used_buffer(machine: &mut Machine) {
    let mut debugger = machine.debugger();
    let (ring, used) = machine.used_ring(SEND_QUEUE);
    let entry = ring + 4 + 8 * u64::from(used % QUEUE_SIZE);
    let forged = [0xff; 8];
    debugger.write(entry, &forged).expect("QEMU writes");
    let used = used.wrapping_add(1).to_le_bytes();
    debugger.write(ring + 2, &used).expect("QEMU writes");
    debugger.detach().expect("QEMU resumes");
}

/// Forges available buffers that do not exist, an error for which the NIC itself asks for a reset once it receives a frame.
pub fn forge_available_buffers(machine: &mut Machine) {
    let mut debugger = machine.debugger();
    let entries = machine.available_ring(RECEIVE_QUEUE) + 4;
    let forged = [0xff; 2 * QUEUE_SIZE as usize];
    debugger.write(entries, &forged).expect("QEMU writes");
    debugger.detach().expect("QEMU resumes");
}

/// Forges received frames that are larger than their buffers: the card's next frame, which it may overwrite, and the one after it.
fn forge_received_frames(machine: &mut Machine, second_word: [u8; 8]) {
    let mut debugger = machine.debugger();
    let (ring, head) = machine.receive_ring();
    for index in [head, head + 1] {
        let descriptor = ring + 16 * u64::from(index % QUEUE_SIZE);
        debugger
            .write(descriptor + 8, &second_word)
            .expect("QEMU writes");
    }
    debugger.detach().expect("QEMU resumes");
}

/// Forges such frames in the legacy layout of Intel's cards.
pub fn forge_legacy_frames(machine: &mut Machine) {
    forge_received_frames(machine, [0xff, 0xff, 0, 0, 0b11, 0, 0, 0]);
}

/// Forges such frames in the advanced layout of Intel's cards.
pub fn forge_advanced_frames(machine: &mut Machine) {
    forge_received_frames(machine, [0b11, 0, 0, 0, 0xff, 0xff, 0, 0]);
}

/// Forges such frames in Realtek's layout, in all descriptors: the card does not report its position while it has no descriptor.
pub fn forge_realtek_frames(machine: &mut Machine) {
    let mut debugger = machine.debugger();
    let ring = machine.nic_register(1, 0xe4);
    for index in 0..REALTEK_QUEUE_SIZE {
        let forged = 0x3000_1fff_u32.to_le_bytes();
        debugger
            .write(ring + 16 * index, &forged)
            .expect("QEMU writes");
    }
    debugger.detach().expect("QEMU resumes");
}

/// Forges the event that a vmxnet3 has stopped a queue, in the memory that it shares with its driver. Such memory of earlier drivers
/// is changed, too.
pub fn forge_stopped_queue(machine: &mut Machine) {
    const MAGIC: u32 = 0xbabe_fee1;
    const EVENTS: u64 = 696;
    let mut debugger = machine.debugger();
    for page in machine.pages_that_begin_with(&MAGIC.to_le_bytes()) {
        debugger
            .write(page + EVENTS, &[1, 0, 0, 0])
            .expect("QEMU writes");
    }
    debugger.detach().expect("QEMU resumes");
}
