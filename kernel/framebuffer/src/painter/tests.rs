//! Glyphs at their pixels, in every format.

use noto_sans_mono_bitmap::get_raster;
use proptest::prelude::*;

use super::*;
use crate::glyph::{GLYPH_HEIGHT, SIZE, WEIGHT};
use crate::pixel::Channel;

const UNTOUCHED: u8 = 0xa5;

fn rgb(bits: u8, channels: [(u8, u8); 3]) -> PixelFormat {
    let [red, green, blue] = channels.map(|(position, bits)| Channel { position, bits });
    PixelFormat::Rgb {
        bits,
        red,
        green,
        blue,
    }
}

fn formats() -> [PixelFormat; 4] {
    [
        PixelFormat::XRGB,
        rgb(24, [(16, 8), (8, 8), (0, 8)]),
        rgb(16, [(11, 5), (5, 6), (0, 5)]),
        rgb(15, [(10, 5), (5, 5), (0, 5)]),
    ]
}

/// A framebuffer of two cells by two and a bit more, with pitch to spare.
fn geometry(format: PixelFormat) -> Geometry {
    let (width, height) = (GLYPH_WIDTH as u32 * 2 + 3, GLYPH_HEIGHT as u32 * 2 + 5);
    let pitch = width * format.bytes() as u32 + 7;
    Geometry::try_new(width, height, pitch, format).expect("a geometry")
}

fn pixel(memory: &[u8], geometry: &Geometry, x: usize, y: usize) -> u32 {
    let unit = geometry.format.bytes();
    let at = y * geometry.pitch as usize + x * unit;
    let mut bytes = [0; 4];
    bytes[..unit].copy_from_slice(&memory[at..at + unit]);
    u32::from_le_bytes(bytes)
}

#[test]
fn a_glyph_is_drawn_at_its_cell_and_nowhere_else() {
    for format in formats() {
        let geometry = geometry(format);
        let painter = Painter::new(geometry, Colors::NORMAL);
        let mut memory = vec![UNTOUCHED; geometry.bytes()];
        painter.draw(&mut memory[..], 1, 1, 'A');
        let shape = get_raster('A', WEIGHT, SIZE).expect("an A");
        let mut untouched = [0; 4];
        untouched[..format.bytes()].fill(UNTOUCHED);
        for y in 0..geometry.height as usize {
            for x in 0..geometry.width as usize {
                let inside = x.checked_sub(GLYPH_WIDTH).zip(y.checked_sub(GLYPH_HEIGHT));
                let intensity = inside.and_then(|(x, y)| shape.pixel(x, y));
                let expected = intensity.map_or(u32::from_le_bytes(untouched), |intensity| {
                    let Colors {
                        foreground,
                        background,
                        ..
                    } = Colors::NORMAL;
                    format.encode(background.towards(foreground, intensity))
                });
                assert_eq!(
                    pixel(&memory, &geometry, x, y),
                    expected,
                    "{format:?} {x} {y}"
                );
            }
        }
        // The bytes between the lines.
        for line in memory.chunks(geometry.pitch as usize) {
            let end = geometry.width as usize * format.bytes();
            assert!(line[end..].iter().all(|byte| *byte == UNTOUCHED));
        }
    }
}

#[test]
fn colours_are_at_their_places() {
    let white = Colors::FATAL.foreground;
    let red = Color::new(0xff, 0, 0);
    let [xrgb, rgb24, rgb16, rgb15] = formats();
    assert_eq!(
        [xrgb.encode(white), xrgb.encode(red)],
        [0xff_ffff, 0xff_0000]
    );
    assert_eq!(rgb24.encode(red), 0xff_0000);
    assert_eq!([rgb16.encode(white), rgb16.encode(red)], [0xffff, 0xf800]);
    assert_eq!([rgb15.encode(white), rgb15.encode(red)], [0x7fff, 0x7c00]);
}

#[test]
fn a_large_framebuffer_has_large_characters() {
    let geometry = Geometry::try_new(20, 1300, 80, PixelFormat::XRGB).expect("a geometry");
    let painter = Painter::new(geometry, Colors::NORMAL);
    let mut memory = vec![0; geometry.bytes()];
    painter.draw(&mut memory[..], 0, 0, '#');
    let shape = get_raster('#', WEIGHT, SIZE).expect("a #");
    for (y, x) in (0..2 * GLYPH_HEIGHT).flat_map(|y| (0..2 * GLYPH_WIDTH).map(move |x| (y, x))) {
        let intensity = shape.pixel(x / 2, y / 2).expect("a pixel");
        let expected = painter.pixels[usize::from(intensity)];
        assert_eq!(pixel(&memory, &geometry, x, y), expected);
    }
}

#[test]
fn clearing_writes_every_pixel_and_nothing_between_the_lines() {
    for format in formats() {
        let geometry = geometry(format);
        let mut memory = vec![UNTOUCHED; geometry.bytes()];
        Painter::new(geometry, Colors::FATAL).clear(&mut memory[..]);
        let background = format.encode(Colors::FATAL.background);
        for y in 0..geometry.height as usize {
            for x in 0..geometry.width as usize {
                assert_eq!(pixel(&memory, &geometry, x, y), background);
            }
        }
        for line in memory.chunks(geometry.pitch as usize) {
            let end = geometry.width as usize * format.bytes();
            assert!(line[end..].iter().all(|byte| *byte == UNTOUCHED));
        }
    }
}

#[test]
fn a_framebuffer_without_room_for_a_character_is_not_written() {
    let geometry = Geometry::try_new(1, 1, 4, PixelFormat::XRGB).expect("a geometry");
    let painter = Painter::new(geometry, Colors::NORMAL);
    let mut memory = [UNTOUCHED; 4];
    painter.draw(&mut memory[..], 0, 0, 'A');
    assert_eq!(memory, [UNTOUCHED; 4]);
    painter.clear(&mut memory[..]);
    assert_eq!(memory, [0; 4]);
}

#[test]
fn a_text_mode_has_a_character_and_its_colours_in_a_cell() {
    let geometry = Geometry::try_new(3, 2, 8, PixelFormat::Text).expect("a geometry");
    let painter = Painter::new(geometry, Colors::FATAL);
    let mut memory = [UNTOUCHED; 16];
    painter.draw(&mut memory[..], 2, 1, 'A');
    painter.draw(&mut memory[..], 1, 1, '\u{e4}');
    painter.draw(&mut memory[..], 3, 1, 'B');
    assert_eq!(memory[10..14], [b'?', 0x4f, b'A', 0x4f]);
    painter.clear(&mut memory[..]);
    assert_eq!(
        memory[..8],
        [b' ', 0x4f, b' ', 0x4f, b' ', 0x4f, UNTOUCHED, UNTOUCHED]
    );
}

#[test]
fn a_character_that_the_font_lacks_is_a_question_mark() {
    assert_eq!(glyph('\u{10348}'), glyph('?'));
    assert_eq!(glyph('?').len(), GLYPH_WIDTH * GLYPH_HEIGHT);
}

proptest! {
    /// A slice panics if it is written outside of its bounds.
    #[test]
    fn no_cell_is_written_outside_of_the_memory(
        width in 1_u32..40, height in 1_u32..40, spare in 0_u32..9, index in 0_usize..4,
        column: usize, row: usize, near in 0_usize..8, character: char
    ) {
        let format = formats()[index];
        let pitch = width * format.bytes() as u32 + spare;
        let geometry = Geometry::try_new(width, height, pitch, format).expect("a geometry");
        let painter = Painter::new(geometry, Colors::NORMAL);
        let mut memory = vec![0; geometry.bytes()];
        painter.clear(&mut memory[..]);
        painter.draw(&mut memory[..], column, row, character);
        painter.draw(&mut memory[..], near / 2, near % 2, character);
    }
}
