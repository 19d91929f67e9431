//! Draws characters: [`Painter`].

use crate::geometry::{Geometry, SCALE_MAX};
use crate::glyph::{GLYPH_WIDTH, MISSING, glyph};
use crate::pixel::{Color, PixelFormat};
use crate::surface::Surface;

/// The bytes of one line of pixels of the largest character.
const LINE_BYTES_MAX: usize = GLYPH_WIDTH * SCALE_MAX * 4;

/// The colours of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colors {
    foreground: Color,
    background: Color,
    /// In text mode: the low half is the foreground, the high half the background.
    attribute: u8,
}

impl Colors {
    /// Light grey on black.
    pub const NORMAL: Colors = Colors {
        foreground: Color::new(0xd0, 0xd0, 0xd0),
        background: Color::new(0, 0, 0),
        attribute: 0x07,
    };
    /// White on red: the machine does not continue.
    pub const FATAL: Colors = Colors {
        foreground: Color::new(0xff, 0xff, 0xff),
        background: Color::new(0x90, 0, 0),
        attribute: 0x4f,
    };
}

/// Draws characters of two colours into the cells of a framebuffer.
#[derive(Clone, Debug)]
pub struct Painter {
    geometry: Geometry,
    colors: Colors,
    /// The pixel for each intensity of a character's pixel.
    pixels: [u32; 256],
}

impl Painter {
    /// A painter with these colours.
    pub fn new(geometry: Geometry, colors: Colors) -> Painter {
        let Colors {
            foreground,
            background,
            ..
        } = colors;
        let pixels = core::array::from_fn(|intensity| {
            let color = background.towards(foreground, intensity as u8);
            geometry.format.encode(color)
        });
        Painter {
            geometry,
            colors,
            pixels,
        }
    }

    /// The framebuffer's geometry.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Fills everything with the background.
    pub fn clear(&self, surface: &mut (impl Surface + ?Sized)) {
        let mut piece = [0; LINE_BYTES_MAX];
        let unit = self.geometry.format.bytes();
        let blank = self.pixels[0].to_le_bytes();
        let blank = match self.geometry.format {
            PixelFormat::Text => [b' ', self.colors.attribute, 0, 0],
            PixelFormat::Rgb { .. } => blank,
        };
        let piece_bytes = LINE_BYTES_MAX / unit * unit;
        for pixel in piece[..piece_bytes].chunks_exact_mut(unit) {
            pixel.copy_from_slice(&blank[..unit]);
        }
        let line_bytes = self.geometry.width as usize * unit;
        for line in 0..self.geometry.height as usize {
            let start = line * self.geometry.pitch as usize;
            for at in (0..line_bytes).step_by(piece_bytes) {
                let count = piece_bytes.min(line_bytes - at);
                surface.write(start + at, &piece[..count]);
            }
        }
    }

    /// Draws a character and its background into a cell. A cell outside of the framebuffer stays as it is.
    pub fn draw(
        &self,
        surface: &mut (impl Surface + ?Sized),
        column: usize,
        row: usize,
        character: char,
    ) {
        let geometry = &self.geometry;
        if column >= geometry.columns() || row >= geometry.rows() {
            return;
        }
        let unit = geometry.format.bytes();
        let pitch = geometry.pitch as usize;
        let start = row * geometry.cell_height() * pitch + column * geometry.cell_width() * unit;
        if geometry.format == PixelFormat::Text {
            let code = u8::try_from(character).ok().filter(u8::is_ascii);
            let code = code.unwrap_or(MISSING as u8);
            surface.write(start, &[code, self.colors.attribute]);
            return;
        }
        let scale = geometry.scale();
        let line_bytes = geometry.cell_width() * unit;
        let mut line = [0; LINE_BYTES_MAX];
        let line = &mut line[..line_bytes];
        for (y, intensities) in glyph(character).chunks_exact(GLYPH_WIDTH).enumerate() {
            let mut places = line.chunks_exact_mut(unit);
            for intensity in intensities {
                let pixel = self.pixels[usize::from(*intensity)].to_le_bytes();
                for place in places.by_ref().take(scale) {
                    place.copy_from_slice(&pixel[..unit]);
                }
            }
            for repeated in 0..scale {
                surface.write(start + (y * scale + repeated) * pitch, line);
            }
        }
    }
}

#[cfg(test)]
mod tests;
