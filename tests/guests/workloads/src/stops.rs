//! Workloads in which threads are stopped: by another thread while they run, or by a trap while it is answered.

use core::arch::asm;

use runtime::abi::calls::{ThreadStart, ThreadStop, Yield};
use runtime::abi::fault::FaultKind;
use runtime::system_call::invoke;

use crate::board::Board;
use crate::calls::{receive, reply_and_receive};
use crate::slots::{STOPPED_THREAD, TRAPPING_THREAD, TRAPS, TRAPS_REPLY};

/// The vector of a breakpoint.
const BREAKPOINT: u64 = 3;
/// How often others run while the thread that runs is stopped, at most.
const PAUSE: u64 = 16;
/// How often others run before a thread is started that a trap may have stopped.
const PATIENCE: u64 = 8;

/// Runs until it is stopped, and goes on when it is started again.
pub extern "C" fn runs_and_is_stopped(board: Board) -> ! {
    loop {
        board.round();
        let _ = invoke(Yield {});
    }
}

/// Stops the thread that did the workload before this one, which awaits nothing, and starts it again after a while. In between it gets
/// nowhere, however often the domain moves.
pub extern "C" fn stops_who_runs(board: Board) -> ! {
    let thread = STOPPED_THREAD;
    loop {
        board.check(invoke(ThreadStop { thread }).is_ok(), 90);
        let rounds = board.before().rounds();
        for _ in 0..board.rounds() % PAUSE {
            let _ = invoke(Yield {});
        }
        board.check(board.before().rounds() == rounds, 91);
        board.check(invoke(ThreadStart { thread }).is_ok(), 92);
        while board.before().rounds() == rounds {
            let _ = invoke(Yield {});
        }
        board.round();
    }
}

/// Raises traps. It goes on behind each, once, whether it was answered or the thread was started again.
pub extern "C" fn traps(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let mut count = round;
        // SAFETY: it changes this register only; the receiver of the trap changes nothing.
        unsafe { asm!("inc {count}", "int3", "inc {count}", count = inout(reg) count) };
        board.check(count == round + 2, 93);
        board.round();
    }
}

/// Hears of the traps and answers each after a while.
pub extern "C" fn answers_traps(board: Board) -> ! {
    let mut trap = invoke(receive(TRAPS, TRAPS_REPLY));
    loop {
        board.check(trap.is_ok_and(|trap| trap.info.is_fault()), 94);
        let [kind, vector, ..] = trap.map_or([0; 4], |trap| trap.words);
        board.check(kind == FaultKind::Exception as u64, 95);
        board.check(vector == BREAKPOINT, 96);
        for _ in 0..board.rounds() % 4 {
            let _ = invoke(Yield {});
        }
        board.round();
        trap = invoke(reply_and_receive(TRAPS, 0, TRAPS_REPLY));
    }
}

/// Restarts the thread that raises traps: it stops if its trap has not been received when the domain is frozen.
pub extern "C" fn starts_who_trapped(board: Board) -> ! {
    loop {
        for _ in 0..PATIENCE {
            let _ = invoke(Yield {});
        }
        let thread = TRAPPING_THREAD;
        board.check(invoke(ThreadStart { thread }).is_ok(), 97);
        board.round();
    }
}
