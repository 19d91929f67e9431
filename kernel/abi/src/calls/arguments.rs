//! The encoding of a call's arguments and results in registers: [`Arguments`] and [`Output`].

use super::table::Number;
use crate::register::Registers;
use crate::{Error, MessageInfo};

/// The arguments of one call.
pub trait Arguments: Sized {
    /// The call.
    const NUMBER: Number;
    /// The type of its results.
    type Output: Output;
    /// Encodes the argument registers.
    fn encode(&self) -> Registers;
    /// Reads and checks the argument registers.
    ///
    /// # Errors
    /// [`Error::ArgumentRange`], or the error of the argument's type.
    fn decode(registers: &Registers) -> Result<Self, Error>;
}

/// Results in registers.
pub trait Output: Sized {
    /// Reads the result registers, which the kernel wrote.
    fn from_registers(registers: &Registers) -> Self;
}

impl Output for () {
    fn from_registers(_: &Registers) -> Self {}
}

impl Output for u64 {
    fn from_registers(registers: &Registers) -> Self {
        registers[0]
    }
}

impl Output for (u64, u64) {
    fn from_registers(registers: &Registers) -> Self {
        (registers[0], registers[1])
    }
}

impl Output for (u64, u64, u64) {
    fn from_registers(registers: &Registers) -> Self {
        (registers[0], registers[1], registers[2])
    }
}

/// The part of a received message that travels in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The badge of the capability that it was sent through, or the flags of a bound notification.
    pub badge: u64,
    /// Its shape.
    pub info: MessageInfo,
    /// Its first words.
    pub words: [u64; 4],
}

impl Output for Received {
    fn from_registers(registers: &Registers) -> Self {
        let [badge, info, w0, w1, w2, w3, ..] = *registers;
        Received {
            badge,
            info: MessageInfo::from_kernel(info),
            words: [w0, w1, w2, w3],
        }
    }
}
