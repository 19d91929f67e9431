//! A port's end over memory that it keeps mapped: [`MappedPort`].

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
        // SAFETY: The memory is mapped until `mapping` is dropped with the result, and `end` lends it for no longer.
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

    /// The end.
    pub fn end(&self) -> Port<'_> {
        self.end
    }
}
