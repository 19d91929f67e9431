//! A picture of a machine's screen: [`Screenshot`], which reads the text on it by drawing every character with the font that the
//! machine draws with.

use std::collections::HashMap;

use framebuffer::{Channel, Colors, Geometry, Painter, PixelFormat};

/// The bytes of a pixel in a picture.
const PIXEL_BYTES: usize = 3;
/// In place of a cell that shows no known character.
const UNKNOWN: char = '\u{fffd}';

/// A picture: red, green and blue of each pixel, line after line.
#[derive(Clone, Debug)]
pub struct Screenshot {
    geometry: Geometry,
    pixels: Vec<u8>,
}

impl Screenshot {
    /// Reads a PPM file; `None` if it is not complete.
    pub fn parse(ppm: &[u8]) -> Option<Self> {
        let rest = ppm.strip_prefix(b"P6\n")?;
        let mut fields = rest.splitn(4, |byte| byte.is_ascii_whitespace());
        let mut number = || {
            std::str::from_utf8(fields.next()?)
                .ok()?
                .parse::<u32>()
                .ok()
        };
        let (width, height, intensities) = (number()?, number()?, number()?);
        let pixels = fields.next()?;
        let geometry = geometry(width, height)?;
        (intensities == 255 && pixels.len() == geometry.bytes()).then(|| Self {
            geometry,
            pixels: pixels.to_vec(),
        })
    }

    /// The lines of text on it.
    pub fn lines(&self) -> Vec<String> {
        let glyphs = glyphs(self.geometry);
        let columns = 0..self.geometry.columns();
        let line = |row| {
            let cells = columns.clone().map(|column| self.cell(column, row));
            let known = cells.map(|cell| glyphs.get(&cell).copied().unwrap_or(UNKNOWN));
            known.collect::<String>().trim_end().to_owned()
        };
        (0..self.geometry.rows()).map(line).collect()
    }

    /// The pixels of a cell.
    fn cell(&self, column: usize, row: usize) -> Vec<u8> {
        cell(&self.pixels, &self.geometry, column, row)
    }
}

/// The geometry of a picture.
fn geometry(width: u32, height: u32) -> Option<Geometry> {
    let channel = |position| Channel { position, bits: 8 };
    let format = PixelFormat::Rgb {
        bits: 24,
        red: channel(0),
        green: channel(8),
        blue: channel(16),
    };
    let pitch = width.checked_mul(PIXEL_BYTES as u32)?;
    Geometry::try_new(width, height, pitch, format).ok()
}

/// The characters by their pixels, in the colours of ordinary lines and of a machine that does not continue.
fn glyphs(geometry: Geometry) -> HashMap<Vec<u8>, char> {
    let mut glyphs = HashMap::new();
    let mut picture = vec![0; geometry.bytes()];
    for colors in [Colors::NORMAL, Colors::FATAL] {
        let painter = Painter::new(geometry, colors);
        for code in b' '..=b'~' {
            painter.draw(&mut picture[..], 0, 0, code.into());
            glyphs.insert(cell(&picture, &geometry, 0, 0), code.into());
        }
    }
    glyphs
}

fn cell(pixels: &[u8], geometry: &Geometry, column: usize, row: usize) -> Vec<u8> {
    let line_bytes = geometry.bytes() / geometry.height() as usize;
    let first_line = row * geometry.cell_height();
    let start = column * geometry.cell_width() * PIXEL_BYTES;
    let lines = (first_line..first_line + geometry.cell_height()).flat_map(|line| {
        let at = line * line_bytes + start;
        &pixels[at..at + geometry.cell_width() * PIXEL_BYTES]
    });
    lines.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_text_that_was_drawn() {
        let geometry = geometry(100, 50).expect("a geometry");
        let mut pixels = vec![0; geometry.bytes()];
        for (row, (colors, text)) in [(Colors::NORMAL, "a ~ Z"), (Colors::FATAL, "no NX")]
            .into_iter()
            .enumerate()
        {
            let painter = Painter::new(geometry, colors);
            for (column, character) in text.chars().enumerate() {
                painter.draw(&mut pixels[..], column, row, character);
            }
        }
        let mut ppm = b"P6\n100 50\n255\n".to_vec();
        ppm.extend(&pixels);
        let screenshot = Screenshot::parse(&ppm).expect("a picture");
        assert_eq!(screenshot.lines()[..2], ["a ~ Z", "no NX"]);
        assert!(Screenshot::parse(&ppm[..ppm.len() - 1]).is_none());
        // A pixel of another colour.
        ppm[20] ^= 1;
        let screenshot = Screenshot::parse(&ppm).expect("a picture");
        assert_eq!(screenshot.lines()[0], format!("{UNKNOWN} ~ Z"));
    }
}
