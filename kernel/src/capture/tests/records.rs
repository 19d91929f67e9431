//! Descriptions of mappings and of a domain's clock.

use abi::record::{List, MappingRecord, ObjectRecord};
use abi::register::{Access, Slot};
use abi::{MAP_STEP_BYTES, ObjectKind};

use super::scene::{SUBJECT, Scene};
use crate::testing::calls;

const MEMORY: Slot = Slot(30);
const ADDRESS: u64 = 0x8000_0000;
/// Pages in 2 MiB, the step of a mapping's address.
const STEP: u64 = 512;
/// Pages of the Memory: two steps and a part of one.
const PAGES: u64 = 2 * STEP + 3;

#[test]
fn a_mapping_is_described_with_the_pages_that_it_shows() {
    let scene = Scene::new();
    let (world, thread) = (&scene.world, scene.subject.thread);
    world.does(thread, calls::memory(PAGES, MEMORY));
    let mappings = [
        (0, PAGES, Access::Read),
        (STEP, PAGES - STEP, Access::ReadWrite),
        (STEP, STEP, Access::Read),
        (2 * STEP, 3, Access::ReadExecute),
    ];
    for (index, (first_page, page_count, access)) in (0..).zip(mappings) {
        let map = calls::map(
            MEMORY,
            ADDRESS + index * 4 * MAP_STEP_BYTES,
            first_page,
            page_count,
            access,
        );
        world.does(thread, map);
    }
    let records = scene.list(List::Mappings);
    let described: Vec<_> = records
        .iter()
        .map(MappingRecord::from_words)
        .filter(|record| record.address >= ADDRESS)
        .map(|record| (record.first_page, record.page_count, record.access))
        .collect();
    let expected = mappings.map(|(first, count, access)| (first, count, access as u64));
    assert_eq!(described, expected);
}

#[test]
fn a_domain_is_described_with_its_clock() {
    let scene = Scene::new();
    for offset in [0, -5, i64::MAX, i64::MIN] {
        let domain = SUBJECT;
        scene.does(scene.manager, calls::clock(domain, offset));
        let records = scene.list(List::Objects);
        let domain = records
            .iter()
            .map(ObjectRecord::from_words)
            .find(|record| record.kind == ObjectKind::Domain as u64);
        let described = domain.expect("itself").attribute.cast_signed();
        assert_eq!(described, offset);
    }
}
