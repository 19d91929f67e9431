//! Traps whose handler is outside or inside the domain that moves.

use abi::register::Slot;

use super::entering::{BREAKPOINT, ELSEWHERE, INVALID_OPCODE, exception_inside, exception_outside};
use crate::arch::Cause;
use crate::capture::tests::scene::{INNER_REPLY, REPLY, Scene, reply, retire};
use crate::objects::Phase;
use crate::testing::{calls, slots};

/// The number of lines in the kernel's log that report a stop of the subject's thread after a trap.
fn logged_stops(scene: &Scene) -> usize {
    let console = scene.world.machine.console();
    console.matches("stops at 0x1234").count()
}

#[test]
fn a_trap_without_a_handler_after_a_move_stops_the_trapping_thread_and_is_logged() {
    let mut scene = Scene::new();
    exception_outside(&scene, BREAKPOINT);
    scene.freeze();
    scene.rebuild();
    assert_eq!(logged_stops(&scene), 0);
    scene.thaw();
    assert_eq!(logged_stops(&scene), 1);
    assert!(scene.subject.thread.stopped.get());
    // Starting it again lets it continue.
    scene.does(scene.helper, calls::start(slots::THREAD));
    assert!(scene.subject.thread.is_runnable());
    assert_eq!(scene.subject.thread.context.rip.get(), ELSEWHERE);
}

#[test]
fn a_reply_from_inside_after_a_move_lets_a_trapped_thread_continue() {
    let mut scene = Scene::new();
    exception_inside(&scene, BREAKPOINT);
    scene.freeze();
    scene.rebuild();
    scene.thaw();
    let thread = scene.subject.thread;
    assert!(!thread.is_runnable());
    scene.does(scene.helper, reply(INNER_REPLY, 0));
    assert!(thread.is_runnable());
    assert_eq!(logged_stops(&scene), 0);
}

#[test]
fn a_trap_whose_reply_right_was_dropped_during_retirement_stops_the_trapping_thread() {
    for vector in [BREAKPOINT, INVALID_OPCODE] {
        let scene = Scene::new();
        let manager = scene.manager.thread;
        exception_outside(&scene, vector);
        let version = scene.freeze();
        let retire = retire(version, scene.token.get());
        scene.does(manager, retire);
        scene.does(scene.server, calls::delete(REPLY));
        scene.unretire_by(manager);
        scene.thaw();
        let thread = scene.subject.thread;
        assert_eq!(thread.phase.get(), Phase::Ready);
        let is_trap = vector == BREAKPOINT;
        assert_eq!(thread.stopped.get(), is_trap);
        assert_eq!(logged_stops(&scene), usize::from(is_trap));
    }
}

#[test]
fn threads_with_traps_without_a_handler_are_logged_one_per_step() {
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
