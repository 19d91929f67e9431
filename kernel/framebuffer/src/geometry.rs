//! The size of a framebuffer and the format of its pixels: [`Geometry`].

use core::fmt;

use crate::glyph::{GLYPH_HEIGHT, GLYPH_WIDTH};
use crate::pixel::PixelFormat;

/// The maximum number of bytes that are used: nothing is drawn on the lines beyond them. Enough for 3840 by 2160 pixels of 32 bits.
pub const BYTES_MAX: usize = 32 << 20;

/// From this many lines on, characters have twice the size; from twice as many on, three times the size; and so on.
const LINES_PER_SCALE: u32 = 1300;

/// The largest scale.
pub(crate) const SCALE_MAX: usize = 4;

/// A framebuffer's geometry, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pitch: u32,
    pub(crate) format: PixelFormat,
}

/// The reason a geometry is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryError {
    /// It has no pixels.
    Empty,
    /// A line does not fit into the distance between two lines.
    Pitch {
        /// Bytes between the beginnings of two lines.
        pitch: u32,
        /// Pixels in a line.
        width: u32,
    },
    /// Its pixels have an unknown format.
    Format,
    /// Not even one line fits into [`BYTES_MAX`].
    TooLarge,
}

impl fmt::Display for GeometryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GeometryError::Empty => formatter.write_str("it has no pixels"),
            GeometryError::Pitch { pitch, width } => {
                write!(
                    formatter,
                    "{width} pixels do not fit into a line of {pitch} bytes"
                )
            }
            GeometryError::Format => formatter.write_str("its pixels have an unknown format"),
            GeometryError::TooLarge => formatter.write_str("its lines are too long"),
        }
    }
}

impl Geometry {
    /// A geometry of `height` lines of `width` pixels, `pitch` bytes apart. Lines beyond [`BYTES_MAX`] are left out.
    ///
    /// # Errors
    /// See [`GeometryError`].
    pub fn try_new(
        width: u32,
        height: u32,
        pitch: u32,
        format: PixelFormat,
    ) -> Result<Geometry, GeometryError> {
        if width == 0 || height == 0 {
            return Err(GeometryError::Empty);
        }
        if !format.is_valid() {
            return Err(GeometryError::Format);
        }
        if u64::from(width) * format.bytes() as u64 > u64::from(pitch) {
            return Err(GeometryError::Pitch { pitch, width });
        }
        let height = height.min(BYTES_MAX as u32 / pitch);
        if height == 0 {
            return Err(GeometryError::TooLarge);
        }
        Ok(Geometry {
            width,
            height,
            pitch,
            format,
        })
    }

    /// The bytes of its memory, at most [`BYTES_MAX`].
    pub fn bytes(&self) -> usize {
        self.pitch as usize * self.height as usize
    }

    /// The number of its lines.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The number of characters in a line.
    pub fn columns(&self) -> usize {
        self.width as usize / self.cell_width()
    }

    /// The number of lines of characters.
    pub fn rows(&self) -> usize {
        self.height as usize / self.cell_height()
    }

    /// The width of a character.
    pub fn cell_width(&self) -> usize {
        match self.format {
            PixelFormat::Text => 1,
            PixelFormat::Rgb { .. } => GLYPH_WIDTH * self.scale(),
        }
    }

    /// The height of a character.
    pub fn cell_height(&self) -> usize {
        match self.format {
            PixelFormat::Text => 1,
            PixelFormat::Rgb { .. } => GLYPH_HEIGHT * self.scale(),
        }
    }

    /// The width and the height, in pixels of the framebuffer, of each pixel of a character.
    pub(crate) fn scale(&self) -> usize {
        (1 + self.height / LINES_PER_SCALE).min(SCALE_MAX as u32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixel::Channel;
    use proptest::prelude::*;

    #[test]
    fn a_geometry_that_contradicts_itself_is_refused() {
        let xrgb =
            |width, height, pitch| Geometry::try_new(width, height, pitch, PixelFormat::XRGB);
        assert_eq!(xrgb(0, 600, 3200), Err(GeometryError::Empty));
        assert_eq!(xrgb(800, 0, 3200), Err(GeometryError::Empty));
        let (pitch, width) = (3199, 800);
        assert_eq!(
            xrgb(width, 600, pitch),
            Err(GeometryError::Pitch { pitch, width })
        );
        assert_eq!(xrgb(1, 1, u32::MAX), Err(GeometryError::TooLarge));
        assert!(xrgb(u32::MAX, u32::MAX, u32::MAX).is_err());
        assert!(xrgb(1, 1, 4).is_ok());
    }

    #[test]
    fn a_colour_outside_of_the_pixel_is_refused() {
        let channel = |position, bits| Channel { position, bits };
        for (bits, channel) in [
            (16, channel(11, 6)),
            (24, channel(24, 8)),
            (32, channel(255, 255)),
            (32, channel(0, 0)),
            (32, channel(0, 10)),
            (8, channel(0, 1)),
            (33, channel(0, 8)),
        ] {
            let format = PixelFormat::Rgb {
                bits,
                red: channel,
                green: channel,
                blue: channel,
            };
            let geometry = Geometry::try_new(10, 10, 100, format);
            assert_eq!(geometry, Err(GeometryError::Format), "{format:?}");
        }
    }

    #[test]
    fn lines_beyond_the_most_memory_are_left_out() {
        let eight_k = Geometry::try_new(7680, 4320, 7680 * 4, PixelFormat::XRGB).unwrap();
        assert_eq!(eight_k.height, 1092);
        assert!(eight_k.bytes() <= BYTES_MAX);
        let four_k = Geometry::try_new(3840, 2160, 3840 * 4, PixelFormat::XRGB).unwrap();
        assert_eq!((four_k.height, four_k.scale()), (2160, 2));
    }

    proptest! {
        #[test]
        fn every_accepted_geometry_is_within_the_most_memory(
            width: u32, height: u32, pitch: u32, bits: u8, position: u8, count: u8, is_text: bool
        ) {
            let channel = Channel { position, bits: count };
            let format = match is_text {
                true => PixelFormat::Text,
                false => PixelFormat::Rgb { bits, red: channel, green: channel, blue: channel },
            };
            if let Ok(geometry) = Geometry::try_new(width, height, pitch, format) {
                prop_assert!(geometry.bytes() <= BYTES_MAX);
                prop_assert!(geometry.columns() * geometry.cell_width() <= width as usize);
            }
        }
    }
}
