//! Two threads that call one endpoint, each through a capability with its own badge, and two that receive there.

use runtime::system_call::invoke;

use crate::board::Board;
use crate::calls::{call, receive, reply_and_receive, word_of, yield_times};
use crate::scrambled;
use crate::slots::{CROWD, CROWD_BADGES, CROWD_CALLERS, CROWD_REPLIES};

/// Calls, and checks that the reply is the one for this caller.
pub extern "C" fn calls_in_a_crowd<const NUMBER: usize>(board: Board) -> ! {
    loop {
        let round = board.rounds();
        let reply = invoke(call(CROWD_CALLERS[NUMBER], round)).map(|reply| reply.words[0]);
        board.check(reply == Ok(reply_to(round, CROWD_BADGES[NUMBER])), 80);
        board.round();
    }
}

/// Replies to either caller.
pub extern "C" fn replies_in_a_crowd<const NUMBER: usize>(board: Board) -> ! {
    let reply = CROWD_REPLIES[NUMBER];
    let mut request = invoke(receive(CROWD, reply));
    loop {
        let number = word_of(board, request, 81);
        let badge = request.map_or(0, |request| request.badge);
        board.check(CROWD_BADGES.contains(&badge), 82);
        // Lets the other receiver run too.
        yield_times(1);
        board.round();
        request = invoke(reply_and_receive(CROWD, reply_to(number, badge), reply));
    }
}

fn reply_to(number: u64, badge: u64) -> u64 {
    scrambled(number ^ badge.rotate_left(32))
}
