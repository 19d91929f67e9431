//! A machine in ordinary memory, on which the kernel's logic is tested on the host.
//!
//! Every host thread has its own machine, so that tests run in parallel. [`Machine::new`] makes the machine, and the
//! facade's functions act on it. User code does not run: a test sets a thread's registers, enters the kernel, and inspects
//! the [`Machine`]. [`Machine::access`] accesses memory as user code would, through the kernel's page tables and a TLB.

mod device;
mod machine;
mod memory;
mod registers;
mod tlb;

pub use device::{
    arm_timer, console_is_present, console_put, console_transmitter_is_empty, interrupts, io_read,
    io_write, physical_address_bits, random_seed, reboot, screen_put_line, ticks, ticks_per_second,
};
pub use machine::{Event, Machine, boot_information, with_log};
pub use memory::{
    KERNEL_HALF_ENTRY, activate, activate_kernel, direct_map, flush_all, flush_page,
    install_kernel_half,
};
pub(super) use registers::mxcsr_mask;
pub use registers::{
    load_segment_bases, save_segment_bases, vector_component_offset, vectors_clear, vectors_load,
    vectors_save,
};
pub use tlb::{PageFault, UserAccess, frame_released};
