//! A domain that lies to everyone it can reach: to the switch through its ring, to root through its messages, to the kernel through
//! its slots, and finally to itself through a wild pointer.
//!
//! All of its attacks must harm only itself. It logs each attack, so that a test can follow.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::sync::atomic::Ordering;

use runtime::capability::{Cap, Domain, Endpoint, Notification};
use runtime::message::Message;
use runtime::shared::SharedMemory;
use runtime::{Error, Slot, Start, clock, entry};

runtime::entry!(main);

/// An unmapped address.
const WILD: usize = 0x1234_5678_9000;
/// The number of times that the ring is overwritten.
const SCRIBBLES: u32 = 50;
const MILLISECOND_NS: u64 = 1_000_000;
/// The size of the ring's header.
const HEADER_BYTES: usize = 4096;
/// More words than a message has.
const WORDS_TOO_MANY: usize = 70;
/// More slots than the domain has.
const SLOTS_TOO_MANY: u32 = 200;
/// More lines than a domain may log at once.
const LINES_TOO_MANY: u32 = 3000;
/// The time without lines after which a line is accepted again.
const SILENCE_NS: u64 = 1_000_000_000;

fn main(start: Start) -> ! {
    if let Some(ring) = start.shared_memory("port") {
        scribble(&start, ring);
    }
    lie_to_root(&start);
    flood_the_log(&start);
    lie_to_the_kernel();
    log::info!("and now a wild pointer");
    // SAFETY: none. The access faults, which the test waits for.
    unsafe { (WILD as *mut u8).write_volatile(1) };
    entry::stop()
}

/// Overwrites the ring's counters and wake flags with noise, and signals the doorbell.
fn scribble(start: &Start, ring: SharedMemory) {
    let doorbell: Cap<Notification> = start.require("doorbell");
    let flag: u64 = start.require_argument("doorbell");
    let wake: Cap<Notification> = start.require("wake");
    let mut noise = 1u32;
    for _ in 0..SCRIBBLES {
        for offset in (0..HEADER_BYTES).step_by(4) {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ring.word32(offset).store(noise, Ordering::Relaxed);
        }
        // Some flags belong to root: the kernel allows only the port's flag.
        assert_eq!(doorbell.signal(u64::MAX), Err(Error::MissingRight));
        let _ = doorbell.signal(flag);
        let _ = wake.wait_until_ns(clock::now_ns() + MILLISECOND_NS);
    }
    log::info!("scribbled over the ring");
}

/// Logs more lines than it may, waits, and logs that it did.
fn flood_the_log(start: &Start) {
    for number in 0..LINES_TOO_MANY {
        log::info!("flood, line {number}");
    }
    let wake: Cap<Notification> = start.require("wake");
    let until_ns = clock::now_ns() + SILENCE_NS;
    while clock::now_ns() < until_ns {
        let _ = wake.wait_until_ns(until_ns);
    }
    log::info!("flooded the log");
}

/// Sends messages of every length, with meaningless words and unwanted capabilities.
fn lie_to_root(start: &Start) {
    let endpoint: Cap<Endpoint> = start.require("log");
    for words in 0..WORDS_TOO_MANY {
        let noise = (0..words).fold(Message::new(), |message, _| message.word(u64::MAX));
        let _ = endpoint.call(&noise);
    }
    let domain: Cap<Domain> = start.require("domain");
    let gift = Message::of(&[1, u64::from(b'!')]);
    let gift = gift
        .capability(domain)
        .capability(domain)
        .capability(domain);
    for _ in 0..SLOTS_TOO_MANY {
        // Root's log endpoint accepts words only, so the kernel refuses capabilities.
        assert_eq!(endpoint.call(&gift), Err(Error::MissingRight));
    }
    log::info!("lied to root");
}

/// Uses every slot as an endpoint, and then destroys its object.
fn lie_to_the_kernel() {
    for slot in (0..SLOTS_TOO_MANY).chain([u32::MAX]) {
        let slot = Slot(slot);
        let _ = Cap::<Endpoint>::from_slot(slot).send(&Message::of(&[u64::MAX]));
        let _ = Cap::<Endpoint>::from_slot(slot).destroy();
    }
    log::info!("lied to the kernel");
}
