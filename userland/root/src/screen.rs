//! The screen: the framebuffer that the kernel found, for the domain that shows the log on it.
//!
//! The kernel's argument `framebuffer` has its address and its geometry. Root itself draws only in [`crate::console::write_out`].

use abi::register::{Access, PageCount};
use abi::start_page::root_slots;
use abi::{Error, PAGE_BYTES};
use framebuffer::{Colors, Geometry, Overflow, Page, Placed, Surface};
use runtime::capability::{Cache, Cap, Hardware, Memory, Pool};
use runtime::mapping::Mapping;
use runtime::{Start, shared::SharedMemory};
use spin::Mutex;

/// A screen.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub memory: Cap<Memory>,
    pub pages: PageCount,
    pub geometry: Geometry,
}

static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);

/// Creates the screen's Memory, if the kernel found a framebuffer.
pub fn open(start: &Start, hardware: Cap<Hardware>, pool: Cap<Pool>) {
    let placed = start.argument("framebuffer").map(str::parse);
    let Some(Ok(placed)) = placed else {
        return;
    };
    match create(&placed, hardware, pool) {
        Ok(screen) => *SCREEN.lock() = Some(screen),
        Err(error) => log::warn!("the screen is not used: {error}"),
    }
}

fn create(from: &Placed, hardware: Cap<Hardware>, pool: Cap<Pool>) -> Result<Screen, Error> {
    let pages = PageCount(from.pages(PAGE_BYTES));
    let cache = Cache::WriteCombining;
    Ok(Screen {
        memory: hardware.create_device_memory(pool, from.address, pages, cache)?,
        pages,
        geometry: from.geometry,
    })
}

/// The screen, if the machine has one.
pub fn get() -> Option<Screen> {
    *SCREEN.try_lock()?
}

impl Screen {
    /// Maps it for root itself.
    pub fn map(self) -> Option<Mapping> {
        let domain = Cap::from_slot(root_slots::DOMAIN);
        Mapping::new(domain, self.memory, self.pages, Access::ReadWrite).ok()
    }

    /// Clears it, for the lines that root writes itself.
    pub fn page(self, memory: SharedMemory<'_>) -> Page<impl Surface> {
        let write = move |offset: usize, bytes: &[u8]| memory.write(offset, bytes);
        Page::new(self.geometry, Colors::FATAL, Overflow::Restart, write)
    }
}
