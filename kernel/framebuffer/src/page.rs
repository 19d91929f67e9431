//! Lines of text from the top of a framebuffer to its bottom: [`Page`]. It keeps no text and does not scroll.

use core::fmt;

use crate::geometry::Geometry;
use crate::painter::{Colors, Painter};
use crate::surface::Surface;

/// The treatment of a line for which the page has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The page is cleared, and the line becomes its first.
    Restart,
    /// The line is dropped: the first lines of a panic matter most.
    Drop,
}

/// A page of lines.
#[derive(Debug)]
pub struct Page<S> {
    painter: Painter,
    surface: S,
    overflow: Overflow,
    /// The position of the next character.
    column: usize,
    row: usize,
}

impl<S: Surface> Page<S> {
    /// Clears the framebuffer.
    pub fn new(geometry: Geometry, colors: Colors, overflow: Overflow, surface: S) -> Page<S> {
        let mut page = Page {
            painter: Painter::new(geometry, colors),
            surface,
            overflow,
            column: 0,
            row: 0,
        };
        page.painter.clear(&mut page.surface);
        page
    }

    /// Draws a line of text. One that is longer than the page is wide continues in the next line of the page.
    pub fn put_line(&mut self, line: fmt::Arguments<'_>) {
        // Drawing does not fail.
        let _ = fmt::Write::write_fmt(self, line);
        self.end_line();
    }

    /// Its memory.
    pub fn surface_mut(&mut self) -> &mut S {
        &mut self.surface
    }

    fn put(&mut self, character: char) {
        let geometry = self.painter.geometry();
        let (columns, rows) = (geometry.columns(), geometry.rows());
        if self.column == columns {
            self.end_line();
        }
        if self.row >= rows && self.overflow == Overflow::Restart {
            self.painter.clear(&mut self.surface);
            self.row = 0;
        }
        let (column, row) = (self.column, self.row);
        self.painter.draw(&mut self.surface, column, row, character);
        self.column += 1;
    }

    fn end_line(&mut self) {
        self.column = 0;
        self.row = self.row.saturating_add(1);
    }
}

impl<S: Surface> fmt::Write for Page<S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\n' => self.end_line(),
                other => self.put(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixel::PixelFormat;

    impl Surface for Vec<u8> {
        fn write(&mut self, offset: usize, bytes: &[u8]) {
            self.as_mut_slice().write(offset, bytes);
        }
    }

    /// The lines on a text mode of 4 by 3 characters.
    fn shown(overflow: Overflow, lines: &[&str]) -> Vec<String> {
        let geometry = Geometry::try_new(4, 3, 8, PixelFormat::Text).expect("a geometry");
        let memory = vec![0; geometry.bytes()];
        let mut page = Page::new(geometry, Colors::NORMAL, overflow, memory);
        for line in lines {
            page.put_line(format_args!("{line}"));
        }
        let rows = page.surface.chunks(8);
        let text = |row: &[u8]| {
            row.iter()
                .step_by(2)
                .map(|code| char::from(*code))
                .collect()
        };
        rows.map(text).collect()
    }

    #[test]
    fn a_long_line_continues_in_the_next() {
        assert_eq!(
            shown(Overflow::Drop, &["abcdef", "x"]),
            ["abcd", "ef  ", "x   "]
        );
        assert_eq!(
            shown(Overflow::Drop, &["abcd", "x"]),
            ["abcd", "x   ", "    "]
        );
    }

    #[test]
    fn below_the_last_line_a_page_ends_or_begins_anew() {
        let lines = ["1", "2", "3", "4", "5"];
        assert_eq!(shown(Overflow::Drop, &lines), ["1   ", "2   ", "3   "]);
        assert_eq!(shown(Overflow::Restart, &lines), ["4   ", "5   ", "    "]);
    }

    #[test]
    fn a_framebuffer_of_one_pixel_shows_nothing() {
        let geometry = Geometry::try_new(1, 1, 4, PixelFormat::XRGB).expect("a geometry");
        for overflow in [Overflow::Drop, Overflow::Restart] {
            let mut page = Page::new(geometry, Colors::NORMAL, overflow, vec![1; 4]);
            page.put_line(format_args!("a line"));
            assert_eq!(page.surface, [0; 4]);
        }
    }
}
