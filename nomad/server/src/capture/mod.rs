//! Capture: a running or frozen domain as an image, read through its Domain capability and nothing else.
//!
//! | file | noun |
//! | --- | --- |
//! | [`listing`] | the kernel's lists, read whole |
//! | [`names`] | what root calls the objects outside |
//! | [`captured`] | a Memory of the domain, seen read-only, and which of its pages are still to be sent |
//! | [`outgoing`] | [`Outgoing`]: a domain on its way out, and the steps that the protocol asks for |
//! | [`pass`] | one walk over the pages that are to be sent |
//! | [`queue`] | which pages of a port's ring are in use |

pub mod captured;
pub mod listing;
pub mod names;
pub mod outgoing;
pub mod pass;
pub mod queue;

pub use outgoing::{Exported, Outgoing};
