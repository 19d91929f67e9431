//! The bytes: those that docs/wire-format.md shows, and hostile ones.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::message::{Answer, COMMAND_BYTES_MAX, Nonce, Question, RequestId};

const REQUEST: RequestId = RequestId(0x0102_0304_0506_0708);

#[test]
fn questions_have_the_documented_bytes() {
    let open = Question::Open {
        nonce: Nonce(0x0102_0304_0506_0708),
    };
    assert_eq!(open.encode(), [1, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
    let ask = Question::Ask {
        request: REQUEST,
        received: 0,
        command: "list".into(),
    };
    let mut expected = vec![1, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1, 0, 4];
    expected.extend(b"list");
    assert_eq!(ask.encode(), expected);
    let ack = Question::Ack {
        request: REQUEST,
        received: 1,
    };
    assert_eq!(ack.encode(), [1, 0, 2, 8, 7, 6, 5, 4, 3, 2, 1, 1]);
}

#[test]
fn answers_have_the_documented_bytes() {
    let lines = Answer::Lines {
        request: REQUEST,
        first: 2,
        count: 3,
        lines: vec!["done".into()],
    };
    let mut expected = vec![1, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 1, 4];
    expected.extend(b"done");
    assert_eq!(lines.encode(), expected);
    let unknown = Answer::Unknown { request: REQUEST };
    assert_eq!(unknown.encode()[2], 2);
    let opened = Answer::Opened {
        nonce: Nonce(1),
        request: REQUEST,
    };
    assert_eq!(opened.encode()[2], 0);
}

#[test]
fn another_version_a_command_too_long_and_bytes_left_over_are_refused() {
    let ask = |command: String| Question::Ask {
        request: REQUEST,
        received: 0,
        command,
    };
    let mut bytes = ask("list".into()).encode();
    assert!(Question::decode(&bytes).is_some());
    bytes.push(0);
    assert_eq!(Question::decode(&bytes), None);
    bytes.pop();
    bytes[0] = 2;
    assert_eq!(Question::decode(&bytes), None);
    let longest = ask("a".repeat(COMMAND_BYTES_MAX));
    assert_eq!(Question::decode(&longest.encode()), Some(longest));
    let longer = ask("a".repeat(COMMAND_BYTES_MAX + 1)).encode();
    assert_eq!(Question::decode(&longer), None);
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused_or_read_as_they_would_be_written(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let bytes: Vec<u8> = [&[1, 0][..], &bytes].concat();
        if let Some(question) = Question::decode(&bytes) {
            prop_assert_eq!(Question::decode(&question.encode()), Some(question));
        }
        if let Some(answer) = Answer::decode(&bytes) {
            prop_assert_eq!(Answer::decode(&answer.encode()), Some(answer));
        }
    }
}
