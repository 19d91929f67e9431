//! The machines that a drain offers domains to, and the moves that it counts.

use core::net::Ipv4Addr;

use super::*;

const A: MachineId = MachineId([1; 32]);
const B: MachineId = MachineId([2; 32]);
const GUEST: MachineId = MachineId([3; 32]);

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

fn address(machine: MachineId) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, machine.0[0])
}

fn member(text: &str, id: MachineId) -> FleetMember {
    FleetMember::new(name(text), id, Some(address(id)))
}

fn drain(to: Option<MachineId>) -> Drain {
    Drain::new(to, RequestId(1))
}

fn next(drain: &Drain, machines: &Machines) -> Option<MachineId> {
    let machine = drain.next_machine(name("pushed"), machines);
    machine.map(|machine| machine.id)
}

#[test]
fn a_guest_that_drains_tries_each_machine_until_the_rules_permit_one() {
    let own = member("guest-1", GUEST);
    let machines = Machines::new(own, Vec::from([member("a", A), member("b", B)]));
    let mut drain = drain(None);
    assert_eq!(next(&drain, &machines), Some(A));
    drain.exclude(
        name("pushed"),
        machines.get(A).unwrap(),
        GuestRule::OnlyToHome,
    );
    assert_eq!(next(&drain, &machines), Some(B));
    drain.exclude(
        name("pushed"),
        machines.get(B).unwrap(),
        GuestRule::OnlyToHome,
    );
    assert_eq!(next(&drain, &machines), None);
    let reason = AbortReason::Refused(Refusal::Guest(GuestRule::OnlyToHome));
    let to = name("a");
    let stay = drain.exhausted(name("pushed"));
    assert_eq!(stay, Stay::Failed { to, reason });
}

#[test]
fn a_failed_move_is_reported_rather_than_a_rule_that_excludes_a_machine() {
    let machines = Machines::new(member("guest-1", GUEST), Vec::from([member("a", A)]));
    let mut drain = drain(None);
    let reason = AbortReason::StreamBroken;
    drain.handle_failure(name("pushed"), machines.get(A), reason, false);
    drain.exclude(
        name("pushed"),
        machines.get(A).unwrap(),
        GuestRule::OnlyToHome,
    );
    let to = name("a");
    let stay = drain.exhausted(name("pushed"));
    assert_eq!(stay, Stay::Failed { to, reason });
}

#[test]
fn a_domain_is_offered_to_a_guest_only_if_the_operator_names_it() {
    let mut machines = Machines::new(member("a", A), Vec::from([member("b", B)]));
    machines.add_guest(name("guest-1"), GUEST, address(GUEST));
    let mut to_all = drain(None);
    to_all.exclude(
        name("pushed"),
        machines.get(B).unwrap(),
        GuestRule::OnlyPackages,
    );
    assert_eq!(next(&to_all, &machines), None);
    assert_eq!(next(&drain(Some(GUEST)), &machines), Some(GUEST));
    assert_eq!(next(&drain(Some(B)), &machines), Some(B));
}

#[test]
fn a_domain_that_was_forced_to_run_here_has_not_moved() {
    let machines = Machines::new(member("a", A), Vec::from([member("b", B)]));
    for (runs_here, moved) in [(true, 0), (false, 1)] {
        let (transaction, pushed) = (TransactionId(7), name("pushed"));
        let mut drain = drain(None);
        drain.begin(transaction, pushed, B);
        let handled = drain.handle_notice(&machines, transaction, &Notice::Finished, |_| runs_here);
        assert_eq!((handled, drain.sent.values().sum()), (Some(pushed), moved));
        assert!(drain.is_ready());
    }
}

/// The destination may lie about its reason.
#[test]
fn a_declined_move_is_neither_cancelled_nor_a_sign_of_a_silent_machine() {
    let phase = PhaseName::Offer;
    for reason in [AbortReason::Cancelled, AbortReason::TooLong { phase }] {
        let machines = Machines::new(member("a", A), Vec::from([member("b", B)]));
        let (transaction, pushed) = (TransactionId(7), name("pushed"));
        let mut drain = drain(None);
        drain.begin(transaction, pushed, B);
        for notice in [Notice::Declined(reason), Notice::Aborted(reason)] {
            drain.handle_notice(&machines, transaction, &notice, |_| true);
        }
        let by = name("b");
        assert_eq!(drain.exhausted(pushed), Stay::Declined { by, reason });
        assert_eq!(drain.stays().count(), 0);
        let other = drain.next_machine(name("other"), &machines);
        assert_eq!(other.map(|machine| machine.id), Some(B));
    }
}
