//! A card, as the rest of a driver sees it.

use core::fmt;

use runtime::port::{FRAME_BYTES_MAX, FRAME_BYTES_MIN, Frame};
use runtime::protocol::Mac;
use runtime::shared::SharedMemory;

/// A running card.
pub trait Nic {
    /// Its own address, if it has one.
    fn mac(&self) -> Option<Mac>;

    /// The longest frame that it sends and receives, without a checksum.
    fn frame_bytes_max(&self) -> usize {
        FRAME_BYTES_MAX
    }

    /// The state of its link; `None` if it does not report one.
    fn link(&mut self) -> Option<Link>;

    /// Clears the causes of its interrupt and returns those that the rings do not show. It may interrupt again afterwards.
    fn acknowledge(&mut self) -> Events;

    /// Whether a received frame is queued.
    fn has_frame(&self) -> bool;

    /// Copies the next received frame, and gives its buffer back to the card. `into` has room for the longest frame, and may be
    /// shared: nothing is read from it.
    ///
    /// # Errors
    /// [`NicFault`]: the card cannot be used any longer.
    fn receive(&mut self, into: SharedMemory<'_>) -> Result<Option<Received>, NicFault>;

    /// Whether a frame can be sent now.
    ///
    /// # Errors
    /// [`NicFault`]: the card cannot be used any longer.
    fn has_space(&mut self) -> Result<bool, NicFault>;

    /// Sends a frame, no longer than the longest one, if there is space for it.
    fn send(&mut self, frame: &Frame<'_>);

    /// Enables or disables interrupts for sent frames. Check for space once more after enabling them.
    fn set_space_interrupt(&mut self, wanted: bool);

    /// Publishes sent frames and free buffers to the card.
    fn publish(&mut self);
}

/// The state of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It carries no frames.
    Down,
    /// It carries frames.
    Up {
        /// Its speed.
        megabits_per_second: u32,
    },
    /// It carries frames, and the card does not report its speed.
    UpWithoutSpeed,
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Link::Down => formatter.write_str("down"),
            Link::UpWithoutSpeed => formatter.write_str("up"),
            Link::Up {
                megabits_per_second,
            } => write!(formatter, "up, {megabits_per_second} Mb/s"),
        }
    }
}

/// A received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was copied, and has this length.
    Frame(usize),
    /// It is damaged, or has an invalid length.
    Invalid,
}

impl Received {
    /// A frame of this length; invalid if the length is below that of any frame or above the card's maximum.
    pub fn of_length(bytes: usize, frame_bytes_max: usize) -> Received {
        if (FRAME_BYTES_MIN..=frame_bytes_max).contains(&bytes) {
            Received::Frame(bytes)
        } else {
            Received::Invalid
        }
    }
}

/// The events that a card's interrupt reports besides frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// The state of the link may have changed.
    pub link: bool,
    /// The number of frames that the card had no buffer for since the last report.
    pub lost: u32,
    /// There may be events that were not read, because reading them takes long: ask again soon, also without an interrupt.
    pub has_unread: bool,
}

/// The violation of its contract after which a card is no longer used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the NIC {0}")]
pub struct NicFault(pub &'static str);
