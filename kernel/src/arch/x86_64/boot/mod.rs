//! From the loader to the kernel.
//!
//! QEMU (PVH) or GRUB (multiboot2) enters `entry.S` in 32-bit mode. `entry.S` builds early page tables that map the first 4
//! GiB, and jumps to [`boot_entered`] in the kernel's half. [`boot_entered`] lists the phases of the boot in their order.
//!
//! Invariant: the early tables are in use until `Tables::activate` replaces them with the kernel's own. From then on the lower
//! half is not mapped.

mod firmware;
mod handover;
mod multiboot;
mod pvh;
mod tables;

use super::memory::direct_map;
use super::{
    apic, clock, core_local, cpu, descriptors, entry, interrupts, panic, screen, serial,
    vector_registers,
};
use crate::arch::options::{self, Options};
use crate::arch::{
    BootInformation, Framebuffer, Log, PhysAddr, PlatformInformation, Words, with_log,
};
use crate::log;
use core::arch::global_asm;
use core::mem::size_of_val;
use core_local::STACK;
use firmware::Platform;
use handover::{EARLY_LIMIT, Handover};
use tables::Tables;

/// The loader's protocol, as passed by `entry.S`.
const PROTOCOL_PVH: u32 = 0;
/// See [`PROTOCOL_PVH`].
const PROTOCOL_MULTIBOOT2: u32 = 1;

/// Printed if the processor has no execution protection for pages.
const NO_EXECUTE_DISABLE: &str =
    "this processor does not offer no-execute (NX, XD): enable it in the firmware's setup";

global_asm!(include_str!("entry.S"),
    multiboot2_header_magic = const 0xe852_50d6_u32,
    multiboot2_magic = const 0x36d7_6289_u32,
    protocol_pvh = const PROTOCOL_PVH,
    protocol_multiboot2 = const PROTOCOL_MULTIBOOT2,
    stack = sym STACK,
    stack_bytes = const size_of_val(&STACK),
    boot_entered = sym boot_entered,
);

/// Brings the machine up, phase by phase, and starts the kernel. The loader entered `entry.S` at `entered_ticks`.
extern "C" fn boot_entered(loader_information: u32, protocol: u32, entered_ticks: u64) -> ! {
    let core = core_local::initialise();
    serial::initialise();
    let framebuffer = open_screen(loader_information, protocol);
    if !cpu::has_no_execute() {
        panic::refuse(NO_EXECUTE_DISABLE);
    }
    descriptors::initialise(core);
    let information = leave_early_tables(loader_information, protocol, framebuffer);
    vector_registers::initialise();
    cpu::initialise_system_calls(&core.descriptors.get().expect("made above").selectors);
    print(&information);
    let next = crate::start(&information);
    let (booted, waited) = (clock::ticks() - entered_ticks, clock::waited_ticks());
    log!("{booted} ticks from the loader to user mode, {waited} of them waiting for clocks");
    with_log(Log::become_buffered);
    entry::leave(next)
}

/// Reads the loader's data, initialises the processor according to the options on the command line, switches to the kernel's
/// own page tables, and starts the devices that these map.
///
/// This is a separate function, so that its stack frame is freed before the kernel starts.
#[inline(never)]
fn leave_early_tables(
    loader_information: u32,
    protocol: u32,
    framebuffer: Option<Framebuffer>,
) -> BootInformation {
    let mut handover = read_handover(loader_information, protocol);
    handover.framebuffer = framebuffer;
    options::set(Options::parse(&handover.command_line));
    cpu::initialise();
    let platform = Platform::find(&handover);
    let mut tables = Tables::new(&mut handover);
    let devices = platform.map(&mut tables);
    let screen = framebuffer.map(|it| (it, tables.map_framebuffer(it.range()).as_mut_ptr()));
    tables.activate();
    if let Some((framebuffer, start)) = screen {
        screen::open(framebuffer, start);
    }
    let platform = start_devices(&platform, &devices);
    handover.into_information(cpu::describe(), platform)
}

/// Finds the loader's framebuffer, and opens the screen if the early tables map it.
#[inline(never)]
fn open_screen(loader_information: u32, protocol: u32) -> Option<Framebuffer> {
    if protocol != PROTOCOL_MULTIBOOT2 {
        return None;
    }
    let framebuffer = multiboot::framebuffer(PhysAddr::new(loader_information.into()))?;
    if framebuffer.range().end <= EARLY_LIMIT {
        screen::open(framebuffer, direct_map(framebuffer.address));
    }
    Some(framebuffer)
}

fn read_handover(loader_information: u32, protocol: u32) -> Handover {
    let address = PhysAddr::new(loader_information.into());
    let mut handover = match protocol {
        PROTOCOL_PVH => pvh::read(address),
        _ => multiboot::read(address),
    };
    handover.reserve();
    handover
}

/// Starts the interrupt controllers, then the clock, then the timer, whose rate is measured by the clock.
fn start_devices(platform: &Platform, devices: &firmware::Devices) -> PlatformInformation {
    platform.start(devices);
    let clock_source = clock::waiting(|| clock::initialise(devices.hpet));
    clock::waiting(apic::calibrate_timer);
    let [local_apic, timer] = apic::description();
    PlatformInformation {
        cores: platform.madt.cores,
        interrupt_lines: interrupts::line_count(),
        clock_khz: clock::ticks_per_second() / 1000,
        clock_source,
        local_apic,
        timer,
    }
}

fn print(information: &BootInformation) {
    let cpu = &information.cpu;
    if options::get().safe {
        log!("a safe start: features of the processor for speed or defence in depth are not used");
    }
    log!("{}", information.platform);
    log!("{}: {}", cpu.brand, Words(&cpu.features));
    log!("processor vulnerabilities: {}", Words(&cpu.vulnerabilities));
    let bytes: u64 = information
        .memory
        .iter()
        .map(|range| range.byte_count())
        .sum();
    let archive = information.archive.byte_count();
    log!(
        "{} MiB of memory are free, the archive has {archive} bytes",
        bytes >> 20
    );
}
