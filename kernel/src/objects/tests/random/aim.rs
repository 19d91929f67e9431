//! Plausible arguments for random calls: [`aim`].
//!
//! A call with independent random arguments hardly ever passes its first checks. For example, `DomainMap` needs two slots,
//! an address, a range and a kind of access that agree. So each argument is replaced by one that fits the others and the
//! existing objects. The random numbers choose among the fitting ones.

use abi::register::Slot;
use abi::{EndpointRights, Number, ObjectKind, PAGES_PER_TABLE, Registers, Request};
use authority::Lookup;
use capabilities::{Capability, Storage};

use super::super::checker::objects;
use super::SLOTS;
use crate::arch;
use crate::memory::{Ref, SLOTS_PER_FRAME, SlotStorage};
use crate::objects::{Domain, Object, Phase, Thread};
use crate::testing::BUFFER_ADDRESS;

/// The lowest address at which calls map Memories. They also use the next seven multiples of 2 MiB.
pub const ADDRESS: u64 = 0x8000_0000;

/// The only right that a reply right may have.
const GRANT: u64 = EndpointRights::GRANT.bits() as u64;

/// The arguments for a thread's call, most of them fitting, made from random numbers.
pub fn aim(thread: Ref<Thread>, number: Number, drawn: Registers) -> Registers {
    let mut aim = Aim {
        thread,
        number,
        registers: drawn,
    };
    aim.fit_types();
    aim.fit_slots();
    aim.fit_reply();
    aim.fit_foreign_slots();
    aim.fit_objects();
    aim.registers
}

/// A call whose arguments are being fitted.
pub struct Aim {
    pub thread: Ref<Thread>,
    pub number: Number,
    pub registers: Registers,
}

/// The element whose index is `choice`, modulo their number.
pub fn choose<T: Copy>(all: &[T], choice: u64) -> Option<T> {
    let index = usize::try_from(choice).unwrap_or(0) % all.len().max(1);
    all.get(index).copied()
}

impl Aim {
    /// The call's arguments: position, name and type.
    pub fn arguments(&self) -> impl Iterator<Item = (usize, &'static str, &'static str)> + use<> {
        let number = self.number as u16;
        let call = abi::calls::DESCRIPTIONS
            .iter()
            .find(|call| call.number == number);
        let arguments = call.expect("every call is described").arguments;
        let numbered = arguments.iter().enumerate();
        numbered.map(|(index, (name, kind, _))| (index, *name, *kind))
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        let mut arguments = self.arguments();
        let found = arguments.find(|(_, other, _)| *other == name);
        found.map(|(index, ..)| index)
    }

    pub fn set(&mut self, name: &str, value: u64) {
        if let Some(index) = self.position(name) {
            self.registers[index] = value;
        }
    }

    /// Replaces arguments that do not decode, or that name nothing in the test's world.
    fn fit_types(&mut self) {
        for (index, name, kind) in self.arguments() {
            let drawn = self.registers[index];
            self.registers[index] = match (name, kind) {
                (_, "Access") => drawn % 3,
                (_, "PageSet") | ("bus", _) | ("cache", _) => drawn % 2,
                (_, "Held") => 1 + drawn % 3,
                (_, "List") => drawn % 4,
                (_, "Width") => 1 << (drawn % 3),
                (_, "MessageInfo") => (drawn % 6) | ((drawn / 6 % 3) << 8),
                ("rights", _) if self.number == Number::DomainInstallReply => drawn % 2 * GRANT,
                ("priority", _) => drawn % 11,
                ("first" | "port", _) => 0x300 + drawn % 24,
                ("bus_address", _) => 0xfe00_0000,
                ("slots", _) => 64 + drawn % 24,
                ("deadline", _) if drawn.is_multiple_of(2) => abi::NO_DEADLINE,
                // The fake machine's ticks are nanoseconds.
                ("deadline", _) => arch::ticks() + 1_000_000 + drawn % 64 * 1_000,
                ("address", _) => ADDRESS + drawn % 8 * abi::MAP_STEP_BYTES,
                ("message_buffer", _) => BUFFER_ADDRESS,
                ("first_page", _) if drawn < 20 => 0,
                ("pages", _) if self.number == Number::PoolSplit => 8 + drawn % 16,
                ("pages", _) if drawn == 0 => PAGES_PER_TABLE + 1,
                ("alignment", _) => 1 << (drawn % 3),
                ("below", _) => u64::MAX,
                ("count", _) => 1 + drawn % 8,
                ("from", "u64")
                | ("source_page" | "into_page" | "cursor" | "made" | "progress" | "log", _) => 0,
                _ => drawn,
            };
        }
    }

    /// Replaces each argument that is a slot of the caller by a slot whose content fits the call.
    fn fit_slots(&mut self) {
        let Ok(request) = Request::decode(self.number as u64, &self.registers) else {
            return;
        };
        let number = self.number;
        let mut is_fitted = [false; abi::REGISTER_COUNT];
        for (position, lookup) in authority::lookups(&request).iter().enumerate() {
            let slot = u64::from(lookup.slot().0);
            // A lookup names only a slot. It belongs to the first remaining argument with that slot. Two arguments rarely
            // name the same slot; then they may be confused, and fit less well.
            let mut slots = self.arguments().filter(|(_, _, kind)| *kind == "Slot");
            let named =
                slots.find(|(index, ..)| !is_fitted[*index] && self.registers[*index] == slot);
            let Some((index, ..)) = named else { continue };
            is_fitted[index] = true;
            let fits = |held: Option<Capability<Object>>| match (lookup, held) {
                (Lookup::Capability(_, kind, rights), Some(held)) => {
                    kind.is_none_or(|kind| held.object.kind() == kind)
                        && held.rights.contains(rights)
                        && (position > 0 || is_in_state(number, held.object))
                }
                (Lookup::Copyable(_, rights), Some(held)) => {
                    held.object.kind() != ObjectKind::Reply && held.rights.contains(rights)
                }
                (Lookup::Empty(_), None) | (Lookup::Any(_), _) => true,
                _ => false,
            };
            self.fit(index, self.thread.domain, fits);
        }
    }

    /// Fits the slot of the reply right: a free slot for `Receive`, an occupied one for `ReplyAndReceive`.
    fn fit_reply(&mut self) {
        let is_reply = |held| is_of(held, ObjectKind::Reply);
        match self.number {
            Number::Receive => self.fit(6, self.thread.domain, |held| held.is_none()),
            Number::ReplyAndReceive => self.fit(6, self.thread.domain, is_reply),
            _ => {}
        }
    }

    /// Sets an argument to a slot of `table` whose content fits, if there is one.
    fn fit(
        &mut self,
        index: usize,
        table: Ref<Domain>,
        fits: impl Fn(Option<Capability<Object>>) -> bool,
    ) {
        let fitting: Vec<u32> = (0..SLOTS).filter(|slot| fits(held(table, *slot))).collect();
        if let Some(slot) = choose(&fitting, self.registers[index]) {
            self.registers[index] = slot.into();
        }
    }

    /// The object of the capability in the slot that the argument `name` holds.
    pub fn object(&self, name: &str) -> Option<Object> {
        let slot = u32::try_from(self.registers[self.position(name)?]).ok()?;
        held(self.thread.domain, slot).map(|held| held.object)
    }

    pub fn domain(&self) -> Option<Ref<Domain>> {
        match self.object("domain")? {
            Object::Domain(domain) => Some(domain),
            _ => None,
        }
    }

    /// As `fit_slots`, for arguments that are slots of the call's target domain.
    fn fit_foreign_slots(&mut self) {
        let Some(domain) = self.domain() else { return };
        let is_free = |held: Option<Capability<Object>>| held.is_none();
        match self.number {
            Number::DomainInstall => self.fit(2, domain, is_free),
            Number::DomainInstallReply => {
                let is_caller = |held: Option<Capability<Object>>| match held?.object {
                    Object::Thread(thread) => {
                        (thread.domain == domain && awaits(thread)).then_some(())
                    }
                    _ => None,
                };
                self.fit(1, self.thread.domain, |held| is_caller(held).is_some());
                self.fit(2, domain, is_free);
            }
            Number::DomainDerive => {
                self.fit(1, domain, |held| held.is_some());
                self.fit(2, domain, is_free);
            }
            Number::DomainRemove => self.fit(1, domain, |held| held.is_some()),
            Number::DomainMapOwn => self.fit(1, domain, |held| is_of(held, ObjectKind::Memory)),
            Number::DomainHold => self.fit_hold(domain),
            _ => {}
        }
    }

    /// Fits the two slots of a `DomainHold` to its argument `held`.
    fn fit_hold(&mut self, domain: Ref<Domain>) {
        let (kind, holder) = match self.registers[3] {
            1 => (ObjectKind::Endpoint, ObjectKind::Memory),
            3 => (ObjectKind::Notification, ObjectKind::Thread),
            _ => (ObjectKind::Endpoint, ObjectKind::Thread),
        };
        self.fit(1, domain, |held| is_of(held, kind));
        let pool = domain.header.pool;
        self.fit(2, self.thread.domain, |held| {
            is_of(held, holder) && held.is_some_and(|it| it.object.header().pool == pool)
        });
    }
}

/// The content of a slot of a domain's table. A frame that the table has lost in its domain's destruction has no content.
pub fn held(domain: Ref<Domain>, slot: u32) -> Option<Capability<Object>> {
    if slot / SLOTS_PER_FRAME < domain.directory.first_index() {
        return None;
    }
    let place = domain.place(Slot(slot)).ok()?;
    SlotStorage.slot(place).capability()
}

fn is_of(held: Option<Capability<Object>>, kind: ObjectKind) -> bool {
    held.is_some_and(|held| held.object.kind() == kind)
}

/// Whether a call's target is in a state in which the call may succeed.
fn is_in_state(number: Number, object: Object) -> bool {
    match (number, object) {
        (Number::DomainInstallReply, Object::Domain(domain)) => {
            domain.is_quiescent() && domain.threads().any(awaits)
        }
        (
            Number::DomainThaw
            | Number::DomainRetire
            | Number::DomainReadThread
            | Number::DomainMapCaptured,
            Object::Domain(domain),
        ) => domain.is_quiescent(),
        (Number::DomainUnretire | Number::DomainGrantPages, Object::Domain(domain)) => {
            domain.is_retired()
        }
        (Number::DomainCreate, Object::Pool(pool)) => pool.domain.get().is_none(),
        (Number::DestroyChild, Object::Pool(pool)) => {
            objects(pool).any(|object| object.kind() == ObjectKind::Pool)
        }
        (Number::DomainFreeze, Object::Domain(domain)) => domain.is_running(),
        (
            Number::ThreadStart | Number::ThreadRead | Number::ThreadWrite | Number::ThreadPrepare,
            Object::Thread(thread),
        ) => thread.stopped.get(),
        _ => true,
    }
}

fn awaits(thread: Ref<Thread>) -> bool {
    thread.phase.get() == Phase::Awaiting
}
