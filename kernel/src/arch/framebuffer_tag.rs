//! The multiboot2 tag with which a boot loader describes its [`Framebuffer`].
//!
//! ```text
//!   0  u64 address, u32 pitch, u32 width, u32 height, u8 bits per pixel, u8 type, u16 0
//!  24  for type 1: u8 position and u8 bits of red, green and blue
//! ```

use core::fmt;

use framebuffer::{Channel, Geometry, GeometryError, PixelFormat};

use super::ranges::{PAGE_BYTES, Ranges};
use super::{Framebuffer, PhysAddr};

const TYPE_RGB: u8 = 1;
const TYPE_TEXT: u8 = 2;

/// The reason a loader's framebuffer is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The tag is too short.
    Truncated,
    /// The type is neither direct colour nor text.
    Kind(u8),
    /// The geometry is not usable.
    Geometry(GeometryError),
    /// The framebuffer is at address 0, does not start at a page boundary, or ends beyond the processor's physical addresses.
    Address(u64),
    /// The framebuffer overlaps memory.
    Memory(PhysAddr),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Truncated => f.write_str("its description is truncated"),
            Problem::Kind(kind) => write!(f, "its type {kind} is not supported"),
            Problem::Geometry(error) => write!(f, "{error}"),
            Problem::Address(address) => write!(f, "it cannot be at {address:#x}"),
            Problem::Memory(address) => write!(f, "it overlaps memory at {address:?}"),
        }
    }
}

/// Reads a tag, without its header.
pub(super) fn read(tag: &[u8]) -> Result<Framebuffer, Problem> {
    let (address, pitch, width, height, bits, kind) = fields(tag).ok_or(Problem::Truncated)?;
    let format = match kind {
        TYPE_TEXT => PixelFormat::Text,
        TYPE_RGB => PixelFormat::Rgb {
            bits,
            red: channel(tag, 24)?,
            green: channel(tag, 26)?,
            blue: channel(tag, 28)?,
        },
        other => return Err(Problem::Kind(other)),
    };
    let geometry = Geometry::try_new(width, height, pitch, format);
    let page = PhysAddr::try_new(address).ok();
    let page = page.filter(|page| page.is_aligned(PAGE_BYTES) && !page.is_null());
    Ok(Framebuffer {
        address: page.ok_or(Problem::Address(address))?,
        geometry: geometry.map_err(Problem::Geometry)?,
    })
}

/// Checks that a framebuffer has physical addresses of at most this many bits, and does not overlap memory.
pub(super) fn check(
    framebuffer: &Framebuffer,
    memory: [&Ranges; 2],
    address_bits: u32,
) -> Result<(), Problem> {
    let address = framebuffer.address.as_u64();
    if address + framebuffer.page_bytes() > 1 << address_bits {
        return Err(Problem::Address(address));
    }
    let range = framebuffer.range();
    let mut memory = memory.into_iter();
    match memory.find_map(|ranges| ranges.overlapping(&range)) {
        Some(memory) => Err(Problem::Memory(memory.start)),
        None => Ok(()),
    }
}

/// Address, pitch, width, height, bits per pixel, and type.
fn fields(tag: &[u8]) -> Option<(u64, u32, u32, u32, u8, u8)> {
    let word = |at: usize| Some(u32::from_le_bytes(*tag.get(at..)?.first_chunk()?));
    let address = u64::from(word(0)?) | u64::from(word(4)?) << 32;
    let [bits, kind] = *tag.get(20..)?.first_chunk()?;
    Some((address, word(8)?, word(12)?, word(16)?, bits, kind))
}

fn channel(tag: &[u8], at: usize) -> Result<Channel, Problem> {
    let bytes = tag.get(at..).and_then(|rest| rest.first_chunk());
    let [position, bits] = *bytes.ok_or(Problem::Truncated)?;
    Ok(Channel { position, bits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::PhysRange;
    use proptest::prelude::*;

    const XRGB: [u8; 6] = [16, 8, 8, 8, 0, 8];

    fn tag(address: u64, [pitch, width, height]: [u32; 3], bits: u8, kind: u8) -> Vec<u8> {
        let mut tag = address.to_le_bytes().to_vec();
        for word in [pitch, width, height] {
            tag.extend(word.to_le_bytes());
        }
        tag.extend([bits, kind, 0, 0]);
        tag.extend(XRGB);
        tag
    }

    fn ranges(start: u64, end: u64) -> Ranges {
        let mut ranges = Ranges::default();
        assert!(ranges.add(PhysRange::new(PhysAddr::new(start), PhysAddr::new(end))));
        ranges
    }

    #[test]
    fn reads_a_tag() {
        let tag = tag(0xc000_0000, [3328, 800, 600], 32, TYPE_RGB);
        let framebuffer = read(&tag).expect("a framebuffer");
        let text = "0xc0000000 800x600 3328 32 16:8 8:8 0:8";
        assert_eq!(framebuffer.to_string(), text);
        assert_eq!(
            framebuffer.range().byte_count(),
            (3328 * 600_u64).next_multiple_of(4096)
        );
    }

    #[test]
    fn reads_a_text_mode() {
        let tag = tag(0xb8000, [160, 80, 25], 16, TYPE_TEXT);
        let framebuffer = read(&tag[..24]).expect("a text mode");
        assert_eq!(framebuffer.to_string(), "0xb8000 80x25 160 text");
    }

    #[test]
    fn a_tag_with_invalid_values_is_refused() {
        let good = tag(0xc000_0000, [3200, 800, 600], 32, TYPE_RGB);
        for length in 0..good.len() {
            assert_eq!(read(&good[..length]), Err(Problem::Truncated), "{length}");
        }
        let size = [3200, 800, 600];
        for (tag, problem) in [
            (tag(0xc000_0001, size, 32, 1), Problem::Address(0xc000_0001)),
            (tag(0, size, 32, 1), Problem::Address(0)),
            (tag(1 << 63, size, 32, 1), Problem::Address(1 << 63)),
            (tag(0xc000_0000, size, 32, 0), Problem::Kind(0)),
            (
                tag(0xc000_0000, [0, 800, 600], 32, 1),
                Problem::Geometry(GeometryError::Pitch {
                    pitch: 0,
                    width: 800,
                }),
            ),
            (
                tag(0xc000_0000, size, 8, 1),
                Problem::Geometry(GeometryError::Format),
            ),
        ] {
            assert_eq!(read(&tag), Err(problem));
        }
    }

    #[test]
    fn a_framebuffer_in_memory_or_beyond_the_processors_addresses_is_not_used() {
        let tag = tag(0xc000_0000, [4096, 1024, 16], 32, TYPE_RGB);
        let framebuffer = read(&tag).expect("a framebuffer");
        let check = |memory: Ranges, bits| check(&framebuffer, [&Ranges::default(), &memory], bits);
        assert_eq!(check(ranges(0, 0xc000_0000), 32), Ok(()));
        assert_eq!(check(ranges(0xc001_0000, 0xd000_0000), 32), Ok(()));
        let start = PhysAddr::new(0xc000_f000);
        let overlapping = ranges(0xc000_f000, 0xd000_0000);
        assert_eq!(check(overlapping, 32), Err(Problem::Memory(start)));
        assert_eq!(
            check(Ranges::default(), 31),
            Err(Problem::Address(0xc000_0000))
        );
    }

    #[test]
    fn a_framebuffer_at_the_end_of_all_addresses_is_refused() {
        let tag = tag((1 << 52) - 4096, [4096, 1024, 16], 32, TYPE_RGB);
        let framebuffer = read(&tag).expect("a framebuffer");
        let problem = Problem::Address((1 << 52) - 4096);
        let none = Ranges::default();
        assert_eq!(check(&framebuffer, [&none, &none], 52), Err(problem));
    }

    proptest! {
        #[test]
        fn an_accepted_tag_is_a_range_of_whole_pages(tag in proptest::collection::vec(any::<u8>(), 0..40)) {
            let none = Ranges::default();
            if let Ok(framebuffer) = read(&tag)
                && check(&framebuffer, [&none, &none], 52).is_ok()
            {
                let range = framebuffer.range();
                prop_assert!(range.byte_count() >= framebuffer.geometry.bytes() as u64);
                prop_assert!(range.end.is_aligned(PAGE_BYTES));
            }
        }
    }
}
