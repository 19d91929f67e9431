//! Encoding and decoding: messages survive a round trip, hostile bytes are errors.

use alloc::vec;

use identity::{Incarnation, NAME_BYTES_MAX, Name, NameError};
use proptest::prelude::*;

use super::pair::*;
use crate::*;

fn envelope(step: Step) -> Envelope {
    Envelope {
        boot: BootId(0x0102_0304_0506_0708),
        message: Message::Transaction(MOVE, step),
    }
}

/// The bytes of Commit in docs/wire-format.md.
#[test]
fn commit_has_the_documented_bytes() {
    let bytes = envelope(Step::Commit {
        admission: AdmissionId(0x1112_1314_1516_1718),
        attempt: Attempt(1),
        digest: DIGEST,
        downtime_us: 300,
    })
    .encode();
    let mut expected = vec![11, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0, 7];
    expected.extend_from_slice(&[0; 15]);
    expected.push(4);
    expected.extend_from_slice(&[0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 1]);
    expected.extend_from_slice(&[3; 32]);
    expected.extend_from_slice(&[0xac, 0x02]);
    assert_eq!(bytes, expected);
}

/// The order of the fields of Admit in docs/wire-format.md.
#[test]
fn admit_names_the_incarnation_that_is_kept() {
    let encoded = |kept| {
        let admission = AdmissionId(7);
        envelope(Step::Admit { admission, kept }).encode()
    };
    let head = [1, 7, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(encoded(None)[27..], [&head[..], &[0]].concat());
    let kept = encoded(Some(Incarnation(300)));
    assert_eq!(kept[27..], [&head[..], &[1, 0xac, 2]].concat());
}

fn late(late: Late) -> Envelope {
    Envelope {
        boot: BootId(u64::MAX),
        message: Message::Late(MOVE, late),
    }
}

/// The order of fields of late frames in docs/wire-format.md.
#[test]
fn late_frames_have_the_documented_bytes() {
    let piece = late(Late::Piece {
        stream: 5,
        number: 300,
        bytes: vec![9, 8],
    });
    let bytes = piece.encode();
    assert_eq!(bytes[10..12], [3, 7]);
    assert_eq!(bytes[27..], [0, 5, 0xac, 2, 2, 9, 8]);
    assert_eq!(Envelope::decode(&bytes), Ok(piece));
    let ack = late(Late::Ack { stream: 5, next: 7 }).encode();
    assert_eq!(ack[27..], [1, 5, 7]);
}

#[test]
fn the_longest_piece_fits_and_its_length_is_checked() {
    let piece = |bytes| Late::Piece {
        stream: u32::MAX,
        number: u64::MAX,
        bytes,
    };
    let bytes = late(piece(vec![1; PIECE_BYTES_MAX])).encode();
    assert!(bytes.len() <= DATAGRAM_BYTES_MAX, "{}", bytes.len());
    let mut forged = late(piece(vec![])).encode();
    *forged.last_mut().expect("a length") = 100;
    let error = DecodeError::TooShort {
        bytes: forged.len() - 10,
    };
    assert_eq!(Envelope::decode(&forged), Err(error));
}

/// The numbers of the steps in docs/wire-format.md.
#[test]
fn steps_have_the_documented_numbers() {
    let steps = [
        Step::Offer(offer()),
        admit(),
        Step::Refuse(Refusal::OtherFleet),
        received(3),
        commit(),
        activated(),
        Step::Released,
        Step::ReleaseAck,
        Step::Declined(AbortReason::Cancelled),
        Step::Abort(AbortReason::Cancelled),
        Step::Unknown,
    ];
    for (number, step) in steps.into_iter().enumerate() {
        assert_eq!(usize::from(envelope(step).encode()[27]), number);
    }
    let abort = envelope(Step::Abort(AbortReason::DigestMismatch)).encode();
    assert_eq!(&abort[27..], [9, 7]);
    let timed_out = AbortReason::TimedOut { after_us: 300 };
    assert_eq!(
        &envelope(Step::Abort(timed_out)).encode()[27..],
        [9, 10, 0xac, 2]
    );
    let not_converging = AbortReason::NotConverging {
        rounds: 3,
        pages_remaining: 5,
    };
    assert_eq!(
        &envelope(Step::Abort(not_converging)).encode()[27..],
        [9, 11, 3, 5]
    );
    let refuse = envelope(Step::Refuse(Refusal::Quota { used: 1, limit: 2 })).encode();
    assert_eq!(&refuse[27..], [2, 6, 1, 2]);
    let machine = Name::try_new("b").expect("a name");
    let refuse = envelope(Step::Refuse(Refusal::Draining { machine })).encode();
    assert_eq!(&refuse[27..], [2, 9, 1, b'b']);
}

#[test]
fn another_version_is_refused_with_both_numbers() {
    let mut bytes = envelope(admit()).encode();
    bytes[0] = 1;
    assert_eq!(
        Envelope::decode(&bytes),
        Err(DecodeError::Version {
            ours: 11,
            theirs: 1
        })
    );
}

#[test]
fn every_truncation_is_too_short() {
    let bytes = envelope(Step::Offer(offer())).encode();
    for length in 0..bytes.len() {
        let error = Envelope::decode(&bytes[..length]).expect_err("truncated");
        assert!(
            matches!(error, DecodeError::TooShort { .. }),
            "{length}: {error:?}"
        );
    }
}

#[test]
fn bytes_left_over_are_refused() {
    let mut bytes = envelope(activated()).encode();
    bytes.push(0);
    assert_eq!(
        Envelope::decode(&bytes),
        Err(DecodeError::Trailing { bytes: 1 })
    );
}

#[test]
fn a_long_datagram_is_refused_unread() {
    let bytes = vec![0; DATAGRAM_BYTES_MAX + 1];
    let error = DecodeError::TooLong {
        bytes: bytes.len(),
        limit: DATAGRAM_BYTES_MAX,
    };
    assert_eq!(Envelope::decode(&bytes), Err(error));
}

#[test]
fn names_are_checked_when_they_are_read() {
    let name = |name: &str| Name::try_new(name).map(|_| ());
    assert_eq!(name(""), Err(NameError::Empty));
    assert_eq!(name("a\nb"), Err(NameError::Character('\n')));
    assert_eq!(name(&"x".repeat(65)), Err(NameError::TooLong(65)));
    let mut bytes = envelope(Step::Offer(offer())).encode();
    let at = bytes
        .windows(7)
        .position(|window| window == b"counter")
        .expect("the name");
    bytes[at] = b'\r';
    assert_eq!(Envelope::decode(&bytes), Err(DecodeError::Malformed));
}

#[test]
fn the_longest_messages_fit_their_limits() {
    let name = Name::try_new(&"x".repeat(NAME_BYTES_MAX)).expect("a name");
    let sizes = Sizes {
        pool_bytes: u64::MAX,
        pages: u64::MAX,
        threads: u32::MAX,
        slots: u32::MAX,
    };
    let versions = Versions {
        image: u16::MAX,
        abi: u16::MAX,
    };
    let cpu = CpuFeatures([u32::MAX; 6]);
    let offer = Offer {
        domain: DOMAIN,
        incarnation: Incarnation(u64::MAX),
        name,
        sizes,
        versions,
        cpu,
        fleet: fleet().id(),
        home: Some(B),
        has_package: true,
        guest: Some(name),
    };
    assert!(envelope(Step::Offer(offer.clone())).encode().len() <= DATAGRAM_BYTES_MAX);
    let progress = RecordedProgress::DestinationPrepared {
        rounds: u32::MAX,
        attempt: Attempt(255),
        digest: DIGEST,
        admission: Admission {
            number: ADMISSION,
            peer_boot: BootId(u64::MAX),
        },
    };
    let record = Record {
        transaction: MOVE,
        peer: A,
        offer,
        progress,
    };
    assert!(record.encode().len() <= RECORD_BYTES_MAX);
    assert_eq!(Record::decode(&record.encode()), Ok(record));
    let freeze = StreamHeader::Freeze {
        transaction: MOVE,
        attempt: Attempt(255),
        digest: DIGEST,
        rounds: u32::MAX,
        pages: u64::MAX,
    };
    assert!(freeze.encode().len() <= STREAM_HEADER_BYTES_MAX + 2);
}

#[test]
fn stream_headers_are_read_by_their_length() {
    let header = StreamHeader::Round {
        transaction: MOVE,
        number: 3,
        pages: 16_384,
    };
    let bytes = header.encode();
    let (length, body) = bytes.split_first_chunk::<2>().expect("a length");
    assert_eq!(StreamHeader::length(*length), Ok(body.len()));
    assert_eq!(StreamHeader::decode(body), Ok(header));
    let error = DecodeError::TooLong {
        bytes: 0xffff,
        limit: STREAM_HEADER_BYTES_MAX,
    };
    assert_eq!(StreamHeader::length([0xff, 0xff]), Err(error));
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(version) = bytes.first_chunk_mut::<2>() {
            *version = PROTOCOL_VERSION.to_le_bytes();
        }
        if let Ok(envelope) = Envelope::decode(&bytes) {
            let again = Envelope::decode(&envelope.encode());
            prop_assert_eq!(again, Ok(envelope));
        }
        let _ = StreamHeader::decode(&bytes);
        let _ = Record::decode(&bytes);
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0usize..100, value: u8) {
        let mut bytes = envelope(Step::Offer(offer())).encode();
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = Envelope::decode(&bytes);
    }
}
