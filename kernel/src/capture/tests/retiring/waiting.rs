//! Threads that wait at the domain's objects, or for a reply from it, when it is retired and when the retirement is undone.

use abi::calls::{CapabilityInspect, ReplyAndReceive, Send, Wait};
use abi::register::Slot;
use abi::thread_state::Awaits;
use abi::{Error, MessageInfo};

use super::{
    FIRST_OUTSIDER, INNER_OUTSIDE, OWN_ENDPOINT, OWN_NOTIFICATION, fault, logged_stops, outsider,
    retire, scene, send, status, unretire_and_thaw, wait,
};
use crate::arch::Cause;
use crate::capture::tests::freezing::{DEADLINE_NS, pass_time};
use crate::capture::tests::scene::{
    ENDPOINT, HELPER, INNER, INNER_REPLY, NOTIFICATION, REPLY, call, receive, reply,
};
use crate::objects::{PendingWaiters, Phase, create_interrupt};
use crate::testing::calls;

#[test]
fn threads_that_wait_at_a_retired_domains_objects_get_gone() {
    let scene = scene();
    let [caller, sender, receiver, waiter] = [0, 1, 2, 3].map(|number| outsider(&scene, number));
    scene.begin(caller, call(OWN_ENDPOINT, 1));
    scene.begin(sender, send(OWN_ENDPOINT));
    scene.begin(receiver, receive(INNER_OUTSIDE, REPLY));
    scene.begin(waiter, wait());
    retire(&scene);
    let gone = Some(Err(Error::Gone));
    assert_eq!(status::<abi::calls::Call>(&scene, caller), gone);
    assert_eq!(status::<Send>(&scene, sender), gone);
    assert_eq!(status::<abi::calls::Receive>(&scene, receiver), gone);
    assert_eq!(status::<Wait>(&scene, waiter), gone);
    assert_eq!(scene.world.kernel.scheduler.timers.earliest(), None);
    for thread in [caller, sender, receiver, waiter] {
        assert!(thread.is_runnable());
    }
}

#[test]
fn threads_that_await_a_reply_from_a_retired_domain_get_gone() {
    let scene = scene();
    let (caller, faulting) = (outsider(&scene, 0), outsider(&scene, 1));
    scene.begin(caller, call(INNER_OUTSIDE, 1));
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
    fault(&scene, faulting, Slot(FIRST_OUTSIDER + 1), INNER_OUTSIDE);
    scene.does(scene.subject, receive(INNER, REPLY));
    let is_trap = false;
    assert_eq!(faulting.phase.get(), Phase::AwaitingFault { is_trap });
    retire(&scene);
    let outcome = status::<abi::calls::Call>(&scene, caller);
    assert_eq!(outcome, Some(Err(Error::Gone)));
    // The fault of this thread no longer has a handler.
    assert_eq!(faulting.phase.get(), Phase::Ready);
    assert!(faulting.stopped.get());
    assert_eq!(logged_stops(&scene), 1);
}

#[test]
fn a_caller_inside_keeps_awaiting_its_reply_until_the_retirement_is_undone() {
    let scene = scene();
    scene.begin(scene.subject, call(INNER, 3));
    scene.does(scene.helper, receive(INNER, INNER_REPLY));
    retire(&scene);
    assert_eq!(scene.subject.thread.phase.get(), Phase::Awaiting);
    unretire_and_thaw(&scene);
    scene.does(scene.helper, reply(INNER_REPLY, 8));
    let outcome = status::<abi::calls::Call>(&scene, scene.subject.thread);
    assert_eq!(outcome, Some(Ok(())));
}

#[test]
fn a_late_reply_is_refused_and_its_caller_is_interrupted_when_the_retirement_is_undone() {
    let scene = scene();
    scene.begin(scene.subject, call(ENDPOINT, 3));
    scene.does(scene.server, receive(ENDPOINT, REPLY));
    retire(&scene);
    let late = scene.call(scene.server, reply(REPLY, 1));
    assert_eq!(late, Err(Error::Gone));
    // The reply right is consumed, so its slot is free for the next one.
    let (kind, ..) = scene.does(scene.server, CapabilityInspect { slot: REPLY });
    assert_eq!(kind, 0);
    unretire_and_thaw(&scene);
    let outcome = status::<abi::calls::Call>(&scene, scene.subject.thread);
    assert_eq!(outcome, Some(Err(Error::Interrupted)));
}

#[test]
fn a_server_with_a_stale_reply_right_receives_the_next_message() {
    for is_written in [false, true] {
        let scene = scene();
        scene.begin(scene.subject, call(ENDPOINT, 3));
        scene.does(scene.server, receive(ENDPOINT, REPLY));
        if is_written {
            scene.freeze();
            let mut state = scene.read(scene.subject.thread).expect("frozen");
            state.awaits = Awaits::Nothing as u64;
            scene.write(0, &state).expect("a state");
        } else {
            retire(&scene);
        }
        let info = MessageInfo::words_only(1).expect("short");
        let both = ReplyAndReceive::new(ENDPOINT, info, [1, 0, 0, 0], REPLY);
        scene.begin(scene.server, both);
        let phase = scene.server.phase.get();
        assert!(matches!(phase, Phase::Receiving { .. }), "{phase:?}");
        // The next caller is served with the same slot.
        let caller = outsider(&scene, 0);
        scene.begin(caller, call(ENDPOINT, 4));
        let received = scene.world.outcome::<abi::calls::Receive>(scene.server);
        assert_eq!(received.map(|it| it.map(|it| it.words[0])), Some(Ok(4)));
        assert_eq!(caller.phase.get(), Phase::Awaiting);
    }
}

#[test]
fn faults_that_a_retired_domain_would_handle_stop_their_threads() {
    let scene = scene();
    let [queued, later] = [0, 1].map(|number| outsider(&scene, number));
    fault(&scene, queued, Slot(FIRST_OUTSIDER), OWN_ENDPOINT);
    let faults = calls::faults(Slot(FIRST_OUTSIDER + 1), OWN_ENDPOINT);
    scene.does(scene.manager, faults);
    retire(&scene);
    scene.world.raise(later, 6, 0, 0);
    for thread in [queued, later] {
        assert_eq!(thread.phase.get(), Phase::Ready);
        assert!(thread.stopped.get());
    }
    assert_eq!(logged_stops(&scene), 2);
}

#[test]
fn after_an_undone_retirement_a_domain_serves_again() {
    let scene = scene();
    scene.begin(scene.subject, receive(INNER, REPLY));
    retire(&scene);
    let refused = scene.call(scene.server, call(INNER_OUTSIDE, 1));
    assert_eq!(refused, Err(Error::Gone));
    unretire_and_thaw(&scene);
    scene.world.step(scene.subject);
    scene.begin(scene.server, call(INNER_OUTSIDE, 2));
    let received = scene.world.outcome::<abi::calls::Receive>(scene.subject);
    assert_eq!(received.map(|it| it.map(|it| it.words[0])), Some(Ok(2)));
    scene.does(scene.subject, reply(REPLY, 3));
    assert_eq!(
        status::<abi::calls::Call>(&scene, scene.server),
        Some(Ok(()))
    );
}

#[test]
fn a_caller_after_an_undone_retirement_gets_gone_when_the_domain_is_retired_again() {
    let scene = scene();
    retire(&scene);
    assert_eq!(
        scene.subject.domain.pending_waiters.get(),
        PendingWaiters::None
    );
    unretire_and_thaw(&scene);
    let caller = outsider(&scene, 0);
    scene.begin(caller, call(INNER_OUTSIDE, 1));
    retire(&scene);
    let outcome = status::<abi::calls::Call>(&scene, caller);
    assert_eq!(outcome, Some(Err(Error::Gone)));
}

#[test]
fn taking_flags_through_a_bound_receiver_outside_changes_the_notifications_domain() {
    let scene = scene();
    let manager = scene.manager.thread;
    let notification = OWN_NOTIFICATION;
    scene.does(manager, calls::bind(HELPER, notification));
    let signal = |flags| calls::signal(notification, flags);
    scene.does(manager, signal(1));
    // The server begins to receive while the notification is gone, so the raised flag does not wake it.
    retire(&scene);
    scene.begin(scene.server, receive(ENDPOINT, REPLY));
    scene.unretire_by(manager);
    let version = scene.version();
    scene.does(manager, signal(2));
    let received = scene.world.outcome::<abi::calls::Receive>(scene.server);
    assert_eq!(received.map(|it| it.map(|it| it.badge)), Some(Ok(3)));
    assert!(scene.version() > version);
}

/// The slot of the manager's own interrupt.
const INTERRUPT: Slot = Slot(40);

#[test]
fn an_interrupt_that_an_outsider_bound_waits_until_the_retirement_is_undone() {
    for is_bound in [false, true] {
        let scene = scene();
        let (kernel, manager) = (&scene.world.kernel, scene.manager);
        let place = manager.place(INTERRUPT);
        let vector = create_interrupt(kernel, manager.pool, None, place).expect("a vector");
        let (notification, flags) = (OWN_NOTIFICATION, 1);
        let bind = calls::bind_interrupt(INTERRUPT, notification, flags);
        scene.does(manager, bind);
        if is_bound {
            scene.does(manager, calls::bind(HELPER, notification));
        }
        scene.begin(scene.server, receive(ENDPOINT, REPLY));
        retire(&scene);
        let version = scene.version();
        kernel.enter(Cause::Interrupt { vector });
        pass_time(&scene, DEADLINE_NS);
        assert_eq!(scene.version(), version);
        assert_eq!(status::<abi::calls::Receive>(&scene, scene.server), None);

        scene.unretire_by(manager.thread);
        pass_time(&scene, 2 * DEADLINE_NS);
        let received = scene.world.outcome::<abi::calls::Receive>(scene.server);
        let flags = received.map(|received| received.map(|received| received.badge));
        assert_eq!(flags, is_bound.then_some(Ok(1)));
        let poll = Wait {
            deadline: 0,
            ..wait()
        };
        let left = scene.call(manager, poll);
        let expected = if is_bound {
            Err(Error::TimedOut)
        } else {
            Ok(1)
        };
        assert_eq!(left, expected);
    }
}

#[test]
fn an_interrupt_that_a_retired_domain_missed_is_delivered_to_the_next_bound_notification() {
    for is_destroyed in [false, true] {
        let scene = scene();
        let (kernel, manager) = (&scene.world.kernel, scene.manager);
        let place = manager.place(INTERRUPT);
        let vector = create_interrupt(kernel, manager.pool, None, place).expect("a vector");
        let bind = |notification, flags| calls::bind_interrupt(INTERRUPT, notification, flags);
        scene.does(manager, bind(OWN_NOTIFICATION, 1));
        retire(&scene);
        kernel.enter(Cause::Interrupt { vector });
        if is_destroyed {
            scene.destroy();
        }
        scene.does(manager, bind(NOTIFICATION, 4));
        let poll = calls::wait(NOTIFICATION, 0);
        assert_eq!(scene.call(manager, poll), Ok(4));
        assert_eq!(scene.call(manager, poll), Err(Error::TimedOut), "once");
    }
}
