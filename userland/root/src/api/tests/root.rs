//! Requests about a domain that is present or leaving.

use abi::kind::{DomainRights, PoolRights};

use super::*;
use crate::api::root;

/// A freeze longer than any test.
const FROZEN_NS: u64 = 1 << 60;
/// A time long before the end of that freeze, and long after the check of an export without a freeze.
const LATER_NS: u64 = 1 << 40;

fn export() -> RootRequest {
    RootRequest::Export {
        name: name(),
        frozen_ns: FROZEN_NS,
    }
}

/// The release of a domain that has moved to a machine of the fleet.
pub fn release() -> RootRequest {
    RootRequest::Release {
        name: name(),
        id: ID,
        guest: None,
    }
}

#[test]
fn only_a_movable_domain_that_is_here_and_has_not_faulted_is_exported() {
    with_kernel(accept_all, || {
        for state in [DomainState::Running, DomainState::Exported] {
            let mut root = root(state, 1);
            assert_eq!(call(&mut root, export()), is_done());
            assert_eq!(first(&root).state, DomainState::Exported);
        }
        for state in [
            DomainState::Stopped,
            DomainState::Prepared,
            DomainState::Outlived,
        ] {
            let exported = call(&mut root(state, 1), export());
            assert_eq!(exported, is_refused(Refusal::WrongState), "{state:?}");
        }
        let mut root = root(DomainState::Running, 1);
        let domain = root.domains.by_name_mut(name());
        domain.expect("a domain").movable = false;
        let exported = call(&mut root, export());
        assert_eq!(exported, is_refused(Refusal::NotMovable));
    });
}

#[test]
fn the_reply_to_an_export_is_sent_when_the_port_is_quiet() {
    with_kernel(accept_all, || {
        let mut root = served(DomainState::Running, 1);
        assert_eq!(call(&mut root, export()), None);
        assert_eq!(root.quiet_waiters.count(), 1);
        assert_eq!(commands(&mut root), ["quiesce"]);
        assert_eq!(call(&mut root, export()), is_done());
    });
}

#[test]
fn only_an_exported_domain_is_released_and_its_address_stays_reserved() {
    for state in [
        DomainState::Running,
        DomainState::Stopped,
        DomainState::Prepared,
    ] {
        let (released, calls) = with_kernel(retired, || call(&mut root(state, 1), release()));
        assert_eq!(released, is_refused(Refusal::WrongState), "{state:?}");
        assert!(!is_destroyed(&calls, POOL), "{state:?}");
    }
    with_kernel(retired, || {
        let mut root = served(DomainState::Exported, 1);
        assert_eq!(
            call(&mut root, release()).map(|(_, capabilities)| capabilities),
            Some(1)
        );
        assert!(root.domains.nth(0).is_none());
        assert_eq!(commands(&mut root), ["depart"]);
    });
}

#[test]
fn an_exported_domain_that_is_not_retired_is_not_released() {
    let running = |request: &Request| match request {
        Request::DomainFreeze(_) => Err(abi::Error::TimedOut),
        _ => accept_all(request),
    };
    let frozen = |request: &Request| match request {
        Request::DomainFreeze(_) => Err(abi::Error::InUse),
        _ => accept_all(request),
    };
    for kernel in [running as fn(&Request) -> host::CallResult, frozen] {
        let (released, _) = with_kernel(kernel, || {
            call(&mut root(DomainState::Exported, 1), release())
        });
        assert_eq!(released, is_refused(Refusal::WrongState));
    }
}

#[test]
fn the_memory_of_a_domain_that_has_left_is_kept_and_the_migration_server_can_only_see_it() {
    let ((), calls) = with_kernel(retired, || {
        let mut root = root(DomainState::Exported, 1);
        let released = call(&mut root, release());
        assert_eq!(released, Some((done().as_slice().into(), 1)));
        assert!(root.domains.nth(0).is_none());
        assert_eq!(call(&mut root, release()), released, "repeated");
        let other = RootRequest::Release {
            name: name(),
            id: DomainId(99),
            guest: None,
        };
        assert_eq!(call(&mut root, other), is_refused(Refusal::NoSuchDomain));
    });
    assert!(!is_destroyed(&calls, POOL));
    let rights = calls.iter().find_map(|call| match call {
        Request::CapabilityMint(call) if call.from == POOL => Some(call.rights),
        _ => None,
    });
    assert_eq!(rights, Some(PoolRights::empty().into()));
}

#[test]
fn root_destroys_the_memory_of_a_domain_that_has_left_once_the_migration_server_gives_it_up() {
    for (id, incarnation, is_given_up) in [(ID, 1, true), (ID, 2, false), (DomainId(99), 1, false)]
    {
        let incarnation = Incarnation(incarnation);
        let ((), calls) = with_kernel(retired, || {
            let mut root = root(DomainState::Exported, 1);
            call(&mut root, release());
            for _ in 0..2 {
                let reply = call(&mut root, RootRequest::Reclaim { id, incarnation });
                assert_eq!(reply, is_done(), "repeated");
            }
            core::mem::forget(root);
        });
        assert_eq!(is_destroyed(&calls, POOL), is_given_up);
    }
}

/// The migration server gives up the older copy when it gets the younger one.
#[test]
fn only_the_older_copy_of_a_domain_is_destroyed_when_it_leaves_again() {
    const SECOND: Slot = Slot(30);
    let ((), calls) = with_kernel(retired, || {
        let mut machine = root(DomainState::Exported, 1);
        call(&mut machine, release());
        let second = root(DomainState::Exported, 3);
        machine.domains = second.domains;
        let domain = machine.domains.by_name_mut(name()).expect("a domain");
        domain.pool = Some(Cap::from_slot(SECOND));
        call(&mut machine, release());
        assert!(machine.remains.find(ID).is_some());
        let older = RootRequest::Reclaim {
            id: ID,
            incarnation: Incarnation(1),
        };
        assert_eq!(call(&mut machine, older), is_done());
        assert!(machine.remains.find(ID).is_some());
        core::mem::forget(machine);
    });
    assert!(is_destroyed(&calls, POOL) && !is_destroyed(&calls, SECOND));
}

#[test]
fn root_destroys_the_memory_of_a_domain_that_has_left_if_the_migration_server_has_ended() {
    let ((), calls) = with_kernel(retired, || {
        let mut root = root(DomainState::Exported, 1);
        call(&mut root, release());
        root.remains.reclaim_all();
        let repeated = call(&mut root, release());
        assert_eq!(repeated, is_refused(Refusal::NoSuchDomain));
    });
    assert!(is_destroyed(&calls, POOL));
}

#[test]
fn a_domain_that_the_kernel_does_not_unretire_is_not_reported_as_running() {
    let refuses = |request: &Request| match request {
        Request::DomainUnretire(_) => Err(abi::Error::WrongState),
        _ => retired(request),
    };
    let runs = |request: &Request| match request {
        Request::DomainUnretire(_) => Err(abi::Error::WrongState),
        Request::DomainFreeze(_) => Err(abi::Error::TimedOut),
        _ => accept_all(request),
    };
    let unretire = || RootRequest::Unretire { name: name() };
    let reply = |kernel| {
        with_kernel(kernel, || {
            call(&mut root(DomainState::Exported, 1), unretire())
        })
        .0
    };
    assert_eq!(reply(refuses), is_refused(Refusal::WrongState));
    assert_eq!(reply(runs), is_done(), "it was unretired before");
}

#[test]
fn the_migration_server_gets_the_rights_over_a_domain_that_a_move_needs_and_no_others() {
    let find = RootRequest::Find { name: name() };
    let (found, calls) = with_kernel(accept_all, || {
        call(&mut root(DomainState::Running, 1), find)
    });
    assert_eq!(found.map(|(_, capabilities)| capabilities), Some(1));
    let rights = calls.iter().find_map(|call| match call {
        Request::CapabilityMint(call) if call.from == DOMAIN => Some(call.rights),
        _ => None,
    });
    let rights = rights.expect("a copy is made");
    let needed =
        DomainRights::FREEZE | DomainRights::CAPTURE | DomainRights::RETIRE | DomainRights::CLOCK;
    assert_eq!(rights, needed.into());
}

#[test]
fn no_authority_is_given_over_a_domain_that_arrives_or_may_not_move() {
    let find = RootRequest::Find { name: name() };
    with_kernel(accept_all, || {
        let mut pinned = root(DomainState::Running, 1);
        let domain = pinned.domains.by_name_mut(name());
        domain.expect("a domain").movable = false;
        for mut root in [root(DomainState::Prepared, 0), pinned] {
            let found = call(&mut root, find);
            assert_eq!(found.map(|(_, capabilities)| capabilities), Some(0));
        }
    });
}

/// A machine with a domain whose export should have ended long ago, and one that has just begun to leave.
fn two_that_leave() -> Supervisor {
    let mut root = root(DomainState::Running, 1);
    let other = Name::try_new("kv").expect("a name");
    root.domains.add(other, DomainId(8)).objects = Some(objects());
    for (domain, frozen_ns) in root.domains.iter_mut().zip([0, FROZEN_NS]) {
        domain.begin_export(0, frozen_ns);
    }
    root
}

#[test]
fn a_domain_that_was_left_exported_is_served_again_and_one_that_is_leaving_is_not() {
    // A freeze of a running domain with a deadline in the past times out.
    let kernel = |request: &Request| match request {
        Request::DomainFreeze(_) => Err(abi::Error::TimedOut),
        other => accept_all(other),
    };
    with_kernel(kernel, || {
        let mut machine = two_that_leave();
        root::outgoing::check_exports(&mut machine, LATER_NS);
        let states: Vec<_> = machine.domains.iter().map(|domain| domain.state).collect();
        assert_eq!(states, [DomainState::Running, DomainState::Exported]);
    });
}

#[test]
fn a_domain_whose_retirement_is_undone_runs() {
    let kernel = |request: &Request| match request {
        Request::DomainUnretire(_) => Ok([9, TOKEN, 0, 0, 0, 0, 0, 0]),
        other => accept_all(other),
    };
    let unretire = RootRequest::Unretire { name: name() };
    let ((), calls) = with_kernel(kernel, || {
        let mut exported = root(DomainState::Exported, 1);
        assert_eq!(call(&mut exported, unretire), is_done());
        let mut waiting = root(DomainState::Waiting, 1);
        let refused = call(&mut waiting, unretire);
        assert_eq!(refused, is_refused(Refusal::WrongState));
    });
    assert_eq!(thawed(&calls), [TOKEN]);
}

#[test]
fn a_repeated_request_to_undo_a_retirement_succeeds_after_a_check_has_ended_the_export() {
    let unretire = RootRequest::Unretire { name: name() };
    for state in [DomainState::Running, DomainState::Stopped] {
        let ((), calls) = with_kernel(accept_all, || {
            assert_eq!(call(&mut root(state, 1), unretire), is_done());
        });
        let is_made = |call: &Request| matches!(call, Request::DomainUnretire(_));
        assert!(!calls.iter().any(is_made));
    }
}

#[test]
fn a_domain_that_is_here_is_not_started_a_second_time() {
    let start = RootRequest::Start { name: name() };
    for state in [
        DomainState::Running,
        DomainState::Exported,
        DomainState::Incoming,
        DomainState::Prepared,
        DomainState::Outlived,
    ] {
        let (started, calls) = with_kernel(accept_all, || call(&mut root(state, 1), start));
        assert_eq!(started, is_refused(Refusal::AlreadyHere), "{state:?}");
        let makes = |call: &Request| matches!(call, Request::PoolSplit(_));
        assert!(!calls.iter().any(makes), "{state:?}");
    }
}
