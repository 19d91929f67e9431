//! A domain as data: the kernel's mechanisms for capturing and restoring a domain. The kernel does not know their purpose.
//!
//! | file | purpose |
//! | --- | --- |
//! | `freeze` | freeze and thaw, step by step |
//! | `retire` | retire, which is the commit point of a move, and unretire |
//! | `describe` | the lists of objects, mappings and capabilities |
//! | `records` | the records in these lists |
//! | `parent` | the slot that each capability was derived from |
//! | `thread_state` | export and import of a thread's state |
//! | `page_set` | bitmaps of present and of dirty pages |
//! | `copy` | copies of pages |
//! | `grant` | a retired domain's pages for another Memory |

mod copy;
mod describe;
mod freeze;
mod grant;
mod page_set;
mod parent;
mod records;
mod retire;
mod thread_state;

#[cfg(test)]
pub(crate) mod tests;

pub use copy::{CopyRequest, copy_pages};
pub use describe::describe;
pub use freeze::{end_by_timer, freeze, handle_deadline, thaw};
pub use grant::Grant;
pub use page_set::read_page_set;
pub use retire::{fail_waiters_step, retire, unretire};
pub use thread_state::{export, import};
