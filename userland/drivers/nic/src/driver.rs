//! The program of a driver: it opens its card, then moves frames whenever the switch or the card wakes it.

use core::fmt::Display;

use runtime::capability::{Cap, Interrupt, Notification};
use runtime::port::{Doorbell, FRAME_BYTES_MIN, Port, Side};
use runtime::protocol::Mtu;
use runtime::{Start, clock, events};

use crate::bridge::{Bridge, BridgeError};
use crate::card::{self, Card};
use crate::counters::Reporter;
use crate::hardware::Hardware;
use crate::nic::{Link, Nic};
use crate::pace::{Pace, Turn};

/// Drives the card that `find` finds among the parts that root handed over. Root has set up its interrupt if it has a usable one.
///
/// # Panics
/// If the card cannot be used or breaks its contract, or the port is corrupt: then root resets the card and starts the driver
/// again.
pub fn run<'a, C: Card>(
    start: &'a Start,
    find: impl FnOnce(&Hardware<'a>) -> Result<C, C::Error>,
) -> !
where
    C::Error: Display,
{
    let doorbell = Doorbell {
        notification: start.require("doorbell"),
        flags: start.require_argument("doorbell"),
    };
    let ring = start.shared_memory("port");
    let port = ring.and_then(|memory| Port::try_new(memory, Side::Domain));
    let port = port.unwrap_or_else(|| panic!("started without a port"));
    let wake: Cap<Notification> = start.require("wake");
    let interrupt: Option<Cap<Interrupt>> = start.find("interrupt");
    let mtu = port.layout().mtu();
    let hardware = Hardware::new(start, mtu);
    let card = find(&hardware);
    let nic = card.and_then(|card| card::start(card, || hardware.let_master()));
    let nic = nic.unwrap_or_else(|error| panic!("the NIC: {error}"));
    if let Some(Err(error)) = interrupt.map(|it| it.bind(Some(wake), events::INTERRUPT)) {
        panic!("the interrupt: {error}");
    }
    match nic.mac() {
        Some(mac) => log::info!("NIC {mac} is up"),
        None => log::info!("a NIC without an address of its own is up"),
    }
    log_mtu(&nic, mtu);
    if interrupt.is_none() {
        log::info!("it has no message-signalled interrupt, and is polled");
    }
    let mut driver = Driver {
        bridge: Bridge::new(nic, port, doorbell),
        wake,
        interrupt,
        pace: Pace::new(interrupt.is_none()),
        link: None,
        reporter: Reporter::default(),
    };
    driver.log_link();
    match driver.serve() {
        Ok(never) => match never {},
        Err(error) => panic!("{error}"),
    }
}

/// Logs the MTU of the card, which may be less than the port's.
fn log_mtu(nic: &impl Nic, port: Mtu) {
    let mtu = nic.frame_bytes_max() - FRAME_BYTES_MIN;
    if mtu < port.bytes() {
        log::warn!("its MTU is {mtu}, and the port's is {port}: longer frames are dropped");
    } else {
        log::info!("its MTU is {mtu}");
    }
}

/// A type without values: serving does not end.
enum Never {}

/// The reason a driver ends.
#[derive(Debug, thiserror::Error)]
enum DriverError {
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    #[error("waiting: {0}")]
    Wait(abi::Error),
    #[error("the interrupt: {0}")]
    Interrupt(abi::Error),
}

/// A running driver.
struct Driver<C> {
    bridge: Bridge<C>,
    wake: Cap<Notification>,
    interrupt: Option<Cap<Interrupt>>,
    pace: Pace,
    /// The last state of the link in the log.
    link: Option<Link>,
    reporter: Reporter,
}

impl<C: Nic> Driver<C> {
    fn serve(&mut self) -> Result<Never, DriverError> {
        let mut acknowledged = false;
        loop {
            let (remaining, has_moved) = self.bridge.run()?;
            self.pace.record(acknowledged, has_moved, remaining);
            let now_ns = clock::now_ns();
            if self.pace.is_read_due(now_ns) {
                self.handle_events(now_ns);
            }
            if self.reporter.is_due(self.bridge.counters(), now_ns) {
                log::warn!("{}", self.bridge.counters());
            }
            acknowledged = self.wait(now_ns)? == Turn::AfterAcknowledgement;
            if acknowledged {
                self.acknowledge()?;
            }
        }
    }

    /// Waits until the bridge may run again.
    fn wait(&mut self, now_ns: u64) -> Result<Turn, DriverError> {
        let deadline = self.pace.deadline_ns(now_ns);
        loop {
            let flags = match deadline {
                Some(deadline) => self.wake.wait_until_ns(deadline),
                None => self.wake.wait(),
            };
            let flags = flags.map_err(DriverError::Wait)?;
            let turn = self.pace.wake(flags & events::INTERRUPT != 0, flags == 0);
            if let Some(turn) = turn {
                return Ok(turn);
            }
        }
    }

    /// Acknowledges the interrupt and handles the events that the rings do not show, as far as the card has read them.
    fn acknowledge(&mut self) -> Result<(), DriverError> {
        if let Some(interrupt) = self.interrupt {
            // The next interrupt may arrive from now on. The cause of this one is handled below.
            interrupt.acknowledge().map_err(DriverError::Interrupt)?;
        }
        self.handle_events(clock::now_ns());
        Ok(())
    }

    /// Asks the card for its events and handles them.
    fn handle_events(&mut self, now_ns: u64) {
        let events = self.bridge.nic().acknowledge();
        self.pace.record_unread(events.has_unread, now_ns);
        self.bridge.counters().lost += u64::from(events.lost);
        if events.link {
            self.log_link();
        }
    }

    /// Logs the state of the link if it has changed.
    fn log_link(&mut self) {
        let link = self.bridge.nic().link();
        if let Some(link) = link.filter(|_| self.link != link) {
            log::info!("the link is {link}");
        }
        self.link = link;
    }
}

#[cfg(test)]
mod tests;
