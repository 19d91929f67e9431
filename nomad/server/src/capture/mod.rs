//! Capture: a running or frozen domain as an image, read through its Domain capability and nothing else. Its pages are
//! copied: nothing of it is mapped here.
//!
//! | file | noun |
//! | --- | --- |
//! | [`error`] | [`CaptureError`]: what may go wrong |
//! | [`found`] | [`Found`]: a domain that was looked up, and what would become of it |
//! | [`listing`] | the kernel's lists, read whole |
//! | [`standing`] | a look at a running domain, which stands still meanwhile |
//! | [`names`] | what root calls the objects outside |
//! | [`captured`] | a Memory of the domain, its dirty log, and which of its pages are still to be sent |
//! | [`staging`] | copies of its pages |
//! | [`page_state`] | which of a Memory's pages are to be sent, are there, are known to the target |
//! | [`outgoing`] | [`Outgoing`]: a domain on its way out, and the steps that the protocol asks for |
//! | [`backlog`] | the pages that are to be sent, of all its Memories |
//! | [`pass`] | one walk over the pages that are to be sent |
//! | [`state`] | what a frozen domain is besides its memory |
//! | [`ring`], [`queue`] | the ring of its port, and which of that ring's pages are in use |

pub mod backlog;
pub mod captured;
pub mod error;
pub mod found;
pub mod listing;
pub mod names;
pub mod outgoing;
pub mod page_state;
pub mod pass;
pub mod queue;
pub mod ring;
pub mod staging;
pub mod standing;
pub mod state;

pub use error::CaptureError;
pub use found::Found;
pub use outgoing::{Exported, Outgoing};
