//! The font: [`glyph`], the shape of a character.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

pub(crate) const WEIGHT: FontWeight = FontWeight::Regular;
pub(crate) const SIZE: RasterHeight = RasterHeight::Size16;

/// The width of the font's characters.
pub(crate) const GLYPH_WIDTH: usize = get_raster_width(WEIGHT, SIZE);
/// The height of the font's characters.
pub(crate) const GLYPH_HEIGHT: usize = SIZE.val();

/// Drawn in place of a character that the font does not have.
pub(crate) const MISSING: char = '?';

/// The pixels of a character, line after line.
pub(crate) fn glyph(character: char) -> &'static [u8] {
    let shape = get_raster(character, WEIGHT, SIZE).or_else(|| get_raster(MISSING, WEIGHT, SIZE));
    shape.map_or(&[], |shape| shape.pixels())
}
