//! The processor, by CPUID: [`Processor`].

use alloc::string::String;
use alloc::vec::Vec;
use core::arch::x86_64::{__cpuid, CpuidResult};

/// The processor's name, and features that matter to the kernel although it has no choice about them, or to programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// Twelve letters.
    pub vendor: String,
    /// Its name, for people.
    pub brand: String,
    /// Family, model and stepping.
    pub signature: (u32, u32, u32),
    /// Features, and whether it has them.
    pub features: Vec<(&'static str, bool)>,
}

impl Processor {
    /// Reads the running core.
    pub fn read() -> Processor {
        let (first, basic, extended) = (__cpuid(0), __cpuid(1), __cpuid(0x8000_0001));
        let brand = (0x8000_0002..=0x8000_0004).map(__cpuid);
        let brand = brand.flat_map(|leaf| [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx]);
        Processor {
            vendor: text([first.ebx, first.edx, first.ecx]),
            brand: text(brand),
            signature: signature(basic.eax),
            features: features(basic, extended),
        }
    }
}

/// Features by their bits (Intel's manual, volume 2A, "CPUID").
fn features(basic: CpuidResult, extended: CpuidResult) -> Vec<(&'static str, bool)> {
    let features = [
        ("NX", extended.edx, 20),
        ("AES", basic.ecx, 25),
        ("PCID", basic.ecx, 17),
        ("hypervisor", basic.ecx, 31),
    ];
    let features = features.into_iter();
    let features = features.map(|(name, register, bit)| (name, register >> bit & 1 != 0));
    features.collect()
}

/// Family, model and stepping in EAX of leaf 1.
fn signature(eax: u32) -> (u32, u32, u32) {
    let field = |start: u32, mask: u32| eax >> start & mask;
    let (base, model, stepping) = (field(8, 0xf), field(4, 0xf), field(0, 0xf));
    let family = match base {
        0xf => base + field(20, 0xff),
        _ => base,
    };
    let model = match base {
        0x6 | 0xf => field(16, 0xf) << 4 | model,
        _ => model,
    };
    (family, model, stepping)
}

/// The letters in registers.
fn text(words: impl IntoIterator<Item = u32>) -> String {
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    let text = String::from_utf8_lossy(&bytes);
    text.trim_matches(['\0', ' ']).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_has_extended_fields_for_some_families() {
        // Tiger Lake, Zen 3, and a processor of family 5.
        assert_eq!(signature(0x0008_06c1), (6, 0x8c, 1));
        assert_eq!(signature(0x00a2_0f12), (0x19, 0x21, 2));
        assert_eq!(signature(0x0001_0543), (5, 4, 3));
    }

    #[test]
    fn a_name_has_no_padding() {
        assert_eq!(text([u32::from_le_bytes(*b"  A "), 0x42, 0]), "A B");
    }

    #[test]
    fn the_processor_of_the_test_has_a_vendor() {
        assert_eq!(Processor::read().vendor.len(), 12);
    }
}
