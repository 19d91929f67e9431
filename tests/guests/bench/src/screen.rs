//! The screen of a machine that was started from the boot menu: [`Screen`].

use framebuffer::{Colors, Overflow, Page, Placed, Surface};
use runtime::abi::PAGE_BYTES;
use runtime::abi::register::{Access, PageCount};
use runtime::capability::{Cache, Domain, Hardware, Pool};
use runtime::mapping::Mapping;
use runtime::{Error, Start};

/// A mapped framebuffer.
pub struct Screen {
    placed: Placed,
    mapping: Mapping,
}

impl Screen {
    /// Maps the framebuffer that the kernel found; `None` if there is none.
    ///
    /// # Errors
    /// The error of `DeviceMemoryCreate` or `DomainMap`.
    pub fn open(start: &Start) -> Result<Option<Screen>, Error> {
        let placed = start
            .argument("framebuffer")
            .and_then(|text| text.parse().ok());
        placed.map(|placed| Screen::map(placed, start)).transpose()
    }

    fn map(placed: Placed, start: &Start) -> Result<Screen, Error> {
        let hardware = start.require::<Hardware>("hardware");
        let (pool, domain) = (
            start.require::<Pool>("pool"),
            start.require::<Domain>("domain"),
        );
        let pages = PageCount(placed.pages(PAGE_BYTES));
        let memory =
            hardware.create_device_memory(pool, placed.address, pages, Cache::WriteCombining)?;
        let mapping = Mapping::new(domain, memory, pages, Access::ReadWrite)?;
        Ok(Screen { placed, mapping })
    }

    /// Clears it, for lines of text.
    pub fn page(&self) -> Page<impl Surface> {
        let memory = self.mapping.memory();
        let write = move |offset: usize, bytes: &[u8]| memory.write(offset, bytes);
        Page::new(
            self.placed.geometry,
            Colors::NORMAL,
            Overflow::Restart,
            write,
        )
    }
}
