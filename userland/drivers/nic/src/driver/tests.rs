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
use crate::bridge::BUDGET;
use crate::nic::{Events, NicFault, Received};

const INTERRUPT: Slot = Slot(6);
/// The interrupts of a test.
const COUNT: u32 = 1_000;

std::thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(0) };
    /// How often the driver asked the card for a frame.
    static RECEIVED: Cell<usize> = const { Cell::new(0) };
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
        RECEIVED.set(RECEIVED.get() + 1);
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
    wake(request, |_| Some(events::INTERRUPT))
}

/// As [`interrupt`], but the switch wakes the driver too, and one wait in ten ends with its deadline.
fn interrupt_or_pass(request: &Request) -> CallResult {
    wake(request, |left| match left % WAITS_PER_PAUSE {
        0 => None,
        1 => Some(events::PORT),
        2 => Some(events::PORT | events::INTERRUPT),
        _ => Some(events::INTERRUPT),
    })
}

const WAITS_PER_PAUSE: u32 = 10;

/// Ends a wait with these flags, or with its deadline if there are none.
fn wake(request: &Request, flags: impl FnOnce(u32) -> Option<u64>) -> CallResult {
    let Request::Wait(_) = request else {
        return DONE;
    };
    let left = LEFT.get().checked_sub(1).ok_or(abi::Error::PoolEmpty)?;
    LEFT.set(left);
    let mut registers = DONE?;
    registers[0] = flags(left).ok_or(abi::Error::TimedOut)?;
    Ok(registers)
}

/// How many of the interrupts of this card the driver acknowledges, with this kernel.
fn acknowledged(nic: Busy, kernel: fn(&Request) -> CallResult) -> usize {
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
    let (ended, calls) = with_kernel(kernel, || driver.serve().err());
    let ended = ended.map(|error| error.to_string());
    assert!(ended.is_some_and(|error| error.starts_with("waiting")));
    let is_acknowledged = |call: &&Request| matches!(call, Request::InterruptAcknowledge(_));
    calls.iter().filter(is_acknowledged).count()
}

/// The kernel signals no further interrupt until this one is acknowledged. So a card keeps lower domains from running only as long
/// as it is acknowledged at once.
#[test]
fn interrupts_without_frames_are_soon_acknowledged_after_pauses_only() {
    let nic = Busy {
        is_up: false,
        has_frames: false,
    };
    let count = acknowledged(nic, interrupt);
    assert!((2..=100).contains(&count), "{count}");
}

#[test]
fn a_card_with_more_frames_than_the_budget_gets_one_budget_per_pause_whatever_wakes_its_driver() {
    const PAUSES: usize = (COUNT / WAITS_PER_PAUSE) as usize;
    let nic = Busy {
        is_up: false,
        has_frames: true,
    };
    let count = acknowledged(nic, interrupt_or_pass);
    assert_eq!(count, PAUSES);
    assert_eq!(RECEIVED.get(), BUDGET as usize * (1 + PAUSES));
}
