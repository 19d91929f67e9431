//! Mappings of a frozen domain for a debugger.

use abi::Error;
use abi::calls::DomainMap;
use abi::fault::FaultKind;
use abi::register::Access;

use super::{ALL, Copying, MEMORY, OTHER, PAGES, SPARE};
use crate::arch::Cause;
use crate::capture::tests::scene::{ENDPOINT, INNER, SUBJECT};
use crate::objects::Phase;
use crate::testing::{calls, slots};

const VIEW: u64 = 0x9000_0000;

impl Copying {
    fn map_captured(&self) -> Result<(), Error> {
        let map = calls::map_captured(SUBJECT, self.id, slots::DOMAIN, VIEW);
        self.scene.call(self.scene.manager, map)
    }

    /// The manager accesses a page of its view.
    fn touch(&self, page: u64) {
        self.scene
            .world
            .kernel
            .scheduler
            .force(self.scene.manager.thread);
        self.scene.world.kernel.enter(Cause::Exception {
            vector: 14,
            error: 4,
            address: VIEW + page * abi::PAGE_BYTES,
        });
    }
}

#[test]
fn a_domain_is_mapped_for_a_debugger_while_it_is_frozen() {
    let copying = Copying::new();
    copying.fill([1]);
    assert_eq!(copying.map_captured(), Err(Error::WrongState));
    copying.scene.freeze();
    assert_eq!(copying.map_captured(), Ok(()));
    let manager = copying.scene.manager;
    let seen = manager.domain.space.translate(VIEW + abi::PAGE_BYTES);
    let seen = seen.expect("mapped");
    assert_eq!((seen.frame, seen.write), (copying.frame(MEMORY, 1), false));
}

#[test]
fn a_debugger_sees_the_rest_of_a_memory_whose_destruction_was_interrupted() {
    let copying = Copying::new();
    let scene = &copying.scene;
    copying.fill([1]);
    scene
        .world
        .give(scene.manager, MEMORY, scene.manager, SPARE, 0);
    scene.freeze();
    // The time budget is spent after one step.
    scene.world.machine.set_ticks_step(10_000);
    scene.begin_step(scene.server, calls::destroy(MEMORY));
    assert!(copying.memory(MEMORY).header.is_being_destroyed());
    assert_eq!(copying.map_captured(), Ok(()));
    let seen = scene.manager.domain.space.translate(VIEW + abi::PAGE_BYTES);
    assert_eq!(seen.map(|seen| seen.frame), Some(copying.frame(MEMORY, 1)));
}

#[test]
fn a_fault_in_a_captured_domain_goes_to_the_readers_handler_and_not_to_the_pager() {
    let copying = Copying::new();
    let scene = &copying.scene;
    let (manager, server) = (scene.manager.thread, scene.server);
    copying.fill([1, 2]);
    scene
        .world
        .give(scene.subject, INNER, scene.manager, SPARE, 0);
    let (memory, pager) = (MEMORY, SPARE);
    scene.does(manager, calls::pager(memory, pager));
    scene.freeze();
    copying.map_captured().expect("frozen");
    copying.touch(1);
    assert_eq!(manager.phase.get(), Phase::Ready, "the page is present");
    // The page is discarded while it is mapped, so the reader's own handler receives the fault.
    scene.does(manager, calls::faults(slots::THREAD, ENDPOINT));
    scene.does(server, calls::discard(memory, 1, 1));
    copying.touch(1);
    let Phase::SendingFault {
        endpoint, fault, ..
    } = manager.phase.get()
    else {
        panic!("the manager is in {:?}", manager.phase.get());
    };
    let address = VIEW + abi::PAGE_BYTES;
    assert_eq!(fault.words, [FaultKind::Page as u64, address, 4]);
    let pool = endpoint.header.pool;
    assert_eq!(pool, Some(scene.manager.pool), "the reader's endpoint");
}

#[test]
fn the_reader_of_a_captured_domain_stops_at_an_absent_page_without_a_handler() {
    let copying = Copying::new();
    let scene = &copying.scene;
    copying.fill([1]);
    scene
        .world
        .give(scene.subject, INNER, scene.manager, SPARE, 0);
    scene.does(scene.manager, calls::pager(MEMORY, SPARE));
    scene.freeze();
    copying.map_captured().expect("frozen");
    scene.thaw();
    copying.touch(3);
    assert_eq!(scene.manager.thread.phase.get(), Phase::Ready);
    assert!(scene.manager.thread.stopped.get());
}

#[test]
fn another_domains_memory_is_copied_while_it_is_mapped_but_not_mapped_for_a_debugger() {
    let copying = Copying::new();
    let lent = DomainMap {
        domain: SUBJECT,
        ..calls::map(OTHER, 0x8000_0000, 0, PAGES, Access::Read)
    };
    let manager = copying.scene.manager.thread;
    copying.scene.does(manager, lent);
    copying.populate(OTHER, 5, 1);
    copying.scene.freeze();
    let foreign = Copying {
        id: copying.memory(OTHER).header.id(),
        ..copying
    };
    // A view would be derived from the Domain capability, so a revocation of the Memory would not reach it.
    assert_eq!(foreign.map_captured(), Err(Error::NotThere));
    let request = foreign.request(0, ALL);
    assert_eq!(foreign.read(request), Ok((0, 0, 0b10_0000)));
    foreign.scene.does(manager, calls::revoke(OTHER));
    assert_eq!(foreign.read(request), Err(Error::NotThere));
}
