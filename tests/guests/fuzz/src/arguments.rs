//! The arguments of random calls: [`arguments`].
//!
//! Uniformly random numbers hardly ever pass a call's first checks. So most arguments are drawn according to their types in the call's
//! description, and slots according to their contents.

use authority::{Lookup, lookups};
use guest_support::random::Random;
use guest_support::worker::{PLAYGROUND, Page};
use runtime::abi::calls::DESCRIPTIONS;
use runtime::abi::register::Slot;
use runtime::abi::{NO_DEADLINE, Number, REGISTER_COUNT, Registers, Request};

use crate::calls::{
    IDENTITIES, IDENTITIES_KEPT, RESULTS, RESULTS_KEPT, SLOTS, TOKEN, VERSION, view,
};

/// A harmless port that every PC has: firmware writes its progress codes to it.
pub const DELAY_PORT: u16 = 0x80;

/// Draws the arguments of a call.
pub fn arguments(page: Page, random: &mut Random, number: Number) -> Registers {
    let mut registers = core::array::from_fn(|_| scalar(page, random));
    let call = DESCRIPTIONS.iter().find(|it| it.number == number as u16);
    let described = call.map_or(&[][..], |call| call.arguments);
    for (register, (name, kind, _)) in registers.iter_mut().zip(described) {
        if random.below(8) != 0 {
            *register = typed(page, random, name, kind);
        }
    }
    if let Ok(request) = Request::decode(number as u64, &registers) {
        aim(random, &request, &mut registers);
    }
    registers
}

/// A plausible value for an argument of this name and type.
fn typed(page: Page, random: &mut Random, name: &str, kind: &str) -> u64 {
    match (name, kind) {
        (_, "Slot") => u64::from(SLOTS.start) + random.below(u64::from(SLOTS.end - SLOTS.start)),
        (_, "Access") => random.below(3),
        (_, "PageSet") => random.below(2),
        (_, "Held") => 1 + random.below(3),
        (_, "List") => random.below(4),
        (_, "Width") => 1 << random.below(3),
        (_, "MessageInfo") => random.below(6) | random.below(3) << 8,
        (_, "UserAddress") => PLAYGROUND + (random.below(4) << 21),
        (_, "ObjectId") => page.word(IDENTITIES + random.below(IDENTITIES_KEPT) as usize),
        ("token", _) => page.word(TOKEN),
        ("version", _) => page.word(VERSION),
        ("log", _) => result(page, random),
        ("first_page", _) => 512 * random.below(2),
        (_, "PageCount") => random.below(6),
        ("first" | "port", _) => DELAY_PORT.into(),
        ("deadline", _) => [0, NO_DEADLINE][random.below(2) as usize],
        ("below", _) => u64::MAX,
        ("cursor" | "progress", _) => 0,
        _ => scalar(page, random),
    }
}

/// Usually a small number, an address or an earlier result, sometimes any number.
fn scalar(page: Page, random: &mut Random) -> u64 {
    match random.below(16) {
        0 => random.word(),
        1 => u64::MAX >> random.below(64),
        2 => PLAYGROUND + (random.below(4) << 21),
        3 => 1 << random.below(64),
        4 | 5 => 0,
        6 => 0xffff,
        7 => 512 * random.below(4),
        8..=11 => result(page, random),
        _ => random.below(5),
    }
}

/// A result of an earlier call.
fn result(page: Page, random: &mut Random) -> u64 {
    page.word(RESULTS + random.below(RESULTS_KEPT) as usize)
}

/// Replaces seven slots in eight by a slot that holds what the call looks up there.
fn aim(random: &mut Random, request: &Request, registers: &mut Registers) {
    let mut aimed = [false; REGISTER_COUNT];
    for lookup in lookups(request).iter() {
        let slot = lookup.slot();
        // The slot's number identifies its argument, except where two arguments happen to be equal.
        let named = |index: &usize| !aimed[*index] && registers[*index] == u64::from(slot.0);
        let Some(index) = (0..REGISTER_COUNT).find(named) else {
            continue;
        };
        aimed[index] = true;
        if random.below(8) != 0
            && let Some(fitting) = fitting(random, lookup)
        {
            registers[index] = fitting;
        }
    }
}

/// The first slot, from a random one on, for which a lookup succeeds.
fn fitting(random: &mut Random, lookup: Lookup) -> Option<u64> {
    let count = SLOTS.end - SLOTS.start;
    let first = random.below(u64::from(count)) as u32;
    let fits = |slot: &u32| authority::fits(lookup, view(Slot(*slot)));
    (0..count)
        .map(|index| SLOTS.start + (first + index) % count)
        .find(fits)
        .map(u64::from)
}
