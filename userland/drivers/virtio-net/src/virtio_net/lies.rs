//! The driver against a NIC that lies. Its driver ends, or loses frames; it never reads or writes beyond its own memory, and never waits
//! for ever.

extern crate std;

use nic::host::contract::{self, NicModel};
use nic::host::{receive_all, send};
use nic::pace::{Pace, Remaining, Turn};
use runtime::host::shared_memory;
use runtime::port::FRAME_BYTES_MAX;

use super::tests::{MEMORY_BYTES, memory, start, started, started_with};
use super::*;
use crate::configuration::Kind;
use crate::fake::{FEATURES, FakeNic, Fault};
use crate::features::{FEATURE_LINK, FEATURE_MAC, FEATURE_MTU, FEATURE_VERSION_1};

/// The most bytes that a buffer of the standard MTU takes, with the header.
const BUFFER_BYTES: u32 = 2048 - 4;

/// The reason why a NIC that this function has changed cannot be used.
fn refusal(change: impl FnOnce(&FakeNic)) -> InitError {
    let memory = memory(MEMORY_BYTES);
    let fake = FakeNic::new(memory);
    change(&fake);
    let refusal = start(&fake, memory).err();
    refusal.expect("a NIC that cannot be used")
}

#[test]
fn a_nic_that_cannot_be_set_up_is_not_used() {
    let faults = [
        (Fault::NoFeatures, InitError::Features(FEATURES)),
        (Fault::NoConfigurationVector, InitError::ConfigurationVector),
        (Fault::NoQueueVector, InitError::Vector(0)),
        (Fault::Notify(3), InitError::Notify(0)),
        (Fault::Notify(0xffff), InitError::Notify(0)),
        (Fault::Unsettled, InitError::Unsettled),
        (Fault::Torn(u32::MAX), InitError::Unsettled),
    ];
    for (fault, error) in faults {
        assert_eq!(refusal(|fake| fake.fault(fault)), error);
    }
}

#[test]
fn a_reset_that_never_ends_is_given_up_within_a_second() {
    let memory = memory(MEMORY_BYTES);
    let fake = FakeNic::new(memory);
    fake.leave(0xff, 1);
    fake.fault(Fault::NoReset);
    assert_eq!(start(&fake, memory).err(), Some(InitError::Reset));
    assert!((900_000..=1_100_000).contains(&fake.waited_us()));
}

#[test]
fn a_queue_of_no_size_or_one_that_is_no_power_of_two_is_not_used() {
    for queue in [0, 1] {
        for size in [0, 3, 96, 129, 0xffff] {
            let error = refusal(|fake| fake.set_queue_size(queue, size));
            assert_eq!(error, InitError::Queue(queue as u16));
        }
    }
}

#[test]
fn a_nic_without_the_features_that_the_driver_needs_is_not_used() {
    let legacy = FEATURES & !FEATURE_VERSION_1;
    for features in [legacy, 0] {
        let error = refusal(|fake| fake.set_features(features));
        assert_eq!(error, InitError::Features(features));
    }
    // All other features may be missing.
    let (mut nic, _) = started_with(|fake| fake.set_features(FEATURE_VERSION_1));
    assert_eq!((nic.mac(), nic.link()), (None, None));
}

#[test]
fn a_feature_whose_register_is_missing_is_an_error() {
    for (feature, bytes) in [(FEATURE_MAC, 5), (FEATURE_LINK, 7), (FEATURE_MTU, 11)] {
        let offered = FEATURE_VERSION_1 | feature;
        let error = refusal(|fake| {
            fake.set_features(offered);
            fake.set_specific_bytes(bytes);
        });
        assert_eq!(error, InitError::NoRegisters(Kind::Device));
        let (nic, _) = started_with(|fake| {
            fake.set_features(offered);
            fake.set_specific_bytes(bytes + 1);
        });
        assert_eq!(nic.mac().is_some(), feature == FEATURE_MAC);
    }
}

#[test]
fn a_used_index_that_jumps_beyond_the_lent_buffers_ends_the_driver() {
    for step in [129, 0x8000, 0xffff] {
        let (mut nic, fake) = started();
        for _ in 0..200 {
            assert!(fake.deliver(&[1; 60]));
            assert_eq!(receive_all(&mut nic).len(), 1);
        }
        fake.fault(Fault::Step(step));
        assert!(fake.deliver(&[2; 60]));
        assert!(nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
        let (mut nic, fake) = started();
        fake.fault(Fault::Step(step));
        send(&mut nic, &[3; 60]);
        assert!(nic.has_space().is_err());
    }
}

#[test]
fn an_index_that_stands_still_or_jumps_among_the_lent_buffers_costs_only_frames() {
    for step in [0, 2, 127, 128] {
        let (mut nic, fake) = started();
        fake.fault(Fault::Step(step));
        assert!(fake.deliver(&[2; 60]));
        let into = shared_memory(FRAME_BYTES_MAX);
        let taken = (0..1000).map_while(|_| nic.receive(into).ok().flatten());
        assert!(taken.count() <= usize::from(step));
    }
}

#[test]
fn a_used_buffer_that_was_not_lent_ends_the_driver() {
    for id in [128, 0x1_0000, u32::MAX] {
        let (mut nic, fake) = started();
        fake.fault(Fault::Id(id));
        assert!(fake.deliver(&[5; 100]));
        assert!(nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
    }
    for id in [0, 128, u32::MAX] {
        let (mut nic, fake) = started();
        fake.fault(Fault::Id(id));
        // The driver lends the last buffer first.
        send(&mut nic, &[5; 100]);
        assert!(nic.has_space().is_err());
    }
    let (mut nic, fake) = started();
    fake.use_unlent(1, (3, 0));
    assert!(nic.has_space().is_err());
}

#[test]
fn a_frame_of_an_invalid_length_is_dropped() {
    for bytes in [0, 11, 12, 25, 12 + 1515, BUFFER_BYTES] {
        let (mut nic, fake) = started();
        fake.fault(Fault::Length(bytes));
        contract::drops_invalid_frames(&mut nic, &fake);
    }
}

#[test]
fn a_frame_longer_than_its_buffer_ends_the_driver() {
    for bytes in [BUFFER_BYTES + 1, 0xffff, u32::MAX] {
        let (mut nic, fake) = started();
        fake.fault(Fault::Length(bytes));
        assert!(fake.deliver(&[5; 100]));
        assert!(nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
    }
}

#[test]
fn interrupts_for_nothing_are_no_events() {
    let (mut nic, fake) = started();
    for _ in 0..1000 {
        fake.interrupt();
        assert_eq!(nic.acknowledge(), Events::default());
        assert!(receive_all(&mut nic).is_empty());
    }
}

#[test]
fn a_link_that_changes_with_every_interrupt_does_not_keep_the_driver_busy() {
    let (mut nic, fake) = started_with(|fake| fake.fault(Fault::LinkFlaps));
    let mut pace = Pace::new(false);
    let mut acknowledged = 0;
    for _ in 0..1000 {
        fake.interrupt();
        let is_acknowledged = pace.wake(true, false) == Some(Turn::AfterAcknowledgement);
        if is_acknowledged {
            acknowledged += 1;
            assert!(nic.acknowledge().link);
        }
        let has_moved = !receive_all(&mut nic).is_empty();
        pace.record(is_acknowledged, has_moved, Remaining::Nothing);
    }
    assert!((2..=100).contains(&acknowledged), "{acknowledged}");
    assert!(pace.deadline_ns(0).is_some(), "it is asked again");
}
