//! The description of the machine at boot: [`BootInformation`].

use core::fmt;

use super::PhysAddr;
use framebuffer::Geometry;
use heapless::{String, Vec};

/// The maximum number of ranges in a list of memory. Further ones are dropped, which is logged.
pub const RANGES_MAX: usize = 128;

/// The maximum length of the command line. The words of a longer one that do not fit are dropped, which is logged.
pub const COMMAND_LINE_BYTES_MAX: usize = abi::start_page::ARGUMENT_BYTES;

/// The machine as found by the boot code, passed to [`crate::start`] once.
#[derive(Debug, Default)]
pub struct BootInformation {
    /// Free RAM: whole pages, ascending, disjoint and not adjacent, all in the direct map.
    pub memory: Vec<PhysRange, RANGES_MAX>,
    /// All RAM, including the part in use by the kernel, the archive, tables and firmware. It contains no device.
    pub ram: Vec<PhysRange, RANGES_MAX>,
    /// The boot archive, in the direct map; empty if there is none. It begins on a page boundary; `end` is the end of its
    /// bytes.
    pub archive: PhysRange,
    /// The screen, if the loader left one.
    pub framebuffer: Option<Framebuffer>,
    /// The kernel's command line.
    pub command_line: String<COMMAND_LINE_BYTES_MAX>,
    /// The processor.
    pub cpu: CpuInformation,
    /// The interrupt controllers and the clocks.
    pub platform: PlatformInformation,
}

/// A range of physical memory, `end` not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhysRange {
    /// The first byte.
    pub start: PhysAddr,
    /// The address after the last byte.
    pub end: PhysAddr,
}

impl PhysRange {
    /// An empty range.
    pub const EMPTY: Self = Self {
        start: PhysAddr::zero(),
        end: PhysAddr::zero(),
    };

    /// The range between two addresses; `end` is not included.
    pub const fn new(start: PhysAddr, end: PhysAddr) -> Self {
        Self { start, end }
    }

    /// The number of bytes.
    pub fn byte_count(&self) -> u64 {
        self.end.as_u64().saturating_sub(self.start.as_u64())
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.byte_count() == 0
    }

    /// Whether the two have a byte in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.is_empty() && !other.is_empty() && self.start < other.end && other.start < self.end
    }
}

impl Default for PhysRange {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A framebuffer: pixels, or the characters of a text mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framebuffer {
    /// Its first byte, the beginning of a page.
    pub address: PhysAddr,
    /// Its size and format.
    pub geometry: Geometry,
}

impl Framebuffer {
    /// The range of its pages.
    pub fn range(&self) -> PhysRange {
        PhysRange::new(self.address, self.address + self.page_bytes())
    }

    /// The number of bytes of its pages.
    pub fn page_bytes(&self) -> u64 {
        (self.geometry.bytes() as u64).next_multiple_of(4096)
    }
}

/// The address and the geometry, as in root's argument `framebuffer`.
impl fmt::Display for Framebuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} {}", self.address.as_u64(), self.geometry)
    }
}

/// The processor, for the log and for root.
#[derive(Debug, Default)]
pub struct CpuInformation {
    /// Its name from CPUID.
    pub brand: String<48>,
    /// The features that the kernel uses, by their usual names.
    pub features: Vec<&'static str, 32>,
    /// Those that it could use, but that are missing, or that a safe start does not use.
    pub unused: Vec<&'static str, 32>,
    /// The known transient-execution vulnerabilities that this processor does not report as absent.
    pub vulnerabilities: Vec<&'static str, 16>,
}

/// The interrupt controllers and the clocks, for the log and for root.
#[derive(Debug, Default)]
pub struct PlatformInformation {
    /// The number of usable cores.
    pub cores: usize,
    /// The number of lines of all I/O APICs.
    pub interrupt_lines: u32,
    /// The frequency of the clock.
    pub clock_khz: u64,
    /// The source of that frequency.
    pub clock_source: &'static str,
    /// The mode of the local APIC.
    pub local_apic: &'static str,
    /// The mode of its timer.
    pub timer: &'static str,
}

impl fmt::Display for PlatformInformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlatformInformation {
            cores,
            interrupt_lines,
            clock_khz,
            clock_source,
            local_apic,
            timer,
        } = self;
        write!(
            f,
            "{cores} core(s), {interrupt_lines} interrupt lines, clock {clock_khz} kHz by {clock_source}, \
             timer {timer} in {local_apic} mode"
        )
    }
}

/// Shows words with spaces between them.
pub struct Words<'a>(pub &'a [&'static str]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{word}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(PhysAddr::new(start), PhysAddr::new(end))
    }

    #[test]
    fn ranges_that_only_touch_do_not_overlap() {
        assert!(range(0, 10).overlaps(&range(9, 20)));
        assert!(range(5, 6).overlaps(&range(0, 10)));
        assert!(!range(0, 10).overlaps(&range(10, 20)));
        assert!(!range(5, 5).overlaps(&range(0, 10)));
    }
}
