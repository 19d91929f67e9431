//! A domain as data: what the kernel offers for capturing and restoring one. It knows nothing of the purpose.
//!
//! | file | what it does |
//! | --- | --- |
//! | `freeze` | freeze and thaw, step by step |
//! | `retire` | retire, which is the commit point of a move, and its undoing |
//! | `describe` | the lists: objects, mappings, capabilities |
//! | `records` | the record of each of them in a list |
//! | `parent` | which slot each capability was derived from |
//! | `thread_state` | a thread's state, out and in |
//! | `page_set` | which pages are present, which were written |
//! | `copy` | pages, copied out |

mod copy;
mod describe;
mod freeze;
mod page_set;
mod parent;
mod records;
mod retire;
mod thread_state;

#[cfg(test)]
pub(crate) mod tests;

pub use copy::{CopyRequest, copy_pages};
pub use describe::describe;
pub use freeze::{deadline_came, end_by_timer, freeze, thaw};
pub use page_set::read_page_set;
pub use retire::{inform, retire, unretire};
pub use thread_state::{export, import};
