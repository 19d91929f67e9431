//! The interface between the machine and the rest of the kernel, in both directions.
//!
//! One facade has two implementations with the same items. `x86_64` is the real machine. `fake` is made of ordinary memory,
//! so that the kernel's logic can be tested on the host. The rest of the kernel uses only the items listed here.
//!
//! *Up*: the machine calls [`crate::start`] once and [`crate::enter`] for every system call, exception and interrupt. Both
//! run with interrupts off, from the top of the core's one kernel stack. Both return a [`Resume`], which names the next
//! thing to run. *Down*: the functions below.
//!
//! Invariant: when `enter` is called, all registers of the thread that ran last are in its [`UserContext`], except the
//! segment bases and the vector registers. The kernel saves these when it switches threads (see [`save_segment_bases`] and
//! [`vectors_save`]).

#![allow(unsafe_code)]

#[cfg(any(target_os = "none", test))]
mod acpi;
mod boot_information;
mod cause;
mod context;
#[cfg(any(target_os = "none", test))]
mod draw;
#[cfg(any(target_os = "none", test))]
mod framebuffer_tag;
#[cfg(any(target_os = "none", test))]
mod io_apics;
#[cfg(any(target_os = "none", test))]
mod level_lines;
mod line;
mod log;
#[cfg(any(target_os = "none", test))]
mod options;
#[cfg(any(target_os = "none", test))]
mod ranges;
#[cfg(any(target_os = "none", test))]
mod rate;
#[cfg(any(target_os = "none", test))]
mod refusal;
#[cfg(any(target_os = "none", test))]
mod reset;
#[cfg(any(target_os = "none", test))]
mod symbols;
mod vector;

pub use boot_information::{
    BootInformation, COMMAND_LINE_BYTES_MAX, CpuInformation, Framebuffer, PhysRange,
    PlatformInformation, RANGES_MAX, Words,
};
pub use cause::{Cause, Resume};
pub use context::{NotCanonical, UserContext};
pub use line::{Line, NoSuchLine, Polarity, Trigger};
pub use log::{Log, TRANSMITTER_BYTES};
pub use vector::{VectorComponent, VectorError, VectorState};

#[cfg(not(target_os = "none"))]
pub mod fake;
#[cfg(not(target_os = "none"))]
use fake as machine;

#[cfg(target_os = "none")]
mod x86_64;
#[cfg(target_os = "none")]
use self::x86_64 as machine;
#[cfg(target_os = "none")]
pub use self::x86_64::panic;

pub use ::x86_64::{PhysAddr, VirtAddr};
pub use machine::interrupts;
pub use machine::{
    activate, activate_kernel, arm_timer, console_is_present, console_put,
    console_transmitter_is_empty, direct_map, flush_all, flush_page, frame_released,
    install_kernel_half, io_read, io_write, load_segment_bases, physical_address_bits, random_seed,
    reboot, save_segment_bases, screen_put_line, ticks, ticks_per_second, vector_component_offset,
    vectors_clear, vectors_load, vectors_save, with_log,
};

/// The width of one access to an I/O port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoWidth {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Word,
    /// 32 bits.
    Long,
}

/// The vectors of device interrupts, both of lines and of messages.
pub const DEVICE_VECTORS: core::ops::RangeInclusive<u8> = 0x30..=0xef;

/// The console's data port, which user mode may write too.
pub const CONSOLE_PORT: u16 = 0x3f8;

/// The port of QEMU's exit device.
pub const EXIT_PORT: u16 = 0xf4;

/// Writes one line of the kernel's log: `caravan: ` and the formatted message.
#[macro_export]
macro_rules! log {
    ($($message:tt)*) => {{
        $crate::arch::with_log(|log| {
            log.write_line(format_args!("caravan: {}", format_args!($($message)*)));
        });
    }};
}
