//! The phases: [`CASES`].

use abi::Number;
use abi::thread_state::Awaits;

use super::entering::{
    BREAKPOINT, DEADLINE_NS, ELSEWHERE, INVALID_OPCODE, call_inside, call_outside,
    exception_inside, exception_outside, fault, fault_inside, fault_outside, reply_and_receive,
    send, stop, wait,
};
use crate::capture::tests::scene::{ENDPOINT, REPLY, Scene, call, receive};
use crate::objects::Phase;

/// The name of the only case whose thread is not stopped when it is frozen, but is stopped after it was rebuilt and thawed.
pub const TRAP_OUTSIDE: &str = "a trap handled outside";

/// A phase: how the subject's thread enters it, and its exported state.
pub struct Case {
    pub name: &'static str,
    pub enter: fn(&Scene),
    pub stopped: bool,
    pub awaits: Awaits,
    /// The call that the thread stands at, if any.
    pub at: Option<Number>,
    /// Checks the thread's phase once it was rebuilt and thawed, and has made its call again if it can.
    pub is_expected_after_rebuild: fn(Phase) -> bool,
}

/// A thread in each phase.
pub const CASES: &[Case] = &[
    Case {
        name: "ready",
        enter: |scene| scene.subject.thread.context.rip.set(ELSEWHERE),
        stopped: false,
        awaits: Awaits::Nothing,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "stopped",
        enter: |scene| {
            scene.subject.thread.context.rip.set(ELSEWHERE);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::Nothing,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "sending",
        enter: |scene| scene.begin(scene.subject, send()),
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Send),
        is_expected_after_rebuild: |phase| matches!(phase, Phase::Sending { badge: 7, .. }),
    },
    Case {
        name: "calling",
        enter: |scene| {
            scene.begin(scene.subject, call(ENDPOINT, 3));
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Call),
        is_expected_after_rebuild: |phase| matches!(phase, Phase::Sending { badge: 7, .. }),
    },
    Case {
        name: "receiving",
        enter: |scene| {
            scene.begin(scene.subject, receive(ENDPOINT, REPLY));
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Receive),
        is_expected_after_rebuild: |phase| matches!(phase, Phase::Receiving { .. }),
    },
    Case {
        name: "replied and receiving",
        enter: |scene| {
            let world = &scene.world;
            world.begin(scene.server, call(ENDPOINT, 3));
            world.does(scene.subject, receive(ENDPOINT, REPLY));
            world.begin(scene.subject, reply_and_receive(4));
            let outcome = world.outcome::<abi::calls::Call>(scene.server);
            let word = outcome.map(|result| result.map(|received| received.words[0]));
            assert_eq!(word, Some(Ok(4)));
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Receive),
        is_expected_after_rebuild: |phase| matches!(phase, Phase::Receiving { .. }),
    },
    Case {
        name: "waiting",
        enter: |scene| scene.begin(scene.subject, wait(u64::MAX)),
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Wait),
        is_expected_after_rebuild: |phase| matches!(phase, Phase::Waiting { .. }),
    },
    Case {
        name: "waiting with a deadline",
        enter: |scene| {
            scene.begin(scene.subject, wait(DEADLINE_NS));
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Wait),
        is_expected_after_rebuild: |phase| matches!(phase, Phase::Waiting { .. }),
    },
    Case {
        name: "awaiting a reply from outside",
        enter: call_outside,
        stopped: false,
        awaits: Awaits::Reply,
        at: Some(Number::Call),
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "awaiting a reply from inside",
        enter: call_inside,
        stopped: false,
        awaits: Awaits::Reply,
        at: Some(Number::Call),
        is_expected_after_rebuild: |phase| phase == Phase::Awaiting,
    },
    Case {
        name: "a fault not received yet",
        enter: |scene| fault(scene, INVALID_OPCODE, ENDPOINT),
        stopped: false,
        awaits: Awaits::Nothing,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "a fault handled outside",
        enter: fault_outside,
        stopped: false,
        awaits: Awaits::FaultReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "a fault handled inside",
        enter: fault_inside,
        stopped: false,
        awaits: Awaits::FaultReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::AwaitingFault { is_trap: false },
    },
    Case {
        name: "stopped, awaiting a reply from outside",
        enter: |scene| {
            call_outside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::Reply,
        at: Some(Number::Call),
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "stopped, awaiting a reply from inside",
        enter: |scene| {
            call_inside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::Reply,
        at: Some(Number::Call),
        is_expected_after_rebuild: |phase| phase == Phase::Awaiting,
    },
    Case {
        name: "stopped, a fault handled outside",
        enter: |scene| {
            fault_outside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::FaultReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "stopped, a fault handled inside",
        enter: |scene| {
            fault_inside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::FaultReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::AwaitingFault { is_trap: false },
    },
    Case {
        name: "a trap not received yet",
        enter: |scene| fault(scene, BREAKPOINT, ENDPOINT),
        stopped: true,
        awaits: Awaits::Nothing,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: TRAP_OUTSIDE,
        enter: |scene| exception_outside(scene, BREAKPOINT),
        stopped: false,
        awaits: Awaits::TrapReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "a trap handled inside",
        enter: |scene| exception_inside(scene, BREAKPOINT),
        stopped: false,
        awaits: Awaits::TrapReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::AwaitingFault { is_trap: true },
    },
    Case {
        name: "stopped, a trap handled outside",
        enter: |scene| {
            exception_outside(scene, BREAKPOINT);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::TrapReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::Ready,
    },
    Case {
        name: "stopped, a trap handled inside",
        enter: |scene| {
            exception_inside(scene, BREAKPOINT);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::TrapReply,
        at: None,
        is_expected_after_rebuild: |phase| phase == Phase::AwaitingFault { is_trap: true },
    },
];
