//! The screen: the framebuffer that the kernel found, for the domain that shows the log on it.
//!
//! The kernel's argument `framebuffer` has its address and its geometry. Root itself draws only in [`crate::console::write_out`].

use core::str::FromStr;

use abi::register::{Access, PageCount};
use abi::start_page::root_slots;
use abi::{Error, PAGE_BYTES};
use framebuffer::{Colors, Geometry, Overflow, Page, Surface};
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

/// The kernel's description of a framebuffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Description {
    address: u64,
    geometry: Geometry,
}

impl FromStr for Description {
    type Err = ();

    fn from_str(text: &str) -> Result<Description, ()> {
        let (address, geometry) = text.split_once(' ').ok_or(())?;
        let address = address.strip_prefix("0x").ok_or(())?;
        Ok(Description {
            address: u64::from_str_radix(address, 16).map_err(drop)?,
            geometry: geometry.parse().map_err(drop)?,
        })
    }
}

impl Description {
    fn pages(&self) -> PageCount {
        PageCount((self.geometry.bytes() as u64).div_ceil(PAGE_BYTES))
    }
}

/// Creates the screen's Memory, if the kernel found a framebuffer.
pub fn open(start: &Start, hardware: Cap<Hardware>, pool: Cap<Pool>) {
    let description = start.argument("framebuffer").map(Description::from_str);
    let Some(Ok(description)) = description else {
        return;
    };
    match create(&description, hardware, pool) {
        Ok(screen) => *SCREEN.lock() = Some(screen),
        Err(error) => log::warn!("the screen is not used: {error}"),
    }
}

fn create(from: &Description, hardware: Cap<Hardware>, pool: Cap<Pool>) -> Result<Screen, Error> {
    let pages = from.pages();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_description() {
        let text = "0xfd000000 1280x800 5120 32 16:8 8:8 0:8";
        let description: Description = text.parse().expect("a description");
        assert_eq!(description.address, 0xfd00_0000);
        assert_eq!(description.pages(), PageCount(1000));
        for text in [
            "",
            "0xfd000000",
            "fd000000 80x25 160 text",
            "0xfd000000 80x25 159 text",
        ] {
            assert_eq!(text.parse::<Description>(), Err(()), "{text}");
        }
    }
}
