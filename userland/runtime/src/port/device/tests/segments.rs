//! Received TCP segments: which ones are merged, and what a hostile or unlucky wire can do to them.

use std::vec::Vec;

use super::super::super::merge::HEADERS;
use super::super::super::samples::{acknowledgement, segment};
use super::*;

const SYN: u8 = 0x02;
const PUSH: u8 = 0x08;
const ACK: u8 = 0x10;
const TYPE_OF_SERVICE: usize = 15;
const HEADER_CHECKSUM: usize = 24;
const FLAGS: usize = 47;

/// A device and the switch's end of its port. The stack expects byte 1000 of the client, and has not acknowledged the segment before it.
pub(super) struct Wire {
    pub(super) device: Device,
    pub(super) switch: Port<'static>,
}

impl Wire {
    pub(super) fn new() -> Wire {
        let (device, switch, _) = device();
        let mut wire = Wire { device, switch };
        wire.begin(1000, |_| {}, |_| {});
        wire
    }

    /// Has the stack receive the ten bytes before this one in a connection that has these differences in sent and in received segments.
    pub(super) fn begin(
        &mut self,
        expected: u32,
        sent: impl Fn(&mut [u8]),
        received: impl Fn(&mut [u8]),
    ) {
        let before = expected.wrapping_sub(10);
        self.send(&acknowledgement(before, sent));
        assert_eq!(self.receive(&[changed_data(before, received)]).len(), 1);
    }

    /// Has the stack send a frame.
    pub(super) fn send(&mut self, frame: &[u8]) {
        let context = &mut Context::from_waker(Waker::noop());
        let transmission = self.device.transmit(context).unwrap();
        transmission.consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
        self.switch.incoming().take();
    }

    /// What the stack receives in one poll, if these frames are queued.
    pub(super) fn receive(&mut self, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
        for frame in frames {
            self.switch.outgoing().send(frame).unwrap();
        }
        let context = &mut Context::from_waker(Waker::noop());
        core::iter::from_fn(|| {
            let (received, _) = self.device.receive(context)?;
            Some(received.consume(|frame| frame.to_vec()))
        })
        .collect()
    }
}

/// Ten bytes of the client's stream from this one.
pub(super) fn data(sequence: u32) -> Vec<u8> {
    changed_data(sequence, |_| {})
}

pub(super) fn changed_data(sequence: u32, change: impl Fn(&mut [u8])) -> Vec<u8> {
    segment(sequence, &[sequence as u8; 10], change)
}

/// The payloads of frames without options.
pub(super) fn payloads(frames: &[Vec<u8>]) -> Vec<&[u8]> {
    frames.iter().map(|frame| &frame[HEADERS..]).collect()
}

/// Checks that this frame is neither merged nor changed nor delayed, as the first one of a connection and between others.
pub(super) fn is_passed_alone(frame: &[u8]) {
    let frames = [data(1000), frame.to_vec(), data(1020)];
    assert_eq!(Wire::new().receive(&frames), frames);
    let mut first = frame.to_vec();
    first[41] = first[41].wrapping_sub(10);
    tcp_checksum::fill(&mut first);
    let frames = [first, data(1010)];
    assert_eq!(Wire::new().receive(&frames), frames);
}

#[test]
fn segments_that_continue_each_other_are_received_as_one_frame() {
    let mut wire = Wire::new();
    let received = wire.receive(&[data(1000), data(1010), data(1021), data(1031)]);
    assert_eq!(received[0][16..18], [0, 60]);
    let first = [[232; 10], [242; 10]].concat();
    assert_eq!(payloads(&received), [&first[..], &[253; 10], &[7; 10]]);
}

#[test]
fn a_single_segment_is_received_at_once_and_unchanged() {
    let mut wire = Wire::new();
    for sequence in [1000, 1010, 1020] {
        assert_eq!(wire.receive(&[data(sequence)]), [data(sequence)]);
        assert_eq!(wire.switch.outgoing().queued(), Ok(0));
    }
}

#[test]
fn the_first_segment_after_an_acknowledgement_is_not_merged() {
    // The stack would see one segment instead of two, and delay its next acknowledgement.
    let mut wire = Wire::new();
    for first in [1000, 1030] {
        wire.send(&acknowledgement(first, |_| {}));
        let received = wire.receive(&[0, 10, 20].map(|offset| data(first + offset)));
        let lengths: Vec<usize> = payloads(&received).iter().map(|data| data.len()).collect();
        assert_eq!(lengths, [10, 20]);
    }
}

#[test]
fn flags_with_an_effect_of_their_own_are_not_merged() {
    // FIN, SYN, RST, URG, ECE and CWR, and all of them.
    for flags in [0x01, SYN, 0x04, 0x20, 0x40, 0x80, 0xef] {
        is_passed_alone(&changed_data(1010, |frame| frame[FLAGS] |= flags));
        let all = [1000, 1010].map(|at| changed_data(at, |frame| frame[FLAGS] |= flags));
        assert_eq!(Wire::new().receive(&all), all);
    }
    is_passed_alone(&changed_data(1010, |frame| frame[FLAGS] = PUSH));
    // The bits beside the header's length; one is a mark of congestion (RFC 3540).
    for bit in 0..4 {
        is_passed_alone(&changed_data(1010, |frame| frame[46] |= 1 << bit));
    }
}

#[test]
fn a_push_stays_wherever_it_is() {
    for pushed in 0..3 {
        let frames: Vec<Vec<u8>> = (0..3)
            .map(|index| {
                let push = if index == pushed { PUSH } else { 0 };
                changed_data(1000 + 10 * index, |frame| frame[FLAGS] |= push)
            })
            .collect();
        let received = Wire::new().receive(&frames);
        assert_eq!((received.len(), received[0][FLAGS]), (1, ACK | PUSH));
    }
}

#[test]
fn options_are_not_merged() {
    let timestamps = |value: u8| [1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, 1];
    let selective = [1, 1, 5, 10, 0, 0, 4, 0, 0, 0, 5, 0];
    let segment_with = |sequence: u32, options: [u8; 12]| {
        let payload = [&options[..], &[9; 10]].concat();
        segment(sequence, &payload, |frame| frame[46] = 8 << 4)
    };
    for options in [timestamps(1), timestamps(2), selective] {
        let frames = [
            segment_with(1000, timestamps(1)),
            segment_with(1010, options),
            segment_with(1020, options),
        ];
        assert_eq!(Wire::new().receive(&frames), frames);
        is_passed_alone(&segment_with(1010, options));
    }
    // Numbers as if the options were data.
    let frames = [1000, 1022].map(|sequence| segment_with(sequence, timestamps(1)));
    assert_eq!(Wire::new().receive(&frames), frames);
}

#[test]
fn marks_of_congestion_and_classes_of_service_stay() {
    // ECT(1), ECT(0), CE; a class of service.
    for service in [1, 2, 3, 0xb8] {
        is_passed_alone(&changed_data(1010, |frame| {
            frame[TYPE_OF_SERVICE] = service
        }));
    }
    let mark = |frame: &mut [u8]| frame[TYPE_OF_SERVICE] = 3;
    let frames = [
        changed_data(1000, mark),
        changed_data(1010, mark),
        data(1020),
    ];
    let received = Wire::new().receive(&frames);
    let services = received.iter().map(|frame| frame[TYPE_OF_SERVICE]);
    assert_eq!(services.collect::<Vec<_>>(), [3, 0]);
}

#[test]
fn a_segment_with_a_wrong_checksum_is_dropped_alone() {
    for damaged in 0..3 {
        let mut frames: Vec<Vec<u8>> = (0..3).map(|index| data(1000 + 10 * index)).collect();
        frames[damaged][HEADERS + 3] ^= 1;
        let received = Wire::new().receive(&frames);
        let mut expected = std::vec![[232; 10], [242; 10], [252; 10]];
        expected.remove(damaged);
        assert_eq!(payloads(&received).concat(), expected.concat());
        assert_eq!(received.len(), if damaged == 2 { 1 } else { 2 });
    }
}

#[test]
fn a_damaged_header_of_ipv4_reaches_the_stack_alone() {
    // The stack drops a packet whose IPv4 header has a wrong checksum.
    for damaged in 0..3 {
        let mut frames: Vec<Vec<u8>> = (0..3).map(|index| data(1000 + 10 * index)).collect();
        frames[damaged][HEADER_CHECKSUM] ^= 1;
        let received = Wire::new().receive(&frames);
        assert!(received.contains(&frames[damaged]));
        let merged = if damaged == 2 { 2 } else { 3 };
        assert_eq!(received.len(), merged);
    }
}
