//! The local APIC: acknowledging interrupts, the timer, and the pins of NMIs.
//!
//! Its registers are a page in memory (xAPIC) or MSRs (x2APIC). A register's number is its offset in the page divided by 16.
//! The number of its MSR is 0x800 higher (Intel SDM volume 3, 11.4 and 11.12).
//!
//! If the processor has the TSC-deadline mode, the timer fires at a value of the clock. Otherwise that value is converted to
//! a timer count by a measured rate.
//!
//! Only one core runs so far. Its APIC's state is in statics, because a handler on its own stack must not use the core's data.

use super::clock::{measure_until_agreed, read_closely, ticks, ticks_per_second, wait_ticks};
use super::cpu::{self, Features};
use super::memory::direct_map;
use crate::arch::PhysAddr;
use crate::arch::rate::Measurement;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use x86_64::VirtAddr;
use x86_64::registers::model_specific::{ApicBase, ApicBaseFlags, Msr};

/// The timer's vector. The vectors above the devices' are the kernel's.
pub(super) const TIMER_VECTOR: u8 = 0xf0;
/// The vector that the NMI handler sends to its own core, to have the NMI logged later.
pub(super) const NMI_NOTICE_VECTOR: u8 = 0xf1;
/// The vector of the APIC's own errors.
const ERROR_VECTOR: u8 = 0xfe;
/// The vector of interrupts that were withdrawn before delivery. They must not be acknowledged.
pub(super) const SPURIOUS_VECTOR: u8 = 0xff;

/// The highest number by which an interrupt controller or a device's message can address one core. The next number addresses
/// every core.
const DESTINATION_MAX: u32 = 0xfe;

/// IA32_TSC_DEADLINE.
const TSC_DEADLINE: u32 = 0x6e0;

/// The tolerance between two measurements of the timer's rate: one part in this many. An error makes interrupts early or late,
/// but does not affect the clock.
const TIMER_AGREEMENT: u64 = 2_000;

/// The first MSR of an x2APIC.
const FIRST_MSR: u32 = 0x800;

/// The registers in use.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Register {
    TaskPriority = 0x08,
    EndOfInterrupt = 0x0b,
    Spurious = 0x0f,
    /// The first of eight: the interrupts in service.
    InService = 0x10,
    ErrorStatus = 0x28,
    LocalMachineCheck = 0x2f,
    Command = 0x30,
    LocalTimer = 0x32,
    LocalThermal = 0x33,
    LocalCounters = 0x34,
    LocalPin0 = 0x35,
    LocalPin1 = 0x36,
    LocalError = 0x37,
    InitialCount = 0x38,
    CurrentCount = 0x39,
    Divide = 0x3e,
    /// Only in an x2APIC.
    SelfCommand = 0x3f,
}

/// Bits of a local interrupt's register.
const MASKED: u32 = 1 << 16;
const DELIVER_NMI: u32 = 0b100 << 8;
const TIMER_BY_DEADLINE: u32 = 0b10 << 17;

/// The virtual address of an xAPIC's registers; 0 for an x2APIC.
static PAGE: AtomicU64 = AtomicU64::new(0);

/// The running core's number on the interrupt bus.
static DESTINATION: AtomicU8 = AtomicU8::new(0);

/// Whether the APIC can interrupt its own core.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Timer counts per tick of the clock, in 2^-32. Zero if the timer takes the clock's own values.
static COUNTS_PER_TICK: AtomicU64 = AtomicU64::new(0);

/// The physical address of an xAPIC's registers; `None` for an x2APIC.
///
/// If CPUID does not report the x2APIC mode, the registers are in memory: firmware cannot have locked the APIC in that mode.
pub(super) fn registers() -> Option<PhysAddr> {
    (!cpu::has(Features::X2APIC)).then(|| ApicBase::read().0.start_address())
}

/// Whether firmware left the APIC in x2APIC mode.
pub(super) fn is_x2apic() -> bool {
    ApicBase::read().1.contains(ApicBaseFlags::X2APIC_ENABLE)
}

/// The number of the running core's APIC before [`initialise`], while the early page tables map the first 4 GiB.
///
/// It is the one in the APIC's register, which firmware may have changed. CPUID has the initial one, and is used only if the register
/// cannot be read.
pub(super) fn early_number() -> u32 {
    const EARLY_LIMIT: u64 = 4 << 30;
    let (page, flags) = ApicBase::read();
    let page = page.start_address();
    if flags.contains(ApicBaseFlags::X2APIC_ENABLE) {
        // SAFETY: the register exists in this mode, and reading it has no effect.
        return unsafe { Msr::new(FIRST_MSR + NUMBER).read() as u32 };
    }
    if !flags.contains(ApicBaseFlags::LAPIC_ENABLE) || page.as_u64() >= EARLY_LIMIT {
        return cpu::initial_apic_id();
    }
    let page = direct_map(page).addr() as u64;
    // SAFETY: the early tables map the page of registers here, and reading one has no effect.
    let register = unsafe { register_in(page, NUMBER).read_volatile() };
    register >> NUMBER_SHIFT
}

/// The registers and the mode of the timer, for the log.
pub(super) fn description() -> [&'static str; 2] {
    let registers = match cpu::has(Features::X2APIC) {
        true => "x2APIC",
        false => "xAPIC",
    };
    let timer = match cpu::has(Features::TSC_DEADLINE) {
        true => "by deadline",
        false => "by count",
    };
    [registers, timer]
}

/// Initialises the running core's APIC, whatever its state is. Afterwards it is enabled, the timer is disarmed, and no
/// interrupt is in service. Every local interrupt is masked except the APIC's errors and the NMIs at these pins. `page` is
/// the virtual address of its registers, if they are in memory.
///
/// The APIC is enabled first, because the local interrupts of a disabled one cannot be unmasked.
///
/// # Panics
/// If no interrupt controller can address this core.
pub(super) fn initialise(page: Option<VirtAddr>, nmi_pins: [bool; 2]) {
    PAGE.store(page.map_or(0, VirtAddr::as_u64), Ordering::Relaxed);
    switch_on(page.is_none());
    let number = match page {
        Some(_) => read_number(NUMBER) >> NUMBER_SHIFT,
        None => read_number(NUMBER),
    };
    assert!(
        number <= DESTINATION_MAX,
        "the boot core's APIC has number {number}: without interrupt remapping no device can interrupt it"
    );
    // It fits: it is at most `DESTINATION_MAX`.
    DESTINATION.store(number as u8, Ordering::Relaxed);
    mask_local_interrupts();
    const ENABLED: u32 = 1 << 8;
    write(Register::Spurious, ENABLED | u32::from(SPURIOUS_VECTOR));
    write(Register::TaskPriority, 0);
    end_interrupts_in_service();
    write(Register::LocalError, ERROR_VECTOR.into());
    // The write makes the errors since the previous write readable, and clears them.
    write(Register::ErrorStatus, 0);
    for (pin, has_nmi) in [Register::LocalPin0, Register::LocalPin1]
        .into_iter()
        .zip(nmi_pins)
    {
        if has_nmi {
            write(pin, DELIVER_NMI);
        }
    }
    start_timer();
    STARTED.store(true, Ordering::Relaxed);
}

/// Switches the APIC on if firmware left it off, and to x2APIC mode, which can only be entered from xAPIC mode.
fn switch_on(is_x2apic: bool) {
    let (base, mut flags) = ApicBase::read();
    flags |= ApicBaseFlags::LAPIC_ENABLE;
    // SAFETY: the registers stay where they were, and interrupts are off.
    unsafe { ApicBase::write(base, flags) };
    if is_x2apic {
        flags |= ApicBaseFlags::X2APIC_ENABLE;
        // SAFETY: the processor has the mode, and all accesses from now on are by MSR.
        unsafe { ApicBase::write(base, flags) };
    }
}

/// Masks all local interrupts that this APIC has. The legacy controllers, at LINT0, are masked too.
fn mask_local_interrupts() {
    let last = read_number(VERSION) >> 16 & 0xff;
    for (register, number) in [
        (Register::LocalTimer, 0),
        (Register::LocalPin0, 1),
        (Register::LocalPin1, 2),
        (Register::LocalError, 3),
        (Register::LocalCounters, 4),
        (Register::LocalThermal, 5),
        (Register::LocalMachineCheck, 6),
    ] {
        if number <= last {
            write(register, MASKED);
        }
    }
}

/// Acknowledges interrupts left in service by a loader or an earlier kernel. Otherwise interrupts of the same or a lower
/// priority class would never be delivered.
fn end_interrupts_in_service() {
    const REGISTERS: u32 = 8;
    let in_service =
        || (0..REGISTERS).any(|index| read_number(Register::InService as u32 + index) != 0);
    for _ in 0..=u8::MAX {
        if !in_service() {
            return;
        }
        end_of_interrupt();
    }
    crate::log!("the local APIC has interrupts in service that cannot be ended");
}

fn start_timer() {
    const DIVIDE_BY_1: u32 = 0b1011;
    let mode = if cpu::has(Features::TSC_DEADLINE) {
        TIMER_BY_DEADLINE
    } else {
        0
    };
    write(Register::Divide, DIVIDE_BY_1);
    write(Register::InitialCount, 0);
    write(Register::LocalTimer, mode | u32::from(TIMER_VECTOR));
    // An xAPIC's registers are in memory: without the fence the write could take effect after the first deadline is set, and
    // that deadline would be lost.
    fence(Ordering::SeqCst);
}

/// Measures the timer against the clock, unless it uses the clock itself.
pub(super) fn calibrate_timer() {
    if cpu::has(Features::TSC_DEADLINE) {
        return;
    }
    let rate = measure_until_agreed(TIMER_AGREEMENT, || Measurement::Rate(measure_timer()));
    write(Register::InitialCount, 0);
    let rate = rate.filter(|&rate| rate != 0);
    COUNTS_PER_TICK.store(
        rate.expect("the local APIC's timer to count"),
        Ordering::Relaxed,
    );
}

/// The timer's counts per tick of the clock in 2^-32, measured over 10 ms.
fn measure_timer() -> u64 {
    write(Register::InitialCount, u32::MAX);
    let count = || read_number(Register::CurrentCount as u32).into();
    let first = read_closely(count);
    wait_ticks(ticks_per_second() / 100);
    let last = read_closely(count);
    let counted = first.value - last.value;
    let elapsed = last.ticks - first.ticks;
    ((u128::from(counted) << 32) / u128::from(elapsed)) as u64
}

/// Arms the timer for one [`Cause::Timer`](crate::arch::Cause::Timer) at this tick, replacing an earlier request. A tick
/// that has passed fires at once; a distant one may fire early.
pub fn arm_timer(deadline_ticks: u64) {
    let rate = COUNTS_PER_TICK.load(Ordering::Relaxed);
    if rate == 0 {
        // Zero would disarm the timer. Like any tick that has passed, tick 0 has to fire at once.
        // SAFETY: the processor has the register, and its interrupt has its gate.
        return unsafe { Msr::new(TSC_DEADLINE).write(deadline_ticks.max(1)) };
    }
    let remaining = deadline_ticks.saturating_sub(ticks());
    let counts = (u128::from(remaining) * u128::from(rate)) >> 32;
    // A tick that has passed results in zero, which would disarm the timer.
    write(
        Register::InitialCount,
        counts.clamp(1, u128::from(u32::MAX)) as u32,
    );
}

/// Acknowledges the interrupt in service.
pub(super) fn end_of_interrupt() {
    write(Register::EndOfInterrupt, 0);
}

/// Interrupts this core with [`NMI_NOTICE_VECTOR`] as soon as interrupts are on. May be called in any state of the kernel;
/// does nothing before the APIC is set up.
pub(super) fn send_nmi_notice() {
    if !STARTED.load(Ordering::Relaxed) {
        return;
    }
    if PAGE.load(Ordering::Relaxed) == 0 {
        return write(Register::SelfCommand, NMI_NOTICE_VECTOR.into());
    }
    const TO_SELF: u32 = 0b01 << 18;
    const ASSERT: u32 = 1 << 14;
    write(
        Register::Command,
        TO_SELF | ASSERT | u32::from(NMI_NOTICE_VECTOR),
    );
}

/// The running core's number on the interrupt bus.
pub(super) fn destination() -> u8 {
    DESTINATION.load(Ordering::Relaxed)
}

/// The register with the APIC's own number, which is in the highest byte of an xAPIC's.
const NUMBER: u32 = 0x02;
const NUMBER_SHIFT: u32 = 24;

/// The number of the version's register.
const VERSION: u32 = 0x03;

fn read_number(number: u32) -> u32 {
    match PAGE.load(Ordering::Relaxed) {
        // SAFETY: the register exists in every APIC, and reading one has no effect.
        0 => unsafe { Msr::new(FIRST_MSR + number).read() as u32 },
        // SAFETY: the boot code mapped the page of registers here, uncached and permanently.
        page => unsafe { register_in(page, number).read_volatile() },
    }
}

fn write(register: Register, value: u32) {
    let number = register as u32;
    match PAGE.load(Ordering::Relaxed) {
        // SAFETY: an x2APIC has all of these registers; every vector that they can raise has its gate.
        0 => unsafe { Msr::new(FIRST_MSR + number).write(value.into()) },
        // SAFETY: as in `read_number`, and every vector that the registers can raise has its gate.
        page => unsafe { register_in(page, number).write_volatile(value) },
    }
}

fn register_in(page: u64, number: u32) -> *mut u32 {
    (page as *mut u8)
        .wrapping_add(number as usize * 16)
        .cast::<u32>()
}
