//! A home and the guests of its fleet.

use nomad_client::{Event as Reported, RequestId};
use nomad_protocol::{GuestRule, LifeId, MachineId, Refusal};
use nomad_simulator::machine::guest_name;

use super::*;

/// The guest, after the only machine of the fleet.
const GUEST: usize = 1;
const OPERATOR: RequestId = RequestId(1);
/// The time for which a home listens for guests, in milliseconds.
const LISTEN_MS: u64 = 10_000;

/// The only machine of a fleet, at home on which are a domain and its package, if it has one.
fn home(has_package: bool) -> Machine {
    let hardware = hardware(Parts {
        number: HERE,
        pool_pages: 100,
        homes: BTreeMap::from([(0, Restart::Always)]),
        freeze_us: 1_000_000,
        copy_pages: 4,
        record_slots: 8,
        home_names: BTreeMap::new(),
        packages: has_package.then_some(0).into_iter().collect(),
        is_guest: false,
        mutant: Mutant::None,
    });
    let common = Common {
        machines: 2,
        guests: 1,
        timing: Timing::STANDARD,
        goals: Goals::default(),
        discovery: Discovery::ManifestAndHellos,
    };
    Machine::new(common, hardware, 0, Instant::from_us(0))
}

fn at(ms: u64) -> Instant {
    Instant::from_us(1_000 * ms)
}

/// Lets time pass until this moment, in steps of 50 ms, while the guest replies as `presence` says to each query that it receives;
/// returns the time at which the domain runs at home, if it does by then.
fn pass(
    machine: &mut Machine,
    (from_ms, until_ms): (u64, u64),
    presence: Option<Presence>,
) -> Option<u64> {
    for ms in (from_ms..until_ms).step_by(50) {
        machine.shell.handle_timeout(at(ms));
        while let Some(output) = machine.shell.poll(at(ms)) {
            if let (Output::Send { to, bytes }, Some(presence)) = (output, presence) {
                reply(machine, at(ms), to, &bytes, presence);
            }
        }
        if machine.hardware().runs(0) {
            return Some(ms);
        }
    }
    None
}

fn reply(machine: &mut Machine, now: Instant, from: MachineId, bytes: &[u8], presence: Presence) {
    let query = Envelope::decode(bytes).expect("its own messages decode");
    if let Message::Query(name, turn, _) = query.message {
        let message = Message::QueryReply(name, turn, presence);
        let boot = BootId(GUEST as u64);
        let bytes = Envelope { boot, message }.encode();
        machine.shell.handle_datagram(now, from, &bytes);
    }
}

fn absent() -> Presence {
    let life = LifeId(7);
    Presence::Absent { life, activated: 0 }
}

fn runs() -> Presence {
    Presence::Present {
        incarnation: Incarnation(1),
        runs: true,
    }
}

/// Has the guest complete a handshake that it has begun itself.
fn meet(machine: &mut Machine, ms: u64) {
    let guest = machine_id(GUEST);
    let introduced = Encounter::Introduced(guest, guest_name(GUEST));
    for encounter in [introduced, Encounter::Met(guest, BootId(7))] {
        let shell = &mut machine.shell;
        shell.handle_encounter(at(ms), address(GUEST), encounter);
    }
}

/// The last event of the reply to an operator's command.
fn command(machine: &mut Machine, ms: u64, command: &str) -> String {
    let command = command.parse().expect("a command");
    machine.shell.handle_command(at(ms), OPERATOR, command);
    let outputs = std::iter::from_fn(|| machine.shell.poll(at(ms)));
    let events = outputs.filter_map(|output| match output {
        Output::Event(OPERATOR, event) => Some(event),
        _ => None,
    });
    let last: Option<Reported> = events.last();
    last.expect("a reply").to_string()
}

#[test]
fn a_home_that_has_just_started_listens_for_guests_before_it_starts_the_domain_of_a_package() {
    let started = pass(&mut home(true), (0, 30_000), None);
    assert!(
        started.is_some_and(|ms| ms >= LISTEN_MS),
        "at {started:?} ms"
    );
    let started = pass(&mut home(false), (0, 30_000), None);
    assert!(
        started.is_some_and(|ms| ms < 1_000),
        "no guest may have a domain of the manifest"
    );
}

#[test]
fn an_operator_does_not_start_the_domain_of_a_package_while_its_home_listens_for_guests() {
    let mut machine = home(true);
    pass(&mut machine, (0, 5_000), None);
    for text in ["start domain-1", "force domain-1 run"] {
        let refused = command(&mut machine, 5_000, text);
        assert!(refused.contains("listened for guests"), "{text}: {refused}");
    }
}

/// The guest refused the restarted home until then.
#[test]
fn a_guest_that_begins_a_handshake_while_the_home_listens_is_queried() {
    let mut machine = home(true);
    pass(&mut machine, (0, 9_900), None);
    meet(&mut machine, 9_900);
    assert_eq!(pass(&mut machine, (9_900, 60_000), Some(runs())), None);
    let refused = command(&mut machine, 60_000, "start domain-1");
    assert!(refused.contains("runs it"), "{refused}");
    let started = pass(&mut machine, (60_000, 90_000), Some(absent()));
    assert!(started.is_some(), "the guest has lost the domain");
}

/// Then a restart of the home's migration server does not forget the guest.
#[test]
fn root_remembers_a_guest_that_has_reported_the_domain_until_the_domain_is_started_again() {
    let mut machine = home(true);
    meet(&mut machine, 0);
    pass(&mut machine, (0, 20_000), Some(runs()));
    let remembered = |machine: &Machine| machine.hardware().root.entries[&0].guest;
    assert_eq!(remembered(&machine), Some(guest_name(GUEST)));
    let (mut machine, _) = machine.crash_nomad(at(20_000));
    assert_eq!(pass(&mut machine, (20_000, 60_000), None), None);
    let refused = command(&mut machine, 60_000, "start domain-1");
    assert!(refused.contains("does not reply"), "{refused}");
    meet(&mut machine, 60_000);
    let started = pass(&mut machine, (60_000, 90_000), Some(absent()));
    assert!(started.is_some(), "the guest has lost the domain");
    assert_eq!(remembered(&machine), None);
}

/// It knows another machine with the home's name, or the home's earlier boot.
#[test]
fn a_guest_that_refuses_the_home_is_waited_for() {
    let mut machine = home(true);
    meet(&mut machine, 0);
    for second in 0..60 {
        let refused_by = Encounter::RefusedBy(machine_id(GUEST));
        let shell = &mut machine.shell;
        shell.handle_encounter(at(1_000 * second), address(GUEST), refused_by);
        let time = (1_000 * second, 1_000 * (second + 1));
        assert_eq!(pass(&mut machine, time, None), None);
    }
    let started = pass(&mut machine, (60_000, 90_000), None);
    assert!(started.is_some(), "it has been silent for long");
}

/// The machine's reply to the guest's offer of this domain, whose home is this machine as the guest states.
fn offer_home(machine: &mut Machine, number: usize) -> Vec<Message> {
    let offered = Offer {
        home: Some(machine_id(HERE)),
        fleet: Fleet::new([machine_id(HERE)]).id(),
        ..offer(DomainId(number as u128 + 1))
    };
    let step = Message::Transaction(MOVE, Step::Offer(offered));
    let mut replies = replies(machine, GUEST, step);
    replies.retain(|reply| !matches!(reply, Message::Query(..)));
    replies
}

fn refused(rule: GuestRule) -> [Message; 1] {
    let step = Step::Refuse(Refusal::Guest(rule));
    [Message::Transaction(MOVE, step)]
}

#[test]
fn a_guest_does_not_take_the_place_of_a_waiting_domain_of_the_manifest() {
    let mut machine = home(false);
    meet(&mut machine, 0);
    let before = machine.hardware().root.clone();
    assert_eq!(
        offer_home(&mut machine, 0),
        refused(GuestRule::OnlyPackages)
    );
    assert_eq!(machine.hardware().root, before);
}

#[test]
fn a_machine_outside_of_the_fleet_brings_nothing_before_its_name_is_known() {
    let mut machine = home(true);
    let met = Encounter::Met(machine_id(GUEST), BootId(7));
    machine.shell.handle_encounter(at(0), address(GUEST), met);
    assert_eq!(offer_home(&mut machine, 0), refused(GuestRule::Unknown));
    meet(&mut machine, 0);
    let replies = offer_home(&mut machine, 0);
    let is_admitted = matches!(
        replies[..],
        [Message::Transaction(MOVE, Step::Admit { .. })]
    );
    assert!(is_admitted, "{replies:?}");
}

#[test]
fn a_guest_does_not_bring_a_domain_that_was_sent_to_another_one() {
    let mut machine = home(true);
    meet(&mut machine, 0);
    let entry = machine.hardware_mut().root.entries.get_mut(&0);
    entry.expect("it waits").guest = Some(guest_name(7));
    assert_eq!(
        offer_home(&mut machine, 0),
        refused(GuestRule::OnAnotherGuest)
    );
}

#[test]
fn a_guest_does_not_stop_a_domain_that_did_not_come_in_a_package() {
    for has_package in [false, true] {
        let mut machine = home(has_package);
        meet(&mut machine, 0);
        assert!(machine.hardware_mut().create(DOMAIN, 4));
        let activated = Step::Activated {
            domain: DOMAIN,
            incarnation: Incarnation(9),
        };
        let replies = replies(&mut machine, GUEST, Message::Transaction(MOVE, activated));
        assert_eq!(replies.is_empty(), !has_package);
        assert_eq!(machine.hardware().runs(0), !has_package);
    }
}
