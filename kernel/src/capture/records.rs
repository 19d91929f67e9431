//! The records of a description: their contents, and the buffer that they are written to.

use abi::message::DATA_OFFSET;
use abi::record::{
    CapabilityRecord, MappingRecord, ObjectRecord, RECORD_WORDS, RECORDS_MAX, RecordWords,
};
use capabilities::Capability;

use crate::memory::{Frame, Ref, SlotDirectory};
use crate::objects::{Attribute, Mapping, Object};

/// The records that one call returns.
pub struct Records {
    buffer: Frame,
    count: usize,
}

impl Records {
    /// An empty list in a message buffer's data.
    pub fn new(buffer: Frame) -> Records {
        Records { buffer, count: 0 }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether this many more records fit.
    pub fn have_room_for(&self, more: usize) -> bool {
        self.count + more <= RECORDS_MAX
    }

    /// Appends a record.
    pub fn write(&mut self, words: &RecordWords) {
        let first = self.count * RECORD_WORDS;
        for (index, word) in words.iter().enumerate() {
            let offset = DATA_OFFSET + (first + index) as u64 * 8;
            self.buffer.write_word(offset, *word);
        }
        self.count += 1;
    }
}

/// The record of an object of the domain's pool.
pub fn of_object(object: Object) -> ObjectRecord {
    let mut record = ObjectRecord {
        id: object.id().0,
        kind: object.kind() as u64,
        ..ObjectRecord::default()
    };
    match object {
        Object::Memory(memory) => {
            record.size = memory.page_count;
            record.present = memory.present.get();
            record.writers = memory.writers();
            record.attribute = match memory.attribute {
                Attribute::Ordinary => 0,
                Attribute::Contiguous => 1,
                Attribute::Device | Attribute::Archive => 2,
            };
        }
        Object::Domain(domain) => {
            record.size = u64::from(domain.table.slot_count::<SlotDirectory>());
            record.attribute = domain.clock_offset.get().cast_unsigned();
        }
        Object::Pool(pool) => record.size = pool.limit,
        Object::Notification(notification) => record.size = notification.flags.get(),
        _ => {}
    }
    record
}

/// The record of a mapping, whose capability was derived from this slot of the domain's table.
pub fn of_mapping(mapping: Ref<Mapping>, parent: Option<u32>) -> MappingRecord {
    MappingRecord {
        address: mapping.start(),
        memory: mapping
            .memory
            .get()
            .map_or(0, |memory| memory.header.id().0),
        first_page: mapping.first_page.get(),
        page_count: mapping.page_count.get(),
        access: mapping.access.get() as u64,
        parent: parent_word(parent),
    }
}

/// The record of a capability, which was derived from this slot of the domain's table. Its `slot` and `holder` are zero.
pub fn of_capability(capability: Capability<Object>, parent: Option<u32>) -> CapabilityRecord {
    CapabilityRecord {
        kind: capability.object.kind() as u64,
        object: capability.object.id().0,
        rights: u64::from(capability.rights.0),
        badge: capability.badge.get(),
        parent: parent_word(parent),
        ..CapabilityRecord::default()
    }
}

fn parent_word(parent: Option<u32>) -> u64 {
    parent.map_or(0, |slot| u64::from(slot) + 1)
}
