//! The `root` endpoint: listing, starting and moving the machine's domains. Only the migration server has it. The console has the
//! endpoint `domains`, which accepts only [`Request::List`] and [`Request::Memory`], and refuses others with
//! [`Refusal::NotPermitted`].
//!
//! ```text
//! call:  a Request                            capabilities: see Keep
//! reply: Ok(the reply's value) or a Refusal   capabilities: see the request
//! ```
//!
//! Only root and the switch export a client's state. Any other service is looked up by name on the destination, and must be
//! stateless. A move consists of these requests. On the source: [`Request::Export`] once the domain is frozen, then
//! [`Request::Revert`] if it stays, or [`Request::Release`] when it has left. On the destination: [`Request::Admit`],
//! [`Request::Bind`] for each outside object, [`Request::Keep`] when it is complete, then [`Request::Adopt`] to run it or
//! [`Request::Discard`] if the move is cancelled. From `Keep` on, root holds every part of the domain, so the migration server
//! may restart and ask root for it.
//!
//! ```text
//! source: running --Export--> exported --Release--> (absent)
//!              \<---Revert------/
//!               \<--if it runs after the deadline of its freeze
//!
//! destination: (absent) --Admit--> incoming --Keep--> prepared --Adopt--> running
//!                      \<--Discard---/<----Discard------/
//! ```
//!
//! An operator's requests are [`Request::Start`], [`Request::Stop`] and [`Request::Remove`]; a new domain comes with
//! [`Request::BeginPackage`], [`Request::AppendPackage`] for each piece, and [`Request::InstallPackage`]. [`Request::Reboot`]
//! ends all domains of the machine.
//!
//! | file | content |
//! | --- | --- |
//! | [`request`] | the requests to root |
//! | [`reply`] | its replies: values and refusals |
//! | [`record`] | its records of domains and memory |
//! | [`binding`] | an outside object in machine-independent form |

pub mod binding;
pub mod record;
pub mod reply;
pub mod request;

pub use binding::{Binding, PortState};
pub use record::{DomainRecord, DomainState, Installation, MemoryRecord};
pub use reply::{Refusal, decode_reply, done, granted, refused};
pub use request::{KEEP_CAPABILITIES, KEEP_DOMAIN, KEEP_POOL, KEEP_WAKE, Request};
