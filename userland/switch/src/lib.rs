//! A learning Ethernet switch whose ports are rings in shared memory.
//!
//! | module | content |
//! | --- | --- |
//! | [`frame`] | the addresses in a frame's headers |
//! | [`forwarding`] | the forwarding decision for a frame, and address learning. Pure |
//! | [`away`] | the addresses of domains that have left. Pure |
//! | [`announcement`] | announcing the new location of an address. Pure |
//! | [`buffer`] | the frames queued for a full ring. Pure |
//! | [`counters`] | the statistics of a port. Pure |
//! | [`losses`] | the reports of lost frames. Pure |
//! | [`outgoing`] | a frame to be sent, in the switch's memory or in a ring |
//! | [`port`] | a ring and its owner's notification |
//! | [`switch`] | the switch with all its ports: forwarding in batches |
//! | [`commands`] | root's commands about the ports |
//!
//! A domain's port has one Ethernet address and at most one IPv4 address. A frame from the port is dropped if it has another
//! source address: in the Ethernet header, as an IPv4 packet's source, or as an ARP message's sender. So no domain can
//! impersonate another. NICs are uplinks, behind which all other stations are; frames are not forwarded between uplinks. Frames
//! that still arrive for a domain that was moved go to the migration server through its tunnel. Frames for a full ring are
//! queued in the switch's own buffer. A port with a corrupt ring is disabled and harms only itself.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod announcement;
mod away;
mod buffer;
mod commands;
mod counters;
mod forwarding;
mod frame;
mod losses;
mod outgoing;
mod port;
mod switch;

use runtime::capability::{Cap, Domain, Endpoint, Notification};
use runtime::protocol::ports::COMMANDS_FLAG;
use runtime::{Start, clock, heap};

use buffer::Buffer;
use commands::Commands;
use switch::Switch;

/// The maximum number of passes over all rings before the switch handles its other work: under an endless flood,
/// root's commands, announcements and expiries are delayed by at most these passes.
const PASSES_MAX: usize = 8;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    let doorbell: Cap<Notification> = start.require("doorbell");
    let mut commands = Commands::new(start.require::<Endpoint>("ports"));
    let buffer = Buffer::for_heap(heap::free_bytes());
    log::info!("room for {} frames beyond the rings", buffer.limit());
    let mut switch = Switch::new(start.require::<Domain>("domain"), buffer);
    let (mut flags, mut next_ns) = (0, 0);
    loop {
        let now_ns = clock::now_ns();
        if flags & COMMANDS_FLAG != 0 || now_ns >= next_ns {
            if flags & COMMANDS_FLAG != 0 || now_ns >= commands.next_ns() {
                commands.execute(&mut switch);
            }
            switch.expire(now_ns);
            switch.announce(now_ns);
            switch.report_losses(now_ns);
        }
        let is_done = switch.forward(PASSES_MAX);
        next_ns = switch.next_ns().min(commands.next_ns());
        // If frames are left, the flags are only polled.
        let deadline = if is_done { next_ns } else { 0 };
        flags = doorbell
            .wait_until_ns(deadline)
            .unwrap_or_else(|error| panic!("the doorbell: {error}"));
    }
}
