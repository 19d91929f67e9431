//! A [`Geometry`] as text, for the arguments of domains.
//!
//! ```text
//! 1280x800 5120 32 16:8 8:8 0:8      width x height, pitch, bits of a pixel, then position:bits of red, green and blue
//! 80x25 160 text                     a text mode
//! ```

use core::fmt;
use core::str::{FromStr, SplitWhitespace};

use crate::geometry::Geometry;
use crate::pixel::{Channel, PixelFormat};

/// The text is not a usable geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotGeometry;

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.position, self.bits)
    }
}

impl fmt::Display for Geometry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Geometry {
            width,
            height,
            pitch,
            format,
        } = self;
        write!(formatter, "{width}x{height} {pitch} ")?;
        match format {
            PixelFormat::Text => formatter.write_str("text"),
            PixelFormat::Rgb {
                bits,
                red,
                green,
                blue,
            } => write!(formatter, "{bits} {red} {green} {blue}"),
        }
    }
}

impl FromStr for Geometry {
    type Err = NotGeometry;

    fn from_str(text: &str) -> Result<Geometry, NotGeometry> {
        let mut words = text.split_whitespace();
        let geometry = parse(&mut words).ok_or(NotGeometry)?;
        words.next().map_or(Ok(geometry), |_| Err(NotGeometry))
    }
}

fn parse(words: &mut SplitWhitespace<'_>) -> Option<Geometry> {
    let (width, height) = words.next()?.split_once('x')?;
    let pitch = words.next()?.parse().ok()?;
    let format = match words.next()? {
        "text" => PixelFormat::Text,
        bits => PixelFormat::Rgb {
            bits: bits.parse().ok()?,
            red: channel(words)?,
            green: channel(words)?,
            blue: channel(words)?,
        },
    };
    Geometry::try_new(width.parse().ok()?, height.parse().ok()?, pitch, format).ok()
}

fn channel(words: &mut SplitWhitespace<'_>) -> Option<Channel> {
    let (position, bits) = words.next()?.split_once(':')?;
    Some(Channel {
        position: position.parse().ok()?,
        bits: bits.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometry_is_read_as_it_is_displayed() {
        for text in [
            "1280x800 5120 32 16:8 8:8 0:8",
            "800x600 1600 16 11:5 5:6 0:5",
            "80x25 160 text",
        ] {
            let geometry: Geometry = text.parse().expect(text);
            assert_eq!(geometry.to_string(), text);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "1280x800",
            "1280x800 5120",
            "1280x800 5120 32 16:8 8:8",
            "1280x800 5120 32 16:8 8:8 0:8 1",
            "1280x800 5119 32 16:8 8:8 0:8",
            "-1x800 5120 32 16:8 8:8 0:8",
            "80x25 159 text",
        ] {
            assert_eq!(text.parse::<Geometry>(), Err(NotGeometry), "{text}");
        }
    }
}
