//! Requests of operators about the life of a domain.

use alloc::rc::Rc;

use manifest::{Restart, Role};

use super::*;
use crate::definition::Definition;
use crate::destruction::Destruction;

/// A machine that is the home of its one domain.
fn home(state: DomainState, restart: Restart) -> Supervisor {
    let mut root = root(state, 1);
    let domain = root.domains.by_name_mut(name()).expect("a domain");
    domain.home = Name::try_new("nameless").ok();
    domain.definition = Some(Rc::new(Definition::for_tests(restart)));
    root
}

fn stop(restart: bool) -> RootRequest {
    let name = name();
    RootRequest::Stop { name, restart }
}

#[test]
fn a_stopped_domain_gives_its_memory_back_and_is_started_only_by_an_operator() {
    for state in [DomainState::Running, DomainState::Stopped] {
        let ((), calls) = with_kernel(accept_all, || {
            let mut root = home(state, Restart::Always);
            assert_eq!(call(&mut root, stop(false)), is_done());
            let domain = first(&root);
            assert_eq!((domain.state, domain.id), (DomainState::Away, ID));
            assert_eq!(domain.incarnation, Incarnation(1));
        });
        assert!(is_destroyed(&calls, POOL), "{state:?}");
    }
}

#[test]
fn a_domain_that_may_be_elsewhere_is_restarted_after_a_roll_call() {
    with_kernel(accept_all, || {
        let mut root = home(DomainState::Stopped, Restart::Never);
        assert_eq!(call(&mut root, stop(true)), is_done());
        assert_eq!(first(&root).state, DomainState::Waiting);
    });
}

#[test]
fn a_running_domain_is_restarted_at_once() {
    with_kernel(accept_all, || {
        let mut root = home(DomainState::Running, Restart::Never);
        // The definition of the test has no program.
        assert_eq!(call(&mut root, stop(true)), is_refused(Refusal::NotStarted));
        assert_eq!(first(&root).state, DomainState::Stopped);
    });
}

#[test]
fn a_domain_that_stays_here_is_restarted_at_once() {
    let ((), calls) = with_kernel(accept_all, || {
        let mut root = home(DomainState::Running, Restart::Never);
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        domain.home = None;
        assert_eq!(call(&mut root, stop(false)), is_done());
        assert_eq!(first(&root).state, DomainState::Stopped);
        // The definition of the test has no program.
        assert_eq!(call(&mut root, stop(true)), is_refused(Refusal::NotStarted));
    });
    assert!(is_destroyed(&calls, POOL));
}

#[test]
fn a_domain_whose_home_is_elsewhere_can_be_stopped_but_not_restarted() {
    with_kernel(accept_all, || {
        let mut root = root(DomainState::Running, 2);
        assert_eq!(call(&mut root, stop(true)), is_refused(Refusal::NotHome));
        assert_eq!(first(&root).state, DomainState::Running);
        assert_eq!(call(&mut root, stop(false)), is_done());
        assert!(root.domains.nth(0).is_none());
    });
}

#[test]
fn an_absent_domain_can_be_stopped_but_not_restarted() {
    with_kernel(accept_all, || {
        for state in [DomainState::Waiting, DomainState::Away] {
            let mut root = home(state, Restart::Always);
            assert_eq!(call(&mut root, stop(true)), is_refused(Refusal::WrongState));
            assert_eq!(first(&root).state, state);
            assert_eq!(call(&mut root, stop(false)), is_done());
            assert_eq!(first(&root).state, DomainState::Away);
        }
    });
}

#[test]
fn refuses_to_stop_a_part_of_the_machine_and_an_arriving_leaving_or_outlived_domain() {
    with_kernel(accept_all, || {
        for state in [
            DomainState::Incoming,
            DomainState::Prepared,
            DomainState::Exported,
            DomainState::Outlived,
        ] {
            let stopped = call(&mut home(state, Restart::Never), stop(false));
            assert_eq!(stopped, is_refused(Refusal::WrongState), "{state:?}");
        }
        let mut root = home(DomainState::Running, Restart::Always);
        let mut definition = Definition::for_tests(Restart::Always);
        definition.description.role = Some(Role::Switch);
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        domain.definition = Some(Rc::new(definition));
        for restart in [false, true] {
            let stopped = call(&mut root, stop(restart));
            assert_eq!(stopped, is_refused(Refusal::PartOfMachine));
        }
    });
}

/// The calls with which this machine's domain ends, while a thread destroys pools in the background.
fn calls_of_end(
    make: impl FnOnce() -> Supervisor,
    kernel: fn(&Request) -> host::CallResult,
) -> Vec<Request> {
    let ((), calls) = with_kernel(kernel, || {
        let mut root = make();
        let number = first(&root).number;
        root.remains.destruction = Destruction::new(root.machine.domain);
        root.end(number);
        core::mem::forget(root);
    });
    calls
}

fn position(calls: &[Request], is_it: impl Fn(&Request) -> bool) -> Option<usize> {
    calls.iter().position(is_it)
}

#[test]
fn a_domain_that_ends_is_retired_before_its_memory_is_destroyed_in_the_background() {
    let calls = calls_of_end(|| root(DomainState::Running, 1), accept_all);
    assert!(!is_destroyed(&calls, POOL));
    let frozen = position(&calls, |call| matches!(call, Request::DomainFreeze(_)));
    let retired = position(&calls, |call| matches!(call, Request::DomainRetire(_)));
    let begun = position(&calls, |call| matches!(call, Request::ThreadStart(_)));
    assert!(frozen.is_some() && frozen < retired && retired < begun);
}

#[test]
fn the_memory_of_a_domain_that_cannot_run_here_is_destroyed_in_the_background() {
    for (state, kernel) in [
        (DomainState::Incoming, accept_all as fn(&_) -> _),
        (DomainState::Prepared, accept_all),
        (DomainState::Exported, retired),
    ] {
        let calls = calls_of_end(|| root(state, 1), kernel);
        assert!(!is_destroyed(&calls, POOL), "{state:?}");
        let begun = position(&calls, |call| matches!(call, Request::ThreadStart(_)));
        assert!(begun.is_some(), "{state:?}");
    }
}

/// A kernel on which the domain is frozen. Each call names its freeze by the token.
fn frozen_by_root(request: &Request) -> host::CallResult {
    match request {
        Request::DomainFreeze(call) => match call.progress {
            TOKEN => Ok([9, TOKEN, 0, 0, 0, 0, 0, 0]),
            0 => Err(abi::Error::InUse),
            _ => Err(abi::Error::TimedOut),
        },
        _ => accept_all(request),
    }
}

/// It was outlived by a younger copy, or waits for the end of a restart's delay.
#[test]
fn a_domain_that_root_has_frozen_is_retired_and_destroyed_in_the_background() {
    for state in [DomainState::Outlived, DomainState::Running] {
        let calls = calls_of_end(|| root(state, 1), frozen_by_root);
        assert!(!is_destroyed(&calls, POOL), "{state:?}");
        let retirements = calls.iter().filter_map(|call| match call {
            Request::DomainRetire(call) => Some((call.version, call.token)),
            _ => None,
        });
        assert!(retirements.eq([(9, TOKEN)]), "{state:?}");
    }
}

/// The timer thaws it between two of root's calls.
#[test]
fn a_domain_that_runs_again_in_the_moment_of_its_end_is_destroyed_at_once() {
    let thawed = |request: &Request| match request {
        Request::DomainRetire(_) => Err(abi::Error::WrongState),
        _ => frozen_by_root(request),
    };
    let calls = calls_of_end(|| root(DomainState::Running, 1), thawed);
    assert!(is_destroyed(&calls, POOL));
}

/// At the deadline of its freeze, such a domain would run again.
#[test]
fn a_domain_that_another_one_has_frozen_is_destroyed_at_once() {
    let frozen = |request: &Request| match request {
        Request::DomainFreeze(_) => Err(abi::Error::InUse),
        _ => accept_all(request),
    };
    let calls = calls_of_end(|| root(DomainState::Running, 1), frozen);
    assert!(is_destroyed(&calls, POOL));
}

#[test]
fn a_part_of_the_machine_is_destroyed_at_once() {
    let console = || {
        let mut root = home(DomainState::Running, Restart::Always);
        let mut definition = Definition::for_tests(Restart::Always);
        definition.description.role = Some(Role::Console);
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        domain.definition = Some(Rc::new(definition));
        root
    };
    let calls = calls_of_end(console, accept_all);
    assert!(is_destroyed(&calls, POOL));
    let frozen = position(&calls, |call| matches!(call, Request::DomainFreeze(_)));
    assert_eq!(frozen, None);
}
