//! Workloads in which threads are stopped: by another thread while they run, or while their trap is handled.

use core::arch::asm;

use runtime::abi::calls::{ThreadStart, ThreadStop};
use runtime::abi::fault::FaultKind;
use runtime::system_call::invoke;

use crate::board::Board;
use crate::calls::{receive, reply_and_receive, yield_times};
use crate::slots::{STOPPED_THREAD, TRAPPING_THREAD, TRAPS, TRAPS_REPLY};

/// The vector of a breakpoint.
const BREAKPOINT: u64 = 3;
/// The maximum number of yields while the running thread is stopped.
const PAUSE: u64 = 16;
/// The number of yields before a thread that a trap may have stopped is restarted.
const RESTART_YIELDS: u64 = 8;

/// Runs until it is stopped, and continues when it is started again.
pub extern "C" fn runs_and_is_stopped(board: Board) -> ! {
    loop {
        board.round();
        yield_times(1);
    }
}

/// Stops the previous workload's thread, which never blocks, and starts it again after a while. While it is stopped it makes no
/// progress, however often the domain moves.
pub extern "C" fn stops_running_thread(board: Board) -> ! {
    let thread = STOPPED_THREAD;
    loop {
        board.check(invoke(ThreadStop { thread }).is_ok(), 90);
        let rounds = board.before().rounds();
        yield_times(board.rounds() % PAUSE);
        board.check(board.before().rounds() == rounds, 91);
        board.check(invoke(ThreadStart { thread }).is_ok(), 92);
        while board.before().rounds() == rounds {
            yield_times(1);
        }
        board.round();
    }
}

/// Raises traps. It continues after each one exactly once, whether the trap was handled or the thread was restarted.
pub extern "C" fn traps(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let mut count = round;
        // SAFETY: it changes only this register; the receiver of the trap changes nothing.
        unsafe { asm!("inc {count}", "int3", "inc {count}", count = inout(reg) count) };
        board.check(count == round + 2, 93);
        board.round();
    }
}

/// Receives the traps and replies to each after a while.
pub extern "C" fn handles_traps(board: Board) -> ! {
    let mut trap = invoke(receive(TRAPS, TRAPS_REPLY));
    loop {
        board.check(trap.is_ok_and(|trap| trap.info.is_fault()), 94);
        let [kind, vector, ..] = trap.map_or([0; 4], |trap| trap.words);
        board.check(kind == FaultKind::Exception as u64, 95);
        board.check(vector == BREAKPOINT, 96);
        yield_times(board.rounds() % 4);
        board.round();
        trap = invoke(reply_and_receive(TRAPS, 0, TRAPS_REPLY));
    }
}

/// Restarts the trapping thread, which stops if its trap has not been received when the domain is frozen.
pub extern "C" fn restarts_trapped_thread(board: Board) -> ! {
    loop {
        yield_times(RESTART_YIELDS);
        let thread = TRAPPING_THREAD;
        board.check(invoke(ThreadStart { thread }).is_ok(), 97);
        board.round();
    }
}
