//! Hostile clients: input split at any byte, and arbitrary input.

mod client;

use client::{replies, request, send, service, service_of};
use key_value::buffer::BUFFER_BYTES_MAX;
use key_value::reply::SEND_BYTES;
use key_value::service::Service;
use key_value::session::Session;
use key_value::settings::Settings;
use proptest::prelude::*;

fn conversation() -> (Vec<u8>, &'static [u8]) {
    let mut sent = b"PING\r\n  set  inline  1 \r\n\r\n*0\r\n*-1\r\n".to_vec();
    let requests: [&[&[u8]]; 9] = [
        &[b"SET", b"a", b"1\r\n$2\r\n"],
        &[b"get", b"a"],
        &[b"SET", b"", b""],
        &[b"MGET", b"a", b"b", b"", b"inline"],
        &[b"INCRBY", b"inline", b"-5"],
        &[b"APPEND", b"inline", b"x"],
        &[b"INCR", b"inline"],
        &[b"nonsense\r\n", b"a"],
        &[b"QUIT"],
    ];
    sent.extend(requests.iter().flat_map(|words| request(words)));
    let received = b"+PONG\r\n+OK\r\n+OK\r\n$7\r\n1\r\n$2\r\n\r\n+OK\r\n\
        *4\r\n$7\r\n1\r\n$2\r\n\r\n$-1\r\n$0\r\n\r\n$1\r\n1\r\n:-4\r\n:3\r\n\
        -ERR value is not an integer or out of range\r\n\
        -ERR unknown command 'nonsense\\r\\n'\r\n+OK\r\n";
    (sent, received)
}

#[test]
fn a_conversation_is_the_same_however_its_input_is_split() {
    let (sent, received) = conversation();
    for piece in 1..=sent.len() {
        let mut service = service();
        let mut session = Session::open(&mut service);
        let replies = send(&mut service, &mut session, &sent, piece);
        assert_eq!(
            String::from_utf8_lossy(&replies),
            String::from_utf8_lossy(received),
            "in pieces of {piece}"
        );
        assert!(session.is_over());
        assert_eq!(service.statistics.commands, 11);
    }
}

#[test]
fn a_conversation_cut_off_at_any_byte_leaves_nothing_behind() {
    let (sent, received) = conversation();
    for end in 0..sent.len() {
        let mut service = service();
        let mut session = Session::open(&mut service);
        let replies = send(&mut service, &mut session, &sent[..end], 7);
        assert!(received.starts_with(&replies), "cut at {end}");
        session.close(&mut service);
        assert_eq!((service.buffers.used(), service.statistics.clients), (0, 0));
    }
}

#[test]
fn a_protocol_error_is_reported_and_ends_the_connection() {
    let cases: [(&[u8], &str); 12] = [
        (b"*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"),
        (b"*1\r\n\r\n", "expected '$', got '\\r'"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*1\n", "invalid multibulk length"),
        (b"*1048577\r\n", "invalid multibulk length"),
        (
            b"*99999999999999999999999999\r\n",
            "invalid multibulk length",
        ),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$9223372036854775808\r\n", "invalid bulk length"),
        (b"*1\r\n$4\r\nPINGxx", "a string does not end with CRLF"),
        (&[b'a'; 4096], "too big inline request"),
    ];
    for (bytes, error) in cases {
        // In the last case the bytes after the limit do not matter.
        let mut sent = bytes.to_vec();
        sent.extend(b"\r\nPING\r\n");
        let mut service = service();
        let mut session = Session::open(&mut service);
        let received = send(&mut service, &mut session, &sent, 1);
        let expected = format!("-ERR Protocol error: {error}\r\n");
        assert_eq!(String::from_utf8_lossy(&received), expected);
        assert!(session.is_over());
    }
}

#[test]
fn blank_lines_and_empty_arrays_get_no_reply_however_many_arrive() {
    let mut sent = b"\r\n \n*0\r\n".repeat(5000);
    sent.extend(b"PING\r\n");
    assert_eq!(replies(&sent), b"+PONG\r\n");
}

#[test]
fn memory_is_allocated_only_for_bytes_that_have_arrived() {
    let mut service = service();
    let mut session = Session::open(&mut service);
    let sent = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc";
    assert!(send(&mut service, &mut session, sent, 5).is_empty());
    assert_eq!(service.buffers.used(), 0);
}

#[test]
fn a_request_that_is_too_large_is_skipped_and_the_next_one_executed() {
    let mut service = service();
    let mut session = Session::open(&mut service);
    let mut sent = request(&[b"SET", b"k", &vec![7; 2 * BUFFER_BYTES_MAX]]);
    sent.extend(request(&vec![&b"DEL"[..]; 5000]));
    sent.extend(request(&[b"SET", b"k", &vec![7; 600 << 10]]));
    sent.extend(request(&[b"PING"]));
    let received = send(&mut service, &mut session, &sent, 4096);
    let expected = "-ERR the request is too large\r\n-ERR the request is too large\r\n\
        -ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n+PONG\r\n";
    assert_eq!(String::from_utf8_lossy(&received), expected);
    assert!(service.store.is_empty());
    assert_eq!(service.buffers.used(), 0);
}

#[test]
fn a_small_request_cannot_cause_a_large_reply() {
    let mut service = service();
    let mut session = Session::open(&mut service);
    let value = vec![b'v'; 100_000];
    let mut sent = request(&[b"SET", b"k", &value]);
    let mut words = vec![&b"k"[..]; 4000];
    words[0] = b"MGET";
    sent.extend(request(&words));
    sent.extend(request(&[b"GET", b"k"]));
    let received = send(&mut service, &mut session, &sent, 4096);
    let expected = [
        b"+OK\r\n-ERR the reply is too large\r\n$100000\r\n".to_vec(),
        value,
        b"\r\n".to_vec(),
    ];
    assert!(received == expected.concat());
}

/// A service with a value that does not fit any reply, since each buffer has only its base.
fn service_without_buffers() -> Service {
    let mut service = service_of(Settings {
        buffer_bytes_max: 0,
        ..Settings::default()
    });
    service.store.set(b"k", &[b'v'; 10_000]).unwrap();
    service
}

#[test]
fn a_set_whose_reply_does_not_fit_changes_nothing() {
    let mut service = service_without_buffers();
    let mut session = Session::open(&mut service);
    let sent =
        b"SET k new GET\r\nSTRLEN k\r\nSET k new XX GET\r\nSTRLEN k\r\nSET k new\r\nGET k\r\n";
    let received = send(&mut service, &mut session, sent, 4096);
    let expected = "-ERR the reply is too large\r\n:10000\r\n\
        -ERR the reply is too large\r\n:10000\r\n+OK\r\n$3\r\nnew\r\n";
    assert_eq!(String::from_utf8_lossy(&received), expected);
}

#[test]
fn a_client_that_does_not_read_blocks_only_itself() {
    let mut service = service();
    let mut session = Session::open(&mut service);
    let sent = b"PING\r\n".repeat(10_000);
    let taken = session.receive(&mut service, &sent);
    assert!(taken < sent.len());
    assert!(session.to_send().len() < SEND_BYTES + 100);
    assert_eq!(session.receive(&mut service, &sent[taken..]), 0);
}

#[test]
fn connections_together_hold_no_more_than_their_account() {
    let settings = Settings {
        buffer_bytes_max: 3 << 20,
        ..Settings::default()
    };
    let mut service = service_of(settings);
    let mut sessions: Vec<_> = (0..50).map(|_| Session::open(&mut service)).collect();
    let mut sent = request(&[b"SET", b"k", &vec![7; 500_000]]);
    let rest = sent.split_off(499_000);
    for session in &mut sessions {
        assert!(send(&mut service, session, &sent, 4096).is_empty());
        assert!(service.buffers.used() <= 3 << 20);
    }
    let mut received = Vec::new();
    for session in &mut sessions {
        received.push(send(&mut service, session, &rest, 4096));
    }
    let accepted = received.iter().filter(|reply| *reply == b"+OK\r\n").count();
    let refused = b"-ERR the request is too large\r\n";
    assert!(accepted > 0 && received.iter().any(|reply| reply == refused));
    assert_eq!(service.buffers.used(), 0);
}

#[test]
fn a_full_store_reports_it_and_stays_usable() {
    let settings = Settings {
        store_bytes_max: 10_000,
        ..Settings::default()
    };
    let mut service = service_of(settings);
    let mut session = Session::open(&mut service);
    let mut request_reply = |words: &[&[u8]]| {
        let received = send(&mut service, &mut session, &request(words), 64);
        String::from_utf8(received).unwrap()
    };
    let oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    let mut stored = 0_u32;
    while request_reply(&[b"SET", &stored.to_le_bytes(), &[1; 500]]) == "+OK\r\n" {
        stored += 1;
    }
    assert!((10..20).contains(&stored), "{stored}");
    assert_eq!(request_reply(&[b"SET", b"x", &[1; 500]]), oom);
    assert_eq!(request_reply(&[b"MSET", b"x", b"1", b"y", &[1; 500]]), oom);
    assert_eq!(request_reply(&[b"SET", b"x", &[1; 500], b"GET"]), oom);
    assert_eq!(request_reply(&[b"EXISTS", b"x", b"y"]), ":0\r\n");
    assert_eq!(request_reply(&[b"DBSIZE"]), format!(":{stored}\r\n"));
    assert_eq!(
        request_reply(&[b"DEL", &0_u32.to_le_bytes(), b"x"]),
        ":1\r\n"
    );
    assert_eq!(request_reply(&[b"SET", b"x", &[1; 500]]), "+OK\r\n");
    assert_eq!(request_reply(&[b"FLUSHALL"]), "+OK\r\n");
    assert_eq!(request_reply(&[b"DBSIZE"]), ":0\r\n");
}

proptest! {
    /// Arbitrary bytes cause a reply or the end of the connection, never a panic, and leave no memory in use.
    #[test]
    fn survives_arbitrary_bytes(
        parts in prop::collection::vec(
            prop_oneof![
                "[*$+:0-9-]{0,6}\r\n",
                "(\\*3\r\n\\$3\r\n)?(SET|GET|MSET|INFO|COMMAND|CLIENT|DEL)\r\n",
                "\\$[0-4]\r\n[a-z]{0,5}(\r\n)?",
                "[ -~\r\n]{0,20}",
            ],
            0..30,
        ),
        piece in 1..50_usize,
    ) {
        let bytes = parts.concat().into_bytes();
        let mut service = service();
        let mut session = Session::open(&mut service);
        send(&mut service, &mut session, &bytes, piece);
        session.close(&mut service);
        prop_assert_eq!(service.buffers.used(), 0);
    }
}
