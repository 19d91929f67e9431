//! The registers that the kernel switches explicitly: segment bases and vector registers.

use super::machine::{Event, record, with};
use crate::arch::{UserContext, VectorComponent, VectorState};

/// The words of XMM0 to 15 in a [`VectorState`].
const XMM: core::ops::Range<usize> = 160 / 8..416 / 8;

/// The registers of the fake processor.
pub(super) struct Registers {
    pub(super) segment_bases: (u64, u64),
    vectors: VectorState,
    vectors_denied: bool,
    missing: Vec<VectorComponent>,
}

impl Registers {
    pub(super) fn new() -> Self {
        Self {
            segment_bases: (0, 0),
            vectors: VectorState::initial(),
            vectors_denied: true,
            missing: Vec::new(),
        }
    }

    pub(super) fn remove_component(&mut self, component: VectorComponent) {
        self.missing.push(component);
    }

    pub(super) fn fill_vectors(&mut self, byte: u8) -> bool {
        if !self.vectors_denied {
            for word in &self.vectors.words()[XMM] {
                word.set(u64::from_le_bytes([byte; 8]));
            }
        }
        !self.vectors_denied
    }

    pub(super) fn vectors(&self) -> Option<u8> {
        (!self.vectors_denied).then(|| self.vectors.words()[XMM.start].get() as u8)
    }

    pub(super) fn live_vectors(&self) -> u8 {
        self.vectors.words()[XMM.start].get() as u8
    }

    fn has(&self, component: VectorComponent) -> bool {
        !self.missing.contains(&component)
    }
}

/// Stores the FS and GS base of user mode.
pub fn save_segment_bases(context: &UserContext) {
    let (fs, gs) = with(|state| state.registers.segment_bases);
    context.fs_base.set(fs);
    context.gs_base.set(gs);
}

/// Loads the FS and GS base of user mode.
pub fn load_segment_bases(context: &UserContext) {
    let bases = (context.fs_base.get(), context.gs_base.get());
    with(|state| state.registers.segment_bases = bases);
}

/// Stores the vector registers.
pub fn vectors_save(vectors: &VectorState) {
    record(Event::VectorsSave, |state| {
        for (to, from) in vectors.words().iter().zip(state.registers.vectors.words()) {
            to.set(from.get());
        }
    });
}

/// Loads the vector registers, and permits their use.
pub fn vectors_load(vectors: &VectorState) {
    record(Event::VectorsLoad, |state| {
        state.registers.vectors = vectors.clone();
        state.registers.vectors_denied = false;
    });
}

/// Resets the vector registers to the initial state and denies their use, which raises exception 7 from then on.
pub fn vectors_clear() {
    record(Event::VectorsClear, |state| {
        state.registers.vectors = VectorState::initial();
        state.registers.vectors_denied = true;
    });
}

/// The offset of a component in a [`VectorState`], in bytes; `None` if the processor lacks it.
pub fn vector_component_offset(component: VectorComponent) -> Option<usize> {
    let offset = match component {
        VectorComponent::Legacy => 0,
        VectorComponent::AvxHigh => 576,
    };
    with(|state| state.registers.has(component)).then_some(offset)
}

/// The bits of MXCSR that this processor supports.
pub fn mxcsr_mask() -> u32 {
    0xffff
}
