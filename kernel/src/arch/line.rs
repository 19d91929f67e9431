//! An interrupt line: [`Line`], an input of the machine's interrupt controllers and how it signals.

use core::fmt;

/// When a line is considered to ask for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On a change.
    Edge,
    /// As long as it is at its active level. Masked on delivery, until the kernel unmasks it.
    Level,
}

/// Which level is the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// High, or the rising edge.
    High,
    /// Low, or the falling edge.
    Low,
}

/// An interrupt line and how it signals. Those of ISA devices come from [`super::interrupts::isa_line`], which knows the
/// firmware's overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The global system interrupt: the line's number over all controllers.
    pub gsi: u32,
    /// Edge or level.
    pub trigger: Trigger,
    /// High or low.
    pub polarity: Polarity,
}

/// No interrupt controller has the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchLine {
    /// The number asked for.
    pub gsi: u32,
}

impl fmt::Display for NoSuchLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no interrupt controller has line {}", self.gsi)
    }
}
