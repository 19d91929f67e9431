//! The script that makes random calls, and judges each outcome by the content of its table before the call.

use authority::{Outcome, View, check_gain, judge, lookups};
use guest_support::random::Random;
use guest_support::system_call::raw;
use guest_support::worker::Page;
use runtime::Error;
use runtime::abi::calls::CapabilityInspect;
use runtime::abi::register::Slot;
use runtime::abi::{Number, ObjectKind, Registers, Request, Rights};
use runtime::system_call::invoke;

use crate::arguments::arguments;

/// The word of the script's page with the seed to continue from.
pub const SEED: usize = 0;
/// The word with the number of calls.
pub const CALLS: usize = 1;
/// The word with the number of successful calls.
pub const SUCCESSES: usize = 2;
/// The first of the words about the first violation: the call's number plus one, its status, and its registers.
pub const VIOLATION: usize = 8;
/// The word that is 1 if the first slot that was looked up held a capability at the first violation.
pub const HELD: usize = 20;
/// The first of the words, by call number, that record whether the call has ever succeeded.
pub const SUCCEEDED: usize = 64;
/// The first of the words with results of earlier calls, such as identities, tokens, versions and cursors. A random number
/// would never equal one of these.
pub const RESULTS: usize = 32;
/// The number of these words.
pub const RESULTS_KEPT: u64 = 8;
/// The first of the words with the identities of objects of the domain that the script may read.
pub const IDENTITIES: usize = 48;
/// The number of these words.
pub const IDENTITIES_KEPT: u64 = 3;
/// The word with the token that the last freeze returned.
pub const TOKEN: usize = 56;
/// The word with the version that the last freeze returned.
pub const VERSION: usize = 57;
/// The smallest result that is kept. Random arguments hit smaller ones anyway.
const RESULT_MIN: u64 = 8;

/// The slots that the calls use; those below are the worker's own.
pub const SLOTS: core::ops::Range<u32> = 2..48;

/// Makes calls forever.
pub extern "C" fn fuzzes(page: Page) -> ! {
    let mut random = Random::new(page.word(SEED));
    loop {
        let number = Number::ALL[random.below(Number::ALL.len() as u64) as usize];
        let registers = arguments(page, &mut random, number);
        // If this call stops the script, its next run continues after the call.
        page.set(SEED, random.word());
        page.set(CALLS, page.word(CALLS) + 1);
        try_call(page, &mut random, number as u64, registers);
    }
}

/// The content of a slot of the script's table.
pub fn view(slot: Slot) -> View {
    let Ok((kind, rights, badge)) = invoke(CapabilityInspect { slot }) else {
        return View::Beyond;
    };
    match ObjectKind::from_number(kind as u8) {
        Some(kind) => View::Holds {
            kind,
            rights: Rights(rights as u16),
            badge,
        },
        None => View::Empty,
    }
}

/// Makes a call and judges its outcome by the slots that it looks up, as they were before.
fn try_call(page: Page, random: &mut Random, number: u64, mut registers: Registers) {
    let before = registers;
    let request = Request::decode(number, &registers);
    let mut seen = [(Slot::NONE, View::Beyond); 4];
    if let Ok(request) = &request {
        for (entry, lookup) in seen.iter_mut().zip(lookups(request).iter()) {
            let slot = lookup.slot();
            *entry = (slot, view(slot));
        }
    }
    let status = raw(number, &mut registers, random.word() & FLAGS);
    let outcome = match Error::from_status(status) {
        Some(error) => Outcome::Refused(error),
        None => Outcome::Allowed,
    };
    if outcome == Outcome::Allowed {
        keep_results(page, random, number, &registers);
    }
    let known = |slot| {
        let entry = seen.iter().find(|(seen, _)| *seen == slot);
        entry.map_or(View::Beyond, |(_, view)| *view)
    };
    let is_right = match &request {
        Ok(request) => {
            judge(request, outcome, known).is_ok()
                && (outcome != Outcome::Allowed || check_gain(request, known, view).is_ok())
        }
        // A request that does not decode is refused with the decoder's error.
        Err(error) => outcome == Outcome::Refused(*error),
    };
    if !is_right && page.word(VIOLATION) == 0 {
        for (index, register) in before.into_iter().enumerate() {
            page.set(VIOLATION + 2 + index, register);
        }
        page.set(HELD, u64::from(matches!(seen[0].1, View::Holds { .. })));
        page.set(VIOLATION + 1, status);
        page.set(VIOLATION, number + 1);
    }
}

/// Records a success, and keeps the results as arguments of later calls.
fn keep_results(page: Page, random: &mut Random, number: u64, registers: &Registers) {
    page.set(SUCCESSES, page.word(SUCCESSES) + 1);
    page.set(SUCCEEDED + number as usize, 1);
    let [first, second, ..] = *registers;
    if number == Number::DomainFreeze as u64 {
        page.set(TOKEN, first);
        page.set(VERSION, second);
    }
    for result in [first, second] {
        if result >= RESULT_MIN {
            page.set(RESULTS + random.below(RESULTS_KEPT) as usize, result);
        }
    }
}

/// The flags that user code may set before a call: CF, PF, AF, ZF, SF, DF, OF, NT, AC.
const FLAGS: u64 = 0x44cd5;
