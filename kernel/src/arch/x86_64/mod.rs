//! The real machine: an x86-64 processor with a local APIC, started by PVH or multiboot2.
//!
//! `boot` brings it up, once. After that `entry` leads from user mode into the kernel and back. The other files implement the
//! facade, one per device or kind of register. Data that differs between cores is in [`core_local::Core`].

mod apic;
mod boot;
mod clock;
mod core_local;
mod cpu;
mod descriptors;
mod entry;
mod hpet;
pub mod interrupts;
mod memory;
mod nmi;
mod panic;
mod pit;
mod port;
mod random;
mod reboot;
mod screen;
mod segments;
mod serial;
mod vector_registers;
mod vulnerabilities;

pub use apic::arm_timer;
pub use clock::{ticks, ticks_per_second};
pub use cpu::physical_address_bits;
pub use memory::{
    activate, activate_kernel, direct_map, flush_all, flush_page, frame_released,
    install_kernel_half,
};
pub use panic::panic;
pub use port::{io_read, io_write};
pub use random::random_seed;
pub use reboot::reboot;
pub use screen::screen_put_line;
pub use segments::{load_segment_bases, save_segment_bases};
pub use serial::{console_is_present, console_put, console_transmitter_is_empty, with_log};
pub(super) use vector_registers::mxcsr_mask;
pub use vector_registers::{vector_component_offset, vectors_clear, vectors_load, vectors_save};
