//! The start of a card: its reset, then the permission to reach memory, then its rings.
//!
//! ```text
//! Card --reset--> silent --root: it may master the bus--> start --> Nic
//! ```
//!
//! A card may still be running when its driver starts: the firmware or an earlier driver may have left it with rings, and many cards have
//! no reset that root could cause. The memory of those rings has another owner by now. So root lets no card master the bus before
//! its driver asks for that, and [`start`] is the only place that does.

use crate::error::NoMastering;
use crate::nic::Nic;

/// A card that does not run yet. It may be in any state.
pub trait Card {
    /// The card when it runs.
    type Nic: Nic;
    /// The reason it cannot be used.
    type Error: From<NoMastering>;

    /// Makes the card forget every address that it has from firmware or an earlier driver. It does not master the bus yet. Afterwards
    /// it knows no address except those that this driver has given it.
    ///
    /// # Errors
    /// The reason it cannot be used.
    fn reset(&mut self) -> Result<(), Self::Error>;

    /// Gives the card its rings and lets it run. It masters the bus.
    ///
    /// # Errors
    /// The reason it cannot be used.
    fn start(self) -> Result<Self::Nic, Self::Error>;
}

/// Resets a card, then lets it master the bus by this request to root, then starts it.
///
/// # Errors
/// The reason the card cannot be used. It does not master the bus if its reset has failed.
pub fn start<C: Card>(
    mut card: C,
    let_master: impl FnOnce() -> Result<(), NoMastering>,
) -> Result<C::Nic, C::Error> {
    card.reset()?;
    let_master()?;
    card.start()
}

#[cfg(test)]
mod tests;
