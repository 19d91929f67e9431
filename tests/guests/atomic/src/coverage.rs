//! The states that the freezes have to find at least once, or the moves prove less than they seem to: [`Sights`].

use guest_workloads::slots::{MADE_COPIES, MADE_COUNT, MANY_COUNT, MANY_DERIVED, TAKEN};
use guest_workloads::{FILLED_COUNT, MADE_ADDRESS, Needs, WORKLOADS};
use runtime::Slot;
use runtime::abi::thread_state::{Awaits, ThreadState};
use runtime::abi::{Number, ObjectKind};

use crate::captured::{Captured, Object};

/// Something that a freeze finds.
#[derive(Clone, Copy)]
enum Sight {
    Awaiting,
    StoppedAwaiting,
    AwaitingFault,
    StoppedAwaitingFault,
    AwaitingPager,
    AwaitingTrap,
    Stopped,
    Sending,
    Reply,
    Flags,
    Passed,
    Populating,
    SupplyingOrDiscarding,
    HalfDestroyed,
    HalfRevoked,
}

/// All of them, in words.
const SIGHTS: [(Sight, &str); 15] = [
    (Sight::Awaiting, "a thread that awaits an answer"),
    (
        Sight::StoppedAwaiting,
        "a stopped thread that awaits an answer",
    ),
    (Sight::AwaitingFault, "a thread whose fault is being mended"),
    (
        Sight::StoppedAwaitingFault,
        "a stopped thread whose fault is being mended",
    ),
    (Sight::AwaitingPager, "a thread that awaits its pager"),
    (Sight::AwaitingTrap, "a thread whose trap is being answered"),
    (Sight::Stopped, "a stopped thread that awaits nothing"),
    (Sight::Sending, "a thread that sends"),
    (Sight::Reply, "a right to answer in the table"),
    (Sight::Flags, "a flag that is raised"),
    (Sight::Passed, "a capability that came with a message"),
    (Sight::Populating, "a populate half-way"),
    (
        Sight::SupplyingOrDiscarding,
        "a supply or a discard half-way",
    ),
    (
        Sight::HalfDestroyed,
        "a Memory that is being destroyed, with some of its capabilities and its mapping",
    ),
    (
        Sight::HalfRevoked,
        "a capability of which some copies are revoked",
    ),
];

/// The calls that keep their progress in their arguments, first page and page count.
const PAGE_CALLS: [(Number, Sight); 3] = [
    (Number::MemoryPopulate, Sight::Populating),
    (Number::MemorySupply, Sight::SupplyingOrDiscarding),
    (Number::MemoryDiscard, Sight::SupplyingOrDiscarding),
];

/// How often each was seen.
#[derive(Clone, Copy, Default)]
pub struct Sights([u64; SIGHTS.len()]);

impl Sights {
    /// Looks at a frozen domain.
    pub fn look_at(&mut self, captured: &Captured) {
        for (workload, state) in WORKLOADS.iter().zip(captured.threads()) {
            self.look_at_thread(workload.needs, state);
        }
        for (_, object) in &captured.objects {
            self.note(Sight::Flags, matches!(object, Object::Notification(1..)));
        }
        for record in &captured.capabilities {
            self.note(Sight::Reply, record.kind == ObjectKind::Reply as u64);
            let is_passed = TAKEN.iter().any(|slot| u64::from(slot.0) == record.slot);
            self.note(Sight::Passed, is_passed);
        }
        let stands = |call| captured.threads().any(|state| stands_at(state, call));
        let derived = count(captured, MANY_DERIVED, MANY_COUNT);
        let is_half = stands(Number::CapabilityRevoke) && (1..MANY_COUNT).contains(&derived);
        self.note(Sight::HalfRevoked, is_half);
        let is_half = stands(Number::Destroy) && is_half_destroyed(captured);
        self.note(Sight::HalfDestroyed, is_half);
    }

    fn look_at_thread(&mut self, needs: Needs, state: &ThreadState) {
        let stopped = state.stopped != 0;
        match Awaits::from_number(state.awaits) {
            Some(Awaits::Answer) if stopped => self.note(Sight::StoppedAwaiting, true),
            Some(Awaits::Answer) => self.note(Sight::Awaiting, true),
            Some(Awaits::FaultAnswer) if stopped => self.note(Sight::StoppedAwaitingFault, true),
            Some(Awaits::FaultAnswer) if needs == Needs::Pager => {
                self.note(Sight::AwaitingPager, true);
            }
            Some(Awaits::FaultAnswer) => self.note(Sight::AwaitingFault, true),
            Some(Awaits::TrapAnswer) => self.note(Sight::AwaitingTrap, true),
            Some(Awaits::Nothing) | None if stopped => self.note(Sight::Stopped, true),
            Some(Awaits::Nothing) | None => {
                self.note(Sight::Sending, stands_at(state, Number::Send));
                for (call, sight) in PAGE_CALLS {
                    self.note(sight, stands_at(state, call) && is_half_way(state));
                }
            }
        }
    }

    fn note(&mut self, sight: Sight, is_seen: bool) {
        self.0[sight as usize] += u64::from(is_seen);
    }

    /// Each in words, and how often it was seen.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        SIGHTS
            .iter()
            .map(|(sight, name)| (*name, self.0[*sight as usize]))
    }
}

/// Whether a thread stands at a call, or has just loaded its number.
fn stands_at(state: &ThreadState, call: Number) -> bool {
    state.registers.rax == call as u64
}

/// Whether a call is neither at its beginning nor just before its end: the workloads let it begin at a multiple of this many pages, or
/// give it one page.
fn is_half_way(state: &ThreadState) -> bool {
    let (first_page, page_count) = (state.registers.rsi, state.registers.rdx);
    !first_page.is_multiple_of(FILLED_COUNT / 2) && page_count > 1
}

/// How many of these slots are not empty.
fn count(captured: &Captured, first: Slot, slots: u32) -> u32 {
    let range = u64::from(first.0)..u64::from(first.0 + slots);
    let records = captured.capabilities.iter();
    records.map(|it| u32::from(range.contains(&it.slot))).sum()
}

/// Whether of the Memory that a workload makes, with its capabilities and its mapping, some are there and some are not.
fn is_half_destroyed(captured: &Captured) -> bool {
    let mut mappings = captured.mappings.iter();
    let is_mapped = mappings.any(|mapping| mapping.address == MADE_ADDRESS);
    let parts = count(captured, MADE_COPIES, MADE_COUNT) + u32::from(is_mapped);
    (1..=MADE_COUNT).contains(&parts)
}
