//! The script that makes random calls, and judges what becomes of each by what its table held before.

use authority::{Lookup, Outcome, View, check_gain, judge, lookups};
use guest_support::random::Random;
use guest_support::worker::{PLAYGROUND, Page};
use runtime::Error;
use runtime::abi::calls::CapabilityInspect;
use runtime::abi::register::Slot;
use runtime::abi::{Number, ObjectKind, REGISTER_COUNT, Registers, Request, Rights};
use runtime::system_call::invoke;

/// Words of the script's page: the seed to go on from, calls made, successes.
pub const SEED: usize = 0;
/// See [`SEED`].
pub const CALLS: usize = 1;
/// See [`SEED`].
pub const SUCCESSES: usize = 2;
/// Words about the first violation: the call's number plus one, its status, and its registers.
pub const VIOLATION: usize = 8;
/// One more word about it: what the slot that was looked up held.
pub const HELD: usize = 20;
/// Words with results of earlier calls: identities, tokens, versions, cursors, which random numbers never are.
const RESULTS: usize = 32;
/// How many.
const RESULTS_KEPT: u64 = 8;
/// Results below are numbers that come about by themselves.
const RESULT_MIN: u64 = 0x100;

/// The slots that are played with; those below are the worker's own.
pub const SLOTS: core::ops::Range<u32> = 2..48;

/// How often arguments are drawn until they decode.
const TRIES: usize = 8;

/// Makes calls for ever.
pub extern "C" fn fuzzes(page: Page) -> ! {
    let mut random = Random::new(page.word(SEED));
    loop {
        let number = Number::ALL[random.below(Number::ALL.len() as u64) as usize];
        let registers = arguments(page, &mut random, number);
        // Where a call takes its ground away, the next life goes on behind it.
        page.set(SEED, random.word());
        page.set(CALLS, page.word(CALLS) + 1);
        try_call(page, &mut random, number as u64, registers);
    }
}

/// A register: mostly a slot, a small number, an address or an earlier result, sometimes anything.
fn value(page: Page, random: &mut Random) -> u64 {
    match random.below(16) {
        0 => random.word(),
        1 => u64::MAX >> random.below(64),
        2 => PLAYGROUND + (random.below(4) << 21),
        3 => 1 << random.below(64),
        4 => 0,
        5 => 0xffff,
        6 => 512 * random.below(4),
        7 => random.below(4),
        8 => page.word(RESULTS + random.below(RESULTS_KEPT) as usize),
        _ => u64::from(SLOTS.start) + random.below(u64::from(SLOTS.end - SLOTS.start)),
    }
}

/// The arguments of a call. Mostly they decode, and name slots that hold what the call looks up, so that not all ends at the
/// first check.
fn arguments(page: Page, random: &mut Random, number: Number) -> Registers {
    let mut registers = core::array::from_fn(|_| value(page, random));
    for _ in 0..TRIES {
        if let Ok(request) = Request::decode(number as u64, &registers) {
            aim(random, &request, &mut registers);
            break;
        }
        registers = core::array::from_fn(|_| value(page, random));
    }
    registers
}

/// Lets each slot that a call looks up hold what is wanted there, but for one in eight.
fn aim(random: &mut Random, request: &Request, registers: &mut Registers) {
    let mut aimed = [false; REGISTER_COUNT];
    for lookup in lookups(request).iter() {
        let slot = lookup.slot();
        // Which argument a slot comes from is not said; its number tells, but for rare pairs of equal ones.
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

/// A slot that a lookup finds as it needs it, the first from a random one on.
fn fitting(random: &mut Random, lookup: Lookup) -> Option<u64> {
    let count = SLOTS.end - SLOTS.start;
    let first = random.below(u64::from(count)) as u32;
    let fits = |slot: &u32| match (lookup, view(Slot(*slot))) {
        (Lookup::Capability(_, wanted, _), View::Holds { kind, .. }) => {
            wanted.is_none_or(|wanted| wanted == kind)
        }
        (Lookup::Copyable(..), View::Holds { kind, .. }) => kind != ObjectKind::Reply,
        (Lookup::Empty(_), View::Empty) | (Lookup::Any(_), _) => true,
        _ => false,
    };
    (0..count)
        .map(|index| SLOTS.start + (first + index) % count)
        .find(fits)
        .map(u64::from)
}

fn view(slot: Slot) -> View {
    let Ok((kind, rights, _)) = invoke(CapabilityInspect { slot }) else {
        return View::Beyond;
    };
    match ObjectKind::from_number(kind as u8) {
        Some(kind) => View::Holds {
            kind,
            rights: Rights(rights as u16),
        },
        None => View::Empty,
    }
}

/// Makes a call and judges it. What it looks up is looked at before.
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
    let status = call(number, &mut registers, random.word());
    let outcome = match Error::from_status(status) {
        Some(error) => Outcome::Refused(error),
        None => Outcome::Allowed,
    };
    if outcome == Outcome::Allowed {
        page.set(SUCCESSES, page.word(SUCCESSES) + 1);
        for result in registers[..2]
            .iter()
            .filter(|result| **result >= RESULT_MIN)
        {
            page.set(RESULTS + random.below(RESULTS_KEPT) as usize, *result);
        }
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
        // What does not decode is refused by its own error.
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

/// Flags that user code may set before it makes a call: CF, PF, AF, ZF, SF, DF, OF, NT, AC.
const FLAGS: u64 = 0x44cd5;

/// Makes a call with these flags set.
#[inline(never)]
fn call(number: u64, registers: &mut Registers, flags: u64) -> u64 {
    let status;
    let [a, b, c, d, e, f, g, h]: &mut [u64; REGISTER_COUNT] = registers;
    let flags = flags & FLAGS | 0x202;
    // SAFETY: what a call may take from the script, the supervisor gives back by starting it again; the flags are put back to
    // what compiled code relies on.
    unsafe {
        core::arch::asm!(
            "push r14",
            "popfq",
            "syscall",
            "push 0x202",
            "popfq",
            inlateout("rax") number => status,
            inlateout("rdi") *a,
            inlateout("rsi") *b,
            inlateout("rdx") *c,
            inlateout("r10") *d,
            inlateout("r8") *e,
            inlateout("r9") *f,
            inlateout("r12") *g,
            inlateout("r13") *h,
            in("r14") flags,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    status
}
