//! A plugin for QEMU's TCG that counts how many instructions each entry into the kernel executes, and keeps the largest
//! count of every cause: how long interrupts were off.
//!
//! | file | noun |
//! | --- | --- |
//! | `counting` | what QEMU calls: the counter and its callbacks |
//! | `qemu` | the part of QEMU's plugin interface that is used here |
//! | `instruction` | what an instruction of the guest is to the count |
//! | `entries` | the entries so far: [`entries::Entries`] |
//!
//! An entry begins with the first instruction of the kernel after it was left, and ends with IRET, SYSRET or HLT: interrupts
//! are off between. `rep` counts once per iteration, as under `-icount`.
//!
//! The guest names what it does by the argument in RDI of system call 0, which the kernel ignores. The counts are
//! written to the file `out` when QEMU ends, a line `SCENE CAUSE NUMBER MOST COUNT SUSPENDED` each, where CAUSE is `call` or
//! `vector`, and SUSPENDED the number of entries at whose end the kernel still had AC set: user mode sets that flag, and it
//! suspends SMAP. One virtual processor is counted.

#![allow(unsafe_code)]

#[cfg(not(test))]
mod counting;
mod entries;
mod instruction;
// A test program is not loaded by QEMU, and has nobody to call.
#[cfg(not(test))]
mod qemu;
