//! The state of a thread's fake machine, and its interface for tests: [`Machine`].

use super::memory::Arena;
use super::registers::Registers;
use super::tlb::Tlb;
use crate::arch::{BootInformation, CpuInformation, Line, PhysAddr, PhysRange, VectorComponent};
use crate::arch::{IoWidth, Log, VirtAddr};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::vec::Vec;

/// An action of the kernel on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    /// Another root table became active.
    Activate(PhysAddr),
    /// The kernel's own tables became active.
    ActivateKernel,
    /// One page was flushed from the TLB.
    FlushPage(VirtAddr),
    /// The whole TLB was flushed.
    FlushAll,
    /// The timer was armed for this tick.
    ArmTimer(u64),
    /// The vector registers were stored.
    VectorsSave,
    /// The vector registers were loaded, and their use was permitted.
    VectorsLoad,
    /// The vector registers were cleared, and their use was denied.
    VectorsClear,
    /// A port was read.
    IoRead { port: u16, width: IoWidth },
    /// A port was written.
    IoWrite {
        port: u16,
        width: IoWidth,
        value: u32,
    },
    /// A line was routed to a vector.
    RouteLine { line: Line, vector: u8 },
    /// A line was masked.
    MaskLine(u32),
    /// A line was unmasked.
    UnmaskLine(u32),
    /// The machine would have restarted.
    Reboot,
}

/// The whole machine.
pub(super) struct State {
    pub(super) arena: Arena,
    /// The active root table; `None` means the kernel's own.
    pub(super) active: Option<PhysAddr>,
    pub(super) tlb: Tlb,
    pub(super) registers: Registers,
    pub(super) ticks: u64,
    pub(super) ticks_step: u64,
    pub(super) timer: Option<u64>,
    pub(super) seed: u64,
    /// Words that another core writes before its TLB is flushed.
    pub(super) late_stores: Vec<(PhysAddr, u64)>,
    pub(super) console: Vec<u8>,
    /// The lines on the screen.
    pub(super) screen: Vec<String>,
    /// The number of bytes in the console's transmitter; `None` if it sends every byte at once.
    pub(super) transmitter: Option<usize>,
    pub(super) events: Vec<Event>,
    /// The unmasked lines.
    pub(super) open_lines: BTreeSet<u32>,
}

thread_local! {
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
    static LOG: RefCell<Log> = const { RefCell::new(Log::immediate()) };
}

/// Runs `action` on the kernel's log.
pub fn with_log<T>(action: impl FnOnce(&Log) -> T) -> T {
    LOG.with_borrow(action)
}

/// Runs `action` on this thread's machine; makes one of 64 MiB if there is none yet.
pub(super) fn with<T>(action: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(|state| action(state.get_or_insert_with(|| State::new(64))))
}

/// Like [`with`], and records the event.
pub(super) fn record<T>(event: Event, action: impl FnOnce(&mut State) -> T) -> T {
    with(|state| {
        state.events.push(event);
        action(state)
    })
}

impl State {
    fn new(mebibytes: usize) -> Self {
        Self {
            arena: Arena::new(mebibytes << 20),
            active: None,
            tlb: Tlb::default(),
            registers: Registers::new(),
            ticks: 1_000_000,
            ticks_step: 1,
            timer: None,
            seed: 0,
            late_stores: Vec::new(),
            console: Vec::new(),
            screen: Vec::new(),
            transmitter: None,
            events: Vec::new(),
            open_lines: BTreeSet::new(),
        }
    }
}

/// A handle to the fake machine of the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct Machine(());

impl Machine {
    /// A new machine for this thread, replacing the previous one, whose memory is freed.
    pub fn new(mebibytes: usize) -> Self {
        STATE.set(Some(State::new(mebibytes)));
        LOG.set(Log::immediate());
        Self(())
    }

    /// The kernel's actions since the last call, in order.
    pub fn take_events(&self) -> Vec<Event> {
        with(|state| std::mem::take(&mut state.events))
    }

    /// The lines on the screen.
    pub fn screen(&self) -> Vec<String> {
        with(|state| state.screen.clone())
    }

    /// The tick that the timer is armed for.
    pub fn timer(&self) -> Option<u64> {
        with(|state| state.timer)
    }

    /// Disarms the timer, as firing does. Returns the tick that it was armed for.
    pub fn take_timer(&self) -> Option<u64> {
        with(|state| state.timer.take())
    }

    /// Sets the clock.
    pub fn set_ticks(&self, ticks: u64) {
        with(|state| state.ticks = ticks);
    }

    /// Sets the step by which every read advances the clock; initially 1, 0 stops it.
    pub fn set_ticks_step(&self, step: u64) {
        with(|state| state.ticks_step = step);
    }

    /// Sets the seed of the random numbers; initially 0.
    pub fn set_seed(&self, seed: u64) {
        with(|state| state.seed = seed);
    }

    /// Acts as user code on another core that writes a word of physical memory just before the next full flush. The other
    /// core's TLB holds the page as dirty already, so the write sets no dirty bit in a table.
    pub fn store_before_flush(&self, address: PhysAddr, value: u64) {
        with(|state| state.late_stores.push((address, value)));
    }

    /// The unmasked lines of this thread's machine, in order.
    pub fn open_lines() -> Vec<u32> {
        with(|state| state.open_lines.iter().copied().collect())
    }

    /// Masks a level-triggered line, as the entry code does at an interrupt, before it enters the kernel.
    pub fn mask_level_line(&self, gsi: u32) {
        with(|state| state.open_lines.remove(&gsi));
    }

    /// Gives the console a transmitter that keeps its bytes until [`Machine::empty_transmitter`].
    pub fn slow_down_console(&self) {
        with(|state| state.transmitter = Some(0));
    }

    /// Lets the console send every byte at once again.
    pub fn speed_up_console(&self) {
        with(|state| state.transmitter = None);
    }

    /// Lets the console send the bytes in its transmitter; returns their number.
    pub fn empty_transmitter(&self) -> usize {
        with(|state| state.transmitter.as_mut().map_or(0, std::mem::take))
    }

    /// The kernel's output on its console.
    pub fn console(&self) -> String {
        with(|state| String::from_utf8_lossy(&state.console).into_owned())
    }

    /// Removes a component of the vector registers from the processor.
    pub fn remove_vector_component(&self, component: VectorComponent) {
        with(|state| state.registers.remove_component(component));
    }

    /// Acts as user code that sets every byte of XMM0 to 15. Returns `false` if the use of the registers is denied: the thread
    /// would have raised exception 7.
    pub fn use_vectors(&self, byte: u8) -> bool {
        with(|state| state.registers.fill_vectors(byte))
    }

    /// The byte in XMM0 to 15, as user code sees it; `None` if the use of the registers is denied.
    pub fn vectors(&self) -> Option<u8> {
        with(|state| state.registers.vectors())
    }

    /// The byte in XMM0 to 15, even if their use is denied: a vulnerable processor leaks it to user code.
    pub fn live_vectors(&self) -> u8 {
        with(|state| state.registers.live_vectors())
    }

    /// Acts as user code that sets its FS and GS base.
    pub fn set_segment_bases(&self, fs: u64, gs: u64) {
        with(|state| state.registers.segment_bases = (fs, gs));
    }

    /// The FS and GS base that user code sees.
    pub fn segment_bases(&self) -> (u64, u64) {
        with(|state| state.registers.segment_bases)
    }
}

/// The fake machine as the boot code would describe it: the first MiB is reserved, the archive is empty.
pub fn boot_information() -> BootInformation {
    let end = PhysAddr::new(with(|state| state.arena.byte_count()) as u64);
    let mut information = BootInformation {
        cpu: CpuInformation {
            brand: "fake".try_into().unwrap_or_default(),
            ..CpuInformation::default()
        },
        ..BootInformation::default()
    };
    let all = PhysRange::new(PhysAddr::zero(), end);
    let free = PhysRange::new(PhysAddr::new(1 << 20), end);
    // It fits: the list is empty.
    let _ = information.ram.push(all);
    let _ = information.memory.push(free);
    information
}
