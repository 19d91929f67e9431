//! The local APIC: acknowledging interrupts, and the timer.
//!
//! The timer fires at a value of the clock where the processor has that (TSC-deadline); else the clock's value is
//! converted to a count, by a rate that was measured.

use super::clock::{measure_until_agreed, read_closely, ticks, ticks_per_second, wait_ticks};
use super::core_local::Core;
use super::cpu::{self, Features};
use core::sync::atomic::{AtomicU64, Ordering};
use x2apic::lapic::{LocalApic, LocalApicBuilder, TimerDivide, TimerMode};
use x86_64::VirtAddr;
use x86_64::registers::model_specific::Msr;

/// The timer's vector. Those above the devices' are the kernel's.
pub(super) const TIMER_VECTOR: u8 = 0xf0;
/// The vector of the APIC's own errors.
const ERROR_VECTOR: u8 = 0xfe;
/// The vector of interrupts that went away before they were delivered. They must not be acknowledged.
pub(super) const SPURIOUS_VECTOR: u8 = 0xff;

/// IA32_TSC_DEADLINE.
const TSC_DEADLINE: u32 = 0x6e0;

/// Counts of the timer for each tick of the clock, in 2^-32. Zero where the timer takes the clock's own values.
static COUNTS_PER_TICK: AtomicU64 = AtomicU64::new(0);

/// Enables the running core's APIC, with the timer disarmed. `registers` is where its page is mapped, if it has one.
pub(super) fn initialise(registers: Option<VirtAddr>) {
    let mut builder = LocalApicBuilder::new();
    builder
        .timer_vector(TIMER_VECTOR.into())
        .error_vector(ERROR_VECTOR.into())
        .spurious_vector(SPURIOUS_VECTOR.into())
        .timer_mode(timer_mode())
        .timer_divide(TimerDivide::Div1)
        .timer_initial(0);
    if let Some(registers) = registers {
        builder.set_xapic_base(registers.as_u64());
    }
    let mut apic = builder.build().expect("x2APIC, or the page of an xAPIC");
    // SAFETY: interrupts are off, and every vector that can be raised has its gate.
    unsafe { apic.enable() };
    *Core::this().local_apic.borrow_mut() = Some(apic);
}

/// Measures the timer against the clock, where it counts for itself.
pub(super) fn calibrate_timer() {
    if cpu::has(Features::TSC_DEADLINE) {
        return;
    }
    let rate = measure_until_agreed(|| Some(measure_timer()));
    set_count(0);
    let rate = rate.filter(|&rate| rate != 0);
    COUNTS_PER_TICK.store(
        rate.expect("the local APIC's timer to count"),
        Ordering::Relaxed,
    );
}

/// The timer's counts for each tick of the clock in 2^-32, measured over 10 ms.
fn measure_timer() -> u64 {
    set_count(u32::MAX);
    let first = read_closely(|| count().into());
    wait_ticks(ticks_per_second() / 100);
    let last = read_closely(|| count().into());
    let counted = first.value - last.value;
    let elapsed = last.ticks - first.ticks;
    ((u128::from(counted) << 32) / u128::from(elapsed)) as u64
}

/// Asks for one [`Cause::Timer`](crate::arch::Cause::Timer) at this tick, in place of what was asked for before. A tick
/// that has passed fires at once; one that is far away may fire early.
pub fn arm_timer(deadline_ticks: u64) {
    let rate = COUNTS_PER_TICK.load(Ordering::Relaxed);
    if rate == 0 {
        // Zero would disarm it.
        return set_deadline(deadline_ticks.max(1));
    }
    let remaining = deadline_ticks.saturating_sub(ticks());
    let counts = (u128::from(remaining) * u128::from(rate)) >> 32;
    set_count(counts.clamp(1, u128::from(u32::MAX)) as u32);
}

/// Acknowledges the interrupt that is being handled.
pub(super) fn end_of_interrupt() {
    // SAFETY: the entry code calls it once for each interrupt that wants it.
    with(|apic| unsafe { apic.end_of_interrupt() });
}

/// The running core's number on the interrupt bus.
pub(super) fn identifier() -> u8 {
    (cpu::leaf(1, 0).ebx >> 24) as u8
}

fn timer_mode() -> TimerMode {
    if cpu::has(Features::TSC_DEADLINE) {
        TimerMode::TscDeadline
    } else {
        TimerMode::OneShot
    }
}

fn set_deadline(ticks: u64) {
    // SAFETY: the processor has the register, and its interrupt has its gate.
    unsafe { Msr::new(TSC_DEADLINE).write(ticks) }
}

fn set_count(count: u32) {
    // SAFETY: the timer's interrupt has its gate.
    with(|apic| unsafe { apic.set_timer_initial(count) });
}

fn count() -> u32 {
    // SAFETY: reading the count has no effect.
    with(|apic| unsafe { apic.timer_current() })
}

fn with<T>(action: impl FnOnce(&mut LocalApic) -> T) -> T {
    let mut apic = Core::this().local_apic.borrow_mut();
    action(apic.as_mut().expect("interrupts are on only after boot"))
}
