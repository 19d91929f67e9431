//! Derivations: their description, with any number of siblings, and the revocations in a domain rebuilt from the description.
//!
//! | file | tests |
//! | --- | --- |
//! | `rebuilt` | a domain rebuilt from its description |
//! | `siblings` | parents behind many siblings |
//! | `refusals` | derivations that the domain itself could not make |

mod rebuilt;
mod refusals;
mod siblings;

use abi::EndpointRights;
use abi::record::{CapabilityRecord, Held, List, MappingRecord};
use abi::register::{Access, PageCount, Slot};
use capabilities::{Place, Storage};

use super::scene::{HELPER, INNER, Scene};
use crate::memory::SlotStorage;
use crate::objects::tests::checker::check;
use crate::testing::{BUFFER_ADDRESS, TestDomain, calls, slots};

/// A number of siblings that one call cannot pass.
const MANY: u32 = 1500;
/// The first slot of the siblings.
const FIRST: u32 = 64;
/// The number of slots of a table with room for them.
const SLOTS: u32 = 2048;

/// The subject's Memories and notification, in its table.
const MAPPED: Slot = Slot(30);
const PAGED: Slot = Slot(31);
const BOUND: Slot = Slot(32);
/// A slot of the subject that the tests fill.
const SPARE: Slot = Slot(33);
/// A slot of the manager that the tests fill.
const BETWEEN: Slot = Slot(34);

/// The address at which the subject maps its Memory.
const ADDRESS: u64 = 0x8000_0000;

const ONE_PAGE: PageCount = PageCount(1);

fn grow(scene: &Scene, actor: TestDomain) {
    scene.does(actor, calls::grow(slots::DOMAIN, SLOTS));
}

/// The subject derives a capability from one of its own.
fn mint(scene: &Scene, from: Slot, to: Slot, badge: u64) {
    let mint = calls::mint(from, to, EndpointRights::SEND, badge);
    scene.does(scene.subject, mint);
}

/// Lets the subject derive from three of its slots: capabilities, a mapping, a pager, a fault endpoint, a bound
/// notification.
fn derive_everything(scene: &Scene) {
    let (world, thread) = (&scene.world, scene.subject.thread);
    grow(scene, scene.subject);
    for into in [MAPPED, PAGED] {
        world.does(thread, calls::memory(1, into));
    }
    world.does(thread, calls::notification(BOUND));
    world.does(thread, calls::map(MAPPED, ADDRESS, 0, 1, Access::ReadWrite));
    world.does(thread, calls::pager(PAGED, INNER));
    world.does(thread, calls::faults(slots::THREAD, INNER));
    world.does(thread, calls::bind(slots::THREAD, BOUND));
    for number in 0..MANY {
        mint(scene, INNER, Slot(FIRST + number), u64::from(number) + 1);
    }
}

fn mappings(scene: &Scene) -> Vec<MappingRecord> {
    let records = scene.list(List::Mappings);
    records.iter().map(MappingRecord::from_words).collect()
}

fn held(scene: &Scene) -> Vec<CapabilityRecord> {
    let records = scene.list(List::Held);
    records.iter().map(CapabilityRecord::from_words).collect()
}

fn parent_of(scene: &Scene, slot: Slot) -> Option<u64> {
    let capabilities = scene.capabilities();
    let record = capabilities
        .iter()
        .find(|record| record.slot == u64::from(slot.0));
    record.expect("described").parent.checked_sub(1)
}

/// The parent field of a record whose parent is this slot.
fn word(slot: Slot) -> u64 {
    u64::from(slot.0) + 1
}

#[test]
fn everything_derived_from_a_slot_is_described_with_that_slot_as_parent() {
    let scene = Scene::new();
    derive_everything(&scene);
    scene.freeze();
    let capabilities = scene.capabilities();
    let minted = |record: &&CapabilityRecord| record.slot >= u64::from(FIRST);
    assert_eq!(capabilities.iter().filter(minted).count(), MANY as usize);
    for record in capabilities.iter().filter(minted) {
        assert_eq!(record.parent, word(INNER), "slot {}", record.slot);
        assert_eq!(record.badge, record.slot - u64::from(FIRST) + 1);
    }
    // Capabilities to created objects, and those given by other domains, have no parent in the table.
    for slot in [INNER, MAPPED, slots::DOMAIN, HELPER] {
        assert_eq!(parent_of(&scene, slot), None, "{slot:?}");
    }
    let of = |address| {
        let all = mappings(&scene);
        let found = all.iter().find(|mapping| mapping.address == address);
        found.expect("mapped").parent
    };
    assert_eq!(of(ADDRESS), word(MAPPED));
    assert_eq!(of(BUFFER_ADDRESS), word(slots::BUFFER));
    for (what, slot) in [
        (Held::Pager, INNER),
        (Held::FaultEndpoint, INNER),
        (Held::BoundNotification, BOUND),
    ] {
        let all = held(&scene);
        let mut all = all.iter().filter(|record| record.slot == what as u64);
        let record = all.next().expect("held");
        assert_eq!(record.parent, word(slot), "{what:?}");
        assert!(all.next().is_none());
    }
    check(&scene.world.kernel);
}

fn is_empty(place: Place) -> bool {
    SlotStorage.slot(place).is_empty()
}
