//! The guest that root remembers for a domain that is at home on its machine.

use alloc::rc::Rc;

use abi::register::PageCount;
use manifest::Restart;

use super::*;
use crate::api::root::incoming;
use crate::definition::Definition;

fn guest() -> Option<Name> {
    Name::try_new("guest-525400ca7a03").ok()
}

/// A machine whose domain has left for a guest.
fn sent() -> Supervisor {
    let mut root = root(DomainState::Exported, 1);
    let domain = root.domains.by_name_mut(name()).expect("a domain");
    domain.definition = Some(Rc::new(Definition::for_tests(Restart::Always)));
    let release = RootRequest::Release {
        name: name(),
        guest: guest(),
    };
    let released = call(&mut root, release);
    assert_eq!(released, Some((done().as_slice().into(), 1)));
    root
}

fn admit(root: &mut Supervisor) {
    incoming::admit(root, name(), ID, PageCount(8), true).expect("admits");
}

#[test]
fn the_guest_is_remembered_until_the_domain_is_here_again() {
    with_kernel(retired, || {
        let mut root = sent();
        assert_eq!(first(&root).record().guest, guest());
        admit(&mut root);
        assert_eq!(first(&root).record().guest, guest());
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        (domain.objects, domain.state) = (Some(objects()), DomainState::Prepared);
        incoming::adopt(&mut root, name(), ID, Incarnation(2)).expect("adopts");
        assert_eq!(first(&root).record().guest, None);
    });
}

#[test]
fn the_guest_is_remembered_if_the_domain_does_not_arrive_from_it() {
    with_kernel(retired, || {
        let mut root = sent();
        admit(&mut root);
        incoming::discard(&mut root, name(), ID).expect("discards");
        let record = first(&root).record();
        assert_eq!(
            (record.state, record.guest),
            (DomainState::Waiting, guest())
        );
    });
}

#[test]
fn the_guest_is_remembered_if_an_operator_stops_the_absent_domain_or_its_start_fails() {
    with_kernel(retired, || {
        let mut root = sent();
        // The definition of the test has no program.
        let started = call(&mut root, RootRequest::Start { name: name() });
        assert_eq!(started, is_refused(Refusal::NotStarted));
        assert_eq!(first(&root).record().guest, guest());
        let stop = RootRequest::Stop {
            name: name(),
            restart: false,
        };
        assert_eq!(call(&mut root, stop), is_done());
        assert_eq!(first(&root).record().guest, guest());
    });
}

#[test]
fn a_guest_with_a_younger_copy_is_remembered_when_the_older_one_is_dropped() {
    with_kernel(accept_all, || {
        let mut root = root(DomainState::Running, 1);
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        domain.definition = Some(Rc::new(Definition::for_tests(Restart::Never)));
        incoming::outlive(&mut root, name(), ID, Incarnation(4), guest()).expect("stops it");
        incoming::drop_outlived(&mut root, name(), ID).expect("drops it");
        let record = first(&root).record();
        assert_eq!((record.state, record.guest), (DomainState::Away, guest()));
    });
}

#[test]
fn a_guest_that_has_reported_an_absent_domain_is_remembered_unless_another_one_is() {
    let remember = |guest: Option<Name>| RootRequest::RememberGuest {
        name: name(),
        guest: guest.expect("a name"),
    };
    let other = Name::try_new("guest-525400000001").ok();
    with_kernel(retired, || {
        let mut root = root(DomainState::Waiting, 1);
        assert_eq!(call(&mut root, remember(guest())), is_done());
        assert_eq!(call(&mut root, remember(other)), is_done());
        assert_eq!(first(&root).record().guest, guest());
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        domain.state = DomainState::Running;
        let refused = call(&mut root, remember(other));
        assert_eq!(refused, is_refused(Refusal::WrongState));
    });
}
