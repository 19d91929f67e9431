//! The kernel's objects, one noun per file.
//!
//! | file | content |
//! | --- | --- |
//! | `object` | [`Object`]: a reference to any of them, which capabilities carry |
//! | `header` | [`Header`]: common to all objects: identity, pool, origin |
//! | `pool` | [`Pool`]: an account of memory |
//! | `domain` | [`Domain`]: the unit of protection and of migration |
//! | `thread` | [`Thread`], and the [`Phase`] it is in |
//! | `memory` | [`MemoryObject`]: pages, stored as leaf tables |
//! | `mapping` | [`Mapping`]: a range of a Memory's pages in a domain |
//! | `endpoint` | [`Endpoint`]: rendezvous |
//! | `notification` | [`Notification`]: a word of flags |
//! | `interrupt` | [`Interrupt`]: a device's interrupt |
//! | `devices` | [`Hardware`], [`IoPorts`] |
//! | `identity` | [`IdentityKeys`]: public identities from serial numbers |
//! | `parent_search` | [`ParentSearch`]: a description's search for a capability's parent |
//! | `create` | the common part of creating an object |
//! | `destroy` | the walk of a destruction, step by step |
//! | `emptied` | the consequences of emptying a slot |
//!
//! Each kind is created and dismantled in its own file. A domain and a Memory have more parts, so they have a `lifecycle`
//! file for that. An object takes a frame of its pool. Objects change through cells, under the kernel lock.

mod create;
mod destroy;
mod devices;
mod domain;
mod emptied;
mod endpoint;
mod header;
mod identity;
mod interrupt;
mod mapping;
mod memory;
mod notification;
mod object;
mod parent_search;
mod pool;
mod thread;

#[cfg(test)]
pub(crate) mod tests;

pub use create::{check_alive, check_free, publish};
pub use destroy::{Step, destroy_step};
pub use devices::{Hardware, IoPorts, create_hardware, create_ports};
pub use domain::{
    Domain, DomainState, PendingWaiters, create_domain, create_first_domain, grow_table,
    pay_for_table,
};
pub use emptied::slot_error;
pub use endpoint::{Endpoint, create_endpoint};
pub use header::Header;
pub use identity::IdentityKeys;
#[cfg(test)]
pub use interrupt::SHARERS_MAX;
pub use interrupt::{Interrupt, InterruptState, create_interrupt};
pub use mapping::Mapping;
pub use memory::{
    Attribute, Contiguous, MemoryObject, create_contiguous, create_memory, create_memory_of,
    create_tables_of, fill,
};
pub use notification::{Notification, create_notification};
pub use object::Object;
pub use parent_search::{Entry, FoundParent, ParentSearch};
#[cfg(test)]
pub use pool::create_unpublished_pool;
pub use pool::{Pool, Search, create_pool};
pub use thread::{Fault, FaultHandler, Phase, Thread, create_thread};

use create::create;
use destroy::{end_one_wait, pool_of};
