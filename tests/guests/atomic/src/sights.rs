//! What the freezes have to find at least once, or the moves prove less than they seem to: [`Sights`].

use guest_workloads::slots::{MANY_COUNT, MANY_DERIVED, TAKEN};
use guest_workloads::{Needs, WORKLOADS};
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
    Sending,
    Reply,
    Flags,
    Passed,
    Populating,
    SupplyingOrDiscarding,
    Destroying,
    Revoking,
    HalfRevoked,
}

/// All of them, in words.
const SIGHTS: [(Sight, &str); 14] = [
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
    (Sight::Sending, "a thread that sends"),
    (Sight::Reply, "a right to answer in the table"),
    (Sight::Flags, "a flag that is raised"),
    (Sight::Passed, "a capability that came with a message"),
    (Sight::Populating, "a populate half-way"),
    (
        Sight::SupplyingOrDiscarding,
        "a supply or a discard half-way",
    ),
    (Sight::Destroying, "a destruction half-way"),
    (Sight::Revoking, "a revocation half-way"),
    (
        Sight::HalfRevoked,
        "a capability of which some copies are revoked",
    ),
];

/// The calls at which a thread stands when a freeze finds it before the call, in its queue, or between two of its steps.
const CALLS: [(Number, Sight); 6] = [
    (Number::Send, Sight::Sending),
    (Number::MemoryPopulate, Sight::Populating),
    (Number::MemorySupply, Sight::SupplyingOrDiscarding),
    (Number::MemoryDiscard, Sight::SupplyingOrDiscarding),
    (Number::Destroy, Sight::Destroying),
    (Number::CapabilityRevoke, Sight::Revoking),
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
        let mut derived = 0;
        for record in &captured.capabilities {
            self.note(Sight::Reply, record.kind == ObjectKind::Reply as u64);
            let is_passed = TAKEN.iter().any(|slot| u64::from(slot.0) == record.slot);
            self.note(Sight::Passed, is_passed);
            let first = u64::from(MANY_DERIVED.0);
            derived += u32::from((first..first + u64::from(MANY_COUNT)).contains(&record.slot));
        }
        let revokes = captured
            .threads()
            .any(|state| stands_at(state, Number::CapabilityRevoke));
        self.note(
            Sight::HalfRevoked,
            revokes && (1..MANY_COUNT).contains(&derived),
        );
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
            // No workload raises one.
            Some(Awaits::TrapAnswer) => {}
            Some(Awaits::Nothing) | None => {
                for (call, sight) in CALLS {
                    self.note(sight, stands_at(state, call));
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
