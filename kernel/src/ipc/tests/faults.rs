//! Queued fault messages that can no longer be received, and the effect on the faulting threads.

use abi::calls::DomainMap;
use abi::fault::FaultKind;
use abi::register::Access;

use super::revocation::{LENT, revoke, trio};
use super::*;
use crate::memory::Ref;
use crate::objects::Thread;

/// The vectors of traps, which do not happen again: RIP is after the instruction.
const TRAPS: [u8; 2] = [1, 3];
/// The vector of a fault, which happens again when its instruction is repeated.
const INVALID_OPCODE: u8 = 6;

/// Raises an exception in a thread, which then stands at this address.
fn fault(world: &World, thread: Ref<Thread>, vector: u8, address: u64) {
    thread.context.rip.set(0x1234);
    world.raise(thread, vector, 4, address);
}

#[test]
fn a_fault_queued_at_a_revoked_fault_endpoint_stops_the_faulting_thread() {
    let (world, server, client, third) = trio();
    world.does(third, calls::faults(slots::THREAD, ENDPOINT));
    fault(&world, third.thread, 6, 0);
    revoke(&world, server, LENT);
    world.begin(client, call(1, 42));
    world.begin(server, receive());
    assert_eq!(received(&world, server).words[0], 42);
    assert!(third.thread.stopped.get());
    assert_eq!(third.thread.context.rip.get(), 0x1234);
    assert!(world.machine.console().contains("stops at 0x1234"));
}

/// The vector of the exception for disabled vector registers.
const DEVICE_NOT_AVAILABLE: u8 = 7;

#[test]
fn an_exception_for_registers_that_are_already_enabled_is_a_fault() {
    let (world, server, _, third) = trio();
    world.does(third, calls::faults(slots::THREAD, ENDPOINT));
    fault(&world, third.thread, DEVICE_NOT_AVAILABLE, 0);
    assert!(third.thread.is_runnable(), "the kernel has enabled them");
    fault(&world, third.thread, DEVICE_NOT_AVAILABLE, 0);
    world.begin(server, receive());
    let [kind, vector, _, _] = received(&world, server).words;
    let expected = (FaultKind::Exception as u64, DEVICE_NOT_AVAILABLE.into());
    assert_eq!((kind, vector), expected);
}

const MEMORY: Slot = Slot(slots::FREE + 11);
const ADDRESS: u64 = 0x8000_0000;
/// Pages per mapping step.
const STEP_PAGES: u64 = 512;

/// A [`trio`] whose third domain has mapped a Memory with the server as pager, and another thread of the third domain.
fn paged() -> (World, TestDomain, TestDomain, Ref<Thread>) {
    let (world, server, _, third) = trio();
    world.does(third, calls::memory(2 * STEP_PAGES, MEMORY));
    let pager = ENDPOINT;
    world.does(third, calls::pager(MEMORY, pager));
    world.does(third, map_from(0));
    let second = world.thread_in(third.domain, SPARE);
    (world, server, third, second)
}

/// The call that maps the Memory from this page on.
fn map_from(first_page: u64) -> DomainMap {
    calls::map(MEMORY, ADDRESS, first_page, STEP_PAGES, Access::ReadWrite)
}

/// Expects that the server receives nothing, and that the thread is about to repeat its instruction.
fn expect_retry(world: &World, server: TestDomain, thread: Ref<Thread>) {
    world.begin(server, receive());
    assert_eq!(world.outcome::<Receive>(server), None);
    assert!(thread.is_runnable());
    assert_eq!(thread.context.rip.get(), 0x1234);
}

#[test]
fn a_queued_fault_happens_again_if_its_pager_is_removed() {
    let (world, server, third, second) = paged();
    fault(&world, third.thread, 14, ADDRESS + 4096);
    assert!(matches!(
        third.thread.phase.get(),
        Phase::SendingFault { .. }
    ));
    let pager = None;
    world.does(second, calls::pager(MEMORY, pager));
    expect_retry(&world, server, third.thread);
    // The pager is gone.
    fault(&world, third.thread, 14, ADDRESS + 4096);
    assert!(third.thread.stopped.get());
}

#[test]
fn a_queued_fault_happens_again_if_its_page_is_no_longer_mapped_there() {
    let (world, server, third, second) = paged();
    fault(&world, third.thread, 14, ADDRESS + 4096);
    world.does(second, calls::unmap(ADDRESS));
    world.does(second, map_from(STEP_PAGES));
    expect_retry(&world, server, third.thread);
    fault(&world, third.thread, 14, ADDRESS + 4096);
    let [kind, page, _, _] = received(&world, server).words;
    let expected = (FaultKind::AbsentPage as u64, STEP_PAGES + 1);
    assert_eq!((kind, page), expected);
}

#[test]
fn a_queued_fault_happens_again_if_the_thread_gets_a_fault_endpoint_of_another_badge() {
    const BADGED: Slot = Slot(slots::FREE + 4);
    let (world, server, _, third) = trio();
    world.give(server, ENDPOINT, third, BADGED, 8);
    let faults = |endpoint| calls::faults(slots::THREAD, endpoint);
    world.does(third, faults(ENDPOINT));
    let second = world.thread_in(third.domain, SPARE);
    fault(&world, third.thread, INVALID_OPCODE, 0);
    world.does(second, faults(BADGED));
    expect_retry(&world, server, third.thread);
    fault(&world, third.thread, INVALID_OPCODE, 0);
    assert_eq!(received(&world, server).badge, 8);
}

/// A thread whose fault endpoint is the server's, and another thread of its domain.
fn faulting(vector: u8) -> (World, TestDomain, TestDomain, Ref<Thread>) {
    let (world, server, client) = pair();
    world.does(client, calls::faults(slots::THREAD, ENDPOINT));
    let second = world.thread_in(client.domain, SPARE);
    fault(&world, client.thread, vector, 0);
    let phase = client.thread.phase.get();
    assert!(matches!(phase, Phase::SendingFault { .. }), "{phase:?}");
    (world, server, client, second)
}

fn expect_logged_stop(world: &World, thread: Ref<Thread>, vector: u8) {
    assert_eq!(thread.phase.get(), Phase::Ready);
    assert!(thread.stopped.get(), "the trap {vector} is lost");
    assert_eq!(thread.context.rip.get(), 0x1234);
    assert!(world.machine.console().contains("stops at 0x1234"));
}

#[test]
fn a_trap_whose_fault_endpoint_was_replaced_stops_the_trapping_thread() {
    for vector in [1, 3, INVALID_OPCODE] {
        let (world, server, client, second) = faulting(vector);
        world.does(second, calls::endpoint(NOTIFICATION));
        world.does(second, calls::faults(slots::THREAD, NOTIFICATION));
        world.begin(server, receive());
        assert_eq!(world.outcome::<Receive>(server), None);
        if TRAPS.contains(&vector) {
            expect_logged_stop(&world, client.thread, vector);
        } else {
            assert!(client.thread.is_runnable(), "it faults again");
        }
    }
}

#[test]
fn a_thread_that_is_stopped_before_its_trap_was_received_is_logged() {
    for vector in [1, 3, INVALID_OPCODE] {
        let (world, _, client, second) = faulting(vector);
        world.does(second, calls::stop(slots::THREAD));
        assert!(client.thread.stopped.get());
        if TRAPS.contains(&vector) {
            expect_logged_stop(&world, client.thread, vector);
        } else {
            assert!(!world.machine.console().contains("stops at"));
        }
    }
}

#[test]
fn a_trap_whose_domain_is_frozen_stops_the_trapping_thread() {
    for vector in [1, 3, INVALID_OPCODE] {
        let (world, server, client, _) = faulting(vector);
        let domain = NOTIFICATION;
        world.give(client, slots::DOMAIN, server, domain, 0);
        let (_, token) = world.does(server, calls::freeze(domain, u64::MAX));
        world.does(server, calls::thaw(domain, token));
        if TRAPS.contains(&vector) {
            expect_logged_stop(&world, client.thread, vector);
        } else {
            assert!(client.thread.is_runnable(), "it faults again");
        }
    }
}

#[test]
fn a_trap_that_finds_only_receivers_without_the_right_stops_the_trapping_thread() {
    for vector in [1, 3, INVALID_OPCODE] {
        let (world, server, client) = pair();
        let crowd = world.domain_of(1024);
        world.give(server, ENDPOINT, crowd, ENDPOINT, 0);
        for number in 0..20 {
            let thread = world.thread_in(crowd.domain, Slot(slots::FREE + 12 + number));
            world.begin(thread, receive());
        }
        world.does(crowd, calls::delete(ENDPOINT));
        world.does(client, calls::faults(slots::THREAD, ENDPOINT));
        fault(&world, client.thread, vector, 0);
        if TRAPS.contains(&vector) {
            expect_logged_stop(&world, client.thread, vector);
        } else {
            assert!(client.thread.is_runnable(), "it faults again");
        }
    }
}

#[test]
fn threads_that_stop_because_their_faults_are_not_received_are_logged_one_per_step() {
    for gone in [true, false] {
        let (world, server, _) = pair();
        let crowd = world.domain_of(1024);
        world.give(server, ENDPOINT, crowd, ENDPOINT, 0);
        let slots = (0..20).map(|number| Slot(slots::FREE + 12 + number));
        for slot in slots.clone() {
            let faulting = world.thread_in(crowd.domain, slot);
            world.does(crowd, calls::faults(slot, ENDPOINT));
            fault(&world, faulting, INVALID_OPCODE, 0);
        }
        if gone {
            for thread in slots {
                world.does(crowd, calls::faults(thread, None));
            }
        }
        // Either there is no right to send, or no slot for the reply right.
        let reply = gone.then_some(REPLY);
        let lines = || world.machine.console().matches("stops at").count();
        world.begin_step(server, Receive { reply, ..receive() });
        assert_eq!(lines(), 1);
        for step in 2..=20 {
            assert!(world.is_at_call(server));
            world.step(server);
            assert_eq!(lines(), step);
        }
    }
}
