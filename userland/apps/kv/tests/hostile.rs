//! Hostile clients: input split at any byte, and arbitrary input.

use key_value::buffer::BUFFER_BYTES_MAX;
use key_value::reply::SEND_BYTES;
use key_value::service::{Facts, Service};
use key_value::session::Session;
use key_value::settings::Settings;
use proptest::prelude::*;

fn service() -> Service {
    service_of(Settings::default())
}

fn service_of(settings: Settings) -> Service {
    Service::new(settings, Facts::default)
}

/// Sends all bytes in pieces of this size; returns the replies.
fn send(service: &mut Service, session: &mut Session, bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut replies = Vec::new();
    for mut input in bytes.chunks(piece) {
        while !input.is_empty() && !session.is_over() {
            let taken = session.receive(service, input);
            let sent = session.to_send();
            assert!(taken > 0 || !sent.is_empty(), "stuck at {input:?}");
            replies.extend_from_slice(sent);
            session.sent();
            input = &input[taken..];
        }
    }
    replies
}

fn answers(bytes: &[u8]) -> Vec<u8> {
    let mut service = service();
    let mut session = Session::open(&mut service);
    send(&mut service, &mut session, bytes, usize::MAX)
}

/// A request as clients send it.
fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

fn replies_to(words: &[&str]) -> String {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    String::from_utf8(answers(&request(&words))).unwrap()
}

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
fn a_conversation_is_the_same_however_it_is_cut() {
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
fn empty_lines_and_empty_arrays_are_not_answered_however_many_come() {
    let mut sent = b"\r\n \n*0\r\n".repeat(5000);
    sent.extend(b"PING\r\n");
    assert_eq!(answers(&sent), b"+PONG\r\n");
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
fn a_request_too_large_is_skipped_and_the_next_one_answered() {
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
fn a_reply_cannot_be_made_large_by_a_small_request() {
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

#[test]
fn commands_reject_invalid_arguments() {
    assert_eq!(
        replies_to(&["GET"]),
        "-ERR wrong number of arguments for 'get' command\r\n"
    );
    assert_eq!(
        replies_to(&["MSET", "a", "b", "c"]),
        "-ERR wrong number of arguments for 'mset' command\r\n"
    );
    assert_eq!(
        replies_to(&["SET", "a", "b", "EX", "10"]),
        "-ERR syntax error\r\n"
    );
    assert_eq!(
        replies_to(&["SET", "a", "b", "NX", "XX"]),
        "-ERR syntax error\r\n"
    );
    assert_eq!(
        replies_to(&["SELECT", "1"]),
        "-ERR DB index is out of range\r\n"
    );
    assert_eq!(
        replies_to(&["HELLO", "3"]),
        "-NOPROTO unsupported protocol version\r\n"
    );
    assert_eq!(
        replies_to(&["CONFIG", "SET", "save", ""]),
        "-ERR unknown subcommand 'SET'\r\n"
    );
    assert_eq!(
        replies_to(&["INCRBY", "a", "9223372036854775808"]),
        "-ERR value is not an integer or out of range\r\n"
    );
    assert_eq!(
        replies_to(&["DECRBY", "a", "-9223372036854775808"]),
        "-ERR increment or decrement would overflow\r\n"
    );
    assert_eq!(
        replies_to(&["CLIENT", "SETNAME", "a b"]),
        "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
    );
}

#[test]
fn set_has_conditions_and_can_return_the_old_value() {
    let lines = b"SET a 1 XX\r\nSET a 1 NX\r\nSET a 2 nx\r\nSET a 3 XX GET\r\nSET a 4 NX GET\r\nSETNX a 5\r\nSETNX b 6\r\nGET a\r\n";
    let received = answers(lines);
    let expected = "$-1\r\n+OK\r\n$-1\r\n$1\r\n1\r\n$1\r\n3\r\n:0\r\n:1\r\n$1\r\n3\r\n";
    assert_eq!(String::from_utf8_lossy(&received), expected);
}

#[test]
fn info_and_config_return_the_requested_parts() {
    let all = replies_to(&["INFO"]);
    for section in ["Server", "Clients", "Memory", "Stats", "Replication"] {
        assert!(all.contains(&format!("# {section}\r\n")), "{all}");
    }
    let some = replies_to(&["INFO", "clients"]);
    assert_eq!(some, "$32\r\n# Clients\r\nconnected_clients:1\r\n\r\n");
    assert!(replies_to(&["CONFIG", "GET", "save", "appendonly"]).starts_with("*4\r\n"));
    assert_eq!(replies_to(&["CONFIG", "GET", "nothing"]), "*0\r\n");
}

proptest! {
    /// Arbitrary protocol bytes: an answer or the end of the connection, never a panic, no memory kept.
    #[test]
    fn survives_anything(
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
