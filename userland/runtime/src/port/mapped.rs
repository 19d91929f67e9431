//! A port's end that keeps its memory mapped: [`MappedPort`].

use super::{Layout, Port, Side};
use crate::mapping::Mapping;
use crate::shared::SharedMemory;

/// A port's end with the mapping of its memory. Making it takes more instructions than using it for a frame, so it is made once.
#[derive(Debug)]
pub struct MappedPort {
    end: Port<'static>,
    /// Unmaps the memory when it is dropped; `None` if the memory stays mapped for ever.
    _mapping: Option<Mapping>,
}

impl MappedPort {
    /// The end for this side, with a known layout; `None` if the mapping is too small for it.
    pub fn try_new(mapping: Mapping, side: Side, layout: Layout) -> Option<MappedPort> {
        // SAFETY: The returned value owns `mapping`, so the memory stays mapped as long as that value, and `end` lends the port only for
        // a borrow of it. A mapping begins at a page boundary, and no other references point into it.
        let memory = unsafe { SharedMemory::from_range(mapping.range()) };
        Some(MappedPort {
            end: Port::with_layout(memory, side, layout)?,
            _mapping: Some(mapping),
        })
    }

    /// The end for this side over memory that stays mapped; `None` if the memory is too small for the layout.
    pub fn over(memory: SharedMemory<'static>, side: Side, layout: Layout) -> Option<MappedPort> {
        Some(MappedPort {
            end: Port::with_layout(memory, side, layout)?,
            _mapping: None,
        })
    }

    /// The port's end, borrowed together with its mapping.
    pub fn end(&self) -> Port<'_> {
        self.end
    }
}
