//! The common part of the NIC drivers. Each driver has only what is specific to its cards, behind the trait [`Nic`]: registers,
//! descriptors and link.
//!
//! ```text
//! switch <--port--> Bridge <--Nic--> registers, DescriptorRing <--DMA--> the card
//!                     ^
//!          Driver: interrupts, deadlines, log
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`nic`] | the trait, the state of a link, and the fault of a card |
//! | [`card`] | the start of a card: its reset, then the permission to reach memory, then its rings |
//! | [`driver`] | the program: waits for the switch and the card, and runs the bridge |
//! | [`bridge`] | frames between the card and the switch's ring |
//! | [`pace`] | when the driver runs next: interrupts, polling, pauses |
//! | [`counters`] | the numbers of frames moved and lost, for the log |
//! | [`identity`], [`error`] | a card's PCI identity; the reason it cannot be used |
//! | [`hardware`] | the parts that root handed over: regions, configuration space, DMA memory |
//! | [`dma`] | memory that the card reads and writes, and its address on the bus |
//! | [`ring`] | rings of 16-byte descriptors, each with a buffer |
//! | [`registers`] | reading and writing registers; the only file with `unsafe` |
//! | [`intel`] | the part common to Intel's NICs |
//! | `host` | for tests: moves a card's frames as the bridge does, and checks what the bridge expects |
//!
//! The driver owns a port at the switch like any domain: it moves frames from the port to the wire and from the wire to the port.
//! Domains have addresses of their own, unknown to the card, so a card must deliver every frame.
//!
//! A card is trusted to access only the memory that it is given. Its data is not trusted: every value from it is checked. A
//! driver that finds a [`NicFault`] ends; root resets the card and starts the driver again.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod bridge;
pub mod card;
pub mod counters;
pub mod dma;
pub mod driver;
pub mod error;
pub mod hardware;
#[cfg(not(target_os = "caravan"))]
pub mod host;
pub mod identity;
pub mod intel;
pub mod nic;
pub mod pace;
pub mod registers;
pub mod ring;

pub use card::Card;
pub use dma::{DmaAddress, DmaMemory};
pub use driver::run;
pub use error::{InitError, NoMastering};
pub use hardware::Hardware;
pub use identity::Identity;
pub use nic::{Events, Link, Nic, NicFault, Received};
pub use registers::{MappedRegisters, NarrowRegisters, Registers};
pub use ring::{Completed, Layout, ReceiveRing, SendRing};
