//! The list of workloads, [`WORKLOADS`], and the simple ones. They keep their state in registers, on their stacks and on their boards:
//! a domain created for them alone has no data segment.

use guest_support::registers::{
    Vectors, has_avx, keep_general, keep_xmm, keep_ymm, leave_selectors, selectors,
};
use runtime::abi::calls::{Reply, ThreadStart, ThreadStop};
use runtime::system_call::invoke;
use runtime::{Error, Slot};

use crate::board::Board;
use crate::calls::{
    call, discard, one_word, populate, receive, reply_and_receive, signal, wait, wait_until,
    word_of, yield_times,
};
use crate::crowd::{answers_in_a_crowd, calls_in_a_crowd};
use crate::derives::derives_and_revokes;
use crate::long_calls::{
    describes_itself, fills_and_empties, makes_and_destroys, revokes_many, supplies_pages,
    uses_paged_memory,
};
use crate::messages::{
    answers_at_length, calls_at_length, receives_and_is_notified, sends, signals_receiver,
};
use crate::modes::{keeps_direction, keeps_flags, keeps_mxcsr, keeps_segment_bases, keeps_x87};
use crate::slots::*;
use crate::stops::{
    answers_traps, restarts_trapped_thread, runs_and_is_stopped, stops_running_thread, traps,
};

/// A thread's entry function, with its board.
pub type Script = extern "C" fn(Board) -> !;

/// The work of a thread.
#[derive(Clone, Copy)]
pub struct Workload {
    /// A verb phrase, as in "the thread that computes".
    pub name: &'static str,
    /// The thread's entry function.
    pub script: Script,
    /// Its needs.
    pub needs: Needs,
}

/// What a workload needs besides its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// The next workload handles its faults, and may stop it.
    FaultHandler,
    /// The next workload may stop it while it calls.
    Holder,
    /// The next workload may stop it while it runs.
    Stopper,
    /// The next workload answers its traps, and the one after that may restart it.
    Tracer,
    /// [`DOORBELL`] is bound to it.
    Doorbell,
    /// The next workload is the pager of its Memory.
    Pager,
    /// A service outside the domain at [`OUTSIDE`].
    Server,
    /// A time-stamp counter that a move does not change.
    Counter,
    /// [`DOMAIN`] may be described.
    Description,
}

/// All workloads, with a thread each, in this order.
pub const WORKLOADS: [Workload; 40] = [
    plain("computes", computes),
    plain("computes with vectors", computes_with_vectors),
    plain("calls inside", calls_inside),
    plain("answers inside", answers_inside),
    needy("calls outside", calls_outside, Needs::Server),
    needy("waits for a deadline", waits_for_a_deadline, Needs::Counter),
    plain("pings", pings),
    plain("pongs", pongs),
    needy("faults", faults, Needs::FaultHandler),
    plain("handles faults", handles_faults),
    plain("recurses", recurses),
    needy("calls outside too", calls_outside, Needs::Server),
    needy("is stopped while it calls", calls_its_holder, Needs::Holder),
    plain("stops its caller", stops_its_caller),
    plain("derives and revokes", derives_and_revokes),
    plain("sends", sends),
    needy(
        "receives and is notified",
        receives_and_is_notified,
        Needs::Doorbell,
    ),
    plain("signals the receiver", signals_receiver),
    needy("uses paged memory", uses_paged_memory, Needs::Pager),
    plain("supplies pages", supplies_pages),
    plain("calls at length", calls_at_length),
    plain("answers at length", answers_at_length),
    plain("fills and empties", fills_and_empties),
    plain("makes and destroys", makes_and_destroys),
    plain("revokes many", revokes_many),
    needy("describes itself", describes_itself, Needs::Description),
    plain("keeps segment bases", keeps_segment_bases),
    plain("keeps the x87 unit", keeps_x87),
    plain("keeps MXCSR", keeps_mxcsr),
    plain("keeps the direction flag", keeps_direction),
    plain("keeps flags", keeps_flags),
    plain("calls in a crowd", calls_in_a_crowd::<0>),
    plain("calls in a crowd too", calls_in_a_crowd::<1>),
    plain("answers in a crowd", answers_in_a_crowd::<0>),
    plain("answers in a crowd too", answers_in_a_crowd::<1>),
    needy("runs and is stopped", runs_and_is_stopped, Needs::Stopper),
    plain("stops a running thread", stops_running_thread),
    needy("traps", traps, Needs::Tracer),
    plain("answers traps", answers_traps),
    plain("restarts a trapped thread", restarts_trapped_thread),
];

/// A workload that needs nothing.
pub const fn plain(name: &'static str, script: Script) -> Workload {
    needy(name, script, Needs::Nothing)
}

const fn needy(name: &'static str, script: Script, needs: Needs) -> Workload {
    Workload {
        name,
        script,
        needs,
    }
}

/// The address of the Memory with missing pages.
pub const HOLE_ADDRESS: u64 = 16 << 30;
/// The pages of this Memory.
pub const HOLE_PAGES: u64 = 8;

/// For how many iterations registers are left alone.
const TURNS: u64 = 4_000;
/// The depth of the recursion.
const DEPTH: u64 = 24;
const DEADLINE_NS: u64 = 300_000;
const NS_PER_SECOND: u128 = 1_000_000_000;

/// The answer to a number.
pub const fn answer_of(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555
}

extern "C" fn computes(board: Board) -> ! {
    loop {
        let seed = answer_of(board.rounds());
        leave_selectors();
        board.check(keep_general(seed, TURNS) == 0, 1);
        board.round();
        yield_times(1);
    }
}

extern "C" fn computes_with_vectors(board: Board) -> ! {
    let wide = has_avx();
    loop {
        let round = board.rounds();
        let from: Vectors = core::array::from_fn(|index| answer_of(round + index as u64));
        let mut to: Vectors = [0; 64];
        if wide {
            // SAFETY: both are on the stack, and AVX is enabled.
            unsafe { keep_ymm(&from, &mut to, TURNS) };
            board.check(from == to, 2);
        } else {
            // SAFETY: both are on the stack.
            unsafe { keep_xmm(&from, &mut to, TURNS) };
            let is_kept = |index: usize| from[index] == to[index] || index % 4 > 1;
            board.check((0..from.len()).all(is_kept), 3);
        }
        board.round();
        yield_times(1);
    }
}

extern "C" fn calls_inside(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let answer = invoke(call(INSIDE, round)).map(|answer| answer.words[0]);
        // The answering thread moves with this one, so the call is never interrupted.
        board.check(answer == Ok(answer_of(round)), 4);
        board.round();
    }
}

extern "C" fn answers_inside(board: Board) -> ! {
    let mut request = invoke(receive(INSIDE, INSIDE_REPLY));
    loop {
        let number = word_of(board, request, 5);
        board.round();
        yield_times(1);
        let answer = answer_of(number);
        request = invoke(reply_and_receive(INSIDE, answer, INSIDE_REPLY));
    }
}

extern "C" fn calls_outside(board: Board) -> ! {
    loop {
        let round = board.rounds();
        match invoke(call(OUTSIDE, round)) {
            Err(Error::Interrupted) => board.interrupted(),
            answer => {
                let answer = answer.map(|answer| answer.words[0]);
                board.check(answer == Ok(answer_of(round)), 6);
                board.round();
            }
        }
    }
}

extern "C" fn waits_for_a_deadline(board: Board) -> ! {
    let now_ns = || {
        // SAFETY: all these machines have the counter.
        let ticks = unsafe { core::arch::x86_64::_rdtsc() };
        (u128::from(ticks) * NS_PER_SECOND / u128::from(board.ticks_per_second())) as u64
    };
    loop {
        let deadline = now_ns() + DEADLINE_NS;
        board.check(wait_until(SILENCE, deadline) == Err(Error::TimedOut), 7);
        board.check(now_ns() >= deadline, 8);
        board.round();
    }
}

extern "C" fn pings(board: Board) -> ! {
    loop {
        let flags = 1 << (board.rounds() % 64);
        board.check(signal(PING_SIGNAL, flags).is_ok(), 9);
        // No flag is lost or duplicated, whenever the domain is frozen.
        board.check(wait(PONG) == Ok(flags), 10);
        board.round();
    }
}

extern "C" fn pongs(board: Board) -> ! {
    loop {
        // Some flags are raised before they are waited for.
        yield_times(1);
        let flags = wait(PING);
        board.check(flags == Ok(1 << (board.rounds() % 64)), 11);
        board.round();
        board.check(signal(PONG, flags.unwrap_or(0)).is_ok(), 12);
    }
}

extern "C" fn faults(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let page = round % HOLE_PAGES;
        let word = (HOLE_ADDRESS + page * 4096) as *mut u64;
        // SAFETY: the page is this workload's; the fault handler supplies it, zeroed.
        let (fresh, written) = unsafe {
            let fresh = word.read_volatile();
            word.write_volatile(round);
            yield_times(1);
            (fresh, word.read_volatile())
        };
        board.check(fresh == 0, 13);
        board.check(written == round, 14);
        board.check(discard(HOLE, page, 1).is_ok(), 15);
        board.round();
    }
}

extern "C" fn handles_faults(board: Board) -> ! {
    let mut fault = invoke(receive(FAULTS, FAULTS_REPLY));
    loop {
        board.check(fault.is_ok_and(|fault| fault.info.is_fault()), 16);
        let address = fault.map_or(0, |fault| fault.words[1]);
        let page = address.wrapping_sub(HOLE_ADDRESS) / 4096;
        // A freeze is likely to find the other thread waiting for this one.
        yield_times(1);
        board.check(populate(HOLE, page, 1).is_ok(), 17);
        if board.rounds().is_multiple_of(2) {
            hold(board, FAULTING_THREAD, FAULTS_REPLY, 0);
        }
        board.round();
        fault = invoke(reply_and_receive(FAULTS, 0, FAULTS_REPLY));
    }
}

extern "C" fn calls_its_holder(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let answer = invoke(call(HOLDER, round)).map(|answer| answer.words[0]);
        board.check(answer == Ok(answer_of(round)), 19);
        board.round();
    }
}

extern "C" fn stops_its_caller(board: Board) -> ! {
    let mut request = invoke(receive(HOLDER, HOLDER_REPLY));
    loop {
        let number = word_of(board, request, 20);
        hold(board, HELD_THREAD, HOLDER_REPLY, answer_of(number));
        board.round();
        request = invoke(receive(HOLDER, HOLDER_REPLY));
    }
}

/// Stops the previous workload's thread while it waits for an answer, answers it, and starts it again. In between it makes no progress,
/// however often the domain moves.
fn hold(board: Board, thread: Slot, reply: Slot, answer: u64) {
    board.check(invoke(ThreadStop { thread }).is_ok(), 21);
    let rounds = board.before().rounds();
    yield_times(1);
    let answered = invoke(Reply::new(reply, one_word(), [answer, 0, 0, 0]));
    board.check(answered.is_ok(), 22);
    yield_times(1);
    board.check(board.before().rounds() == rounds, 23);
    board.check(invoke(ThreadStart { thread }).is_ok(), 24);
}

extern "C" fn recurses(board: Board) -> ! {
    loop {
        let seed = board.rounds();
        board.check(descend(seed, DEPTH) == expected(seed), 18);
        board.check(selectors() == 0, 29);
        board.round();
    }
}

/// A sum over the stack: each level keeps numbers there while deeper levels work and yield.
#[inline(never)]
fn descend(seed: u64, depth: u64) -> u64 {
    let numbers: [u64; 16] =
        core::array::from_fn(|index| answer_of(seed + depth * 16 + index as u64));
    let numbers = core::hint::black_box(numbers);
    let below = if depth == 0 {
        yield_times(1);
        0
    } else {
        descend(seed, depth - 1)
    };
    numbers
        .iter()
        .fold(below, |sum, number| sum.wrapping_add(*number))
}

fn expected(seed: u64) -> u64 {
    (0..(DEPTH + 1) * 16).fold(0, |sum, index| sum.wrapping_add(answer_of(seed + index)))
}
