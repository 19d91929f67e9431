//! All ports: moving frames in batches, waking only those who wait.

use alloc::vec::Vec;

use abi::Error;
use runtime::capability::{Cap, Domain, Memory, Notification};
use runtime::port::{FRAME_BYTES_MAX, RingError, WakeFlag};
use runtime::protocol::ports::{PortKind, PortNumber};
use runtime::protocol::{Ipv4, Mac};

use crate::announcement::{self, Announcements};
use crate::buffer::Buffer;
use crate::forwarding::{Forwarding, Service, Station, Verdict};
use crate::frame::Header;
use crate::port::Port;

/// How many frames of one port are moved before the next port's.
const BATCH: usize = 32;

/// The switch.
#[derive(Debug)]
pub struct Switch {
    domain: Cap<Domain>,
    ports: Vec<Port>,
    buffer: Buffer,
    forwarding: Forwarding,
    announcements: Announcements,
}

impl Switch {
    /// A switch without ports, in this domain, with this room for frames that wait.
    pub fn new(domain: Cap<Domain>, buffer: Buffer) -> Switch {
        Switch {
            domain,
            ports: Vec::new(),
            buffer,
            forwarding: Forwarding::default(),
            announcements: Announcements::default(),
        }
    }

    /// Takes a port on, with whom no frame is exchanged yet; one of that number that is here already is replaced.
    ///
    /// # Errors
    /// Why its ring cannot be mapped.
    pub fn attach(
        &mut self,
        number: PortNumber,
        mac: Mac,
        kind: PortKind,
        ring: Cap<Memory>,
        wake: Cap<Notification>,
    ) -> Result<(), Error> {
        self.detach(number);
        let station = Station {
            port: number,
            mac,
            ip: None,
            kind,
            service: Service::Stopped,
        };
        self.ports
            .push(Port::new(self.domain, station, ring, wake)?);
        Ok(())
    }

    /// Lets frames flow at a port, and announces its address, the only one that its domain speaks for.
    pub fn activate(&mut self, number: PortNumber, ip: Option<Ipv4>) {
        let ip = ip.map(|ip| ip.address);
        self.set_station(number, |station| Station {
            ip,
            service: Service::Active,
            ..station
        });
        if let Some(ip) = ip {
            self.announcements.begin(number, ip);
        }
    }

    /// Leaves a port's ring alone from now on, whose domain is leaving or has stopped. The frames that wait for it go where
    /// those go that are still to come.
    pub fn quiesce(&mut self, number: PortNumber, service: Service) {
        self.set_station(number, |station| Station { service, ..station });
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

    /// Forgets a port.
    pub fn detach(&mut self, number: PortNumber) {
        self.forwarding.remove(number);
        self.close(number);
    }

    /// Forgets a port whose domain runs elsewhere now. What still comes for it goes through the tunnel for a while.
    pub fn depart(&mut self, number: PortNumber, now_ns: u64) {
        self.forwarding.depart(number, now_ns);
        self.close(number);
    }

    /// Lets time pass.
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

    /// Changes what is known of a port, from the station that it is as long as no frame flows.
    fn set_station(&mut self, number: PortNumber, becomes: impl FnOnce(Station) -> Station) {
        if let Some(index) = self.index_of(number) {
            self.forwarding.set(becomes(self.ports[index].station()));
        }
    }

    fn is_active(&self, number: PortNumber) -> bool {
        let station = self.forwarding.find(number);
        station.is_some_and(Station::is_active)
    }

    /// The tunnel that frames for a port's domain go through, if they do.
    fn tunnel_of(&self, index: usize) -> Option<usize> {
        let tunnel = self.forwarding.tunnel_to(self.ports[index].station().mac)?;
        self.index_of(tunnel)
    }

    fn index_of(&self, number: PortNumber) -> Option<usize> {
        self.ports.iter().position(|port| port.number() == number)
    }

    /// Sends the announcements that are due.
    pub fn announce(&mut self, now_ns: u64) {
        for (number, ip) in self.announcements.take_due(now_ns) {
            let Some(station) = self.forwarding.find(number) else {
                continue;
            };
            let frame = announcement::frame(station.mac, ip);
            self.deliver(number, Verdict::ToAll(PortKind::Uplink), &frame);
        }
        self.wake_receivers();
    }

    /// Reports the losses that are due.
    pub fn report_losses(&mut self, now_ns: u64) {
        for port in &mut self.ports {
            port.report_losses(now_ns);
        }
    }

    /// When the next announcement or report is due; `u64::MAX` if there is none.
    pub fn next_ns(&self) -> u64 {
        let reports = self.ports.iter().filter_map(Port::report_due_ns);
        let next = reports.chain(self.announcements.next_ns()).min();
        next.unwrap_or(u64::MAX)
    }

    /// Moves frames until no port has any, or for so many passes over all ports; returns whether none has. Whoever sends one
    /// after that rings.
    pub fn forward(&mut self, passes: usize) -> bool {
        let mut frame = [0; FRAME_BYTES_MAX];
        repeat(passes, || {
            let ports = 0..self.ports.len();
            let moved = ports.fold(0, |moved, index| {
                moved + self.send_waiting(index) + self.forward_batch(index, &mut frame)
            });
            moved == 0 && !self.frames_wait()
        })
    }

    /// Requests wake-ups, then checks again; returns whether a frame is queued.
    fn frames_wait(&self) -> bool {
        let active = self
            .ports
            .iter()
            .filter(|port| self.is_active(port.number()));
        active.fold(false, |waiting, port| waiting | port.request_wake())
    }

    /// Sends what waits for room in a port's ring, and has it now; how many frames.
    fn send_waiting(&mut self, index: usize) -> usize {
        let port = &mut self.ports[index];
        let number = port.number();
        let sent = port.send_waiting(&mut self.buffer).unwrap_or_else(|error| {
            self.disable(number, error);
            0
        });
        self.ports[index].wake_receiver();
        sent
    }

    /// Moves a batch of a port's frames, each through `frame`; how many.
    fn forward_batch(&mut self, index: usize, frame: &mut [u8; FRAME_BYTES_MAX]) -> usize {
        let number = self.ports[index].number();
        let mut moved = 0;
        while moved < BATCH && self.is_active(number) {
            match self.ports[index].cable().incoming().receive(frame) {
                Ok(Some(length)) => self.dispatch(index, &frame[..length]),
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

    fn dispatch(&mut self, index: usize, frame: &[u8]) {
        let port = &mut self.ports[index];
        let number = port.number();
        port.counters.received += 1;
        let Some(header) = Header::of(frame) else {
            return;
        };
        match self.forwarding.decide(number, &header) {
            Verdict::Forged => port.counters.dropped_forged += 1,
            verdict => self.deliver(number, verdict, frame),
        }
    }

    /// Puts a frame into the rings that it goes to.
    fn deliver(&mut self, from: PortNumber, verdict: Verdict, frame: &[u8]) {
        for index in 0..self.ports.len() {
            let target = self.ports[index].number();
            if !self.forwarding.goes_to(from, verdict, target) {
                continue;
            }
            if let Err(error) = self.ports[index].send(&mut self.buffer, frame) {
                self.disable(target, error);
            }
        }
    }

    /// Wakes who waits for what was put into its ring: once after many frames.
    fn wake_receivers(&mut self) {
        for port in &mut self.ports {
            port.wake_receiver();
        }
    }

    fn disable(&mut self, number: PortNumber, error: RingError) {
        log::error!("port {} is disabled, its ring lies: {error}", number.0);
        self.quiesce(number, Service::Stopped);
    }
}

/// Makes passes until one says that it is the last, or so many are made; returns whether one has said so.
fn repeat(passes: usize, mut is_last: impl FnMut() -> bool) -> bool {
    (0..passes).any(|_| is_last())
}

#[cfg(test)]
mod tests;
