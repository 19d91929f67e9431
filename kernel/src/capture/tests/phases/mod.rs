//! A thread in each phase: its exported state when frozen, and how it continues, in place and elsewhere.
//!
//! | file | contents |
//! | --- | --- |
//! | `entering` | the calls and exceptions that bring a thread into its phase |
//! | `cases` | the phases, with the expected state and continuation |
//! | `traps` | traps that a debugger handles |
//! | `waits` | waits interrupted by a freeze: for replies, deadlines and flags |

mod cases;
mod entering;
mod traps;
mod waits;

use abi::Error;
use cases::{Case, TRAP_OUTSIDE};
use entering::ELSEWHERE;

use super::scene::Scene;
use crate::objects::Phase;
use crate::testing::CALL_SITE;

pub use cases::CASES;

/// Runs `check` on every case, with its thread in its phase.
fn each(mut check: impl FnMut(Scene, &Case)) {
    for case in CASES {
        let scene = Scene::new();
        (case.enter)(&scene);
        check(scene, case);
    }
}

/// Lets the subject's thread make the call that it stands at, if it can run.
fn go_on(scene: &Scene) {
    let thread = scene.subject.thread;
    if thread.is_runnable() && thread.context.rip.get() == CALL_SITE {
        scene.world.step(thread);
    }
}

#[test]
fn a_frozen_thread_is_exported_at_its_call_or_awaiting_a_reply() {
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
        assert!(scene.has_no_waiters(), "{}", case.name);
        assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    });
}

#[test]
fn an_exported_state_can_be_imported_and_exported_again_unchanged() {
    each(|scene, case| {
        scene.freeze();
        let state = scene.read(scene.subject.thread).expect("frozen");
        scene.write(0, &state).expect("an exported state");
        assert_eq!(scene.read(scene.subject.thread), Ok(state), "{}", case.name);
    });
}

#[test]
fn a_thread_thawed_in_place_is_in_the_same_phase_again() {
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
fn a_thread_rebuilt_elsewhere_continues_or_is_interrupted() {
    each(|mut scene, case| {
        scene.freeze();
        scene.rebuild();
        scene.thaw();
        let thread = scene.subject.thread;
        if case.name.ends_with("awaiting a reply from outside") {
            let outcome = scene.world.outcome::<abi::calls::Call>(thread);
            assert_eq!(outcome, Some(Err(Error::Interrupted)));
        }
        go_on(&scene);
        let phase = thread.phase.get();
        assert!(
            (case.is_expected_after_rebuild)(phase),
            "{}: {phase:?}",
            case.name
        );
        let stopped = case.stopped || case.name == TRAP_OUTSIDE;
        assert_eq!(thread.stopped.get(), stopped, "{}", case.name);
    });
}
