//! The initial address space of a domain.
//!
//! ```text
//! 4 MiB .. 1 GiB        the program's segments
//! 1 GiB .. 2 GiB        start page, message buffer, clock, stack (below it a hole), port, tunnel, records, device, screen
//! 8 GiB ..              the heap, with its room to grow
//! 16 TiB .. 32 TiB      the domain's own mappings
//! ```
//!
//! Each begins at a multiple of 2 MiB, since each is a Memory of its own. Everything below 2 GiB takes two page directories.

use abi::{MAP_STEP_BYTES, PAGE_BYTES};
use runtime::port::Layout;
use runtime::protocol::Mtu;

/// The number of pages in a MiB.
pub const MIB_PAGES: u64 = (1 << 20) / PAGE_BYTES;

/// The lowest address of a program.
pub const IMAGE_START: u64 = 4 << 20;
/// The end of the range for programs.
pub const IMAGE_END: u64 = 1 << 30;

pub const START_PAGE: u64 = 1 << 30;
/// The first thread's message buffer.
pub const MESSAGE_BUFFER: u64 = START_PAGE + MAP_STEP_BYTES;
pub const CLOCK: u64 = START_PAGE + 2 * MAP_STEP_BYTES;
/// The stack; the 2 MiB below are a hole, so a stack overflow faults.
pub const STACK: u64 = START_PAGE + 4 * MAP_STEP_BYTES;
/// The port's ring, at most 6 MiB.
pub const PORT: u64 = START_PAGE + 8 * MAP_STEP_BYTES;
/// The tunnel's ring.
pub const TUNNEL: u64 = START_PAGE + 11 * MAP_STEP_BYTES;
/// The Memory that outlives the domain.
pub const RECORDS: u64 = START_PAGE + 12 * MAP_STEP_BYTES;
/// A copy of the device's configuration space.
pub const DEVICE_CONFIGURATION: u64 = START_PAGE + 16 * MAP_STEP_BYTES;
/// The device's registers, one region after another.
pub const DEVICE_REGISTERS: u64 = START_PAGE + 32 * MAP_STEP_BYTES;
/// The distance between a device's regions, and so their maximum size.
pub const DEVICE_REGION_BYTES: u64 = 16 * MAP_STEP_BYTES;

/// The screen.
pub const SCREEN: u64 = START_PAGE + 128 * MAP_STEP_BYTES;

pub const HEAP: u64 = 8 << 30;

const _: () = assert!(PORT + Layout::of(Mtu::MAX).pages() * PAGE_BYTES <= TUNNEL);
const _: () = assert!(TUNNEL + Layout::STANDARD.pages() * PAGE_BYTES <= RECORDS);
const _: () = assert!(DEVICE_REGISTERS + 6 * DEVICE_REGION_BYTES <= SCREEN);
const _: () = assert!(SCREEN + framebuffer::BYTES_MAX as u64 <= 2 << 30);
