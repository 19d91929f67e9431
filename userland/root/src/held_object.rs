//! The outside objects that a domain holds, by the names under which any machine provides them.

use runtime::Cap;
use runtime::capability::Any;
use runtime::protocol::Name;
use runtime::protocol::root::{Binding, PortState};

use crate::grant::Grant;
use crate::handle::Handle;

/// An outside object that a domain holds.
#[derive(Debug)]
pub struct HeldObject {
    /// The domain's name for it, and the state that any machine needs to provide it.
    pub binding: Binding,
    /// Root's own capability to it.
    pub capability: Cap<Any>,
    /// The badge of the domain's capability.
    pub badge: u64,
    /// The capability again, if it was minted for this domain alone: dropping the record then frees its slot.
    #[expect(dead_code, reason = "dropping it frees the slot")]
    pub minted: Option<Handle<Any>>,
}

impl HeldObject {
    /// The record of a granted object. The state of a port moves with the domain.
    pub fn of_grant(grant: &Grant, port: Option<PortState>) -> Option<HeldObject> {
        Some(HeldObject {
            binding: Binding {
                name: Name::try_new(grant.name).ok()?,
                port,
            },
            capability: grant.capability,
            badge: grant.badge,
            minted: None,
        })
    }
}

/// A binding without state.
pub fn stateless_binding(name: &str) -> Option<Binding> {
    let name = Name::try_new(name).ok()?;
    Some(Binding { name, port: None })
}
