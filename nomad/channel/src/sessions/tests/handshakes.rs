//! Handshakes that are lost, repeated, recorded, forwarded or held back.

use super::*;

#[test]
fn a_forged_response_does_not_end_a_handshake() {
    let (mut a, mut b) = pair();
    let initiation = a.send(0, &b, b"one").remove(0);
    let retry = b.handle_datagram(0, &initiation).expect("a retry");
    let again = a.handle_datagram(0, &retry.replies[0]).expect("accepted");
    let response = b.handle_datagram(0, &again.replies[0]);
    let response = response.expect("a response").replies.remove(0);
    for at in [13, 44, response.len() - 1] {
        let mut forged = response.clone();
        forged[at] ^= 1;
        let rejected = a.handle_datagram(0, &forged);
        assert_eq!(rejected, Err(ReceiveError::Forged));
    }
    let rejected = a.handle_datagram(0, &response[..response.len() - 1]);
    assert_eq!(rejected, Err(ReceiveError::Forged));
    let data = a.handle_datagram(0, &response).expect("completes");
    let (received, _) = carry(0, &mut a, &mut b, data.replies);
    assert_eq!(received, [b"one"]);
}

#[test]
fn both_may_begin_at_once() {
    let (mut a, mut b) = pair();
    let from_a = a.send(0, &b, b"from a");
    let from_b = b.send(0, &a, b"from b");
    assert_eq!(carry(1, &mut a, &mut b, from_a).0, [b"from a"]);
    assert_eq!(carry(1, &mut b, &mut a, from_b).0, [b"from b"]);
    let once_more = a.send(2, &b, b"once more");
    assert_eq!(carry(2, &mut a, &mut b, once_more).0, [b"once more"]);
}

#[test]
fn a_lost_handshake_is_begun_again() {
    let (mut a, mut b) = pair();
    assert_eq!(a.send(0, &b, b"one").len(), 1);
    assert_eq!(a.send(RETRY_US - 1, &b, b"two").len(), 0);
    let again = a.send(RETRY_US, &b, b"three");
    let (received, _) = carry(RETRY_US, &mut a, &mut b, again);
    assert_eq!(received, [&b"one"[..], b"two", b"three"]);
}

#[test]
fn a_machines_own_handshake_that_is_sent_back_to_it_accuses_nobody() {
    let mut machine = End::new(1, "fleet");
    let own = machine.keys.own_id();
    let probe = machine.sessions.probe(&machine.keys, 0, own);
    let mut echo = probe.expect("a handshake");
    for _ in 0..2 {
        let reply = machine.handle_datagram(0, &echo).expect("a reply");
        echo = reply.replies[0].clone();
    }
    // It has the right ticket now.
    let received = machine.handle_datagram(0, &echo);
    assert_eq!(received, Err(ReceiveError::Stale));
}

#[test]
fn machines_outside_of_the_fleet_leave_room_for_it() {
    let mut machine = End::new(1, "fleet");
    let mut friend = End::new(200, "fleet");
    machine.sessions.fleet.insert(friend.keys.own_id());
    // The first ones get sessions, the others none.
    for number in 2..60 {
        let mut outsider = End::new(number, "fleet");
        let first = outsider.send(0, &machine, b"x");
        if number < 8 {
            carry(0, &mut outsider, &mut machine, first);
        } else {
            let again = with_ticket(&mut outsider, &mut machine, &first[0]);
            assert!(machine.handle_datagram(0, &again).is_ok());
        }
    }
    assert_eq!(machine.sessions.peers.len(), OUTSIDERS_MAX);
    let first = friend.send(0, &machine, b"x");
    assert_eq!(carry(0, &mut friend, &mut machine, first).0, [b"x"]);
    for number in 2..8 {
        let outsider = End::new(number, "fleet").keys.own_id();
        assert!(machine.sessions.is_established(0, outsider));
    }
}

#[test]
fn a_guest_takes_the_place_of_one_that_has_been_silent_for_long() {
    let mut machine = End::new(1, "fleet");
    let mut guests: Vec<End> = (2..19).map(|number| End::new(number, "fleet")).collect();
    let mut last = guests.pop().expect("one more than there are places");
    assert_eq!(guests.len(), OUTSIDERS_MAX);
    for guest in &mut guests {
        let first = guest.send(0, &machine, b"x");
        assert_eq!(carry(0, guest, &mut machine, first).0, [b"x"]);
    }
    let soon_us = OUTSIDER_SILENT_US - 1;
    let refused = last.send(soon_us, &machine, b"x");
    let refused = with_ticket(&mut last, &mut machine, &refused[0]);
    let refused = machine.handle_datagram(soon_us, &refused);
    assert_eq!(refused, Err(ReceiveError::TooMany));
    // The first guest has sent something again, so another one is the silent one.
    let again = guests[0].send(soon_us, &machine, b"y");
    carry(soon_us, &mut guests[0], &mut machine, again);
    let late_us = OUTSIDER_SILENT_US + 1_000_000;
    let first = last.send(late_us, &machine, b"x");
    assert_eq!(carry(late_us, &mut last, &mut machine, first).0, [b"x"]);
    assert_eq!(machine.sessions.peers.len(), OUTSIDERS_MAX);
    assert!(
        machine
            .sessions
            .peers
            .contains_key(&guests[0].keys.own_id())
    );
}

#[test]
fn a_handshake_that_is_forwarded_to_another_machine_gets_no_reply() {
    let (mut a, b) = pair();
    let mut c = End::new(3, "fleet");
    let mut operator = End::operator(100, "fleet");
    for end in [&mut a, &mut operator] {
        let initiation = end.send(0, &b, b"x").remove(0);
        let received = c.handle_datagram(0, &initiation);
        assert_eq!(received, Err(ReceiveError::Forged));
    }
}

#[test]
fn a_recorded_handshake_costs_no_key_agreement() {
    let (mut a, mut b) = pair();
    let first = a.send(0, &b, b"first").remove(0);
    let second = with_ticket(&mut a, &mut b, &first);
    carry(0, &mut a, &mut b, Vec::from([second.clone()]));
    let drawn = b.sessions.random.clone().draw();
    for recorded in [&first, &second] {
        let received = b.handle_datagram(1, recorded).expect("gets a reply");
        assert_eq!(received.peer_kind, PeerKind::Machine);
        assert_eq!(received.replies[0][0], Kind::Retry as u8);
        assert!(
            received.replies[0].len() < recorded.len(),
            "does not amplify"
        );
    }
    // A key agreement begins with a draw.
    assert_eq!(b.sessions.random.clone().draw(), drawn);
}

#[test]
fn of_two_initiations_with_one_ticket_the_second_gets_another() {
    let mut machine = End::new(1, "fleet");
    let [mut one, mut two] = [100, 101].map(|place| End::operator(place, "fleet"));
    let [first, second] = [&mut one, &mut two].map(|operator| {
        let bare = operator.send(0, &machine, b"question").remove(0);
        with_ticket(operator, &mut machine, &bare)
    });
    for (operator, initiation) in [(&mut one, first), (&mut two, second)] {
        let received = carry(0, operator, &mut machine, Vec::from([initiation])).0;
        assert_eq!(received, [b"question"]);
    }
}

#[test]
fn a_retry_goes_where_a_machine_or_an_operator_receives() {
    let (mut machine, mut other) = pair();
    let mut operator = End::operator(100, "fleet");
    for (end, peer_kind) in [
        (&mut other, PeerKind::Machine),
        (&mut operator, PeerKind::Operator),
    ] {
        let initiation = end.send(0, &machine, b"x").remove(0);
        let received = machine.handle_datagram(0, &initiation).expect("a ticket");
        assert_eq!(received.peer_kind, peer_kind);
    }
}

#[test]
fn the_last_peer_needs_no_retry_for_its_ticket() {
    let (mut a, mut b) = pair();
    let first = a.send(0, &b, b"first");
    carry(0, &mut a, &mut b, first);
    a.send(1, &b, b"no reply");
    let anew = a.send(SILENCE_US + 2, &b, b"anew").remove(1);
    let received = b
        .handle_datagram(SILENCE_US + 2, &anew)
        .expect("gets a reply");
    assert_eq!(received.replies[0][0], Kind::Response as u8);
}

#[test]
fn a_retry_to_another_initiation_is_rejected() {
    let (mut a, mut b) = pair();
    let first = a.send(0, &b, b"first").remove(0);
    let stale = b
        .handle_datagram(0, &first)
        .expect("a ticket")
        .replies
        .remove(0);
    assert!(a.handle_datagram(0, &stale).is_ok());
    assert_eq!(a.handle_datagram(0, &stale), Err(ReceiveError::Forged));
    a.send(RETRY_US, &b, b"second");
    assert_eq!(
        a.handle_datagram(RETRY_US, &stale),
        Err(ReceiveError::Stale)
    );
}

#[test]
fn a_response_that_was_held_back_completes_no_handshake() {
    let (mut a, mut b) = pair();
    let initiation = a.send(0, &b, b"one").remove(0);
    let again = with_ticket(&mut a, &mut b, &initiation);
    let response = b.handle_datagram(0, &again).expect("a response");
    let response = &response.replies[0];
    assert_eq!(
        a.handle_datagram(HANDSHAKE_US, response),
        Err(ReceiveError::Stale)
    );
    assert!(a.handle_datagram(HANDSHAKE_US - 1, response).is_ok());
}

#[test]
fn a_first_message_that_was_held_back_establishes_no_session() {
    for (held_us, expected) in [
        (HANDSHAKE_US - 1, Ok(())),
        (HANDSHAKE_US, Err(ReceiveError::Stale)),
    ] {
        let (mut a, mut b) = pair();
        let initiation = a.send(0, &b, b"one").remove(0);
        let again = with_ticket(&mut a, &mut b, &initiation);
        let response = b.handle_datagram(0, &again).expect("a response");
        let first = a
            .handle_datagram(0, &response.replies[0])
            .expect("completes");
        let received = b.handle_datagram(held_us, &first.replies[0]).map(|_| ());
        assert_eq!(received, expected);
    }
}

#[test]
fn a_guest_that_may_have_a_domain_has_a_place_although_all_others_are_active() {
    let mut machine = End::new(1, "fleet");
    let mut needed = End::new(2, "fleet");
    let id = needed.keys.own_id();
    machine.sessions.set_needed(&BTreeSet::from([id]));
    let mut now_us = 0;
    let meet = |now_us, machine: &mut End, from: &mut End| {
        let first = from.send(now_us, machine, b"x");
        assert_eq!(carry(now_us, from, machine, first).0, [b"x"]);
    };
    let active: Vec<u8> = (3..3 + OUTSIDERS_MAX as u8).collect();
    for number in &active {
        meet(now_us, &mut machine, &mut End::new(*number, "fleet"));
    }
    meet(now_us, &mut machine, &mut needed);
    // It is silent for so long that another guest would take the place of any other one.
    now_us = 2 * OUTSIDER_SILENT_US;
    meet(now_us, &mut machine, &mut End::new(100, "fleet"));
    assert!(machine.sessions.peers.contains_key(&id));
    assert_eq!(machine.sessions.peers.len(), OUTSIDERS_MAX + 1);
}
