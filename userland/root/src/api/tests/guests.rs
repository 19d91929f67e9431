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
        id: ID,
        guest: guest(),
    };
    let released = call(&mut root, release);
    assert_eq!(released, Some((done().as_slice().into(), 1)));
    root
}

/// Admits the domain from the guest.
fn admit(root: &mut Supervisor) {
    admit_from(root, guest()).expect("admits");
}

fn admit_from(root: &mut Supervisor, guest: Option<Name>) -> Result<(), Refusal> {
    incoming::admit(root, name(), ID, (PageCount(8), true), guest).map(drop)
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

fn other_guest() -> Option<Name> {
    Name::try_new("guest-525400000001").ok()
}

/// A guest may state any home, and the name of any domain.
#[test]
fn no_guest_brings_a_domain_of_the_manifest() {
    with_kernel(retired, || {
        let described = Definition::for_tests(Restart::Always).description;
        let described = manifest::Domain {
            name: name(),
            ..described
        };
        // At home here, and at home on another machine.
        for state in [Some(DomainState::Waiting), Some(DomainState::Away), None] {
            let mut root = Supervisor::for_tests();
            root.manifest.domains.push(described.clone());
            if let Some(state) = state {
                let domain = root.domains.add(name(), ID);
                domain.state = state;
            }
            let listed = root.domains.iter().map(Domain::record).collect::<Vec<_>>();
            let admitted = admit_from(&mut root, guest());
            assert_eq!(admitted, Err(Refusal::OfArchive));
            let after = root.domains.iter().map(Domain::record).collect::<Vec<_>>();
            assert_eq!(after, listed, "nothing has changed");
            assert_eq!(admit_from(&mut root, None), Ok(()));
        }
    });
}

#[test]
fn a_guest_does_not_bring_a_domain_that_another_one_may_have() {
    with_kernel(retired, || {
        let mut root = sent();
        let admitted = admit_from(&mut root, other_guest());
        assert_eq!(admitted, Err(Refusal::OnAnotherGuest));
        assert_eq!(first(&root).record().guest, guest());
    });
}

/// Two copies exist, as after an operator has started one by force.
#[test]
fn a_guest_is_remembered_when_another_copy_comes_from_a_member_and_leaves_again() {
    with_kernel(retired, || {
        let mut root = sent();
        admit_from(&mut root, None).expect("admits");
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        (domain.objects, domain.state) = (Some(objects()), DomainState::Prepared);
        incoming::adopt(&mut root, name(), ID, Incarnation(2)).expect("adopts");
        assert_eq!(first(&root).record().guest, guest());
        let domain = root.domains.by_name_mut(name()).expect("a domain");
        domain.state = DomainState::Exported;
        let release = RootRequest::Release {
            name: name(),
            id: ID,
            guest: None,
        };
        call(&mut root, release).expect("a reply");
        assert_eq!(first(&root).record().guest, guest());
    });
}
