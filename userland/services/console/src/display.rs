//! The machine's screen as a terminal: [`Display`], cells of characters drawn into the framebuffer that root grants.
//!
//! ```text
//! bytes -> Cells: the characters to show, scrolled -> after a pause: cells that differ from those on the screen are drawn
//! ```
//!
//! The framebuffer is never read. The pause bounds the time that scrolling takes.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::convert::Infallible;

use framebuffer::{Colors, Geometry, Painter, Surface};
use runtime::embassy_time::Timer;
use runtime::shared::SharedMemory;
use runtime::{Start, events};

/// The flag that is raised in this domain after a change of the cells.
const CHANGED: u64 = 1 << (events::FIRST_FREE_BIT + 1);

/// The pause between two drawings.
const PAUSE_MS: u64 = 40;

const BLANK: u8 = b' ';
const CURSOR: u8 = b'_';
/// Shown in place of a character that is not ASCII.
const UNKNOWN: u8 = b'?';
const BACKSPACE: u8 = 0x08;
/// The distance between tab stops.
const TAB_COLUMNS: usize = 8;

/// The screen.
#[derive(Debug)]
pub struct Display {
    cells: RefCell<Cells>,
    painter: Painter,
    memory: SharedMemory<'static>,
}

impl Display {
    /// Opens and clears the screen; `None` on a machine without one, where root grants no framebuffer.
    pub fn open(start: Start) -> Option<Display> {
        let memory = start.shared_memory("screen")?;
        let geometry: Geometry = start.argument("screen")?.parse().ok()?;
        if geometry.bytes() > memory.bytes() || geometry.columns() == 0 || geometry.rows() == 0 {
            return None;
        }
        let display = Display {
            cells: RefCell::new(Cells::new(geometry.columns(), geometry.rows())),
            painter: Painter::new(geometry, Colors::NORMAL),
            memory,
        };
        display.painter.clear(&mut display.surface());
        Some(display)
    }

    /// The number of characters per line, and the number of lines.
    pub fn size(&self) -> (usize, usize) {
        let geometry = self.painter.geometry();
        (geometry.columns(), geometry.rows())
    }

    /// Shows a byte of the terminal's text.
    pub fn put(&self, byte: u8) {
        self.cells.borrow_mut().put(byte);
        events::raise(CHANGED);
    }

    /// Draws changes for ever.
    pub async fn run(&self) -> Infallible {
        loop {
            events::wait(CHANGED).await;
            self.draw();
            Timer::after_millis(PAUSE_MS).await;
        }
    }

    fn draw(&self) {
        let mut surface = self.surface();
        self.cells.borrow_mut().draw(|column, row, code| {
            self.painter.draw(&mut surface, column, row, code.into());
        });
    }

    fn surface(&self) -> impl Surface {
        let memory = self.memory;
        move |offset: usize, bytes: &[u8]| memory.write(offset, bytes)
    }
}

/// The characters on the screen, and those to show there.
#[derive(Debug)]
struct Cells {
    columns: usize,
    wanted: Vec<u8>,
    shown: Vec<u8>,
    /// The position of the next character. A column beyond the last means that the character begins the next row.
    column: usize,
    row: usize,
}

impl Cells {
    fn new(columns: usize, rows: usize) -> Cells {
        Cells {
            columns,
            wanted: vec![BLANK; columns * rows],
            shown: vec![BLANK; columns * rows],
            column: 0,
            row: 0,
        }
    }

    fn rows(&self) -> usize {
        self.wanted.len() / self.columns
    }

    fn put(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            b'\n' => self.next_row(),
            BACKSPACE => self.step_back(),
            b'\t' => self.column = (self.column / TAB_COLUMNS + 1) * TAB_COLUMNS,
            b' '..=b'~' => self.put_character(byte),
            // The first byte of a character that is not ASCII; those that follow are skipped.
            0xc0.. => self.put_character(UNKNOWN),
            _ => {}
        }
    }

    fn put_character(&mut self, code: u8) {
        if self.column >= self.columns {
            self.column = 0;
            self.next_row();
        }
        let index = self.row * self.columns + self.column;
        self.wanted[index] = code;
        self.column += 1;
    }

    /// Moves down a line, in the same column, and scrolls at the bottom of the screen.
    fn next_row(&mut self) {
        if self.row + 1 < self.rows() {
            self.row += 1;
            return;
        }
        let last = self.wanted.len() - self.columns;
        self.wanted.copy_within(self.columns.., 0);
        self.wanted[last..].fill(BLANK);
    }

    /// Moves to the character before, which may be the last one of the line above.
    fn step_back(&mut self) {
        if self.column > 0 {
            self.column = self.column.min(self.columns) - 1;
        } else if self.row > 0 {
            self.row -= 1;
            self.column = self.columns - 1;
        }
    }

    /// Passes the cells that have changed, with their new characters, to `draw`.
    fn draw(&mut self, mut draw: impl FnMut(usize, usize, u8)) {
        let cursor = self.row * self.columns + self.column;
        let has_cursor = self.column < self.columns;
        for (index, (wanted, shown)) in self.wanted.iter().zip(&mut self.shown).enumerate() {
            let is_cursor = has_cursor && index == cursor && *wanted == BLANK;
            let code = if is_cursor { CURSOR } else { *wanted };
            if *shown != code {
                draw(index % self.columns, index / self.columns, code);
                *shown = code;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    fn put(cells: &mut Cells, text: &str) {
        text.bytes().for_each(|byte| cells.put(byte));
    }

    /// The lines of a screen of 5 by 3 characters after this text.
    fn shown(text: &str) -> Vec<String> {
        let mut cells = Cells::new(5, 3);
        put(&mut cells, text);
        let rows = cells.wanted.chunks(5);
        let line = |row| String::from_utf8_lossy(row).trim_end().to_string();
        rows.map(line).collect()
    }

    #[test]
    fn lines_scroll_at_the_bottom() {
        assert_eq!(shown("a\r\nb\r\nc"), ["a", "b", "c"]);
        assert_eq!(shown("a\r\nb\r\nc\r\nd\r\n"), ["c", "d", ""]);
    }

    #[test]
    fn a_long_line_continues_in_the_next() {
        assert_eq!(shown("abcdefg"), ["abcde", "fg", ""]);
        assert_eq!(shown("abcde\r\nf"), ["abcde", "f", ""]);
    }

    #[test]
    fn a_character_is_erased_as_on_a_terminal() {
        assert_eq!(shown("abc\u{8} \u{8}d"), ["abd", "", ""]);
        assert_eq!(shown("abcdef\u{8} \u{8}\u{8} \u{8}x"), ["abcdx", "", ""]);
        assert_eq!(shown("\u{8}a"), ["a", "", ""]);
        assert_eq!(shown("> abc\rlog  \r\n> a"), ["log", "> a", ""]);
    }

    #[test]
    fn other_characters_cannot_harm() {
        assert_eq!(shown("\u{e4}b\u{10348}\x1b"), ["?b?", "", ""]);
        assert_eq!(shown("\tx\ty"), ["", "x", "y"]);
    }

    #[test]
    fn only_changed_cells_are_drawn() {
        let mut cells = Cells::new(5, 3);
        let draw = |cells: &mut Cells| {
            let mut drawn = Vec::new();
            cells.draw(|column, row, code| drawn.push((column, row, char::from(code))));
            drawn
        };
        put(&mut cells, "ab\r\nab");
        let all = [
            (0, 0, 'a'),
            (1, 0, 'b'),
            (0, 1, 'a'),
            (1, 1, 'b'),
            (2, 1, '_'),
        ];
        assert_eq!(draw(&mut cells), all);
        assert_eq!(draw(&mut cells), []);
        put(&mut cells, "c");
        assert_eq!(draw(&mut cells), [(2, 1, 'c'), (3, 1, '_')]);
    }
}
