//! The storage of capability slots: [`SlotStorage`], and the frames that tables grow by.
//!
//! A slot's [`Place`] is its address without the low six bits (slots are aligned to 64 bytes) and without the
//! sign extension of the kernel's half.

use core::cell::Cell;

use abi::MemoryRights;
use capabilities::{Capability, Directory, Place, Slot, Storage};

use super::{Entry, FRAME_BYTES, Holder, OwnedFrame, Ref, Table};
use crate::objects::{MemoryObject, Object};

/// Slots per frame of a domain's table.
pub const SLOTS_PER_FRAME: u32 = (FRAME_BYTES / 64) as u32;

const _: () = assert!(size_of::<Slot<Object>>() == 64);

const ADDRESS_BITS: u32 = 48;
const ALIGNMENT_BITS: u32 = 6;

/// The place of a slot that lies in a frame.
pub fn place_of(slot: &Slot<Object>) -> Place {
    let address = core::ptr::from_ref(slot) as u64;
    let value =
        (address << (u64::BITS - ADDRESS_BITS)) >> (u64::BITS - ADDRESS_BITS + ALIGNMENT_BITS);
    Place::new(value).expect("slots do not lie at address zero")
}

/// All slots of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct SlotStorage;

impl Storage for SlotStorage {
    type Object = Object;

    fn slot(&self, place: Place) -> &Slot<Object> {
        let shifted = place.get() << (u64::BITS - ADDRESS_BITS + ALIGNMENT_BITS);
        let address = shifted.cast_signed() >> (u64::BITS - ADDRESS_BITS);
        // SAFETY: every place was made by `place_of` from a slot in a frame. By the module's invariant the slot is emptied before
        // its frame gets another use, and no link leads to an empty slot.
        unsafe { &*(address as *const Slot<Object>) }
    }

    #[inline(always)]
    fn filled(&self, place: Place, capability: &Capability<Object>) {
        if let Some(memory) = written_by_outsider(self.slot(place), capability) {
            memory.add_writer();
        }
    }

    #[inline(always)]
    fn emptied(&self, place: Place, capability: &Capability<Object>) {
        if let Some(memory) = written_by_outsider(self.slot(place), capability) {
            memory.remove_writer();
        }
    }
}

/// The Memory that this capability lets the slot's domain write; `None` unless that Memory belongs to another domain.
#[inline(always)]
fn written_by_outsider(
    slot: &Slot<Object>,
    capability: &Capability<Object>,
) -> Option<Ref<MemoryObject>> {
    let Object::Memory(memory) = capability.object else {
        return None;
    };
    let may_write = capability.rights.contains(MemoryRights::WRITE.into());
    match Holder::unpack(slot.holder()) {
        Holder::Table { domain, .. } if may_write && memory.is_foreign_to(domain) => Some(memory),
        _ => None,
    }
}

/// A frame of empty slots.
#[derive(Debug)]
pub struct SlotFrame(OwnedFrame);

impl SlotFrame {
    /// Fills a frame with empty slots of this holder.
    pub fn create(frame: OwnedFrame, holder: u64) -> SlotFrame {
        let first = frame.view().pointer().cast::<Slot<Object>>();
        for index in 0..SLOTS_PER_FRAME as usize {
            // SAFETY: a frame has room and alignment for `SLOTS_PER_FRAME` slots, and the caller owned it.
            unsafe { first.add(index).write(Slot::empty(holder)) };
        }
        SlotFrame(frame)
    }
}

/// The frames of one domain's capability table: a page table with an entry for each, which no processor walks.
#[derive(Debug)]
pub struct SlotDirectory {
    table: Table,
    /// The number of frames that were removed, counted from the first frame.
    detached: Cell<u32>,
    is_taken: Cell<bool>,
}

impl SlotDirectory {
    /// A directory without frames.
    pub fn create(frame: OwnedFrame) -> SlotDirectory {
        SlotDirectory {
            table: Table::create(frame),
            detached: Cell::new(0),
            is_taken: Cell::new(false),
        }
    }

    /// Takes the directory's own frame; `None` if it was taken before. The directory is not used after that.
    pub fn take_frame(&self) -> Option<OwnedFrame> {
        (!self.is_taken.replace(true)).then(|| self.table.into_frame())
    }

    /// The index after the last removed frame. No frame need exist there.
    pub fn first_index(&self) -> u32 {
        self.detached.get()
    }

    /// Removes the first remaining frame. Its slots must be empty, and cease to exist.
    pub fn detach_first(&self) -> Option<OwnedFrame> {
        let frame = self.table.clear(self.first_index().into())?;
        self.detached.set(self.first_index() + 1);
        Some(frame)
    }
}

impl Storage for SlotDirectory {
    type Object = Object;

    fn slot(&self, place: Place) -> &Slot<Object> {
        const { &SlotStorage }.slot(place)
    }
}

impl Directory for SlotDirectory {
    type Frame = SlotFrame;

    const SLOTS_PER_FRAME: u32 = SLOTS_PER_FRAME;
    const FRAME_COUNT_MAX: u32 = abi::SLOTS_MAX / SLOTS_PER_FRAME;

    fn attach(&self, index: u32, frame: SlotFrame) {
        self.table.adopt(u64::from(index), frame.0, Entry::PRESENT);
    }

    #[inline(always)]
    fn place(&self, index: u32, offset: u32) -> Option<Place> {
        let frame = self.table.target(u64::from(index))?;
        // SAFETY: `attach` got a frame of `SLOTS_PER_FRAME` slots, and the caller passes a smaller offset.
        let slot = unsafe { &*frame.pointer().cast::<Slot<Object>>().add(offset as usize) };
        Some(place_of(slot))
    }
}
