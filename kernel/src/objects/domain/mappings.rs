//! The mappings of a domain: an index by address, and frames of records.

use abi::Error;
use abi::register::ObjectId;

use crate::memory::{Occupied, OwnedFrame, Ref};
use crate::objects::mapping::key_of;
use crate::objects::{Domain, Mapping, MemoryObject};

impl Domain {
    /// Its mappings, by ascending address.
    pub fn mappings(&self) -> impl Iterator<Item = Ref<Mapping>> {
        self.mappings_from(0)
    }

    /// Its mappings that begin at an address, a multiple of 2 MiB, or above.
    pub fn mappings_from(&self, address: u64) -> impl Iterator<Item = Ref<Mapping>> {
        self.mappings.iter_from(key_of(address))
    }

    /// The last mapping that begins at an address or below.
    pub fn mapping_below(&self, address: u64) -> Option<Ref<Mapping>> {
        self.mappings.last_until(key_of(address))
    }

    /// The mapping that contains an address.
    pub fn mapping_at(&self, address: u64) -> Option<Ref<Mapping>> {
        self.mapping_below(address)
            .filter(|mapping| mapping.contains(address))
    }

    /// The Memory of this identity, if it is mapped. Visits each mapping record once, which takes fewer steps than walking the
    /// index by address.
    pub fn mapped_memory(&self, id: ObjectId) -> Option<Ref<MemoryObject>> {
        let records =
            core::iter::successors(self.first_record.get(), |record| record.next_record.get());
        let mut memories = records.filter_map(|record| record.memory.get());
        let serial = self.pool().serial_of(id);
        memories.find(|memory| memory.header.serial == serial)
    }

    /// A free mapping record, for [`Domain::add_mapping`].
    pub fn free_mapping(&self) -> Option<Ref<Mapping>> {
        self.free_mapping.get()
    }

    /// Adds the record that [`Domain::free_mapping`] returned to the mappings. Its address must be set.
    pub fn add_mapping(&self, mapping: Ref<Mapping>) {
        self.free_mapping.set(mapping.next_free.take());
        self.mappings.insert(mapping);
    }

    /// Removes a mapping and frees its record.
    pub fn remove_mapping(&self, mapping: Ref<Mapping>) {
        self.mappings.remove(mapping);
        mapping.memory.set(None);
        mapping.unlinked_to.set(None);
        mapping
            .next_free
            .set(self.free_mapping.replace(Some(mapping)));
    }

    /// Takes a frame of mapping records; all records must be free.
    pub fn take_mapping_frame(&self) -> Option<OwnedFrame> {
        assert!(
            self.mappings.is_empty(),
            "mapping records are released when all are free"
        );
        self.free_mapping.set(None);
        self.first_record.set(None);
        let last = self.mapping_frame_count.get().checked_sub(1)?;
        self.mapping_frame_count.set(last);
        self.mapping_frames[last].take().map(Occupied::vacate)
    }
}

impl Ref<Domain> {
    /// Adds a frame of free mapping records.
    ///
    /// # Errors
    /// [`Error::TableFull`] at the maximum number of frames, before anything is allocated; the error of `allocate`.
    pub fn grow_mappings(
        self,
        allocate: impl FnOnce() -> Result<OwnedFrame, Error>,
    ) -> Result<(), Error> {
        let room = self
            .mapping_frames
            .get(self.mapping_frame_count.get())
            .ok_or(Error::TableFull)?;
        let frame = Ref::place_many(allocate()?, |this| {
            let record = Mapping::free(self, this);
            record.next_free.set(self.free_mapping.replace(Some(this)));
            record
                .next_record
                .set(self.first_record.replace(Some(this)));
            record
        });
        room.set(Some(frame));
        self.mapping_frame_count
            .set(self.mapping_frame_count.get() + 1);
        Ok(())
    }
}
