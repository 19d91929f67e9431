//! The features of a processor: [`CpuFeatures`].

use core::fmt;

use serde::{Deserialize, Serialize};

/// CPU features as bit masks: CPUID leaf 1 (ECX, EDX), leaf 7 (EBX, ECX, EDX), and the low half of XCR0.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CpuFeatures(pub [u32; 6]);

impl CpuFeatures {
    /// The features that `self` has and `other` lacks.
    #[must_use]
    pub fn missing_in(&self, other: &CpuFeatures) -> CpuFeatures {
        let mut missing = *self;
        for (word, has) in missing.0.iter_mut().zip(other.0) {
            *word &= !has;
        }
        missing
    }

    /// Whether the set of features is empty.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 6]
    }
}

/// The names of the words of [`CpuFeatures`].
const WORDS: [&str; 6] = [
    "leaf 1 ECX",
    "leaf 1 EDX",
    "leaf 7 EBX",
    "leaf 7 ECX",
    "leaf 7 EDX",
    "XCR0",
];

impl fmt::Debug for CpuFeatures {
    /// Lists the words that are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = WORDS.iter().zip(self.0);
        let mut list = f.debug_list();
        for (word, bits) in words.filter(|(_, bits)| *bits != 0) {
            list.entry(&format_args!("{word} {bits:#x}"));
        }
        list.finish()
    }
}
