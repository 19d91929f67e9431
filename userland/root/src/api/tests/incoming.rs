//! Requests about an arriving domain.

use alloc::rc::Rc;
use alloc::vec;

use abi::NO_DEADLINE;
use abi::calls::DomainFreeze;
use abi::kind::PoolRights;
use abi::register::PageCount;
use manifest::Restart;
use runtime::capability::{Any, Domain as DomainKind, Notification};
use runtime::protocol::root::Binding;

use super::*;
use crate::api::root::{bindings, incoming};
use crate::definition::Definition;
use crate::names;

const OTHER_ID: DomainId = DomainId(8);
const OTHER_POOL: Slot = Slot(23);

/// The message with which a builder hands over a complete domain in this pool.
fn parts(pool: Slot) -> Message {
    Message::new()
        .capability(Cap::<Pool>::from_slot(pool))
        .capability(Cap::<DomainKind>::from_slot(DOMAIN))
        .capability(Cap::<Notification>::from_slot(WAKE))
}

fn keep(root: &mut Supervisor, pool: Slot, token: u64) -> Result<(), Refusal> {
    let home = Name::try_new("a").ok();
    incoming::keep(root, name(), token, home, &parts(pool)).map(drop)
}

#[test]
fn an_adopted_domain_runs_under_its_new_incarnation() {
    let ((), calls) = with_kernel(accept_all, || {
        let mut root = root(DomainState::Prepared, 0);
        incoming::adopt(&mut root, name(), ID, Incarnation(4)).expect("adopts");
        let domain = first(&root);
        assert_eq!(
            (domain.state, domain.incarnation),
            (DomainState::Running, Incarnation(4))
        );
        // A repeated request, as after a lost reply, thaws nothing again.
        incoming::adopt(&mut root, name(), ID, Incarnation(4)).expect("has adopted");
    });
    assert_eq!(thawed(&calls), [TOKEN]);
}

#[test]
fn a_domain_has_its_port_when_it_is_adopted_and_not_before() {
    with_kernel(accept_all, || {
        let mut root = root(DomainState::Incoming, 0);
        let number = first(&root).number;
        add_port(&mut root, number, address(1, 1));
        assert_eq!(keep(&mut root, POOL, TOKEN), Ok(()));
        assert_eq!(commands(&mut root), ["attach"]);
        incoming::adopt(&mut root, name(), ID, Incarnation(4)).expect("adopts");
        assert_eq!(commands(&mut root), ["activate"]);
    });
}

#[test]
fn a_domain_that_cannot_be_thawed_is_still_to_be_adopted() {
    let kernel = |request: &Request| match request {
        Request::DomainThaw(_) => Err(abi::Error::InUse),
        other => accept_all(other),
    };
    with_kernel(kernel, || {
        let mut root = root(DomainState::Incoming, 0);
        let number = first(&root).number;
        add_port(&mut root, number, address(1, 1));
        assert_eq!(keep(&mut root, POOL, TOKEN), Ok(()));
        let adopted = incoming::adopt(&mut root, name(), ID, Incarnation(4));
        assert_eq!(adopted.map(drop), Err(Refusal::Kernel));
        let domain = first(&root);
        assert_eq!(
            (domain.state, domain.incarnation),
            (DomainState::Prepared, Incarnation(0))
        );
        // Nor is its port announced.
        assert_eq!(commands(&mut root), ["attach"]);
    });
}

#[test]
fn a_domain_is_kept_until_it_is_adopted_and_thawed_by_the_last_token() {
    let ((), calls) = with_kernel(accept_all, || {
        let mut root = root(DomainState::Incoming, 0);
        for token in [8, 9] {
            assert_eq!(keep(&mut root, POOL, token), Ok(()));
            assert_eq!(first(&root).state, DomainState::Prepared);
            assert_eq!(first(&root).home, Name::try_new("a").ok());
        }
        incoming::adopt(&mut root, name(), ID, Incarnation(4)).expect("adopts");
    });
    assert_eq!(thawed(&calls), [9]);
}

#[test]
fn only_a_domain_in_the_pool_that_was_admitted_is_kept() {
    with_kernel(accept_all, || {
        let mut root = root(DomainState::Incoming, 0);
        assert_eq!(keep(&mut root, OTHER_POOL, 9), Err(Refusal::Capability));
        assert_eq!(first(&root).state, DomainState::Incoming);
        assert!(first(&root).objects.is_none());
    });
}

#[test]
fn a_builder_gets_a_pool_without_the_right_to_dma() {
    let (given, calls) = with_kernel(accept_all, || {
        let mut root = Supervisor::for_tests();
        [(); 2].map(|()| {
            let admitted = incoming::admit(&mut root, name(), ID, (PageCount(8), true), None);
            let (_, pool) = admitted.expect("admits, or has");
            pool.expect("a capability").slot()
        })
    });
    let minted = calls.iter().filter_map(|call| match call {
        Request::CapabilityMint(call) => Some((call.to, call.rights)),
        _ => None,
    });
    let minted: Vec<_> = minted.collect();
    assert_eq!(minted, [(given[0], PoolRights::OWN.into())]);
    assert_eq!(given[0], given[1], "a repeated request");
}

#[test]
fn a_pool_that_its_builder_cannot_get_is_destroyed() {
    let kernel = |request: &Request| match request {
        Request::CapabilityMint(_) => Err(abi::Error::TableFull),
        other => accept_all(other),
    };
    let (domains, calls) = with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        let admitted = incoming::admit(&mut root, name(), ID, (PageCount(8), true), None);
        assert_eq!(admitted.map(drop), Err(Refusal::Kernel));
        root.domains.iter().count()
    });
    assert_eq!(domains, 0);
    let split = calls.iter().find_map(|call| match call {
        Request::PoolSplit(call) => Some(call.into),
        _ => None,
    });
    assert!(is_destroyed(&calls, split.expect("a pool")));
}

#[test]
fn a_younger_copy_stops_a_running_domain_permanently() {
    let ((), calls) = with_kernel(accept_all, || {
        let mut root = root(DomainState::Running, 3);
        for _ in 0..2 {
            incoming::outlive(&mut root, name(), ID, Incarnation(4), None)
                .expect("stops it, or has");
            assert_eq!(first(&root).state, DomainState::Outlived);
        }
    });
    let freezes = calls.iter().filter_map(|call| match call {
        Request::DomainFreeze(DomainFreeze { deadline, .. }) => Some(*deadline),
        _ => None,
    });
    assert_eq!(freezes.collect::<Vec<_>>(), [NO_DEADLINE]);
}

/// Root needs it to retire the domain when it is dropped.
#[test]
fn the_token_of_an_outlived_domains_freeze_is_stored() {
    let kernel = |request: &Request| match request {
        Request::DomainFreeze(_) => Ok([1, 77, 0, 0, 0, 0, 0, 0]),
        _ => accept_all(request),
    };
    with_kernel(kernel, || {
        let mut root = root(DomainState::Running, 3);
        incoming::outlive(&mut root, name(), ID, Incarnation(4), None).expect("stops it");
        assert_eq!(first(&root).freeze_token, 77);
    });
}

#[test]
fn no_frame_flows_to_an_outlived_domain() {
    with_kernel(accept_all, || {
        let mut root = served(DomainState::Running, 3);
        incoming::outlive(&mut root, name(), ID, Incarnation(4), None).expect("stops it");
        assert_eq!(commands(&mut root), ["stop"]);
    });
}

#[test]
fn only_a_younger_copy_of_the_same_domain_stops_it_and_only_while_it_runs() {
    let cases = [
        (DomainState::Running, ID, 3, Refusal::WrongState),
        (DomainState::Running, ID, 2, Refusal::WrongState),
        (DomainState::Running, OTHER_ID, 4, Refusal::NoSuchDomain),
        (DomainState::Exported, ID, 4, Refusal::WrongState),
        (DomainState::Prepared, ID, 4, Refusal::WrongState),
    ];
    for (state, id, incarnation, refusal) in cases {
        let ((), calls) = with_kernel(accept_all, || {
            let mut root = root(state, 3);
            let outlived = incoming::outlive(&mut root, name(), id, Incarnation(incarnation), None);
            assert_eq!(outlived.map(drop), Err(refusal));
            assert_eq!(first(&root).state, state);
        });
        let freezes = |call: &Request| matches!(call, Request::DomainFreeze(_));
        assert!(!calls.iter().any(freezes), "{state:?} {incarnation}");
    }
}

#[test]
fn an_arriving_domain_can_be_discarded_and_an_outlived_one_can_be_dropped() {
    type GiveUp = fn(&mut Supervisor, Name, DomainId) -> crate::api::root::Response;
    let cases = [
        (DomainState::Incoming, incoming::discard as GiveUp),
        (DomainState::Prepared, incoming::discard),
        (DomainState::Outlived, incoming::drop_outlived),
    ];
    for (state, give_up) in cases {
        let ((), calls) = with_kernel(accept_all, || {
            let mut root = root(state, 0);
            give_up(&mut root, name(), ID).expect("gives it up");
            assert!(root.domains.nth(0).is_none());
        });
        assert!(is_destroyed(&calls, POOL), "{state:?}");
    }
}

#[test]
fn refuses_to_discard_a_domain_that_is_not_arriving_and_another_one_of_the_same_name() {
    let cases = [
        (DomainState::Running, ID, Refusal::WrongState),
        (DomainState::Exported, ID, Refusal::WrongState),
        (DomainState::Stopped, ID, Refusal::WrongState),
        // It may be the last copy: only an explicit request drops it.
        (DomainState::Outlived, ID, Refusal::WrongState),
        (DomainState::Prepared, OTHER_ID, Refusal::NoSuchDomain),
    ];
    for (state, id, refusal) in cases {
        let (domains, calls) = with_kernel(accept_all, || {
            let mut root = root(state, 2);
            let discarded = incoming::discard(&mut root, name(), id);
            assert_eq!(discarded.map(drop), Err(refusal));
            root.domains.iter().count()
        });
        assert_eq!(domains, 1);
        assert!(!is_destroyed(&calls, POOL), "{state:?}");
    }
}

#[test]
fn a_domain_at_home_here_keeps_its_definition_while_it_arrives_and_leaves() {
    with_kernel(accept_all, || {
        let mut root = Supervisor::for_tests();
        let definition = Rc::new(Definition::for_tests(Restart::Always));
        let absent = root.domains.add_at_home(name(), definition.clone());
        absent.state = DomainState::Away;
        let stale = absent.number;
        incoming::admit(&mut root, name(), ID, (PageCount(8), true), None).expect("admits");
        assert_eq!(first(&root).state, DomainState::Incoming);
        assert!(root.domains.by_number(stale).is_none());
        incoming::discard(&mut root, name(), ID).expect("discards");
        let again = first(&root);
        assert_eq!((again.state, again.id), (DomainState::Away, ID));
        let kept = again.definition.as_ref().expect("a definition");
        assert!(Rc::ptr_eq(kept, &definition));
        assert_eq!(root.domains.iter().count(), 1);
    });
}

/// Binds a port for the arriving domain, while another domain of this machine has the address (1, 1).
fn bind_port(wanted: PortAddress) -> Result<Option<Cap<Any>>, Refusal> {
    let (bound, _) = with_kernel(accept_all, || {
        let mut root = root(DomainState::Incoming, 0);
        add_port(&mut root, DomainNumber(2), address(1, 1));
        bindings::bind(&mut root, name(), port_of(wanted)).map(|(_, capability)| capability)
    });
    bound
}

fn port_of(address: PortAddress) -> Binding {
    Binding {
        name: Name::try_new(names::RING).expect("a name"),
        port: Some(address.state()),
    }
}

#[test]
fn a_domain_that_is_built_again_keeps_its_port() {
    let ((), calls) = with_kernel(accept_all, || {
        let mut root = root(DomainState::Incoming, 0);
        let mut bind = || bindings::bind(&mut root, name(), port_of(address(1, 1)));
        let (bound, again) = (bind().expect("binds"), bind().expect("binds again"));
        assert_eq!(bound.1, again.1);
        assert_eq!(first(&root).held.len(), 1);
    });
    let rings = calls.iter();
    let rings = rings.filter(|call| matches!(call, Request::MemoryCreate(_)));
    assert_eq!(rings.count(), 1);
}

/// Binds objects for an arriving domain; returns root's replies, and the number of Memories that it made.
fn bind_all(bindings: &[Binding]) -> (Vec<Result<(), Refusal>>, usize) {
    let (bound, calls) = with_kernel(accept_all, || {
        let mut root = root(DomainState::Incoming, 0);
        let mut bind = |it: &Binding| bindings::bind(&mut root, name(), *it).map(drop);
        bindings.iter().map(&mut bind).collect()
    });
    let made = |call: &&Request| matches!(call, Request::MemoryCreate(_));
    (bound, calls.iter().filter(made).count())
}

fn binding(name: &str, port: Option<PortAddress>) -> Binding {
    Binding {
        name: Name::try_new(name).expect("a name"),
        port: port.map(|address| address.state()),
    }
}

#[test]
fn a_domain_gets_one_port_and_one_clock_page_whatever_its_image_claims() {
    let refused = Err(Refusal::Malformed);
    let [one, other] = [address(1, 1), address(2, 2)].map(Some);
    let rings = [one, other].map(|port| binding(names::RING, port));
    assert_eq!(bind_all(&rings), (vec![Ok(()), refused], 1));
    let mixed = [binding(names::DOORBELL, one), binding(names::RING, other)];
    assert_eq!(bind_all(&mixed), (vec![Ok(()), refused], 0));
    let both = [binding(names::RING, one), binding(names::DOORBELL, one)];
    assert_eq!(bind_all(&both), (vec![Ok(()), Ok(())], 1));
    let clocks = [None, None, one, other].map(|port| binding(crate::clock::NAME, port));
    let bound = vec![Ok(()), Ok(()), refused, refused];
    assert_eq!(bind_all(&clocks), (bound, 1));
    for name in [names::RING, names::DOORBELL] {
        assert_eq!(bind_all(&[binding(name, None)]), (vec![refused], 0));
    }
}

#[test]
fn an_offer_that_is_refused_for_lack_of_memory_leaves_a_waiting_domain_waiting() {
    let kernel = |request: &Request| match request {
        Request::PoolSplit(_) => Err(abi::Error::PoolEmpty),
        other => accept_all(other),
    };
    with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        let definition = Rc::new(Definition::for_tests(Restart::Always));
        root.domains.add_at_home(name(), definition).state = DomainState::Waiting;
        let admitted = incoming::admit(&mut root, name(), ID, (PageCount(8), true), None);
        assert_eq!(admitted.map(drop), Err(Refusal::NoMemory));
        let domain = first(&root);
        assert_eq!((domain.name, domain.state), (name(), DomainState::Waiting));
        assert!(domain.definition.is_some());
    });
}

#[test]
fn a_domain_whose_address_is_taken_gets_no_port() {
    for taken in [address(1, 2), address(2, 1)] {
        assert_eq!(bind_port(taken), Err(Refusal::AddressTaken), "{taken:?}");
    }
    assert!(bind_port(address(2, 2)).is_ok_and(|port| port.is_some()));
}
