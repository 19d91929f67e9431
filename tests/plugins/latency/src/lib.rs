//! A plugin for QEMU's TCG that counts instructions: either those of each entry into the kernel, during which interrupts are
//! disabled, to keep the largest count of every cause (`out=FILE`); or all of them (`total=SOCKET`).
//!
//! | file | content |
//! | --- | --- |
//! | `counting` | the start of the plugin; the counter of entries, and the functions that QEMU calls |
//! | `total` | the counter of all instructions, and the socket at which it is read |
//! | `qemu` | the part of QEMU's plugin interface that is used here |
//! | `instruction` | the kinds of instructions of the guest |
//! | `entries` | the entries so far: [`entries::Entries`] |
//!
//! An entry begins with the first instruction of the kernel after it was left, and ends with IRET, SYSRET or HLT. `rep`
//! counts once per iteration, as under `-icount`.
//!
//! The guest numbers its scenes by the argument in RDI of system call 0, which the kernel ignores. When QEMU ends, the counts
//! are written to the file `out`, one line `SCENE CAUSE NUMBER MOST COUNT SUSPENDED` each. CAUSE is `call` or `vector`, and
//! SUSPENDED is the number of entries at whose end AC was set, a flag that user mode can set and that suspends SMAP. One
//! virtual processor is counted.

#![allow(unsafe_code)]

#[cfg(not(test))]
mod counting;
mod entries;
mod instruction;
// QEMU does not load a test program, so that its functions cannot be linked.
#[cfg(not(test))]
mod qemu;
#[cfg(not(test))]
mod total;
