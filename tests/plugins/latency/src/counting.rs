//! QEMU's callbacks: QEMU counts the kernel's instructions, and calls the plugin at those that begin or end an entry.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Mutex;

use crate::entries::{Cause, Entries};
use crate::instruction::Instruction;
use crate::qemu::{self, Block, Counter, PluginId, Registers};
use crate::total;

/// The one virtual processor.
const PROCESSOR: u32 = 0;

/// The number of first instructions of an entry among which is the one that shows its cause.
const BEGINNING: u64 = 3;

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// The state shared by the callbacks.
struct State {
    out: String,
    counter: Counter,
    /// RAX and RDI: the number of a call and its first argument.
    call: Registers<2>,
    /// EFLAGS.
    flags: Registers<1>,
    entries: Entries,
}

fn with_state(action: impl FnOnce(&mut State)) {
    let mut state = STATE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(state) = state.as_mut() {
        action(state);
    }
}

/// The version of the interface that the plugin uses.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = qemu::VERSION;

/// Called by QEMU with the plugin's arguments.
///
/// # Safety
/// `arguments` points to `count` strings that end with zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: PluginId,
    _: *const c_void,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    // SAFETY: the caller guarantees it.
    let arguments = unsafe { qemu::strings(count, arguments) };
    let find = |prefix: &str| arguments.iter().find_map(|text| text.strip_prefix(prefix));
    match (find("out="), find("total=")) {
        (Some(out), None) => count_entries(id, out),
        (None, Some(socket)) => match total::count(id, socket) {
            Ok(()) => 0,
            Err(error) => refuse(&format!("{socket}: {error}")),
        },
        _ => refuse("either out=FILE or total=SOCKET is needed"),
    }
}

/// Reports an error; returns the value with which QEMU does not start.
fn refuse(reason: &str) -> c_int {
    eprintln!("latency-plugin: {reason}");
    -1
}

/// Begins to count the instructions of entries into the kernel.
fn count_entries(id: PluginId, out: &str) -> c_int {
    let state = State {
        out: out.to_owned(),
        counter: Counter::new(),
        call: Registers::default(),
        flags: Registers::default(),
        entries: Entries::default(),
    };
    *STATE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(state);
    qemu::register_blocks(id, block_translated);
    qemu::register_lifetime(id, processor_starts, machine_ends);
    0
}

extern "C" fn processor_starts(_: PluginId, _: u32) {
    with_state(|state| {
        state.call = Registers::find(["rax", "rdi"]);
        state.flags = Registers::find(["eflags"]);
    });
}

extern "C" fn block_translated(_: PluginId, block: *mut Block) {
    with_state(|state| {
        for instruction in qemu::instructions(block) {
            let bytes = instruction.bytes();
            match Instruction::of(instruction.address(), &bytes) {
                Instruction::User => {}
                Instruction::Leave => instruction.call(kernel_left, 0),
                Instruction::Repeated => instruction.count_stores(&state.counter),
                Instruction::SwapGs => {
                    instruction.count(&state.counter);
                    instruction.call(gs_swapped, 0);
                }
                Instruction::Push(value) => {
                    instruction.count(&state.counter);
                    instruction.call(pushed, value);
                }
                Instruction::Other => instruction.count(&state.counter),
            }
        }
    });
}

/// Called before the instruction that leaves the kernel and enables interrupts.
extern "C" fn kernel_left(_: u32, _: *mut c_void) {
    with_state(|state| {
        let count = state.counter.take(PROCESSOR);
        if count > 0 {
            let [flags] = state.flags.read();
            state.entries.end(count, flags);
        }
    });
}

/// Called at SWAPGS: the first instruction of a system call, or one in a later part of an entry.
extern "C" fn gs_swapped(_: u32, _: *mut c_void) {
    with_state(|state| {
        if state.counter.get(PROCESSOR) < BEGINNING {
            let [rax, rdi] = state.call.read();
            state.entries.begin(Cause::Call(rax), rdi);
        }
    });
}

/// Called with the vector of an interrupt or exception, or with any constant that a later part of an entry pushes.
extern "C" fn pushed(_: u32, value: *mut c_void) {
    with_state(|state| {
        if state.counter.get(PROCESSOR) <= BEGINNING {
            state.entries.begin(Cause::Vector(value as u64), 0);
        }
    });
}

extern "C" fn machine_ends(_: PluginId, _: *mut c_void) {
    with_state(|state| {
        if let Err(error) = std::fs::write(&state.out, state.entries.to_string()) {
            eprintln!("latency-plugin: {}: {error}", state.out);
        }
    });
}
