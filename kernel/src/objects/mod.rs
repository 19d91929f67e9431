//! The kernel's objects, one noun per file.
//!
//! | file | noun |
//! | --- | --- |
//! | `object` | [`Object`]: a reference to any of them, which capabilities carry |
//! | `header` | [`Header`]: common to all objects: identity, pool, origin |
//! | `pool` | [`Pool`]: an account of memory |
//! | `domain` | [`Domain`]: the unit of protection and of migration |
//! | `thread` | [`Thread`], and the [`Phase`] it is in |
//! | `memory` | [`MemoryObject`]: pages, stored as leaf tables |
//! | `mapping` | [`Mapping`]: a Memory in a domain |
//! | `endpoint` | [`Endpoint`]: rendezvous |
//! | `notification` | [`Notification`]: a word of flags |
//! | `devices` | [`Interrupt`], [`IoPorts`], [`Hardware`] |
//! | `identity` | [`IdentityKeys`]: public identities from serial numbers |
//! | `index` | [`Index`]: a search tree, for mappings by address |
//! | `heap` | [`Heap`]: a priority queue, for deadlines |
//! | `parent_search` | [`ParentSearch`]: a description's search for a capability's parent |
//! | `create` | creating them |
//! | `destroy` | destroying them, step by step |
//!
//! An object takes a frame of its pool. Objects change through cells, under the kernel lock.

mod create;
mod destroy;
mod devices;
mod domain;
mod endpoint;
mod header;
mod heap;
mod identity;
mod index;
mod mapping;
mod memory;
mod notification;
mod object;
mod parent_search;
mod pool;
mod thread;

#[cfg(test)]
pub(crate) mod tests;

pub use create::{
    Contiguous, check_alive, check_free, create, create_contiguous, create_domain,
    create_first_domain, create_interrupt, create_memory, create_memory_of, create_pool,
    create_tables_of, create_thread, fill, grow_table, pay_for_table, publish,
};
#[cfg(test)]
pub use create::{SHARERS_MAX, create_unpublished_pool};
pub use destroy::{Step, destroy_step};
pub use devices::{Hardware, Interrupt, InterruptState, IoPorts};
pub use domain::{Domain, DomainState, PendingWaiters};
pub use endpoint::Endpoint;
pub use header::Header;
pub use heap::{Heap, HeapElement, HeapLink};
pub use identity::IdentityKeys;
pub use index::{Index, IndexElement, IndexLink};
pub use mapping::Mapping;
pub use memory::{Attribute, MemoryObject};
pub use notification::Notification;
pub use object::Object;
pub use parent_search::{Entry, FoundParent, ParentSearch};
pub use pool::{Pool, Search};
pub use thread::{Fault, FaultHandler, Phase, Thread};
