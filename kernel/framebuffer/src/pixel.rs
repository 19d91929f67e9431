//! The place of each colour in a pixel: [`PixelFormat`].

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// The intensity of red.
    pub red: u8,
    /// The intensity of green.
    pub green: u8,
    /// The intensity of blue.
    pub blue: u8,
}

impl Color {
    pub(crate) const fn new(red: u8, green: u8, blue: u8) -> Color {
        Color { red, green, blue }
    }

    /// The colour at a position between this one, at 0, and another, at 255.
    pub(crate) fn towards(self, other: Color, at: u8) -> Color {
        let at = i32::from(at);
        let between = |from: u8, to: u8| {
            let (from, to) = (i32::from(from), i32::from(to));
            (from + (to - from) * at / 255) as u8
        };
        Color {
            red: between(self.red, other.red),
            green: between(self.green, other.green),
            blue: between(self.blue, other.blue),
        }
    }
}

/// A colour's bits in a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The lowest bit.
    pub position: u8,
    /// The number of bits.
    pub bits: u8,
}

impl Channel {
    /// Whether it lies in a pixel of this many bits.
    fn fits(self, pixel_bits: u8) -> bool {
        let end = u16::from(self.position) + u16::from(self.bits);
        (1..=8).contains(&self.bits) && end <= pixel_bits.into()
    }

    /// An intensity, from 0 to 255, in the channel's bits of a pixel.
    fn encode(self, intensity: u8) -> u32 {
        u32::from(intensity >> (8 - self.bits)) << self.position
    }
}

/// The format of a framebuffer's memory: pixels or characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Pixels, little-endian.
    Rgb {
        /// The bits of a pixel: 15, 16, 24 or 32.
        bits: u8,
        /// The bits of red.
        red: Channel,
        /// The bits of green.
        green: Channel,
        /// The bits of blue.
        blue: Channel,
    },
    /// Characters of a text mode, two bytes each: a code, and its colours. Width and height count characters.
    Text,
}

impl PixelFormat {
    /// The most common format: 32 bits, blue lowest.
    pub const XRGB: PixelFormat = PixelFormat::Rgb {
        bits: 32,
        red: Channel {
            position: 16,
            bits: 8,
        },
        green: Channel {
            position: 8,
            bits: 8,
        },
        blue: Channel {
            position: 0,
            bits: 8,
        },
    };

    /// Whether every colour lies in the pixel.
    pub(crate) fn is_valid(self) -> bool {
        match self {
            PixelFormat::Text => true,
            PixelFormat::Rgb {
                bits,
                red,
                green,
                blue,
            } => {
                matches!(bits, 15 | 16 | 24 | 32)
                    && [red, green, blue].iter().all(|channel| channel.fits(bits))
            }
        }
    }

    /// The bytes of a pixel, or of a character in text mode.
    pub(crate) fn bytes(self) -> usize {
        match self {
            PixelFormat::Rgb { bits, .. } => usize::from(bits).div_ceil(8),
            PixelFormat::Text => 2,
        }
    }

    /// A pixel of this colour; zero in text mode.
    pub(crate) fn encode(self, color: Color) -> u32 {
        match self {
            PixelFormat::Text => 0,
            PixelFormat::Rgb {
                red, green, blue, ..
            } => red.encode(color.red) | green.encode(color.green) | blue.encode(color.blue),
        }
    }
}
