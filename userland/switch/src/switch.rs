//! The switch with all its ports. It forwards frames in batches, and wakes only owners that requested a wake-up.

use alloc::vec::Vec;

use abi::{Error, NO_DEADLINE};
use runtime::capability::{Cap, Domain, Memory, Notification};
use runtime::heap;
use runtime::port::{HeldFrame, Layout, RingError, WakeFlag};
use runtime::protocol::Ipv4;
use runtime::protocol::ports::{PortKind, PortNumber};

use crate::announcement::{self, Announcements};
use crate::buffer::Buffer;
use crate::forwarding::{Forwarding, PortEntry, Route, Service};
use crate::frame::Header;
use crate::outgoing::Outgoing;
use crate::port::Port;

/// The number of frames forwarded from one port before the next port's turn.
const BATCH: usize = 32;

#[derive(Debug)]
pub struct Switch {
    domain: Cap<Domain>,
    ports: Vec<Port>,
    buffer: Buffer,
    forwarding: Forwarding,
    announcements: Announcements,
}

impl Switch {
    /// Creates a switch without ports, in this domain, with this buffer for queued frames.
    pub fn new(domain: Cap<Domain>, buffer: Buffer) -> Switch {
        Switch {
            domain,
            ports: Vec::new(),
            buffer,
            forwarding: Forwarding::default(),
            announcements: Announcements::default(),
        }
    }

    /// The free bytes of the heap. The buffer's memory is among them: it is kept for frames, however many were ever queued.
    pub fn heap_free(&self) -> usize {
        heap::free_bytes().saturating_add(self.buffer.heap_bytes())
    }

    /// Attaches a port with a ring of this layout. The port is not active yet. It replaces an existing port of the same
    /// number.
    ///
    /// # Errors
    /// The reason its ring cannot be mapped.
    pub fn attach(
        &mut self,
        entry: PortEntry,
        layout: Layout,
        ring: Cap<Memory>,
        wake: Cap<Notification>,
    ) -> Result<(), Error> {
        self.detach(entry.port);
        let port = Port::new(self.domain, entry, layout, ring, wake)?;
        self.ports.push(port);
        Ok(())
    }

    /// Activates a port, and announces its IPv4 address.
    pub fn activate(&mut self, number: PortNumber, ip: Option<Ipv4>) {
        let ip = ip.map(|ip| ip.address.octets());
        self.set_entry(number, |entry| PortEntry {
            ip,
            service: Service::Active,
            ..entry
        });
        if let Some(ip) = ip {
            self.announcements.begin(number, ip);
        }
    }

    /// Stops serving a port whose domain is leaving or has stopped. Frames queued for it go into the tunnel if the domain is
    /// leaving and there is a tunnel; otherwise they are dropped.
    pub fn quiesce(&mut self, number: PortNumber, service: Service) {
        self.set_entry(number, |entry| PortEntry { service, ..entry });
        self.announcements.end(number);
        let Some(index) = self.index_of(number) else {
            return;
        };
        match self.tunnel_of(index) {
            Some(tunnel) => {
                let waiting = self.ports[index].take_waiting();
                self.ports[tunnel].send_later(&mut self.buffer, waiting);
            }
            None => self.ports[index].drop_waiting(&mut self.buffer),
        }
    }

    /// Removes a port.
    pub fn detach(&mut self, number: PortNumber) {
        self.forwarding.remove(number);
        self.close(number);
    }

    /// Removes a port whose domain now runs elsewhere. Frames for it that still arrive go through the tunnel for a while.
    pub fn depart(&mut self, number: PortNumber, now_ns: u64) {
        self.forwarding.depart(number, now_ns);
        self.close(number);
    }

    /// Forgets expired addresses of domains that have left.
    pub fn expire(&mut self, now_ns: u64) {
        self.forwarding.expire(now_ns);
    }

    fn close(&mut self, number: PortNumber) {
        self.announcements.end(number);
        let Some(index) = self.index_of(number) else {
            return;
        };
        let mut port = self.ports.remove(index);
        port.drop_waiting(&mut self.buffer);
        log::info!("port {} closes: {:?}", number.0, port.counters);
        port.close();
    }

    /// Resets a port's forwarding entry to the inactive one that it was attached with, and applies this change.
    fn set_entry(&mut self, number: PortNumber, change: impl FnOnce(PortEntry) -> PortEntry) {
        if let Some(index) = self.index_of(number) {
            let port = &mut self.ports[index];
            let entry = change(port.entry());
            port.is_active = entry.is_active();
            self.forwarding.set(entry);
        }
    }

    /// The tunnel for frames to a port's domain, if the domain is leaving or away.
    fn tunnel_of(&self, index: usize) -> Option<usize> {
        let tunnel = self.forwarding.tunnel_to(self.ports[index].entry().mac)?;
        self.index_of(tunnel)
    }

    fn index_of(&self, number: PortNumber) -> Option<usize> {
        self.ports.iter().position(|port| port.number() == number)
    }

    /// Sends due announcements.
    pub fn announce(&mut self, now_ns: u64) {
        for (number, ip) in self.announcements.take_due(now_ns) {
            let Some(entry) = self.forwarding.find(number) else {
                continue;
            };
            let frame = announcement::frame(entry.mac, ip);
            self.deliver(
                number,
                Route::ToAll(PortKind::Uplink),
                Outgoing::Own(&frame),
            );
        }
        self.wake_receivers();
    }

    /// Logs due reports of losses.
    pub fn report_losses(&mut self, now_ns: u64) {
        for port in &mut self.ports {
            port.report_losses(now_ns);
        }
    }

    /// The time of the next expiry, announcement or report; [`NO_DEADLINE`] if there is none.
    pub fn next_ns(&self) -> u64 {
        let reports = self.ports.iter().filter_map(Port::report_due_ns);
        let others = [self.announcements.next_ns(), self.forwarding.next_ns()];
        let next = reports.chain(others.into_iter().flatten()).min();
        next.unwrap_or(NO_DEADLINE)
    }

    /// Forwards frames until none can be moved, or for this many passes over all ports; returns whether none can be moved. If so,
    /// the switch may wait: the port that sends the next frame, or makes space for a queued one, signals the switch.
    pub fn forward(&mut self, passes: usize) -> bool {
        repeat(passes, || {
            let ports = 0..self.ports.len();
            let is_last = ports.fold(true, |is_last, index| {
                self.send_waiting(index);
                is_last & (self.forward_batch(index) < BATCH)
            });
            is_last && !self.frames_wait()
        })
    }

    /// Requests wake-ups, then checks again; returns whether any frame can be moved.
    fn frames_wait(&self) -> bool {
        let active = self.ports.iter().filter(|port| port.is_active);
        active.fold(false, |waiting, port| waiting | port.request_wake())
    }

    /// Moves frames queued for a port to its ring as far as there is space.
    fn send_waiting(&mut self, index: usize) {
        let port = &mut self.ports[index];
        if !port.has_waiting() {
            return;
        }
        let number = port.number();
        let sent = port.send_waiting(&mut self.buffer);
        port.wake_receiver();
        if let Err(error) = sent {
            self.disable(number, error);
        }
    }

    /// Forwards a batch of a port's frames; returns their number. An error of the ring counts as a frame.
    fn forward_batch(&mut self, index: usize) -> usize {
        let port = &self.ports[index];
        let (number, ring) = (port.number(), port.ring());
        let ring = ring.ends().incoming();
        let mut moved = 0;
        while moved < BATCH && self.ports[index].is_active {
            match ring.peek() {
                Ok(Some(frame)) => {
                    self.dispatch(index, &frame.hold());
                    ring.take();
                }
                Ok(None) => break,
                Err(error) => self.disable(number, error),
            }
            moved += 1;
        }
        if moved > 0 {
            self.ports[index].wake(WakeFlag::SPACE);
            self.wake_receivers();
        }
        moved
    }

    fn dispatch(&mut self, index: usize, frame: &HeldFrame<'_>) {
        let port = &mut self.ports[index];
        let number = port.number();
        port.counters.received += 1;
        let Some(header) = Header::parse(frame.head()) else {
            return;
        };
        match self.forwarding.decide(number, &header) {
            Route::Forged => port.counters.dropped_forged += 1,
            route => self.deliver(number, route, Outgoing::Held(frame)),
        }
    }

    /// Sends a frame to its target ports.
    fn deliver(&mut self, from: PortNumber, route: Route, frame: Outgoing<'_>) {
        if let Route::To(target) = route {
            // The target is never the sender.
            let index = self.index_of(target);
            let index = index.filter(|&index| self.ports[index].is_active);
            index.into_iter().for_each(|index| self.put(index, &frame));
            return;
        }
        for index in 0..self.ports.len() {
            let target = self.ports[index].number();
            if self.forwarding.goes_to(from, route, target) {
                self.put(index, &frame);
            }
        }
    }

    /// Sends a frame to a port.
    fn put(&mut self, index: usize, frame: &Outgoing<'_>) {
        let port = &mut self.ports[index];
        let number = port.number();
        if let Err(error) = port.send(&mut self.buffer, frame) {
            self.disable(number, error);
        }
    }

    /// Wakes the owners that received frames and requested a wake-up: once for many frames.
    fn wake_receivers(&mut self) {
        for port in &mut self.ports {
            port.wake_receiver();
        }
    }

    fn disable(&mut self, number: PortNumber, error: RingError) {
        log::error!(
            "port {} is disabled, its ring is corrupt: {error}",
            number.0
        );
        self.quiesce(number, Service::Stopped);
    }
}

/// Calls `is_last` up to this many times, until it returns `true`; returns whether it did.
fn repeat(passes: usize, mut is_last: impl FnMut() -> bool) -> bool {
    (0..passes).any(|_| is_last())
}

#[cfg(test)]
mod tests;
