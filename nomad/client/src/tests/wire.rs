//! Messages as bytes: the bytes that docs/wire-format.md shows, and hostile bytes.

use alloc::vec;
use alloc::vec::Vec;

use nomad_protocol::DATAGRAM_BYTES_MAX;
use proptest::prelude::*;

use crate::command::{LogRange, PackageSize};
use crate::message::{Nonce, Question, Reply, RequestId};
use crate::{Command, Event, samples};

const REQUEST: RequestId = RequestId(0x0102_0304_0506_0708);

#[test]
fn questions_have_the_documented_bytes() {
    let open = Question::Open {
        nonce: Nonce(0x0102_0304_0506_0708),
    };
    assert_eq!(open.encode(), [9, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
    let ask = Question::Ask {
        request: REQUEST,
        received: 0,
        command: "explain kv".parse().expect("a command"),
    };
    let expected = [9, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1, 0, 2, 2, b'k', b'v'];
    assert_eq!(ask.encode(), expected);
    let ask = Question::Ask {
        request: REQUEST,
        received: 0,
        command: "migrate kv b --bandwidth 5 --not-converging give-up"
            .parse()
            .expect("a command"),
    };
    let expected = [
        9, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1, 0, 3, 2, b'k', b'v', 0, 1, b'b', 0, 1, 0xc0, 0x96, 0xb1,
        2, 0, 1,
    ];
    assert_eq!(ask.encode(), expected);
    for (command, bytes) in [
        ("drain --to b", &[13, 1, 0, 1, b'b'][..]),
        ("reboot --force", &[15, 1]),
    ] {
        let command: Command = command.parse().expect("a command");
        assert_eq!(postcard::to_allocvec(&command).expect("bytes"), bytes);
    }
    let ack = Question::Ack {
        request: REQUEST,
        received: 1,
    };
    assert_eq!(ack.encode(), [9, 0, 2, 8, 7, 6, 5, 4, 3, 2, 1, 1]);
    let data = Question::Data {
        request: REQUEST,
        offset: 2,
        bytes: vec![9],
    };
    let expected = [9, 0, 3, 8, 7, 6, 5, 4, 3, 2, 1, 2, 1, 9];
    assert_eq!(data.encode(), expected);
}

#[test]
fn replies_have_the_documented_bytes() {
    let events = Reply::Events {
        request: REQUEST,
        first: 2,
        count: 3,
        events: vec![Event::failed("no".into())],
    };
    let expected = [9, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 1, 23, 2, b'n', b'o'];
    assert_eq!(events.encode(), expected);
    let unknown = Reply::Unknown { request: REQUEST };
    assert_eq!(unknown.encode()[2], 2);
    let opened = Reply::Opened {
        nonce: Nonce(1),
        request: REQUEST,
    };
    assert_eq!(opened.encode()[2], 0);
    let accepted = Reply::Accepted {
        request: REQUEST,
        bytes: 5,
    };
    assert_eq!(accepted.encode()[2..], [3, 8, 7, 6, 5, 4, 3, 2, 1, 5]);
}

#[test]
fn commands_and_events_have_the_documented_numbers() {
    let commands = [
        "machines",
        "list",
        "explain d",
        "migrate d m",
        "cancel d",
        "start d",
        "force d run",
        "mem",
        "stop d",
        "restart d",
        "rm d",
        "drain",
        "undrain",
        "reboot",
        "hold x",
        "go",
        "end",
    ];
    let typed = commands.map(|text| text.parse().expect("a command"));
    let mut commands: Vec<Command> = typed.into();
    commands.insert(8, Command::Run(PackageSize(1)));
    let logs = LogRange {
        domain: None,
        from: 0,
    };
    commands.insert(12, Command::Logs(logs));
    for (number, command) in commands.into_iter().enumerate() {
        let bytes = postcard::to_allocvec(&command).expect("bytes");
        assert_eq!(usize::from(bytes[0]), number, "{command:?}");
    }
    let number = |event: &Event| postcard::to_allocvec(event).expect("bytes")[0];
    let mut numbers: Vec<u8> = samples::events().iter().map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (0..25).collect::<Vec<u8>>());
    let end = [
        Event::Done,
        Event::failed("no".into()),
        Event::rejected(None, "no".into()),
    ];
    assert_eq!(end.each_ref().map(number), [22, 23, 24]);
}

#[test]
fn refuses_another_version_a_long_message_and_bytes_left_over() {
    let ask = |command: Command| Question::Ask {
        request: REQUEST,
        received: 0,
        command,
    };
    let mut bytes = ask(Command::List).encode();
    assert!(Question::decode(&bytes).is_some());
    bytes.push(0);
    assert_eq!(Question::decode(&bytes), None);
    bytes.pop();
    bytes[0] = 1;
    assert_eq!(Question::decode(&bytes), None);
    let longer = ask(Command::Hold("a".repeat(DATAGRAM_BYTES_MAX))).encode();
    assert_eq!(Question::decode(&longer), None);
}

#[test]
fn events_survive_every_format() {
    for event in samples::events() {
        let bytes = postcard::to_allocvec(&event).expect("bytes");
        assert_eq!(
            postcard::from_bytes::<Event>(&bytes).expect("an event"),
            event
        );
        let json = serde_json::to_string(&event).expect("JSON");
        let back = serde_json::from_str::<Event>(&json);
        assert_eq!(
            back.unwrap_or_else(|error| panic!("{json}: {error}")),
            event
        );
    }
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused_or_read_as_they_would_be_written(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let bytes: Vec<u8> = [&[8, 0][..], &bytes].concat();
        if let Some(question) = Question::decode(&bytes) {
            prop_assert_eq!(Question::decode(&question.encode()), Some(question));
        }
        if let Some(reply) = Reply::decode(&bytes) {
            prop_assert_eq!(Reply::decode(&reply.encode()), Some(reply));
        }
    }
}
