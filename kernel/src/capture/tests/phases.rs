//! A thread in each phase: how it reads when it is frozen, and that it goes on, in place and elsewhere.

use abi::calls::{
    CapabilityDelete, ReplyAndReceive, Send, Signal, ThreadFaults, ThreadStart, ThreadStop, Wait,
};
use abi::register::Slot;
use abi::thread_state::Awaits;
use abi::{Error, MessageInfo, Number};

use super::scene::{
    ENDPOINT, INNER, INNER_REPLY, NOTIFICATION, REPLY, Scene, answer, call, receive,
};
use crate::arch::Cause;
use crate::objects::Phase;
use crate::testing::{CALL_SITE, slots};

/// Where a thread faults, and where one that makes no call stands.
const ELSEWHERE: u64 = 0x1234;
const DEADLINE_NS: u64 = 50_000_000;

fn send() -> Send {
    Send {
        endpoint: ENDPOINT,
        info: MessageInfo::EMPTY,
        w0: 5,
        w1: 0,
        w2: 0,
        w3: 0,
    }
}

fn wait(deadline: u64) -> Wait {
    Wait {
        notification: NOTIFICATION,
        deadline,
    }
}

fn answer_and_receive(w0: u64) -> ReplyAndReceive {
    let info = MessageInfo::words_only(1).expect("short");
    ReplyAndReceive {
        endpoint: ENDPOINT,
        info,
        w0,
        w1: 0,
        w2: 0,
        w3: 0,
        reply: REPLY,
    }
}

/// The vector of an exception whose instruction is executed again.
const INVALID_OPCODE: u8 = 6;
/// The vector of a trap, behind whose instruction the thread stands.
const BREAKPOINT: u8 = 3;

/// The subject's thread raises an exception of this vector, and the endpoint in this slot of its table receives the message.
fn fault(scene: &Scene, vector: u8, heard_at: Slot) {
    let thread = slots::THREAD;
    let endpoint = heard_at;
    scene
        .world
        .does(scene.subject.thread, ThreadFaults { thread, endpoint });
    scene.world.kernel.scheduler.force(scene.subject.thread);
    scene.subject.thread.context.rip.set(ELSEWHERE);
    let (error, address) = (0, 0);
    scene.world.kernel.enter(Cause::Exception {
        vector,
        error,
        address,
    });
}

/// Others of its domain stop the subject's thread.
fn stop(scene: &Scene) {
    let thread = slots::THREAD;
    scene.world.does(scene.helper, ThreadStop { thread });
}

fn call_outside(scene: &Scene) {
    scene.world.begin(scene.subject.thread, call(ENDPOINT, 3));
    scene.world.does(scene.server, receive(ENDPOINT, REPLY));
}

fn call_inside(scene: &Scene) {
    scene.world.begin(scene.subject.thread, call(INNER, 3));
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
}

fn exception_outside(scene: &Scene, vector: u8) {
    fault(scene, vector, ENDPOINT);
    scene.world.does(scene.server, receive(ENDPOINT, REPLY));
}

fn exception_inside(scene: &Scene, vector: u8) {
    fault(scene, vector, INNER);
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
}

fn fault_outside(scene: &Scene) {
    exception_outside(scene, INVALID_OPCODE);
}

fn fault_inside(scene: &Scene) {
    exception_inside(scene, INVALID_OPCODE);
}

/// The name of the case in which a thread that was not stopped is when it goes on elsewhere.
const TRAP_OUTSIDE: &str = "a trap handled outside";

/// How to bring the subject's thread into a phase, and how it reads then.
pub struct Case {
    pub name: &'static str,
    pub enter: fn(&Scene),
    stopped: bool,
    awaits: Awaits,
    /// The call that it stands at; none for one that makes none.
    at: Option<Number>,
    /// What becomes of it when it is rebuilt, thawed, and runs up to its call and into it once more.
    again: fn(Phase) -> bool,
}

/// A thread in each phase.
pub const CASES: &[Case] = &[
    Case {
        name: "ready",
        enter: |scene| scene.subject.thread.context.rip.set(ELSEWHERE),
        stopped: false,
        awaits: Awaits::Nothing,
        at: None,
        again: |phase| phase == Phase::Ready,
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
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "sending",
        enter: |scene| scene.world.begin(scene.subject.thread, send()),
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Send),
        again: |phase| matches!(phase, Phase::Sending { badge: 7, .. }),
    },
    Case {
        name: "calling",
        enter: |scene| {
            scene.world.begin(scene.subject.thread, call(ENDPOINT, 3));
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Call),
        again: |phase| matches!(phase, Phase::Sending { badge: 7, .. }),
    },
    Case {
        name: "receiving",
        enter: |scene| {
            scene
                .world
                .begin(scene.subject.thread, receive(ENDPOINT, REPLY));
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Receive),
        again: |phase| matches!(phase, Phase::Receiving { .. }),
    },
    Case {
        name: "answered and receiving",
        enter: |scene| {
            let world = &scene.world;
            world.begin(scene.server, call(ENDPOINT, 3));
            world.does(scene.subject.thread, receive(ENDPOINT, REPLY));
            world.begin(scene.subject.thread, answer_and_receive(4));
            let answered = world.outcome::<abi::calls::Call>(scene.server);
            assert_eq!(
                answered.map(|answer| answer.map(|it| it.words[0])),
                Some(Ok(4))
            );
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Receive),
        again: |phase| matches!(phase, Phase::Receiving { .. }),
    },
    Case {
        name: "waiting",
        enter: |scene| scene.world.begin(scene.subject.thread, wait(u64::MAX)),
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Wait),
        again: |phase| matches!(phase, Phase::Waiting { .. }),
    },
    Case {
        name: "waiting with a deadline",
        enter: |scene| {
            scene.world.begin(scene.subject.thread, wait(DEADLINE_NS));
        },
        stopped: false,
        awaits: Awaits::Nothing,
        at: Some(Number::Wait),
        again: |phase| matches!(phase, Phase::Waiting { .. }),
    },
    Case {
        name: "awaiting an answer from outside",
        enter: call_outside,
        stopped: false,
        awaits: Awaits::Answer,
        at: Some(Number::Call),
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "awaiting an answer from inside",
        enter: call_inside,
        stopped: false,
        awaits: Awaits::Answer,
        at: Some(Number::Call),
        again: |phase| phase == Phase::Awaiting,
    },
    Case {
        name: "a fault that nobody took yet",
        enter: |scene| fault(scene, INVALID_OPCODE, ENDPOINT),
        stopped: false,
        awaits: Awaits::Nothing,
        at: None,
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "a fault handled outside",
        enter: fault_outside,
        stopped: false,
        awaits: Awaits::FaultAnswer,
        at: None,
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "a fault handled inside",
        enter: fault_inside,
        stopped: false,
        awaits: Awaits::FaultAnswer,
        at: None,
        again: |phase| phase == Phase::AwaitingFault { is_trap: false },
    },
    Case {
        name: "stopped, awaiting an answer from outside",
        enter: |scene| {
            call_outside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::Answer,
        at: Some(Number::Call),
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "stopped, awaiting an answer from inside",
        enter: |scene| {
            call_inside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::Answer,
        at: Some(Number::Call),
        again: |phase| phase == Phase::Awaiting,
    },
    Case {
        name: "stopped, a fault handled outside",
        enter: |scene| {
            fault_outside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::FaultAnswer,
        at: None,
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "stopped, a fault handled inside",
        enter: |scene| {
            fault_inside(scene);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::FaultAnswer,
        at: None,
        again: |phase| phase == Phase::AwaitingFault { is_trap: false },
    },
    Case {
        name: "a trap that nobody took yet",
        enter: |scene| fault(scene, BREAKPOINT, ENDPOINT),
        stopped: true,
        awaits: Awaits::Nothing,
        at: None,
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: TRAP_OUTSIDE,
        enter: |scene| exception_outside(scene, BREAKPOINT),
        stopped: false,
        awaits: Awaits::TrapAnswer,
        at: None,
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "a trap handled inside",
        enter: |scene| exception_inside(scene, BREAKPOINT),
        stopped: false,
        awaits: Awaits::TrapAnswer,
        at: None,
        again: |phase| phase == Phase::AwaitingFault { is_trap: true },
    },
    Case {
        name: "stopped, a trap handled outside",
        enter: |scene| {
            exception_outside(scene, BREAKPOINT);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::TrapAnswer,
        at: None,
        again: |phase| phase == Phase::Ready,
    },
    Case {
        name: "stopped, a trap handled inside",
        enter: |scene| {
            exception_inside(scene, BREAKPOINT);
            stop(scene);
        },
        stopped: true,
        awaits: Awaits::TrapAnswer,
        at: None,
        again: |phase| phase == Phase::AwaitingFault { is_trap: true },
    },
];

/// Every case, its thread in its phase.
fn each(mut check: impl FnMut(Scene, &Case)) {
    for case in CASES {
        let scene = Scene::new();
        (case.enter)(&scene);
        check(scene, case);
    }
}

/// Lets the subject's thread make the call that it stands at, if it can.
fn go_on(scene: &Scene) {
    let thread = scene.subject.thread;
    if thread.is_runnable() && thread.context.rip.get() == CALL_SITE {
        scene.world.step(thread);
    }
}

#[test]
fn a_frozen_thread_reads_as_standing_at_its_call_or_awaiting() {
    each(|scene, case| {
        let before = scene.subject.thread.arguments();
        scene.freeze();
        let state = scene.read(scene.subject.thread).expect("frozen");
        assert_eq!(state.stopped, u64::from(case.stopped), "{}", case.name);
        assert_eq!(state.awaits, case.awaits as u64, "{}", case.name);
        let site = if case.at.is_some() {
            CALL_SITE
        } else {
            ELSEWHERE
        };
        assert_eq!(state.registers.rip, site, "{}", case.name);
        if let Some(number) = case.at {
            assert_eq!(state.registers.rax, number as u64, "{}", case.name);
        }
        assert_eq!(scene.subject.thread.arguments(), before, "{}", case.name);
        assert!(scene.nobody_waits(), "{}", case.name);
        assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    });
}

#[test]
fn what_was_read_can_be_written_and_reads_the_same() {
    each(|scene, case| {
        scene.freeze();
        let state = scene.read(scene.subject.thread).expect("frozen");
        scene.write(0, &state).expect("it was read so");
        assert_eq!(scene.read(scene.subject.thread), Ok(state), "{}", case.name);
    });
}

#[test]
fn thawed_in_place_a_thread_is_where_it_was() {
    each(|scene, case| {
        let before = scene.subject.thread.phase.get();
        scene.freeze();
        scene.thaw();
        go_on(&scene);
        let after = scene.subject.thread.phase.get();
        match before {
            Phase::SendingFault { .. } => assert_eq!(after, Phase::Ready, "{}", case.name),
            _ => assert_eq!(after, before, "{}", case.name),
        }
        let stopped = scene.subject.thread.stopped.get();
        assert_eq!(stopped, case.stopped, "{}", case.name);
    });
}

#[test]
fn rebuilt_elsewhere_a_thread_goes_on_or_hears_that_it_was_interrupted() {
    each(|mut scene, case| {
        scene.freeze();
        scene.rebuild();
        scene.thaw();
        let thread = scene.subject.thread;
        if case.name.ends_with("awaiting an answer from outside") {
            let heard = scene.world.outcome::<abi::calls::Call>(thread);
            assert_eq!(heard, Some(Err(Error::Interrupted)));
        }
        go_on(&scene);
        let phase = thread.phase.get();
        assert!((case.again)(phase), "{}: {phase:?}", case.name);
        let stopped = case.stopped || case.name == TRAP_OUTSIDE;
        assert_eq!(thread.stopped.get(), stopped, "{}", case.name);
    });
}

/// What the kernel's log says of the subject's thread, which stands behind a trap: how often that it stops.
fn logged_stops(scene: &Scene) -> usize {
    let console = scene.world.machine.console();
    console.matches("stops at 0x1234").count()
}

#[test]
fn a_trap_that_nobody_can_answer_after_a_move_stops_its_thread_and_is_logged() {
    let mut scene = Scene::new();
    exception_outside(&scene, BREAKPOINT);
    scene.freeze();
    scene.rebuild();
    assert_eq!(logged_stops(&scene), 0);
    scene.thaw();
    assert_eq!(logged_stops(&scene), 1);
    assert!(scene.subject.thread.stopped.get());
    // Whoever decides that it may go on starts it.
    let thread = slots::THREAD;
    scene.world.does(scene.helper, ThreadStart { thread });
    assert!(scene.subject.thread.is_runnable());
    assert_eq!(scene.subject.thread.context.rip.get(), ELSEWHERE);
}

#[test]
fn a_trap_that_is_answered_inside_after_a_move_lets_its_thread_go_on() {
    let mut scene = Scene::new();
    exception_inside(&scene, BREAKPOINT);
    scene.freeze();
    scene.rebuild();
    scene.thaw();
    let thread = scene.subject.thread;
    assert!(!thread.is_runnable());
    scene.world.does(scene.helper, answer(INNER_REPLY, 0));
    assert!(thread.is_runnable());
    assert_eq!(logged_stops(&scene), 0);
}

#[test]
fn a_trap_whose_answer_was_given_up_while_its_domain_was_retired_stops_its_thread() {
    for vector in [BREAKPOINT, INVALID_OPCODE] {
        let scene = Scene::new();
        let keeper = scene.keeper.thread;
        exception_outside(&scene, vector);
        let version = scene.freeze();
        let retire = super::scene::retire(version, scene.token.get());
        scene.world.does(keeper, retire);
        let slot = REPLY;
        scene.world.does(scene.server, CapabilityDelete { slot });
        scene.unretire_by(keeper);
        scene.thaw();
        let thread = scene.subject.thread;
        assert_eq!(thread.phase.get(), Phase::Ready);
        let is_trap = vector == BREAKPOINT;
        assert_eq!(thread.stopped.get(), is_trap);
        assert_eq!(logged_stops(&scene), usize::from(is_trap));
    }
}

#[test]
fn threads_whose_traps_nobody_can_answer_are_logged_one_per_step() {
    let scene = Scene::new();
    let domain = scene.subject.domain;
    let threads = (0..20).map(|number| scene.world.thread_in(domain, Slot(30 + number)));
    for thread in threads.chain([scene.subject.thread]) {
        thread.phase.set(Phase::AwaitingFault { is_trap: true });
        scene.world.kernel.scheduler.remove(thread);
        thread.context.rip.set(ELSEWHERE);
    }
    scene.freeze();
    scene.thaw();
    let mut lines = logged_stops(&scene);
    assert!(lines <= 1);
    while !domain.is_settled() {
        scene.world.kernel.enter(Cause::Timer);
        let now = logged_stops(&scene);
        assert!(now <= lines + 1, "{lines}, then {now}");
        lines = now;
    }
    assert_eq!(lines, 21);
}

#[test]
fn an_answer_from_inside_comes_after_a_move() {
    let mut scene = Scene::new();
    scene.world.begin(scene.subject.thread, call(INNER, 3));
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    scene.freeze();
    scene.rebuild();
    scene.thaw();
    scene.world.does(scene.helper, answer(INNER_REPLY, 8));
    let answered = scene
        .world
        .outcome::<abi::calls::Call>(scene.subject.thread);
    assert_eq!(answered.map(|it| it.map(|it| it.words[0])), Some(Ok(8)));
}

#[test]
fn a_thread_that_was_stopped_while_it_awaited_runs_elsewhere_only_when_it_is_started() {
    let mut scene = Scene::new();
    call_inside(&scene);
    stop(&scene);
    scene.freeze();
    scene.rebuild();
    scene.thaw();
    scene.world.does(scene.helper, answer(INNER_REPLY, 8));
    let thread = scene.subject.thread;
    let answered = scene.world.outcome::<abi::calls::Call>(thread);
    assert_eq!(answered.map(|it| it.map(|it| it.words[0])), Some(Ok(8)));
    assert!(!thread.is_runnable());
    let start = ThreadStart {
        thread: slots::THREAD,
    };
    scene.world.does(scene.helper, start);
    assert!(thread.is_runnable());
}

#[test]
fn a_deadline_counts_in_the_time_of_the_domain_that_it_moved_with() {
    let mut scene = Scene::new();
    scene.world.machine.set_ticks(1_000);
    scene.world.begin(scene.subject.thread, wait(DEADLINE_NS));
    scene.freeze();
    scene.rebuild();
    let (domain, offset) = (super::scene::SUBJECT, 30_000_000);
    let set = abi::calls::DomainClock { domain, offset };
    scene.world.does(scene.keeper.thread, set);
    scene.thaw();
    scene.world.step(scene.subject.thread);
    let machine_ns = DEADLINE_NS - 30_000_000;
    assert_eq!(
        scene.world.kernel.scheduler.timers.earliest(),
        Some(scene.world.kernel.clock.ticks_at(machine_ns))
    );
}

#[test]
fn flags_raised_while_it_is_frozen_are_there_when_it_waits_again() {
    let scene = Scene::new();
    scene.world.begin(scene.subject.thread, wait(u64::MAX));
    scene.freeze();
    for flags in [1, 4] {
        let notification = NOTIFICATION;
        let signal = Signal {
            notification,
            flags,
        };
        scene.world.does(scene.keeper.thread, signal);
    }
    scene.thaw();
    scene.world.step(scene.subject.thread);
    assert_eq!(
        scene.world.outcome::<Wait>(scene.subject.thread),
        Some(Ok(5))
    );
}

#[test]
fn an_answer_that_comes_while_it_is_frozen_is_there_when_it_is_thawed() {
    let scene = Scene::new();
    scene.world.begin(scene.subject.thread, call(ENDPOINT, 3));
    scene.world.does(scene.server, receive(ENDPOINT, REPLY));
    scene.freeze();
    scene.world.does(scene.server, answer(REPLY, 6));
    let state = scene.read(scene.subject.thread).expect("frozen");
    assert_eq!(state.awaits, Awaits::Nothing as u64);
    scene.thaw();
    let answered = scene
        .world
        .outcome::<abi::calls::Call>(scene.subject.thread);
    assert_eq!(answered.map(|it| it.map(|it| it.words[0])), Some(Ok(6)));
}

#[test]
fn a_late_answer_to_a_thread_that_was_written_is_refused() {
    let scene = Scene::new();
    scene.world.begin(scene.subject.thread, call(ENDPOINT, 3));
    scene.world.does(scene.server, receive(ENDPOINT, REPLY));
    scene.freeze();
    let state = scene.read(scene.subject.thread).expect("frozen");
    scene.write(0, &state).expect("it was read so");
    assert_eq!(
        scene.world.call(scene.server, answer(REPLY, 6)),
        Err(Error::Gone)
    );
    scene.thaw();
    let heard = scene
        .world
        .outcome::<abi::calls::Call>(scene.subject.thread);
    assert_eq!(heard, Some(Err(Error::Interrupted)));
}

#[test]
fn a_stale_reply_right_is_not_described() {
    let scene = Scene::new();
    scene.world.begin(scene.subject.thread, call(INNER, 3));
    scene.world.does(scene.helper, receive(INNER, INNER_REPLY));
    scene.freeze();
    let replies = |scene: &Scene| {
        let all = scene.capabilities();
        all.iter()
            .filter(|record| record.slot == u64::from(INNER_REPLY.0))
            .count()
    };
    assert_eq!(replies(&scene), 1);
    let state = scene.read(scene.subject.thread).expect("frozen");
    scene.write(0, &state).expect("it was read so");
    assert_eq!(replies(&scene), 0);
}

#[test]
fn giving_up_the_right_to_answer_a_frozen_caller_tells_it() {
    let scene = Scene::new();
    scene.world.begin(scene.subject.thread, call(ENDPOINT, 3));
    scene.world.does(scene.server, receive(ENDPOINT, REPLY));
    scene.freeze();
    scene
        .world
        .does(scene.server, CapabilityDelete { slot: REPLY });
    scene.thaw();
    let heard = scene
        .world
        .outcome::<abi::calls::Call>(scene.subject.thread);
    assert_eq!(heard, Some(Err(Error::Gone)));
}

#[test]
fn nothing_of_a_frozen_domain_runs_or_is_met() {
    let scene = Scene::new();
    scene
        .world
        .begin(scene.subject.thread, receive(ENDPOINT, REPLY));
    scene.freeze();
    scene.world.begin(scene.server, call(ENDPOINT, 1));
    assert!(matches!(scene.server.phase.get(), Phase::Sending { .. }));
    assert!(!scene.helper.is_runnable());
    scene.thaw();
    scene.world.step(scene.subject.thread);
    assert_eq!(scene.server.phase.get(), Phase::Awaiting);
}
