//! Kernels that start in a machine state that the loaders of the tests do not produce: [`kernel_after`].
//!
//! QEMU enters a kernel at the address in its PVH note. A kernel patched here first executes the test's instructions, and then
//! jumps to the original entry point. The instructions replace the multiboot2 header, which QEMU does not read.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::scratch;

/// Sets CR4.LA57: page tables have five levels as soon as paging is enabled.
///
/// `mov eax, cr4; or eax, 1 << 12; mov cr4, eax`
pub const FIVE_LEVEL_PAGING: &[u8] = b"\x0f\x20\xe0\x0d\x00\x10\x00\x00\x0f\x22\xe0";

/// Blocks all interrupts at the local APIC through its task priority, and software-disables it.
///
/// `mov dword ptr [0xfee00080], 0xff; mov dword ptr [0xfee000f0], 0xff`
pub const APIC_DISABLED: &[u8] =
    b"\xc7\x05\x80\x00\xe0\xfe\xff\x00\x00\x00\xc7\x05\xf0\x00\xe0\xfe\xff\x00\x00\x00";

/// Gives the local APIC the number 5, while CPUID still has 0.
///
/// `mov dword ptr [0xfee00020], 5 << 24`
pub const APIC_RENUMBERED: &[u8] = b"\xc7\x05\x20\x00\xe0\xfe\x00\x00\x00\x05";

/// The first bytes of a multiboot2 header, and the bytes of a PVH note before its address.
const MULTIBOOT2_MAGIC: &[u8] = b"\xd6\x50\x52\xe8";
const PVH_NOTE: &[u8] = b"\x04\0\0\0\x04\0\0\0\x12\0\0\0Xen\0";

/// JMP to an address relative to the next instruction.
const JUMP: u8 = 0xe9;
const JUMP_BYTES: usize = 5;

/// A patched kernel, in a temporary directory that is removed with it.
#[derive(Debug)]
pub struct PatchedKernel {
    directory: TempDir,
}

impl PatchedKernel {
    /// The ELF file.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("kernel.elf")
    }
}

/// Patches the ELF file `kernel` so that, started by PVH, it first executes these 32-bit instructions.
///
/// # Panics
///
/// If the file is not such a kernel, or the instructions do not fit.
pub fn kernel_after(kernel: &Path, instructions: &[u8]) -> PatchedKernel {
    let mut bytes = fs::read(kernel).unwrap_or_else(|error| panic!("{kernel:?}: {error}"));
    patch(&mut bytes, instructions);
    let patched = PatchedKernel {
        directory: scratch::directory(),
    };
    fs::write(patched.path(), bytes).expect("room for a kernel");
    patched
}

fn patch(bytes: &mut [u8], instructions: &[u8]) {
    let header = find(bytes, MULTIBOOT2_MAGIC).expect("a multiboot2 header");
    let room = word(bytes, header + 8) as usize;
    assert!(
        instructions.len() + JUMP_BYTES <= room,
        "the instructions do not fit into {room} bytes"
    );
    let note = find(bytes, PVH_NOTE).expect("a PVH note") + PVH_NOTE.len();
    let (entry, first) = (word(bytes, note), physical_address(bytes, header));
    let after_jump = first + (instructions.len() + JUMP_BYTES) as u32;
    let mut code = instructions.to_vec();
    code.push(JUMP);
    code.extend(entry.wrapping_sub(after_jump).to_le_bytes());
    bytes[header..header + code.len()].copy_from_slice(&code);
    bytes[note..note + 4].copy_from_slice(&first.to_le_bytes());
}

/// The physical address at which the byte at a file offset is loaded.
fn physical_address(bytes: &[u8], offset: usize) -> u32 {
    const LOAD: u32 = 1;
    let (table, size) = (word(bytes, 0x20) as usize, half(bytes, 0x36));
    let headers = (0..half(bytes, 0x38)).map(|number| table + number * size);
    let segment = headers.into_iter().find_map(|header| {
        let (start, length) = (word(bytes, header + 8), word(bytes, header + 0x20));
        let inside = (offset as u32).checked_sub(start)?;
        let is_inside = word(bytes, header) == LOAD && inside < length;
        is_inside.then(|| word(bytes, header + 0x18) + inside)
    });
    segment.expect("a segment with the multiboot2 header")
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}

/// The low half of a number of up to 64 bits. All addresses and sizes here fit into it.
fn word(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"))
}

fn half(bytes: &[u8], offset: usize) -> usize {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file with one segment at 1 MiB: a header with room for 16 bytes, and a note with the entry 0x100200.
    fn kernel() -> Vec<u8> {
        let mut bytes = vec![0; 0x100];
        bytes[0x20] = 0x40;
        (bytes[0x36], bytes[0x38]) = (0x38, 1);
        bytes[0x40] = 1;
        bytes[0x48] = 0x80;
        bytes[0x58..0x5c].copy_from_slice(&0x10_0000_u32.to_le_bytes());
        bytes[0x60] = 0x80;
        bytes[0x90..0x94].copy_from_slice(MULTIBOOT2_MAGIC);
        bytes[0x98] = 16;
        bytes[0xc0..0xd0].copy_from_slice(PVH_NOTE);
        bytes[0xd0..0xd4].copy_from_slice(&0x10_0200_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn the_instructions_run_first_and_lead_to_the_old_entry() {
        let mut bytes = kernel();
        patch(&mut bytes, b"\x90\x90");
        assert_eq!(word(&bytes, 0xd0), 0x10_0010);
        assert_eq!(bytes[0x90..0x93], [0x90, 0x90, JUMP]);
        let target = 0x10_0010 + 2 + 5 + word(&bytes, 0x93);
        assert_eq!(target, 0x10_0200);
    }

    #[test]
    #[should_panic(expected = "do not fit into 16 bytes")]
    fn refuses_instructions_that_do_not_fit() {
        patch(&mut kernel(), &[0x90; 12]);
    }
}
