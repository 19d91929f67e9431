//! An interrupt line: [`Line`], an input of the machine's interrupt controllers and its signalling.

use core::fmt;

/// The condition under which a line requests an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// When it changes to the active level.
    Edge,
    /// While it is at the active level. On delivery the line is masked until the kernel unmasks it.
    Level,
}

/// The active level of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// High, or the rising edge.
    High,
    /// Low, or the falling edge.
    Low,
}

/// An interrupt line and its signalling. For an ISA device [`super::interrupts::isa_line`] returns it, with the firmware's
/// overrides applied.
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
    /// The requested number.
    pub gsi: u32,
}

impl fmt::Display for NoSuchLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no interrupt controller has line {}", self.gsi)
    }
}
