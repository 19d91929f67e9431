//! Sessions between machines and operators. Strangers and replays get no session.

extern crate std;

mod handshakes;
mod hellos;

use identity::NAME_BYTES_MAX;

use super::*;

/// A machine, or an operator, with its sessions.
struct End {
    keys: Keys,
    sessions: Sessions,
}

fn name(number: u8) -> Name {
    Name::try_new(&std::format!("m{number}")).expect("a name")
}

impl End {
    fn new(number: u8, secret: &str) -> End {
        End::with(number, Keys::new(secret, name(number)))
    }

    fn operator(number: u8, secret: &str) -> End {
        End::with(number, Keys::for_operator(secret))
    }

    fn with_suites(number: u8, suites: Suites) -> End {
        let mut end = End::new(number, "fleet");
        end.sessions.suites = suites;
        end
    }

    fn with(number: u8, keys: Keys) -> End {
        End {
            keys,
            sessions: Sessions::new(Random::new([number.into(), 2, 3, 4]), Suites::ALL),
        }
    }

    fn send(&mut self, now_us: u64, to: &End, message: &[u8]) -> Vec<Vec<u8>> {
        self.sessions
            .send(&self.keys, now_us, to.keys.own_id(), message)
    }

    fn handle_datagram(&mut self, now_us: u64, datagram: &[u8]) -> Result<Received, ReceiveError> {
        self.sessions.handle_datagram(&self.keys, now_us, datagram)
    }
}

fn pair() -> (End, End) {
    (End::new(1, "fleet"), End::new(2, "fleet"))
}

/// The payload of a message, whatever its sender.
fn payload(incoming: Option<Incoming>) -> Option<Vec<u8>> {
    incoming.map(|incoming| match incoming {
        Incoming::Machine(_, message) | Incoming::Operator(_, message) => message,
        other => panic!("not a message: {other:?}"),
    })
}

/// Delivers datagrams in both directions until none is left; returns the messages received by the second and the first end.
fn carry(
    now_us: u64,
    a: &mut End,
    b: &mut End,
    datagrams: Vec<Vec<u8>>,
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut to_b, mut to_a) = (datagrams, Vec::new());
    let (mut received_b, mut received_a) = (Vec::new(), Vec::new());
    while !to_b.is_empty() || !to_a.is_empty() {
        for datagram in core::mem::take(&mut to_b) {
            let received = b.handle_datagram(now_us, &datagram).expect("accepted");
            received_b.extend(payload(received.incoming));
            to_a.extend(received.replies);
        }
        for datagram in core::mem::take(&mut to_a) {
            let received = a.handle_datagram(now_us, &datagram).expect("accepted");
            received_a.extend(payload(received.incoming));
            to_b.extend(received.replies);
        }
    }
    (received_b, received_a)
}

#[test]
fn messages_queued_during_the_handshake_arrive_after_it_and_the_responder_can_reply() {
    let (mut a, mut b) = pair();
    let mut datagrams = a.send(0, &b, b"one");
    datagrams.extend(a.send(1, &b, b"two"));
    assert_eq!(datagrams.len(), 1, "one handshake");
    assert!(!datagrams[0].windows(3).any(|bytes| bytes == b"one"));
    let (received, _) = carry(2, &mut a, &mut b, datagrams);
    assert_eq!(received, [b"one", b"two"]);
    let back = b.send(3, &a, b"back");
    let (received, _) = carry(3, &mut b, &mut a, back);
    assert_eq!(received, [b"back"]);
}

#[test]
fn messages_are_encrypted_into_a_buffer_until_the_session_is_silent() {
    let (mut a, mut b) = pair();
    let to = b.keys.own_id();
    let mut datagram = [0; 3 + crate::SEAL_BYTES];
    assert!(!a.sessions.is_established(0, to));
    assert_eq!(a.sessions.seal_into(0, to, b"one", &mut datagram), None);
    let datagrams = a.send(0, &b, b"handshake");
    carry(0, &mut a, &mut b, datagrams);

    for now_us in [1, SILENCE_US] {
        assert!(a.sessions.is_established(now_us, to));
        let sealed = a.sessions.seal_into(now_us, to, b"one", &mut datagram);
        assert_eq!(sealed, Some(()));
        let received = b.handle_datagram(now_us, &datagram).expect("accepted");
        assert_eq!(payload(received.incoming), Some(b"one".to_vec()));
    }
    assert!(!a.sessions.is_established(1 + SILENCE_US, to));
    let too_short = &mut [0; 2 + crate::SEAL_BYTES];
    assert_eq!(a.sessions.seal_into(3, to, b"one", too_short), None);
}

#[test]
fn machines_with_and_without_instructions_for_aes_understand_each_other() {
    for ours in [Suites::ALL, Suites::PORTABLE] {
        for theirs in [Suites::ALL, Suites::PORTABLE] {
            let (mut a, mut b) = (End::with_suites(1, ours), End::with_suites(2, theirs));
            let there = a.send(0, &b, b"there");
            assert_eq!(carry(0, &mut a, &mut b, there).0, [b"there"]);
            let back = b.send(1, &a, b"back");
            assert_eq!(carry(1, &mut b, &mut a, back).0, [b"back"]);
        }
    }
}

#[test]
fn a_machine_without_a_common_suite_is_rejected() {
    let (mut a, mut b) = (
        End::with_suites(1, Suites::from_byte(0)),
        End::new(2, "fleet"),
    );
    let initiation = a.send(0, &b, b"x").remove(0);
    let retry = b.handle_datagram(0, &initiation).expect("a retry");
    let again = a.handle_datagram(0, &retry.replies[0]).expect("accepted");
    let rejected = b.handle_datagram(0, &again.replies[0]);
    assert_eq!(rejected, Err(ReceiveError::Forged));
}

#[test]
fn a_machine_of_another_fleet_is_rejected() {
    let (mut a, mut b) = (End::new(1, "one"), End::new(2, "two"));
    let datagrams = a.sessions.send(&a.keys, 0, a.keys.machine(name(2)), b"x");
    assert_eq!(
        b.handle_datagram(0, &datagrams[0]),
        Err(ReceiveError::Forged)
    );
    // Knowing this machine's public key does not make a machine part of the fleet.
    let datagrams = a.send(0, &b, b"x");
    assert_eq!(
        b.handle_datagram(0, &datagrams[0]),
        Err(ReceiveError::Forged)
    );
}

#[test]
fn nothing_is_accepted_twice() {
    let (mut a, mut b) = pair();
    let first = a.send(0, &b, b"first");
    carry(0, &mut a, &mut b, first.clone());
    let second = a.send(1, &b, b"second");
    assert!(b.handle_datagram(1, &second[0]).is_ok());
    assert_eq!(b.handle_datagram(1, &second[0]), Err(ReceiveError::Forged));
    // A replayed initiation gets a Retry with another ticket, and the session that machine B sends in stays the same.
    let retry = b.handle_datagram(2, &first[0]).expect("gets a reply");
    assert_eq!(
        a.handle_datagram(2, &retry.replies[0]),
        Err(ReceiveError::Stale)
    );
    let back = b.send(3, &a, b"back");
    assert_eq!(carry(3, &mut b, &mut a, back).0, [b"back"]);
}

#[test]
fn a_changed_datagram_is_rejected_and_does_no_harm() {
    let (mut a, mut b) = pair();
    let first = a.send(0, &b, b"first");
    carry(0, &mut a, &mut b, first);
    let datagram = a.send(1, &b, b"second").remove(0);
    for position in 0..datagram.len() {
        let mut changed = datagram.clone();
        changed[position] ^= 0x10;
        assert!(b.handle_datagram(1, &changed).is_err(), "{position}");
    }
    assert_eq!(
        b.handle_datagram(1, &datagram)
            .map(|received| payload(received.incoming)),
        Ok(Some(b"second".to_vec()))
    );
}

#[test]
fn a_restarted_machine_gets_a_new_handshake() {
    let (mut a, mut b) = pair();
    let first = a.send(0, &b, b"first");
    carry(0, &mut a, &mut b, first);
    b.sessions = Sessions::new(Random::new([9, 9, 9, 9]), Suites::ALL);
    let lost = a.send(1, &b, b"lost");
    assert_eq!(b.handle_datagram(1, &lost[0]), Err(ReceiveError::Stale));
    let datagrams = a.send(SILENCE_US + 2, &b, b"again");
    let initiation = datagrams[1..].to_vec();
    carry(SILENCE_US + 2, &mut a, &mut b, initiation);
    let later = a.send(SILENCE_US + 3, &b, b"later");
    assert_eq!(carry(SILENCE_US + 3, &mut a, &mut b, later).0, [b"later"]);
}

/// The message that the second of two ends receives from the first.
fn deliver(from: &mut End, to: &mut End, message: &[u8]) -> Option<Incoming> {
    let mut datagrams = from.send(0, to, message);
    while let Some(datagram) = datagrams.pop() {
        let received = to.handle_datagram(0, &datagram).expect("accepted");
        if received.incoming.is_some() {
            return received.incoming;
        }
        for reply in received.replies {
            let received = from.handle_datagram(0, &reply).expect("accepted");
            datagrams.extend(received.replies);
        }
    }
    None
}

#[test]
fn a_machine_and_an_operator_cannot_pass_for_each_other() {
    let (mut machine, mut other) = pair();
    let received = deliver(&mut other, &mut machine, b"x");
    assert_eq!(
        received,
        Some(Incoming::Machine(other.keys.own_id(), b"x".to_vec()))
    );
    let mut operator = End::operator(100, "fleet");
    let received = deliver(&mut operator, &mut machine, b"x");
    assert!(
        matches!(received, Some(Incoming::Operator(..))),
        "{received:?}"
    );
}

#[test]
fn a_machine_cannot_claim_the_name_of_another_with_its_own_key() {
    let (mut machine, mut other) = pair();
    other.keys.claim(name(3));
    let initiation = other.send(0, &machine, b"x").remove(0);
    let again = with_ticket(&mut other, &mut machine, &initiation);
    let received = machine.handle_datagram(0, &again);
    assert_eq!(received, Err(ReceiveError::Forged));
}

#[test]
fn a_machine_with_this_machines_name_gets_no_session() {
    let mut machine = End::new(1, "fleet");
    let mut double = End::with(9, Keys::new("fleet", name(1)));
    double.sessions.boot = BootId(9);
    let initiation = double.send(0, &machine, b"x").remove(0);
    let again = with_ticket(&mut double, &mut machine, &initiation);
    let received = machine.handle_datagram(0, &again);
    assert_eq!(received, Err(ReceiveError::OwnName));
    assert!(machine.sessions.peers.is_empty());
}

#[test]
fn an_operator_learns_the_name_of_a_machine_of_its_fleet() {
    let (mut machine, mut operator) = (End::new(1, "fleet"), End::operator(100, "fleet"));
    let address = Ipv4Addr::new(10, 77, 0, 1);
    machine.sessions.set_address(address);
    let find = operator.sessions.find(&operator.keys);
    let found = machine.handle_datagram(0, &find).expect("an operator's");
    assert_eq!(found.peer_kind, PeerKind::Operator);
    assert_eq!(found.replies[0].len(), find.len(), "does not amplify");
    let received = operator.handle_datagram(0, &found.replies[0]);
    let incoming = received.map(|received| received.incoming);
    assert_eq!(incoming, Ok(Some(Incoming::Found(name(1), address))));
    // Another tool's reply, and a changed one.
    let mut other = End::operator(101, "fleet");
    other.sessions.find(&other.keys);
    let received = other.handle_datagram(0, &found.replies[0]);
    assert_eq!(received, Err(ReceiveError::Stale));
    let mut changed = found.replies[0].clone();
    changed[13 + NAME_BYTES_MAX] ^= 1;
    let received = operator.handle_datagram(0, &changed);
    assert_eq!(received, Err(ReceiveError::Forged));
}

#[test]
fn a_machine_has_no_name_for_the_operator_of_another_fleet() {
    let (mut machine, mut operator) = (End::new(1, "fleet"), End::operator(100, "another"));
    let find = operator.sessions.find(&operator.keys);
    let received = machine.handle_datagram(0, &find);
    assert_eq!(received, Err(ReceiveError::Forged));
}

#[test]
fn several_operators_get_replies_each_in_its_session() {
    let mut machine = End::new(1, "fleet");
    let mut operators = [100, 100, 101].map(|place| End::operator(place, "fleet"));
    // Two of the ends have the same seed, which happens only in a test.
    let sessions =
        operators.each_mut().map(
            |operator| match deliver(operator, &mut machine, b"question") {
                Some(Incoming::Operator(session, _)) => session,
                other => panic!("{other:?}"),
            },
        );
    for (operator, session) in operators.iter_mut().zip(sessions) {
        let reply = machine.sessions.reply(1, session, b"reply");
        let received = operator.handle_datagram(1, &reply.expect("a session"));
        assert_eq!(
            received.map(|received| payload(received.incoming)),
            Ok(Some(b"reply".to_vec()))
        );
    }
}

#[test]
fn an_operator_of_another_fleet_leaves_nothing_behind() {
    let mut machine = End::new(1, "fleet");
    let mut stranger = End::operator(100, "another");
    for step in 0..100 {
        let datagrams = stranger.send(step * RETRY_US, &End::new(1, "another"), b"list");
        let received = machine.handle_datagram(step, &datagrams[0]);
        assert_eq!(received, Err(ReceiveError::Forged));
    }
    assert_eq!(machine.sessions.operators.count(), 0);
    assert!(machine.sessions.peers.is_empty());
}

#[test]
fn a_flood_of_recorded_handshakes_stays_bounded_and_ends_no_session() {
    let mut machine = End::new(1, "fleet");
    let mut operator = End::operator(100, "fleet");
    let recorded = operator.send(0, &machine, b"question");
    let session = match deliver(&mut operator, &mut machine, b"again") {
        None => carry(0, &mut operator, &mut machine, recorded.clone()).0,
        Some(other) => panic!("before the handshake: {other:?}"),
    };
    assert_eq!(session, [&b"question"[..], b"again"]);
    for _ in 0..200 {
        assert!(machine.handle_datagram(1, &recorded[0]).is_ok());
    }
    assert_eq!(machine.sessions.operators.count(), 1);
    let received = deliver(&mut operator, &mut machine, b"still here");
    assert!(matches!(received, Some(Incoming::Operator(..))));
}

/// Delivers an initiation without the right ticket; returns the initiation that the sender repeats with it.
fn with_ticket(from: &mut End, to: &mut End, initiation: &[u8]) -> Vec<u8> {
    let retry = to.handle_datagram(0, initiation).expect("a ticket");
    let mut retried = from.handle_datagram(0, &retry.replies[0]).expect("retries");
    retried.replies.remove(0)
}

#[test]
fn a_repeated_message_is_queued_once() {
    let (mut a, mut b) = pair();
    let datagrams = a.send(0, &b, b"one");
    a.send(1, &b, b"one");
    assert_eq!(carry(2, &mut a, &mut b, datagrams).0, [b"one"]);
}
