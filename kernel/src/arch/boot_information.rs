//! What the machine says about itself at boot: [`BootInformation`].

use super::PhysAddr;
use heapless::{String, Vec};

/// The most ranges a list of memory can have; what does not fit is left out and said so in the log.
pub const RANGES_MAX: usize = 128;

/// The machine as the boot code found it. Handed to [`crate::start`] once.
#[derive(Debug, Default)]
pub struct BootInformation {
    /// RAM that is free to use: whole pages, ascending, apart from each other, all in the direct map.
    pub memory: Vec<PhysRange, RANGES_MAX>,
    /// Everything that is RAM, free or not (kernel, archive, tables, firmware's): no device is here.
    pub ram: Vec<PhysRange, RANGES_MAX>,
    /// The boot archive, in the direct map; empty when none was given. It begins on a page boundary and `end` is where
    /// its bytes end.
    pub archive: PhysRange,
    /// The ACPI root pointer, where there is one.
    pub rsdp: Option<PhysAddr>,
    /// The kernel's command line.
    pub command_line: String<1024>,
    /// The screen, where the firmware set one up.
    pub framebuffer: Option<Framebuffer>,
    /// The processor.
    pub cpu: CpuInformation,
}

/// A range of physical memory, `end` not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhysRange {
    /// The first byte.
    pub start: PhysAddr,
    /// The first byte that is no longer part of it.
    pub end: PhysAddr,
}

impl PhysRange {
    /// A range without bytes.
    pub const EMPTY: Self = Self {
        start: PhysAddr::zero(),
        end: PhysAddr::zero(),
    };

    /// The range between two addresses; `end` is not included.
    pub const fn new(start: PhysAddr, end: PhysAddr) -> Self {
        Self { start, end }
    }

    /// How many bytes it holds.
    pub fn byte_count(&self) -> u64 {
        self.end.as_u64().saturating_sub(self.start.as_u64())
    }

    /// Whether it holds no byte.
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

/// A linear framebuffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framebuffer {
    /// Where it is.
    pub address: PhysAddr,
    /// Bytes from one line to the next.
    pub pitch: u32,
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Bits of a pixel.
    pub bits_per_pixel: u8,
}

/// The processor, for the log and for the verdict whether a domain's state fits here.
#[derive(Debug, Default)]
pub struct CpuInformation {
    /// CPUID's name of itself.
    pub brand: String<48>,
    /// The features that the kernel found and uses, by their usual names.
    pub features: Vec<&'static str, 32>,
    /// Known flaws (of transient execution) that this processor does not say it is free of.
    pub flaws: Vec<&'static str, 16>,
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
