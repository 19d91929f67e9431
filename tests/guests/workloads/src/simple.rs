//! The simple workloads: registers, the stack, calls, flags, faults.

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
use crate::scrambled;
use crate::slots::{
    FAULTING_THREAD, FAULTS, FAULTS_REPLY, HELD_THREAD, HOLDER, HOLDER_REPLY, HOLE, INSIDE,
    INSIDE_REPLY, OUTSIDE, PING, PING_SIGNAL, PONG, SILENCE,
};

/// The address of the Memory with missing pages.
pub const HOLE_ADDRESS: u64 = 16 << 30;
/// The pages of this Memory.
pub const HOLE_PAGES: u64 = 8;

/// The number of iterations for which registers are not changed.
const TURNS: u64 = 4_000;
/// The depth of the recursion.
const DEPTH: u64 = 24;
const DEADLINE_NS: u64 = 300_000;
const NS_PER_SECOND: u128 = 1_000_000_000;

/// Holds numbers in the general registers.
pub extern "C" fn computes(board: Board) -> ! {
    loop {
        let seed = scrambled(board.rounds());
        leave_selectors();
        board.check(keep_general(seed, TURNS) == 0, 1);
        board.round();
        yield_times(1);
    }
}

/// Holds numbers in the vector registers.
pub extern "C" fn computes_with_vectors(board: Board) -> ! {
    let wide = has_avx();
    loop {
        let round = board.rounds();
        let from: Vectors = core::array::from_fn(|index| scrambled(round + index as u64));
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

/// Calls another thread of the domain.
pub extern "C" fn calls_inside(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let reply = invoke(call(INSIDE, round)).map(|reply| reply.words[0]);
        // The replying thread moves with this one, so the call is never interrupted.
        board.check(reply == Ok(scrambled(round)), 4);
        board.round();
    }
}

/// Replies to [`calls_inside`].
pub extern "C" fn replies_inside(board: Board) -> ! {
    let mut request = invoke(receive(INSIDE, INSIDE_REPLY));
    loop {
        let number = word_of(board, request, 5);
        board.round();
        yield_times(1);
        let reply = scrambled(number);
        request = invoke(reply_and_receive(INSIDE, reply, INSIDE_REPLY));
    }
}

/// Calls a service outside the domain. A move may interrupt the call.
pub extern "C" fn calls_outside(board: Board) -> ! {
    loop {
        let round = board.rounds();
        match invoke(call(OUTSIDE, round)) {
            Err(Error::Interrupted) => board.interrupted(),
            reply => {
                let reply = reply.map(|reply| reply.words[0]);
                board.check(reply == Ok(scrambled(round)), 6);
                board.round();
            }
        }
    }
}

/// Waits until a deadline. The wait is never too short.
pub extern "C" fn waits_for_a_deadline(board: Board) -> ! {
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

/// Raises a flag, and waits until [`pongs`] raises it too.
pub extern "C" fn pings(board: Board) -> ! {
    loop {
        let flags = 1 << (board.rounds() % 64);
        board.check(signal(PING_SIGNAL, flags).is_ok(), 9);
        // No flag is lost or duplicated, whenever the domain is frozen.
        board.check(wait(PONG) == Ok(flags), 10);
        board.round();
    }
}

/// Waits for the flag that [`pings`] raises, and raises it too.
pub extern "C" fn pongs(board: Board) -> ! {
    loop {
        // Some flags are raised before they are waited for.
        yield_times(1);
        let flags = wait(PING);
        board.check(flags == Ok(1 << (board.rounds() % 64)), 11);
        board.round();
        board.check(signal(PONG, flags.unwrap_or(0)).is_ok(), 12);
    }
}

/// Faults on missing pages.
pub extern "C" fn faults(board: Board) -> ! {
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

/// Populates the pages on which [`faults`] faults. It stops the faulting thread in every other round.
pub extern "C" fn handles_faults(board: Board) -> ! {
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

/// Calls the thread that stops it.
pub extern "C" fn calls_its_holder(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let reply = invoke(call(HOLDER, round)).map(|reply| reply.words[0]);
        board.check(reply == Ok(scrambled(round)), 19);
        board.round();
    }
}

/// Receives the calls of [`calls_its_holder`], and stops the caller before each reply.
pub extern "C" fn stops_its_caller(board: Board) -> ! {
    let mut request = invoke(receive(HOLDER, HOLDER_REPLY));
    loop {
        let number = word_of(board, request, 20);
        hold(board, HELD_THREAD, HOLDER_REPLY, scrambled(number));
        board.round();
        request = invoke(receive(HOLDER, HOLDER_REPLY));
    }
}

/// Stops the previous workload's thread while it waits for a reply, replies to it, and starts it again. While it is stopped it makes no
/// progress, however often the domain moves.
fn hold(board: Board, thread: Slot, reply: Slot, word: u64) {
    board.check(invoke(ThreadStop { thread }).is_ok(), 21);
    let rounds = board.before().rounds();
    yield_times(1);
    let replied = invoke(Reply::new(reply, one_word(), [word, 0, 0, 0]));
    board.check(replied.is_ok(), 22);
    yield_times(1);
    board.check(board.before().rounds() == rounds, 23);
    board.check(invoke(ThreadStart { thread }).is_ok(), 24);
}

/// Keeps numbers on the stack.
pub extern "C" fn recurses(board: Board) -> ! {
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
        core::array::from_fn(|index| scrambled(seed + depth * 16 + index as u64));
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
    (0..(DEPTH + 1) * 16).fold(0, |sum, index| sum.wrapping_add(scrambled(seed + index)))
}
