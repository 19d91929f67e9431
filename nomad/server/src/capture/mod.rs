//! Capture: a running or frozen domain as an image, read through its Domain capability alone. The kernel copies its
//! pages, so none of its memory is mapped here.
//!
//! | file | content |
//! | --- | --- |
//! | [`error`] | [`CaptureError`]: the step that failed |
//! | [`found`] | [`Found`]: a domain that was looked up, and the verdicts on its objects |
//! | [`listing`] | the kernel's complete lists about a domain |
//! | [`while_frozen`] | freezes a running domain while it is read |
//! | [`names`] | root's names of the objects outside |
//! | [`captured`] | a Memory of the domain, its dirty log, and the pages that are still to be sent |
//! | [`staging`] | copies of its pages |
//! | [`page_state`] | which pages of a Memory are to be sent, are present, and are known to the destination |
//! | [`outgoing`] | [`Outgoing`]: a leaving domain, and the steps of a source |
//! | [`backlog`] | the pages that are to be sent, of all its Memories |
//! | [`pass`] | one walk over the pages that are to be sent |
//! | [`state`] | the state of a frozen domain besides its memory |
//! | [`ring`], [`queue`] | the ring of its port, and the pages of that ring that are in use |

pub mod backlog;
pub mod captured;
pub mod error;
pub mod found;
pub mod listing;
pub mod names;
pub mod outgoing;
pub mod pass;
pub mod queue;
pub mod ring;
pub mod staging;
pub mod state;
pub mod while_frozen;

pub use error::CaptureError;
pub use found::Found;
pub use outgoing::Outgoing;
