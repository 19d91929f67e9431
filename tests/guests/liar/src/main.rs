//! A domain that lies to everybody it can reach: to the switch through its ring, to root through its messages, to the
//! kernel through its slots, and at last to itself through a wild pointer.
//!
//! Everything that it does is a way to do harm that must harm only itself. It says what it does, so that a test can
//! follow.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(unsafe_code)]

#[cfg(target_os = "none")]
runtime::entry!(liar::main);

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod liar {
    use core::sync::atomic::Ordering;

    use runtime::capability::{Cap, Domain, Endpoint, Notification};
    use runtime::message::Message;
    use runtime::shared::SharedMemory;
    use runtime::{Error, Slot, Start, clock, entry};

    /// An unmapped address.
    const WILD: usize = 0x1234_5678_9000;
    /// How often the ring is scribbled over.
    const SCRIBBLES: u32 = 50;
    const MILLISECOND_NS: u64 = 1_000_000;
    /// Bytes of the ring's header.
    const HEADER_BYTES: usize = 4096;
    /// More words than a message has.
    const WORDS_TOO_MANY: usize = 70;
    /// More slots than the domain has.
    const SLOTS_TOO_MANY: u32 = 200;
    /// More lines than anybody may say at once.
    const LINES_TOO_MANY: u32 = 3000;
    /// After so long a silence a line is let through again.
    const SILENCE_NS: u64 = 1_000_000_000;

    /// Lies.
    pub fn main(start: Start) -> ! {
        if let Some(ring) = start.shared_memory("port") {
            scribble(&start, ring);
        }
        lie_to_root(&start);
        flood_the_log(&start);
        lie_to_the_kernel();
        log::info!("and now a wild pointer");
        // SAFETY: It is not sound at all: it faults, which is what the test waits for.
        unsafe { (WILD as *mut u8).write_volatile(1) };
        entry::stop()
    }

    /// Overwrites the ring's counters and wake flags with noise, and rings.
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
            // Every flag, root's own for the switch among them: the kernel lets no other through than the port's.
            assert_eq!(doorbell.signal(u64::MAX), Err(Error::MissingRight));
            let _ = doorbell.signal(flag);
            let _ = wake.wait_until_ns(clock::now_ns() + MILLISECOND_NS);
        }
        log::info!("scribbled over the ring");
    }

    /// Says more than it may, and after a silence that it did.
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

    /// Sends messages of every length, with senseless words and with capabilities that nobody asked for.
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
            // Root's log takes words only: the kernel does not let them through.
            assert_eq!(endpoint.call(&gift), Err(Error::MissingRight));
        }
        log::info!("lied to root");
    }

    /// Uses every slot as if it were an endpoint's, and then destroys what is there.
    fn lie_to_the_kernel() {
        for slot in (0..SLOTS_TOO_MANY).chain([u32::MAX]) {
            let slot = Slot(slot);
            let _ = Cap::<Endpoint>::from_slot(slot).send(&Message::of(&[u64::MAX]));
            let _ = Cap::<Endpoint>::from_slot(slot).destroy();
        }
        log::info!("lied to the kernel");
    }
}
