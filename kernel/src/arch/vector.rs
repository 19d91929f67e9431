//! A thread's vector registers: [`VectorState`], in the format of XSAVE (or FXSAVE), and its named components.
//!
//! ```text
//!    0  legacy: x87, MXCSR, XMM0-15          512 bytes
//!  512  header: XSTATE_BV, XCOMP_BV, 0 ...    64 bytes
//!  576  the upper halves of YMM0-15         256 bytes
//! ```
//!
//! [`abi::thread_state`] carries no other component, so user mode may use no other. Otherwise a thread could use a component
//! that cannot be exported, and would lose its content silently in a move.
//!
//! A state is exported and imported per component, in the layout that the architecture fixes for each. It is never imported
//! as a whole, because offsets differ between processors, and an imported header could make XRSTOR fault.
//!
//! Invariant: XRSTOR of any state that was built here does not fault.

use super::machine;
use abi::thread_state::{AVX_BYTES, LEGACY_BYTES};
use core::cell::Cell;
use core::fmt;

/// Bytes of the header between the legacy component and the others.
const HEADER_BYTES: usize = 64;

const WORDS: usize = (LEGACY_BYTES + HEADER_BYTES + AVX_BYTES) / 8;

/// The offset of MXCSR, in bytes.
const MXCSR_OFFSET: usize = 24;

/// The offset of XSTATE_BV, in words.
const XSTATE_BV: usize = 512 / 8;

/// The vector registers of a thread, saved.
#[repr(C, align(64))]
#[derive(Clone)]
pub struct VectorState {
    words: [Cell<u64>; WORDS],
}

/// A part of the vector registers that is exported and imported as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VectorComponent {
    /// x87, MXCSR and XMM0 to 15, as FXSAVE writes them. Every processor has it.
    Legacy,
    /// The upper halves of YMM0 to 15.
    AvxHigh,
}

/// The reason a component could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorError {
    /// This processor lacks the component.
    Unsupported(VectorComponent),
    /// The buffer's size is not the component's.
    Length {
        /// The component.
        component: VectorComponent,
        /// The buffer's size.
        actual: usize,
    },
    /// MXCSR has bits set that this processor reserves.
    Mxcsr(u32),
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(component) => write!(f, "this processor has no {component:?}"),
            Self::Length { component, actual } => write!(
                f,
                "{component:?} is {} bytes, not {actual}",
                component.byte_count()
            ),
            Self::Mxcsr(value) => write!(f, "MXCSR = {value:#x} has reserved bits set"),
        }
    }
}

impl VectorComponent {
    /// All components, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Legacy, Self::AvxHigh];

    /// Its size in bytes.
    pub const fn byte_count(self) -> usize {
        match self {
            Self::Legacy => LEGACY_BYTES,
            Self::AvxHigh => AVX_BYTES,
        }
    }

    /// Its bits in XCR0 and XSTATE_BV.
    pub const fn state_bits(self) -> u64 {
        match self {
            Self::Legacy => 0b11,
            Self::AvxHigh => 1 << 2,
        }
    }

    /// Whether this processor has it and the kernel saves and loads it.
    pub fn is_supported(self) -> bool {
        machine::vector_component_offset(self).is_some()
    }
}

impl VectorState {
    /// The size of a state in bytes, on every processor.
    pub const BYTES: usize = WORDS * 8;

    /// The state of a new thread: zeros, except that all floating-point exceptions are masked.
    pub const fn initial() -> Self {
        const X87_CONTROL: u64 = 0x37f;
        const MXCSR: u64 = 0x1f80;
        let mut words = [const { Cell::new(0) }; WORDS];
        words[0] = Cell::new(X87_CONTROL);
        words[MXCSR_OFFSET / 8] = Cell::new(MXCSR);
        Self { words }
    }

    /// Copies another state.
    pub fn copy_from(&self, other: &VectorState) {
        for (to, from) in self.words.iter().zip(&other.words) {
            to.set(from.get());
        }
    }

    /// The whole area, for the fake processor.
    #[cfg(not(target_os = "none"))]
    pub(super) fn words(&self) -> &[Cell<u64>] {
        &self.words
    }

    /// Whether the component differs from that of a new thread. The processor may mark an unused component as used, so the
    /// content is compared too. The legacy component always counts as used: every processor has it.
    pub fn uses(&self, component: VectorComponent) -> bool {
        let Some(offset) = machine::vector_component_offset(component) else {
            return false;
        };
        let words = &self.words[offset / 8..(offset + component.byte_count()) / 8];
        let marked = self.words[XSTATE_BV].get() & component.state_bits() != 0;
        component == VectorComponent::Legacy || marked && words.iter().any(|word| word.get() != 0)
    }

    /// Exports a component.
    pub fn read_component(
        &self,
        component: VectorComponent,
        bytes: &mut [u8],
    ) -> Result<(), VectorError> {
        let words = self.component(component, bytes.len())?;
        for (word, chunk) in words.iter().zip(bytes.chunks_exact_mut(8)) {
            chunk.copy_from_slice(&word.get().to_le_bytes());
        }
        Ok(())
    }

    /// Imports an untrusted component. Nothing has changed if it fails.
    pub fn write_component(
        &self,
        component: VectorComponent,
        bytes: &[u8],
    ) -> Result<(), VectorError> {
        let words = self.component(component, bytes.len())?;
        if component == VectorComponent::Legacy {
            check_mxcsr(bytes)?;
        }
        for (word, chunk) in words.iter().zip(bytes.chunks_exact(8)) {
            let mut value = [0; 8];
            value.copy_from_slice(chunk);
            word.set(u64::from_le_bytes(value));
        }
        let present = &self.words[XSTATE_BV];
        present.set(present.get() | component.state_bits());
        Ok(())
    }

    /// The words of a component, if the processor has it and the length is correct.
    fn component(
        &self,
        component: VectorComponent,
        length: usize,
    ) -> Result<&[Cell<u64>], VectorError> {
        let offset = machine::vector_component_offset(component)
            .ok_or(VectorError::Unsupported(component))?;
        if length != component.byte_count() {
            return Err(VectorError::Length {
                component,
                actual: length,
            });
        }
        Ok(&self.words[offset / 8..(offset + length) / 8])
    }
}

/// XRSTOR faults on bits of MXCSR that the processor reserves.
fn check_mxcsr(legacy: &[u8]) -> Result<(), VectorError> {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&legacy[MXCSR_OFFSET..MXCSR_OFFSET + 4]);
    let mxcsr = u32::from_le_bytes(bytes);
    if mxcsr & !machine::mxcsr_mask() != 0 {
        return Err(VectorError::Mxcsr(mxcsr));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use VectorComponent::*;

    #[test]
    fn reads_each_component_as_it_was_written() {
        let state = VectorState::initial();
        for (index, component) in VectorComponent::ALL.into_iter().enumerate() {
            let mut bytes = std::vec![index as u8 + 1; component.byte_count()];
            bytes[MXCSR_OFFSET..MXCSR_OFFSET + 4].copy_from_slice(&0x1f80u32.to_le_bytes());
            assert_eq!(state.write_component(component, &bytes), Ok(()));
            let mut back = std::vec![0; component.byte_count()];
            assert_eq!(state.read_component(component, &mut back), Ok(()));
            assert_eq!(back, bytes, "{component:?}");
        }
    }

    #[test]
    fn refuses_reserved_bits_of_mxcsr_and_changes_nothing() {
        let state = VectorState::initial();
        let mut bytes = [7; 512];
        bytes[MXCSR_OFFSET..MXCSR_OFFSET + 4].copy_from_slice(&0x1_1f80u32.to_le_bytes());
        let result = state.write_component(Legacy, &bytes);
        assert_eq!(result, Err(VectorError::Mxcsr(0x1_1f80)));
        let mut back = [0; 512];
        assert_eq!(state.read_component(Legacy, &mut back), Ok(()));
        assert_eq!(back[..2], 0x37f_u16.to_le_bytes());
        assert_eq!(back[2..24], [0; 22]);
    }

    #[test]
    fn refuses_a_buffer_of_another_size() {
        let state = VectorState::initial();
        let expected = Err(VectorError::Length {
            component: AvxHigh,
            actual: 255,
        });
        assert_eq!(state.write_component(AvxHigh, &[0; 255]), expected);
    }

    #[test]
    fn refuses_a_component_that_the_processor_lacks() {
        machine::Machine::new(1).remove_vector_component(AvxHigh);
        let state = VectorState::initial();
        let expected = Err(VectorError::Unsupported(AvxHigh));
        assert_eq!(state.write_component(AvxHigh, &[0; 256]), expected);
        assert!(!AvxHigh.is_supported() && !state.uses(AvxHigh));
        assert!(Legacy.is_supported());
    }

    #[test]
    fn a_component_is_used_if_it_is_marked_and_changed() {
        let state = VectorState::initial();
        assert!(state.uses(Legacy) && !state.uses(AvxHigh));
        // The mark alone does not count: some processors mark every component.
        state.write_component(AvxHigh, &[0; 256]).expect("written");
        assert!(!state.uses(AvxHigh));
        let mut bytes = [0; 256];
        bytes[255] = 1;
        state.write_component(AvxHigh, &bytes).expect("written");
        assert!(state.uses(AvxHigh));
        // The content of an unmarked component is stale.
        state.words[XSTATE_BV].set(0);
        assert!(!state.uses(AvxHigh));
    }
}
