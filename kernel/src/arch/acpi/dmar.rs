//! The table of the units that remap DMA and interrupts (DMAR), of Intel's processors: [`forbids_x2apic`].

use ::acpi::sdt::SdtHeader;

/// The offset of the flags, after the width of addresses (Intel VT-d 4.1, 8.1).
const FLAGS_OFFSET: usize = size_of::<SdtHeader>() + 1;

/// Whether firmware asks system software not to enter x2APIC mode. Some boards hang in it.
pub(in crate::arch) fn forbids_x2apic(table: &[u8]) -> bool {
    const OPT_OUT: u8 = 1 << 1;
    table
        .get(FLAGS_OFFSET)
        .is_some_and(|flags| flags & OPT_OUT != 0)
}
