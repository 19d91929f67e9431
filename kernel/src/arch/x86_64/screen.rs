//! The screen: a loader's framebuffer, on which the kernel draws its lines until user mode runs, and those of a panic.
//!
//! ```text
//! open: through the early tables, if it is below 4 GiB -> open: through the window -> user mode runs -> fail: a page in red
//! ```
//!
//! While user mode runs, the framebuffer belongs to the domain that root gives it to.

use core::fmt;

use framebuffer::{Colors, Overflow, Page, Surface};
use spin::Mutex;

use crate::arch::Framebuffer;

/// The kernel's mapping of the framebuffer.
struct Memory {
    start: *mut u8,
    bytes: usize,
}

// SAFETY: it is only used through the lock around the screen.
unsafe impl Send for Memory {}

impl Surface for Memory {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len());
        assert!(end.is_some_and(|end| end <= self.bytes));
        let start = self.start.wrapping_add(offset);
        let (words, rest) = match start.addr().is_multiple_of(size_of::<u32>()) {
            true => bytes.as_chunks(),
            false => (&[][..], bytes),
        };
        for (index, word) in words.iter().enumerate() {
            let place = start.cast::<u32>().wrapping_add(index);
            // SAFETY: it is aligned, and in the mapping, which is a device's: no reference leads there.
            unsafe { place.write_volatile(u32::from_ne_bytes(*word)) };
        }
        let start = start.wrapping_add(bytes.len() - rest.len());
        for (index, byte) in rest.iter().enumerate() {
            // SAFETY: as above.
            unsafe { start.wrapping_add(index).write_volatile(*byte) };
        }
    }
}

struct Screen {
    framebuffer: Framebuffer,
    page: Page<Memory>,
}

/// Nothing waits for this lock, so a panic while a line is being drawn is not shown.
static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);

/// Shows lines through this mapping of the whole framebuffer from now on. The first call clears it.
pub(super) fn open(framebuffer: Framebuffer, start: *mut u8) {
    let is_open = with(|screen| match screen {
        Some(screen) => {
            screen.page.surface_mut().start = start;
            true
        }
        None => false,
    });
    if is_open == Some(false) {
        show_page(framebuffer, start, Colors::NORMAL, Overflow::Restart);
    }
}

/// Begins a page in the colours of a panic.
pub(super) fn fail() {
    let place = with(|screen| {
        let screen = screen.as_mut()?;
        Some((screen.framebuffer, screen.page.surface_mut().start))
    });
    if let Some((framebuffer, start)) = place.flatten() {
        show_page(framebuffer, start, Colors::FATAL, Overflow::Drop);
    }
}

/// Shows a line, if there is a screen.
pub fn screen_put_line(line: fmt::Arguments<'_>) {
    with(|screen| {
        if let Some(screen) = screen {
            screen.page.put_line(line);
        }
    });
}

fn show_page(framebuffer: Framebuffer, start: *mut u8, colors: Colors, overflow: Overflow) {
    let geometry = framebuffer.geometry;
    let bytes = geometry.bytes();
    let page = Page::new(geometry, colors, overflow, Memory { start, bytes });
    with(|screen| *screen = Some(Screen { framebuffer, page }));
}

fn with<T>(action: impl FnOnce(&mut Option<Screen>) -> T) -> Option<T> {
    SCREEN.try_lock().map(|mut screen| action(&mut screen))
}
