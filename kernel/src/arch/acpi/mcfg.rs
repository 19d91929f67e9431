//! The table of PCI configuration space in memory (MCFG): [`further_segments`].
//!
//! Configuration space is accessed through ports, which reach only the first segment group. The table is read to report the others.

use super::layout::Layout;
use ::acpi::sdt::mcfg::{Mcfg, McfgEntry};

/// The numbers of the PCI segment groups in the table, besides the first group, whose number is zero. A group may have several entries.
pub(in crate::arch) fn further_segments(table: &[u8]) -> impl Iterator<Item = u16> {
    let entries = table.get(size_of::<Mcfg>()..).unwrap_or(&[]);
    let entries = entries.chunks_exact(size_of::<McfgEntry>());
    let segments = entries.filter_map(|entry| Some(McfgEntry::read(entry)?.pci_segment_group));
    segments.filter(|segment| *segment != 0)
}
