//! A framebuffer in physical memory, [`Placed`], as text: root's argument `framebuffer`.
//!
//! ```text
//! 0xfd000000 1280x800 5120 32 16:8 8:8 0:8      address, then a geometry
//! ```

use core::str::FromStr;

use crate::geometry::Geometry;
use crate::text::NotGeometry;

/// A framebuffer at a physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The address of its first byte.
    pub address: u64,
    /// Its size and format.
    pub geometry: Geometry,
}

impl Placed {
    /// The number of pages of this size that it takes.
    pub fn pages(&self, page_bytes: u64) -> u64 {
        (self.geometry.bytes() as u64).div_ceil(page_bytes)
    }
}

impl FromStr for Placed {
    type Err = NotGeometry;

    fn from_str(text: &str) -> Result<Placed, NotGeometry> {
        let (address, geometry) = text.split_once(' ').ok_or(NotGeometry)?;
        let address = address.strip_prefix("0x").ok_or(NotGeometry)?;
        Ok(Placed {
            address: u64::from_str_radix(address, 16).map_err(|_| NotGeometry)?,
            geometry: geometry.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_geometry_are_read() {
        let text = "0xfd000000 1280x800 5120 32 16:8 8:8 0:8";
        let placed: Placed = text.parse().expect("a framebuffer");
        assert_eq!(placed.address, 0xfd00_0000);
        assert_eq!(placed.pages(4096), 1000);
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "0xfd000000",
            "fd000000 80x25 160 text",
            "0xfd000000 80x25 159 text",
        ] {
            assert_eq!(text.parse::<Placed>(), Err(NotGeometry), "{text}");
        }
    }
}
