//! The situations that the freezes must find at least once each, so that the moves are a thorough test: [`Coverage`].

use guest_workloads::slots::{MADE_COPIES, MADE_COUNT, MANY_COUNT, MANY_DERIVED, TAKEN};
use guest_workloads::{FILLED_COUNT, MADE_ADDRESS, Needs, WORKLOADS};
use runtime::Slot;
use runtime::abi::thread_state::{Awaits, ThreadState};
use runtime::abi::{Number, ObjectKind};

use crate::captured::{Captured, Object};

macro_rules! situations {
    ($($name:ident: $text:literal;)*) => {
        /// A situation in which a freeze finds the domain.
        #[derive(Clone, Copy)]
        enum Situation {
            $($name),*
        }

        /// All situations, in words.
        const SITUATIONS: &[(Situation, &str)] = &[$((Situation::$name, $text)),*];
    };
}

situations! {
    Awaiting: "a thread that awaits a reply";
    StoppedAwaiting: "a stopped thread that awaits a reply";
    AwaitingFault: "a thread whose fault is being handled";
    StoppedAwaitingFault: "a stopped thread whose fault is being handled";
    AwaitingPager: "a thread that awaits its pager";
    AwaitingTrap: "a thread whose trap is being handled";
    Stopped: "a stopped thread that awaits nothing";
    Sending: "a thread that sends";
    Reply: "a reply right in the table";
    Flags: "a raised flag";
    Passed: "a capability received with a message";
    Populating: "a populate in progress";
    SupplyingOrDiscarding: "a supply or a discard in progress";
    HalfDestroyed: "a Memory in the middle of its destruction";
    HalfRevoked: "a revocation in progress";
}

/// The calls that keep their progress in their arguments: first page and page count.
const PAGE_CALLS: [(Number, Situation); 3] = [
    (Number::MemoryPopulate, Situation::Populating),
    (Number::MemorySupply, Situation::SupplyingOrDiscarding),
    (Number::MemoryDiscard, Situation::SupplyingOrDiscarding),
];

/// The number of times that each situation was found.
#[derive(Clone, Copy, Default)]
pub struct Coverage([u64; SITUATIONS.len()]);

impl Coverage {
    /// Records the situations in a frozen domain.
    pub fn record(&mut self, captured: &Captured) {
        for (workload, state) in WORKLOADS.iter().zip(captured.threads()) {
            self.record_thread(workload.needs, state);
        }
        for (_, object) in &captured.objects {
            self.add(
                Situation::Flags,
                matches!(object, Object::Notification(1..)),
            );
        }
        for record in &captured.capabilities {
            self.add(Situation::Reply, record.kind == ObjectKind::Reply as u64);
            let is_passed = TAKEN.iter().any(|slot| u64::from(slot.0) == record.slot);
            self.add(Situation::Passed, is_passed);
        }
        let any_at = |call| captured.threads().any(|state| is_at(state, call));
        let derived = count(captured, MANY_DERIVED, MANY_COUNT);
        let is_half = any_at(Number::CapabilityRevoke) && (1..MANY_COUNT).contains(&derived);
        self.add(Situation::HalfRevoked, is_half);
        let is_half = any_at(Number::Destroy) && is_half_destroyed(captured);
        self.add(Situation::HalfDestroyed, is_half);
    }

    fn record_thread(&mut self, needs: Needs, state: &ThreadState) {
        let stopped = state.stopped != 0;
        match Awaits::from_number(state.awaits) {
            Some(Awaits::Reply) if stopped => self.add(Situation::StoppedAwaiting, true),
            Some(Awaits::Reply) => self.add(Situation::Awaiting, true),
            Some(Awaits::FaultReply) if stopped => self.add(Situation::StoppedAwaitingFault, true),
            Some(Awaits::FaultReply) if needs == Needs::Pager => {
                self.add(Situation::AwaitingPager, true);
            }
            Some(Awaits::FaultReply) => self.add(Situation::AwaitingFault, true),
            Some(Awaits::TrapReply) => self.add(Situation::AwaitingTrap, true),
            Some(Awaits::Nothing) | None if stopped => self.add(Situation::Stopped, true),
            Some(Awaits::Nothing) | None => {
                self.add(Situation::Sending, is_at(state, Number::Send));
                for (call, situation) in PAGE_CALLS {
                    self.add(situation, is_at(state, call) && is_half_way(state));
                }
            }
        }
    }

    fn add(&mut self, situation: Situation, is_found: bool) {
        self.0[situation as usize] += u64::from(is_found);
    }

    /// Each situation in words, and the number of times that it was found.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        SITUATIONS
            .iter()
            .map(|(situation, name)| (*name, self.0[*situation as usize]))
    }
}

/// Whether a thread is at a call, or has just loaded its number.
fn is_at(state: &ThreadState, call: Number) -> bool {
    state.registers.rax == call as u64
}

/// Whether a call is between its start and its last page. The workloads start such calls at a multiple of half of
/// [`FILLED_COUNT`], or for a single page.
fn is_half_way(state: &ThreadState) -> bool {
    let (first_page, page_count) = (state.registers.rsi, state.registers.rdx);
    !first_page.is_multiple_of(FILLED_COUNT / 2) && page_count > 1
}

/// The number of these slots that are not empty.
fn count(captured: &Captured, first: Slot, slots: u32) -> u32 {
    let range = u64::from(first.0)..u64::from(first.0 + slots);
    let records = captured.capabilities.iter();
    records.map(|it| u32::from(range.contains(&it.slot))).sum()
}

/// Whether some but not all of the capabilities and the mapping of the Memory that a workload creates exist.
fn is_half_destroyed(captured: &Captured) -> bool {
    let mut mappings = captured.mappings.iter();
    let is_mapped = mappings.any(|mapping| mapping.address == MADE_ADDRESS);
    let parts = count(captured, MADE_COPIES, MADE_COUNT) + u32::from(is_mapped);
    (1..=MADE_COUNT).contains(&parts)
}
