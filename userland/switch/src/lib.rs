//! A learning Ethernet switch whose ports are rings in shared memory.
//!
//! | module | noun |
//! | --- | --- |
//! | [`frame`] | an Ethernet header: who sends, who shall receive |
//! | [`forwarding`] | which ports a frame goes to, and what is learned from it. Pure |
//! | [`away`] | the addresses of domains that have left. Pure |
//! | [`announcement`] | telling everybody where an address is now. Pure |
//! | [`buffer`] | the frames that wait for room in a ring. Pure |
//! | [`losses`] | when lost frames are reported. Pure |
//! | [`port`] | a ring with its owner's bell |
//! | [`switch`] | all ports: moving frames in batches |
//! | [`commands`] | what root wants the ports to be |
//!
//! A domain's port has one Ethernet address and at most one IPv4 address: frames that come from there with others, in their
//! header, as an IPv4 packet's source or as an ARP message's sender, are dropped, so that no domain can pass for another. Network cards are uplinks, behind which all other stations are; frames do not pass from one
//! uplink to another. Frames that come too late for a domain that was moved go to the migration server, through its
//! tunnel. Frames that find a ring full wait in the switch's own buffer. A port whose ring lies is disabled and harms only
//! itself.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod announcement;
pub mod away;
pub mod buffer;
pub mod commands;
pub mod forwarding;
pub mod frame;
pub mod losses;
pub mod port;
pub mod switch;

use runtime::capability::{Cap, Domain, Endpoint, Notification};
use runtime::protocol::ports::COMMANDS_FLAG;
use runtime::{Start, clock, heap};

use buffer::Buffer;
use commands::Commands;
use switch::Switch;

/// How often the switch looks at all rings before it looks at what else there is to do: under a flood that never ends,
/// root's commands, announcements and what expires wait no longer than that.
const PASSES_MAX: usize = 8;

/// The switch's first function.
pub fn main(start: Start) -> ! {
    let doorbell: Cap<Notification> = start.require("doorbell");
    let mut commands = Commands::new(start.require::<Endpoint>("ports"));
    let buffer = Buffer::for_heap(heap::free_bytes());
    log::info!("room for {} frames beyond the rings", buffer.limit());
    let mut switch = Switch::new(start.require::<Domain>("domain"), buffer);
    let mut flags = 0;
    loop {
        let now_ns = clock::now_ns();
        if flags & COMMANDS_FLAG != 0 || now_ns >= commands.next_ns() {
            commands.carry_out(&mut switch);
        }
        switch.expire(now_ns);
        switch.announce(now_ns);
        switch.report_losses(now_ns);
        let deadline = match switch.forward(PASSES_MAX) {
            true => switch.next_ns().min(commands.next_ns()),
            // Only looks for flags.
            false => 0,
        };
        flags = doorbell
            .wait_until_ns(deadline)
            .unwrap_or_else(|error| panic!("the doorbell: {error}"));
    }
}
