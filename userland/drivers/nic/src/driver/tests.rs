//! The driver with a card that interrupts all the time.

use core::cell::Cell;
use std::string::ToString;

use abi::Request;
use abi::register::Slot;
use runtime::host::{CallResult, DONE, shared_memory, with_kernel};
use runtime::port::{Frame, Layout};
use runtime::protocol::Mac;
use runtime::shared::SharedMemory;

use super::*;
use crate::nic::{Events, NicFault, Received};

const INTERRUPT: Slot = Slot(6);
/// The interrupts of a test.
const COUNT: u32 = 1_000;

std::thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// A card whose link changes with every interrupt, or one with endless invalid frames.
struct Busy {
    is_up: bool,
    has_frames: bool,
}

impl Nic for Busy {
    fn mac(&self) -> Option<Mac> {
        None
    }

    fn link(&mut self) -> Option<Link> {
        self.is_up = !self.is_up;
        Some(match self.is_up {
            true => Link::UpWithoutSpeed,
            false => Link::Down,
        })
    }

    fn acknowledge(&mut self) -> Events {
        Events {
            link: !self.has_frames,
            ..Events::default()
        }
    }

    fn has_frame(&self) -> bool {
        self.has_frames
    }

    fn receive(&mut self, _: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
        Ok(self.has_frames.then_some(Received::Invalid))
    }

    fn has_space(&mut self) -> Result<bool, NicFault> {
        Ok(true)
    }

    fn send(&mut self, _: &Frame<'_>) {}

    fn set_space_interrupt(&mut self, _: bool) {}

    fn publish(&mut self) {}
}

/// Each wait ends at once with an interrupt, until the test's are used up.
fn interrupt(request: &Request) -> CallResult {
    let Request::Wait(_) = request else {
        return DONE;
    };
    let left = LEFT.get().checked_sub(1).ok_or(abi::Error::PoolEmpty)?;
    LEFT.set(left);
    let mut registers = DONE?;
    registers[0] = events::INTERRUPT;
    Ok(registers)
}

/// How many of the interrupts of this card the driver acknowledges.
fn acknowledged(nic: Busy) -> usize {
    let layout = Layout::of(Mtu::STANDARD);
    let memory = shared_memory(layout.bytes());
    layout.write(memory);
    runtime::host::start("", memory);
    let doorbell = Doorbell {
        notification: Cap::from_slot(Slot(5)),
        flags: 1,
    };
    let port = Port::try_new(memory, Side::Domain).expect("a port");
    let mut driver = Driver {
        bridge: Bridge::new(nic, port, doorbell),
        wake: Cap::from_slot(Slot(4)),
        interrupt: Some(Cap::from_slot(INTERRUPT)),
        pace: Pace::new(false),
        link: None,
        reporter: Reporter::default(),
    };
    LEFT.set(COUNT);
    let (ended, calls) = with_kernel(interrupt, || driver.serve().err());
    let ended = ended.map(|error| error.to_string());
    assert!(ended.is_some_and(|error| error.starts_with("waiting")));
    let is_acknowledged = |call: &&Request| matches!(call, Request::InterruptAcknowledge(_));
    calls.iter().filter(is_acknowledged).count()
}

/// The interrupt of a card stays masked until it is acknowledged. So a card keeps lower domains from running only as long as it is
/// acknowledged at once.
#[test]
fn interrupts_without_frames_are_soon_acknowledged_after_pauses_only() {
    let count = acknowledged(Busy {
        is_up: false,
        has_frames: false,
    });
    assert!((2..=100).contains(&count), "{count}");
}

#[test]
fn interrupts_of_a_card_with_more_frames_than_the_budget_are_acknowledged_after_pauses_only() {
    let count = acknowledged(Busy {
        is_up: false,
        has_frames: true,
    });
    assert!(count <= 100, "{count}");
}
