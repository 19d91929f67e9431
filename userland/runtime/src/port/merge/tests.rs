//! Runs of segments, without a device.

use super::super::samples::segment;
use super::super::{Port, Side, layout};
use super::*;
use crate::host::shared_memory;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Ipv4Packet, Ipv4Repr};
use std::vec::Vec;

/// Merges frames as the device does; returns the merged one, and the effect of each frame after the first.
fn merge(frames: &[Vec<u8>], room: usize) -> (Vec<u8>, Vec<Step>) {
    let memory = shared_memory(layout::PORT_BYTES);
    let [switch, domain] =
        [Side::Switch, Side::Domain].map(|side| Port::try_new(memory, side).unwrap());
    let mut buffer = std::vec![0xee; room];
    buffer[..frames[0].len()].copy_from_slice(&frames[0]);
    let Some(mut run) = Run::begin(&frames[0]) else {
        return (frames[0].clone(), Vec::new());
    };
    let mut steps = Vec::new();
    for frame in &frames[1..] {
        switch.outgoing().send(frame).unwrap();
        let queued = domain.incoming().peek().unwrap().unwrap();
        steps.push(run.add(&mut buffer, &queued));
        domain.incoming().take();
    }
    let length = run.finish(&mut buffer);
    buffer.truncate(length);
    (buffer, steps)
}

#[test]
fn segments_that_continue_each_other_become_one_packet() {
    for first in [1000, u32::MAX - 70] {
        let parts: Vec<Vec<u8>> = (1..=11).map(|part| std::vec![part; 1460]).collect();
        let mut frames = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let sequence = first.wrapping_add(1460 * index as u32);
            frames.push(segment(sequence, part, |frame| frame[19] = index as u8));
        }
        let (merged, steps) = merge(&frames, MERGED_BYTES_MAX);
        assert_eq!(steps, [Step::Added; 10]);
        assert_eq!(merged[HEADERS..], parts.concat());
        assert_eq!(merged[26..HEADERS - 4], frames[0][26..HEADERS - 4]);
        let packet = Ipv4Packet::new_checked(&merged[14..]).unwrap();
        let packet = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).unwrap();
        assert_eq!(packet.payload_len, 20 + 11 * 1460);
    }
}

#[test]
fn a_push_is_kept_and_a_run_of_one_is_unchanged() {
    let push = segment(1100, &[2; 50], |frame| frame[FLAGS] |= PUSH);
    let (merged, steps) = merge(&[segment(1000, &[1; 100], |_| {}), push.clone()], 2000);
    assert_eq!((steps, merged[FLAGS]), (std::vec![Step::Added], ACK | PUSH));
    assert_eq!(merge(core::slice::from_ref(&push), 2000).0, push);
}

#[test]
fn a_frame_that_does_not_continue_the_run_ends_it() {
    let first = segment(1000, &[1; 100], |_| {});
    // MAC, type of service, fragment, time to live, protocol, addresses, ports, acknowledgement, length, flags, window.
    let places = [0, 15, 20, 22, 23, 29, 33, 35, 37, 45, 46, FLAGS, 49];
    for place in places {
        let other = segment(1100, &[2; 100], |frame| frame[place] ^= 1);
        let (merged, steps) = merge(&[first.clone(), other], 2000);
        assert_eq!((steps, merged), (std::vec![Step::Ended], first.clone()));
    }
    for sequence in [1000, 1099, 1101] {
        let other = segment(sequence, &[2; 100], |_| {});
        assert_eq!(merge(&[first.clone(), other], 2000).1, [Step::Ended]);
    }
    let empty = segment(1100, &[], |_| {});
    assert_eq!(merge(&[first.clone(), empty], 2000).1, [Step::Ended]);
    let next = segment(1100, &[2; 100], |_| {});
    for room in [HEADERS + 199, HEADERS + 200] {
        let expected = if room < HEADERS + 200 {
            Step::Ended
        } else {
            Step::Added
        };
        assert_eq!(merge(&[first.clone(), next.clone()], room).1, [expected]);
    }
}

#[test]
fn a_damaged_segment_is_not_added_and_its_repetition_is() {
    let first = segment(1000, &[1; 100], |_| {});
    let next = segment(1100, &[2; 100], |_| {});
    let mut damaged = next.clone();
    damaged[HEADERS + 7] ^= 4;
    let mut long = next.clone();
    long[TOTAL_LENGTH] = 1;
    let mut wrong_header = next.clone();
    wrong_header[HEADER_CHECKSUM] ^= 1;
    let frames = [first, damaged, long, wrong_header, next];
    let (merged, steps) = merge(&frames, 2000);
    assert_eq!(
        steps,
        [Step::Damaged, Step::Ended, Step::Ended, Step::Added]
    );
    assert_eq!(merged[HEADERS..], [[1; 100], [2; 100]].concat());
}

#[test]
fn only_plain_segments_of_data_begin_a_run() {
    let begins = |payload: &[u8], change: &dyn Fn(&mut [u8])| {
        Run::begin(&segment(1000, payload, change)).is_some()
    };
    assert!(begins(&[1; 10], &|_| {}));
    assert!(!begins(&[], &|_| {}));
    for flags in [0x02, ACK | 0x01, ACK | 0x04, ACK | 0x20, ACK | 0x40, PUSH] {
        assert!(!begins(&[1; 10], &|frame| frame[FLAGS] = flags));
    }
    for (place, value) in [
        (12, 0x86),
        (14, 0x46),
        (20, 0x20),
        (21, 1),
        (23, 17),
        (46, 0x60),
    ] {
        assert!(!begins(&[1; 10], &|frame| frame[place] = value));
    }
    assert!(Run::begin(&[8; 53]).is_none());
}
