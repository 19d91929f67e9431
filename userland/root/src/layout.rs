//! Where what a domain is born with lies in its addresses.
//!
//! ```text
//! 4 MiB .. 1 GiB        the program's segments
//! 1 GiB ..              start page, message buffer, clock, stack (below it a hole), port, devices: a few steps each
//! 8 GiB ..              the heap
//! 16 TiB .. 32 TiB      what the domain maps itself
//! ```
//!
//! Each begins at a 2 MiB step, since each is a Memory of its own. Everything but the heap shares two tables.

use abi::MAP_STEP_BYTES;

/// Where programs may begin.
pub const IMAGE_START: u64 = 4 << 20;
/// Where they must have ended.
pub const IMAGE_END: u64 = 1 << 30;

/// The start page.
pub const START_PAGE: u64 = 1 << 30;
/// The first thread's message buffer.
pub const MESSAGE_BUFFER: u64 = START_PAGE + MAP_STEP_BYTES;
/// The clock page.
pub const CLOCK: u64 = START_PAGE + 2 * MAP_STEP_BYTES;
/// The stack; the step below is a hole, so that a stack that overflows faults.
pub const STACK: u64 = START_PAGE + 4 * MAP_STEP_BYTES;
/// The port's ring.
pub const PORT: u64 = START_PAGE + 8 * MAP_STEP_BYTES;
/// The tunnel's ring.
pub const TUNNEL: u64 = START_PAGE + 10 * MAP_STEP_BYTES;
/// The records that outlive the domain.
pub const RECORDS: u64 = START_PAGE + 12 * MAP_STEP_BYTES;
/// What is known of the device's configuration.
pub const DEVICE_CONFIGURATION: u64 = START_PAGE + 16 * MAP_STEP_BYTES;
/// The device's registers: each region has this many bytes of addresses.
pub const DEVICE_REGISTERS: u64 = START_PAGE + 32 * MAP_STEP_BYTES;
/// How far apart a device's regions are, and so how large one can be.
pub const DEVICE_REGION_BYTES: u64 = 16 * MAP_STEP_BYTES;

/// The heap.
pub const HEAP: u64 = 8 << 30;

const _: () = assert!(DEVICE_REGISTERS + 6 * DEVICE_REGION_BYTES <= 2 << 30);
