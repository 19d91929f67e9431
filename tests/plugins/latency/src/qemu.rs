//! The part of QEMU's plugin interface that is used here, of its version 4 (QEMU 9.2 and later).
//!
//! The declarations are those of `qemu-plugin.h`, for which Debian has no package.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

/// The version of the interface.
pub const VERSION: c_int = 4;

/// QEMU's name for this plugin.
pub type PluginId = u64;

/// The longest instruction of x86.
const INSTRUCTION_BYTES_MAX: usize = 15;

/// `QEMU_PLUGIN_CB_R_REGS`: a callback that reads registers.
const READS_REGISTERS: c_int = 1;
/// `QEMU_PLUGIN_INLINE_ADD_U64`.
const ADD: c_int = 0;
/// `QEMU_PLUGIN_MEM_W`.
const STORES: c_int = 2;

/// QEMU's translated block of instructions.
#[repr(C)]
pub struct Block {
    opaque: [u8; 0],
}

#[repr(C)]
struct RawInstruction {
    opaque: [u8; 0],
}

#[repr(C)]
struct Scoreboard {
    opaque: [u8; 0],
}

/// `qemu_plugin_u64`: a number per virtual processor.
#[repr(C)]
#[derive(Clone, Copy)]
struct Number {
    scoreboard: *mut Scoreboard,
    offset: usize,
}

/// GLib's `GArray` and `GByteArray`.
#[repr(C)]
struct Array<T> {
    data: *mut T,
    length: c_uint,
}

/// `qemu_plugin_reg_descriptor`.
#[repr(C)]
struct RegisterDescriptor {
    handle: *mut c_void,
    name: *const c_char,
    feature: *const c_char,
}

type ProcessorCallback = extern "C" fn(PluginId, u32);
type BlockCallback = extern "C" fn(PluginId, *mut Block);
type EndCallback = extern "C" fn(PluginId, *mut c_void);
type InstructionCallback = extern "C" fn(u32, *mut c_void);

unsafe extern "C" {
    fn qemu_plugin_register_vcpu_init_cb(id: PluginId, callback: ProcessorCallback);
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: PluginId, callback: BlockCallback);
    fn qemu_plugin_register_atexit_cb(id: PluginId, callback: EndCallback, data: *mut c_void);
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut RawInstruction,
        callback: InstructionCallback,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        instruction: *mut RawInstruction,
        operation: c_int,
        number: Number,
        operand: u64,
    );
    fn qemu_plugin_register_vcpu_mem_inline_per_vcpu(
        instruction: *mut RawInstruction,
        accesses: c_int,
        operation: c_int,
        number: Number,
        operand: u64,
    );
    fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut RawInstruction;
    fn qemu_plugin_insn_data(
        instruction: *const RawInstruction,
        to: *mut c_void,
        length: usize,
    ) -> usize;
    fn qemu_plugin_insn_vaddr(instruction: *const RawInstruction) -> u64;
    fn qemu_plugin_scoreboard_new(bytes: usize) -> *mut Scoreboard;
    fn qemu_plugin_u64_get(number: Number, processor: c_uint) -> u64;
    fn qemu_plugin_u64_set(number: Number, processor: c_uint, value: u64);
    fn qemu_plugin_u64_sum(number: Number) -> u64;
    fn qemu_plugin_get_registers() -> *mut Array<RegisterDescriptor>;
    fn qemu_plugin_read_register(handle: *mut c_void, to: *mut Array<u8>) -> c_int;
    fn g_byte_array_new() -> *mut Array<u8>;
    fn g_byte_array_set_size(array: *mut Array<u8>, length: c_uint) -> *mut Array<u8>;
}

/// Registers a callback for each translated block.
pub fn register_blocks(id: PluginId, block_translated: BlockCallback) {
    // SAFETY: QEMU gave the identity, and the callback is of the type that it calls.
    unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated) }
}

/// Registers callbacks for the start of a processor, and for QEMU's end.
pub fn register_lifetime(
    id: PluginId,
    processor_starts: ProcessorCallback,
    machine_ends: EndCallback,
) {
    // SAFETY: QEMU gave the identity, and the callbacks are of the types that it calls.
    unsafe {
        qemu_plugin_register_vcpu_init_cb(id, processor_starts);
        qemu_plugin_register_atexit_cb(id, machine_ends, ptr::null_mut());
    }
}

/// The strings of an argument vector.
///
/// # Safety
/// `first` points to `count` strings that end with zero.
pub unsafe fn strings(count: c_int, first: *const *const c_char) -> Vec<String> {
    let count = usize::try_from(count).unwrap_or(0);
    (0..count)
        .map(|index| {
            // SAFETY: the caller guarantees it.
            let text = unsafe { CStr::from_ptr(*first.add(index)) };
            text.to_string_lossy().into_owned()
        })
        .collect()
}

/// The instructions of a block, which QEMU is translating.
pub fn instructions(block: *mut Block) -> impl Iterator<Item = GuestInstruction> {
    // SAFETY: QEMU calls with a block that lives as long as the callback runs, as does the iterator.
    let count = unsafe { qemu_plugin_tb_n_insns(block) };
    (0..count).map(move |index| {
        // SAFETY: as above; the index is below the count.
        GuestInstruction(unsafe { qemu_plugin_tb_get_insn(block, index) })
    })
}

/// An instruction of the guest that is being translated.
pub struct GuestInstruction(*mut RawInstruction);

impl GuestInstruction {
    /// Its virtual address.
    pub fn address(&self) -> u64 {
        // SAFETY: it lives as long as its block.
        unsafe { qemu_plugin_insn_vaddr(self.0) }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; INSTRUCTION_BYTES_MAX];
        // SAFETY: it lives as long as its block, and the buffer has the given length.
        let count =
            unsafe { qemu_plugin_insn_data(self.0, bytes.as_mut_ptr().cast(), bytes.len()) };
        bytes.truncate(count);
        bytes
    }

    /// Registers a callback for each execution, which gets a number.
    pub fn call(&self, callback: InstructionCallback, number: u64) {
        let data = ptr::without_provenance_mut(number as usize);
        // SAFETY: it lives as long as its block; the callback does not use the data as a pointer.
        unsafe { qemu_plugin_register_vcpu_insn_exec_cb(self.0, callback, READS_REGISTERS, data) }
    }

    /// Counts each execution.
    pub fn count(&self, counter: &Counter) {
        // SAFETY: it lives as long as its block, and the counter for ever.
        unsafe { qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(self.0, ADD, counter.0, 1) }
    }

    /// Counts each of its stores.
    pub fn count_stores(&self, counter: &Counter) {
        // SAFETY: it lives as long as its block, and the counter for ever.
        unsafe { qemu_plugin_register_vcpu_mem_inline_per_vcpu(self.0, STORES, ADD, counter.0, 1) }
    }
}

/// A number that the guest's instructions increment.
pub struct Counter(Number);

// SAFETY: QEMU keeps a number per processor. Only a callback of that processor sets it, and any thread may read the sum, which
// may then miss what the processor is just adding.
unsafe impl Send for Counter {}

impl Counter {
    /// A counter, which lives for ever.
    pub fn new() -> Counter {
        // SAFETY: a scoreboard of any size can be made at any time.
        let scoreboard = unsafe { qemu_plugin_scoreboard_new(size_of::<u64>()) };
        Counter(Number {
            scoreboard,
            offset: 0,
        })
    }

    /// The sum of its values on all processors.
    pub fn sum(&self) -> u64 {
        // SAFETY: the scoreboard lives for ever.
        unsafe { qemu_plugin_u64_sum(self.0) }
    }

    /// Its value on a processor.
    pub fn get(&self, processor: u32) -> u64 {
        // SAFETY: the scoreboard lives for ever.
        unsafe { qemu_plugin_u64_get(self.0, processor) }
    }

    /// Its value on a processor, which is reset to zero.
    pub fn take(&self, processor: u32) -> u64 {
        let value = self.get(processor);
        // SAFETY: the scoreboard lives for ever.
        unsafe { qemu_plugin_u64_set(self.0, processor, 0) };
        value
    }
}

/// Some of a processor's registers, once they are found.
pub struct Registers<const COUNT: usize> {
    found: Option<Found<COUNT>>,
}

struct Found<const COUNT: usize> {
    handles: [*mut c_void; COUNT],
    buffer: *mut Array<u8>,
}

// SAFETY: the handles are numbers, and the buffer is used under the lock of the plugin's state.
unsafe impl<const COUNT: usize> Send for Found<COUNT> {}

impl<const COUNT: usize> Default for Registers<COUNT> {
    fn default() -> Self {
        Registers { found: None }
    }
}

impl<const COUNT: usize> Registers<COUNT> {
    /// Finds the registers of these names; to be called when a processor starts.
    ///
    /// # Panics
    /// If the processor is not an x86-64 one.
    pub fn find(names: [&str; COUNT]) -> Registers<COUNT> {
        // SAFETY: the processor's registers are known when it starts; the array is the caller's.
        let descriptors = unsafe { &*qemu_plugin_get_registers() };
        let handles = names.map(|name| {
            (0..descriptors.length as usize)
                .map(|index| {
                    // SAFETY: the index is below the array's length.
                    unsafe { &*descriptors.data.add(index) }
                })
                .find(|descriptor| {
                    // SAFETY: every descriptor has a name, a string that ends with zero.
                    unsafe { CStr::from_ptr(descriptor.name) }.to_bytes() == name.as_bytes()
                })
                .expect("the processor has the register")
                .handle
        });
        // SAFETY: an array can be made at any time.
        let buffer = unsafe { g_byte_array_new() };
        Registers {
            found: Some(Found { handles, buffer }),
        }
    }

    /// Their values, during a callback of the processor.
    pub fn read(&self) -> [u64; COUNT] {
        let Some(found) = &self.found else {
            return [0; COUNT];
        };
        found.handles.map(|handle| {
            // SAFETY: the handle is one of QEMU's, and the array is emptied before it is filled.
            let bytes = unsafe {
                g_byte_array_set_size(found.buffer, 0);
                qemu_plugin_read_register(handle, found.buffer);
                std::slice::from_raw_parts((*found.buffer).data, (*found.buffer).length as usize)
            };
            // Flags are four bytes.
            let bytes = bytes.iter().take(8).rev();
            bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
        })
    }
}
