//! Copies firmware structures out of bytes: [`Layout`].
//!
//! The layouts come from the crate `acpi`. Its iterators and its validation are not used, because they trust the firmware.
//! The iterator over MADT entries never ends at an entry of length zero. `Rsdp::validate` and `SdtHeader::validate` read as
//! many bytes as the structure claims to have. Both reject a manufacturer's name that is not UTF-8 before they check the
//! checksum. All structures of the crate are packed, so they are copied out of the bytes.

use ::acpi::address::RawGenericAddress;
use ::acpi::rsdp::Rsdp;
use ::acpi::sdt::SdtHeader;
use ::acpi::sdt::madt::{
    EntryHeader, InterruptSourceOverrideEntry, IoApicEntry, LocalApicEntry, LocalApicNmiEntry,
    LocalX2ApicEntry, X2ApicNmiEntry,
};
use ::acpi::sdt::mcfg::McfgEntry;

/// A structure written by firmware.
///
/// # Safety
///
/// Every sequence of `size_of::<Self>()` bytes is a value of the type.
pub(super) unsafe trait Layout: Copy {
    /// Copies the structure at the start of the bytes; `None` if there are too few.
    fn read(bytes: &[u8]) -> Option<Self> {
        let start = bytes.get(..size_of::<Self>())?;
        // SAFETY: the slice has the type's size, the trait promises that its bytes are a value, and the read needs no
        // alignment.
        Some(unsafe { start.as_ptr().cast::<Self>().read_unaligned() })
    }
}

macro_rules! layouts {
    ($($name:ident)*) => {
        $(
            // SAFETY: all fields, nested ones too, are integers or arrays of integers, and the structure is packed.
            unsafe impl Layout for $name {}
        )*
    };
}

layouts! {
    Rsdp SdtHeader RawGenericAddress EntryHeader LocalApicEntry LocalX2ApicEntry IoApicEntry
    InterruptSourceOverrideEntry LocalApicNmiEntry X2ApicNmiEntry McfgEntry
}
