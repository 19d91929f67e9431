//! Building Caravan's programs and packing machines' boot archives: for the xtask, and for tools that build domains
//! outside of this tree.
//!
//! | module | content |
//! | --- | --- |
//! | [`workspace`] | where sources and artefacts are |
//! | [`programs`] | the programs of the tree |
//! | [`toolchain`] | the compiler and cargo |
//! | [`freestanding`] | the two targets, and cargo's flags for each |
//! | [`build`] | building programs |
//! | [`manifest`], [`fleet`] | a machine's manifest; those of a whole fleet |
//! | [`archive`] | the boot archive made from either |
//! | [`elf`], `symbols`, `ustar` | the file formats of programs and archives |
//! | [`process`], [`error`] | running other programs; the errors |

#![forbid(unsafe_code)]

pub mod archive;
pub mod build;
pub mod elf;
pub mod error;
pub mod fleet;
pub mod freestanding;
pub mod manifest;
pub mod process;
pub mod programs;
pub mod toolchain;
pub mod workspace;

mod symbols;
mod ustar;
