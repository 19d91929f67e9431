//! The kernel's objects, one noun a file.
//!
//! | file | noun |
//! | --- | --- |
//! | `object` | [`Object`]: a reference to any of them, which capabilities carry |
//! | `header` | [`Header`]: what all have: identity, pool, origin |
//! | `pool` | [`Pool`]: an account of memory |
//! | `domain` | [`Domain`]: the unit of protection and of migration |
//! | `thread` | [`Thread`], and the [`Phase`] it is in |
//! | `memory` | [`MemoryObject`]: pages, stored as leaf tables |
//! | `mapping` | [`Mapping`]: a Memory in a domain |
//! | `endpoint` | [`Endpoint`]: rendezvous |
//! | `notification` | [`Notification`]: a word of flags |
//! | `devices` | [`Interrupt`], [`IoPorts`], [`Hardware`] |
//! | `index` | [`Index`]: mappings, found by a number |
//! | `heap` | [`Heap`]: sleepers, the first of which is found at once |
//! | `ascent` | [`Ascent`]: how far a description came on the way to a capability's parent |
//! | `create` | making them |
//! | `destroy` | ending them, step by step |
//!
//! An object takes a frame of its pool. Objects change through cells, under the kernel lock.

mod ascent;
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
mod pool;
mod thread;

#[cfg(test)]
pub(crate) mod tests;

pub use ascent::{Answer, Ascent, Entry};
pub use create::{
    Contiguous, SHARERS_MAX, check_free, check_lasting, create, create_contiguous, create_domain,
    create_first_domain, create_interrupt, create_memory, create_memory_of, create_pool,
    create_tables_of, create_thread, create_unpublished_pool, fill, grow_table, pay_for_table,
    publish,
};
pub use destroy::{Step, destroy_step};
pub use devices::{Hardware, Interrupt, InterruptState, IoPorts};
pub use domain::{Domain, DomainState, Uninformed};
pub use endpoint::Endpoint;
pub use header::Header;
pub use heap::{Heap, HeapPlace, Heaped};
pub use identity::IdentityKeys;
pub use index::{Index, IndexPlace, Indexed, Key};
pub use mapping::Mapping;
pub use memory::{Attribute, MemoryObject};
pub use notification::Notification;
pub use object::Object;
pub use pool::{Pool, Search};
pub use thread::{Fault, FaultHandler, Link, Phase, Thread};
