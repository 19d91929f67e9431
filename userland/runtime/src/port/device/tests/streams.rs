//! The streams of TCP connections: order, repetition, acknowledgements and limits of merged segments.

use std::vec::Vec;

use super::super::super::merge::{HEADERS, MERGED_BYTES_MAX};
use super::super::super::samples::{acknowledgement, segment};
use super::segments::{Wire, changed_data, data, is_passed_alone, payloads};
use super::*;

const CLIENT: usize = 29;
const CLIENT_PORT: usize = 35;
const DOMAIN: usize = 33;
const DOMAIN_PORT: usize = 37;
const ACKNOWLEDGED: usize = 45;
const FLAGS: usize = 47;
const WINDOW: usize = 49;

#[test]
fn repeated_overlapping_and_early_segments_reach_the_stack_one_by_one() {
    // The stack acknowledges each of them at once, and the sender counts that.
    for first in [980, 999, 1001, 1010] {
        let frames = [0, 10, 20].map(|offset| data(first + offset));
        assert_eq!(Wire::new().receive(&frames), frames);
    }
    for second in [1000, 1005, 1009, 1011, 1020] {
        let frames = [data(1000), data(second), data(second + 10)];
        let received = Wire::new().receive(&frames);
        assert_eq!(received, frames);
    }
    let reordered = [1000, 1020, 1010, 1030].map(data);
    let received = Wire::new().receive(&reordered);
    assert_eq!(received, reordered);
}

#[test]
fn after_a_gap_segments_are_merged_again_when_the_stack_has_closed_it() {
    let mut wire = Wire::new();
    let lost = [data(1010), data(1020)];
    assert_eq!(wire.receive(&lost), lost);
    wire.send(&acknowledgement(1000, |_| {}));
    assert_eq!(wire.receive(&[data(1000)]), [data(1000)]);
    wire.send(&acknowledgement(1030, |_| {}));
    let merged = [1030, 1040, 1050].map(data);
    assert_eq!(wire.receive(&merged).len(), 2);
    // The stack has not accepted them.
    wire.send(&acknowledgement(1030, |_| {}));
    assert_eq!(wire.receive(&merged).len(), 2);
}

#[test]
fn sequence_numbers_wrap_around() {
    for first in (0..30).map(|distance| u32::MAX - distance) {
        let mut wire = Wire::new();
        wire.begin(first, |_| {}, |_| {});
        let frames = [0, 10, 20].map(|offset| data(first.wrapping_add(offset)));
        let received = wire.receive(&frames);
        assert_eq!(payloads(&received), [payloads(&frames).concat()]);
    }
}

#[test]
fn acknowledgements_and_window_updates_reach_the_stack() {
    // Without data, with the same and another acknowledged byte and window.
    for place in [ACKNOWLEDGED, WINDOW, 19] {
        let empty = segment(1010, &[], |frame| frame[place] ^= 1);
        let frames = [data(1000), empty.clone(), empty.clone(), empty, data(1010)];
        assert_eq!(Wire::new().receive(&frames), frames);
    }
    // With data.
    for place in [42, ACKNOWLEDGED, 48, WINDOW] {
        is_passed_alone(&changed_data(1010, |frame| frame[place] ^= 1));
    }
}

#[test]
fn probes_of_an_idle_connection_reach_the_stack() {
    // A byte before the expected one, or nothing there (RFC 9293, 3.8.4).
    for probe in [segment(999, &[], |_| {}), segment(999, &[7], |_| {})] {
        let frames = [probe.clone(), probe, data(1000)];
        assert_eq!(Wire::new().receive(&frames), frames);
    }
}

#[test]
fn connections_are_not_mixed() {
    let places = [CLIENT, CLIENT_PORT, DOMAIN, DOMAIN_PORT];
    let sent_places = [DOMAIN, DOMAIN_PORT, CLIENT, CLIENT_PORT];
    for (place, sent_place) in places.into_iter().zip(sent_places) {
        let mut wire = Wire::new();
        let received = |frame: &mut [u8]| frame[place] ^= 1;
        let sent = |frame: &mut [u8]| frame[sent_place] ^= 1;
        let other = |sequence| changed_data(sequence, received);
        wire.begin(1010, sent, received);
        let interleaved = [data(1000), other(1010), data(1010), other(1020)];
        assert_eq!(wire.receive(&interleaved), interleaved);
        // Each is merged for itself.
        let received = wire.receive(&[data(1020), data(1030), other(1030), other(1040)]);
        let lengths: Vec<usize> = payloads(&received).iter().map(|data| data.len()).collect();
        assert_eq!(lengths, [20, 20]);
    }
}

#[test]
fn a_connection_without_a_sent_segment_is_not_merged() {
    let frames = [1000, 1010, 1020].map(|at| changed_data(at, |frame| frame[CLIENT_PORT] = 9));
    assert_eq!(Wire::new().receive(&frames), frames);
    // A reset is of no connection.
    let mut wire = Wire::new();
    wire.send(&acknowledgement(1000, |frame| {
        frame[DOMAIN_PORT] = 9;
        frame[FLAGS] |= 4;
    }));
    assert_eq!(wire.receive(&frames), frames);
}

#[test]
fn a_connection_is_not_taken_for_another_one_that_expects_the_same() {
    let mut wire = Wire::new();
    let name = |frame: &mut [u8], at: usize, number: u16| {
        frame[at..at + 2].copy_from_slice(&number.to_be_bytes());
    };
    for number in 0..1000 {
        wire.send(&acknowledgement(2000, |frame| name(frame, 36, number)));
    }
    for number in 1000..1100 {
        let change = |frame: &mut [u8]| name(frame, 34, number);
        let frames = [2000, 2010, 2020].map(|at| changed_data(at, change));
        assert_eq!(wire.receive(&frames), frames);
    }
}

#[test]
fn any_number_of_connections_is_followed_or_not_merged() {
    let mut wire = Wire::new();
    let client = |frame: &mut [u8], at: usize, number: u16| {
        frame[at..at + 2].copy_from_slice(&number.to_be_bytes());
    };
    for number in 0..1000 {
        wire.send(&acknowledgement(number.into(), |frame| {
            client(frame, 36, number)
        }));
    }
    let mut merged = 0;
    for number in 0..1000 {
        let frames = [0, 10, 20].map(|offset| {
            let sequence = u32::from(number) + offset;
            changed_data(sequence, |frame| client(frame, 34, number))
        });
        let received = wire.receive(&frames);
        assert_eq!(payloads(&received).concat(), payloads(&frames).concat());
        merged += u32::from(received.len() == 2);
    }
    assert!((1..=64).contains(&merged), "{merged} of 64 places");
}

#[test]
fn a_run_is_no_longer_than_a_window_and_a_burst() {
    let part = |index: u32| segment(1000 + 1460 * index, &[index as u8; 1460], |_| {});
    let frames: Vec<Vec<u8>> = (0..15).map(part).collect();
    let received = Wire::new().receive(&frames);
    let lengths: Vec<usize> = payloads(&received).iter().map(|data| data.len()).collect();
    assert_eq!(lengths, [11 * 1460, 4 * 1460]);
    assert!(received[0].len() <= MERGED_BYTES_MAX);
    assert_eq!(payloads(&received).concat(), payloads(&frames).concat());

    let mut wire = Wire::new();
    let frames: Vec<Vec<u8>> = (0..40).map(|index| data(1000 + 10 * index)).collect();
    let [first, second, third] = [&frames[..], &[], &[]].map(|frames| wire.receive(frames));
    let lengths = [first, second, third].map(|received| payloads(&received).concat().len());
    assert_eq!(lengths, [160, 160, 80]);
}

#[test]
fn a_run_fits_the_length_of_a_packet_on_a_port_with_the_longest_frames() {
    let layout = Layout::of(crate::protocol::Mtu::MAX);
    let memory = shared_memory(layout.bytes());
    layout.write(memory);
    let (device, switch) = device_at(memory);
    let mut wire = Wire { device, switch };
    wire.begin(1000, |_| {}, |_| {});
    let frames: Vec<Vec<u8>> = (0..2)
        .map(|index| segment(1000 + 32_000 * index, &[index as u8; 32_000], |_| {}))
        .chain([segment(65_000, &[2; 1000], |_| {})])
        .collect();
    let received = wire.receive(&frames);
    let lengths: Vec<usize> = received.iter().map(Vec::len).collect();
    assert_eq!(lengths, [HEADERS + 64_000, HEADERS + 1000]);
    assert_eq!(received[0][16..18], 64_040_u16.to_be_bytes());
}
