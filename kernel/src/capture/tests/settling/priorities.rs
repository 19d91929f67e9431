//! A thread of low priority stops a domain whose threads call each other.

use abi::MessageInfo;
use abi::calls::ReplyAndReceive;
use abi::register::Slot;

use crate::capture::tests::scene::{
    INNER, INNER_REPLY, NOTIFICATION, SUBJECT, Scene, call, freeze, receive,
};
use crate::memory::Ref;
use crate::objects::Thread;
use crate::objects::tests::checker::check;
use crate::testing::{calls, stand_at};

/// The maximum number of kernel entries until the thread of low priority is done.
const ENTRIES_MAX: usize = 1_000;

/// Lets the scheduler choose the threads that run, until `last` has completed its call. Each other thread makes the call
/// that it stands at and then sleeps. The subject's helper serves these calls.
fn run_until_done(scene: &Scene, last: Ref<Thread>) {
    for _ in 0..ENTRIES_MAX {
        scene.world.kernel.scheduler.resume();
        let chosen = scene.world.kernel.scheduler.current();
        let thread = chosen.expect("`last` has not completed its call");
        if scene.world.is_at_call(thread) {
            scene.world.step(thread);
        } else if thread == last {
            return;
        } else if thread == scene.helper {
            scene.begin_step(thread, reply_and_receive());
        } else {
            scene.begin_step(thread, calls::wait(NOTIFICATION, u64::MAX));
        }
        check(&scene.world.kernel);
    }
    panic!("the threads of the stopping domain keep the core for ever");
}

fn reply_and_receive() -> ReplyAndReceive {
    ReplyAndReceive::new(INNER, MessageInfo::EMPTY, [0; 4], INNER_REPLY)
}

#[test]
fn calls_inside_a_stopping_domain_end_so_that_a_thread_of_lower_priority_can_stop_it() {
    for ends in [false, true] {
        let scene = Scene::new();
        let (domain, manager) = (scene.subject.domain, scene.manager.thread);
        scene.world.kernel.scheduler.remove(manager);
        manager.priority.set(5);
        scene.world.kernel.scheduler.wake(manager);
        scene.begin(scene.helper, receive(INNER, INNER_REPLY));
        stand_at(scene.subject.thread, call(INNER, 0));
        for number in 0..40 {
            let thread = scene.world.thread_in(domain, Slot(20 + number));
            stand_at(thread, call(INNER, u64::from(number)));
        }
        // The first step stops the newest threads.
        if ends {
            scene.begin_step(manager, calls::destroy(SUBJECT));
        } else {
            scene.begin_step(manager, freeze(u64::MAX));
        }
        assert!(!domain.is_settled());
        run_until_done(&scene, manager);
        assert_eq!(manager.context.rax.get(), 0);
        assert!(ends || domain.is_quiescent());
    }
}
