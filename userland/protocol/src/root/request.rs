//! The requests to root: [`Request`].

use abi::register::ObjectId;
use identity::{DomainId, Incarnation, Name};
use serde::{Deserialize, Serialize};

use super::Binding;
use crate::log::Text;

/// A request to root.
#[expect(
    clippy::large_enum_variant,
    reason = "a request is decoded on the stack, handled and dropped"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The domain at this index of the list. Reply: a [`DomainRecord`](super::DomainRecord), or
    /// [`Refusal::NoSuchDomain`](super::Refusal::NoSuchDomain) at the end.
    List {
        /// From 0, without gaps.
        index: u64,
    },
    /// The domain of this name. Reply: a [`DomainRecord`](super::DomainRecord) and, if the domain is complete, not arriving, and movable by
    /// its manifest, one capability: the Domain with FREEZE, CAPTURE, RETIRE and CLOCK.
    Find {
        /// The domain.
        name: Name,
    },
    /// The name under which a domain holds this outside object; `wake` is its own notification. Reply: a
    /// [`Binding`] for the destination's root.
    NameOf {
        /// The domain.
        name: Name,
        /// The object, from `DomainDescribe`.
        #[serde(with = "identity::object_id")]
        object: ObjectId,
        /// Its badge, also from `DomainDescribe`: several services share an endpoint.
        badge: u64,
    },
    /// Quiesces the services of root and of the switch for the domain: its port's ring no longer changes. The reply is
    /// sent once that is done.
    Export {
        /// A running domain.
        name: Name,
        /// The time in nanoseconds until its freeze ends. If the domain runs a second after that, root undoes the `Export`
        /// itself.
        frozen_ns: u64,
    },
    /// Undoes `Export`. Repeating it has no effect.
    Revert {
        /// An exported domain.
        name: Name,
    },
    /// The domain has moved away: root forgets it and detaches its port. Reply: one capability, the domain's Pool without any right, which
    /// shows whether the pool still exists. Root keeps the domain's memory, in case the domain returns, until [`Request::Reclaim`]. It
    /// destroys the pool earlier if it lacks memory for another one, if the domain leaves again, and if the caller ends. Repeating the request until then has the
    /// same reply.
    Release {
        /// An exported domain that is retired.
        name: Name,
        /// Its id. Another domain of this name may have left before.
        id: DomainId,
        /// The destination, if it is a guest. Root remembers it until the domain is here again.
        guest: Option<Name>,
    },
    /// Root no longer has to keep the memory that the domain has left, and destroys it when the processor has nothing else to do. Repeating
    /// it has no effect.
    Reclaim {
        /// The id of a domain that has left.
        id: DomainId,
        /// The incarnation as which it has left. A later copy of the domain stays.
        incarnation: Incarnation,
    },
    /// Undoes the retirement of a domain that was about to leave, and lets it run. Sent only at an operator's request.
    /// Repeating it has no effect.
    Unretire {
        /// An exported domain.
        name: Name,
    },
    /// Reserves memory for a domain that arrives from another machine. Reply: one capability, a Pool with every right.
    Admit {
        /// The name of the arriving domain.
        name: Name,
        /// The id of the arriving domain, which it keeps.
        id: DomainId,
        /// The pages of its pool.
        pages: u64,
        /// Whether it may move again.
        movable: bool,
        /// The source, if it is a guest. Only a domain that came in a package may be on a guest, and only on the one that root
        /// remembers, if it remembers one.
        guest: Option<Name>,
    },
    /// This machine's capability for a name. Reply: one capability with the rights that the domain receives,
    /// except that `clock` is also writable.
    Bind {
        /// An incoming domain.
        name: Name,
        /// The reply of the source's root to [`Request::NameOf`].
        binding: Binding,
    },
    /// The incoming domain is complete and frozen, and its clock is set. Root keeps it, in place of one that it kept before.
    /// Transfers the capabilities [`KEEP_POOL`], [`KEEP_DOMAIN`] and [`KEEP_WAKE`].
    Keep {
        /// An incoming or prepared domain.
        name: Name,
        /// The token of its freeze, with which root thaws it.
        token: u64,
        /// The one machine that starts it; `None` if every machine does.
        home: Option<Name>,
    },
    /// Runs the prepared domain: root supervises and thaws it, the switch announces its port. Repeating it has no
    /// effect.
    Adopt {
        /// A prepared domain.
        name: Name,
        /// The domain's id: a request about another domain of that name is refused.
        id: DomainId,
        /// The incarnation that it runs as: one more than on the source.
        incarnation: Incarnation,
    },
    /// A younger copy of the domain runs on another machine: stops this one for good. Repeating it has no effect.
    Outlive {
        /// A running domain.
        name: Name,
        /// The domain's id: a request about another domain of that name is refused.
        id: DomainId,
        /// The incarnation of the other copy, which is higher than this copy's.
        incarnation: Incarnation,
        /// The other machine, if it is a guest. Root remembers it.
        guest: Option<Name>,
    },
    /// A guest has an absent domain that is at home here: root remembers the guest until the domain is here again. If root
    /// remembers another guest, that one stays.
    RememberGuest {
        /// A waiting or away domain.
        name: Name,
        /// The guest that has reported the domain.
        guest: Name,
    },
    /// The domain will not arrive: destroys its pool and its bindings.
    Discard {
        /// An incoming or prepared domain.
        name: Name,
        /// The domain's id: a request about another domain of that name is refused.
        id: DomainId,
    },
    /// Destroys an outlived copy. It may be the last one, so only an operator's request leads to this.
    DropOutlived {
        /// An outlived domain.
        name: Name,
        /// The domain's id: a request about another domain of that name is refused.
        id: DomainId,
    },
    /// Starts a movable domain that is at home here and that no other machine has. The reply is sent after the attempt.
    Start {
        /// A waiting or away domain.
        name: Name,
    },
    /// The machine's memory. Reply: a [`MemoryRecord`].
    Memory,
    /// Ends a domain and frees its memory; the reply is sent when it has ended. With `restart` it is started afresh: at once, or,
    /// if another machine may have the domain, as soon as no machine has it.
    Stop {
        /// A running or stopped domain. Without `restart` also a waiting or away domain: then only another request starts
        /// it.
        name: Name,
        /// Whether it is started afresh. Only its home can start it.
        restart: bool,
    },
    /// Forgets a domain that came with [`Request::InstallPackage`], and its package.
    Remove {
        /// A domain that is not here, or stopped.
        name: Name,
    },
    /// Begins to receive the package of a new domain. An earlier package that is not installed yet is dropped.
    BeginPackage {
        /// Its size in bytes.
        bytes: u32,
    },
    /// Appends a piece to the package. Bytes that were received before are ignored.
    AppendPackage {
        /// The offset of the piece in the package, at most the number of bytes received so far.
        offset: u32,
        /// The bytes from that offset on.
        piece: Text,
    },
    /// Adds the domain of the complete package to those at home here. It waits, and is started once no machine has a domain of
    /// its name. Reply: an [`Installation`].
    InstallPackage,
    /// The line of the log with this number, or the oldest kept line after it. Reply: a
    /// [`Line`](crate::journal::Line), or [`Refusal::NoSuchObject`] if there is none yet.
    ReadLog {
        /// The number of the line.
        from: u64,
    },
    /// Stops all devices from writing to memory, and restarts the machine. There is a reply only if the kernel refuses.
    Reboot,
}

/// The index of the domain's Pool among the capabilities of `Keep`.
pub const KEEP_POOL: usize = 0;
/// The index of the Domain.
pub const KEEP_DOMAIN: usize = 1;
/// The index of the domain's `wake` Notification.
pub const KEEP_WAKE: usize = 2;
/// The number of capabilities that `Keep` transfers.
pub const KEEP_CAPABILITIES: usize = 3;

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use identity::Mac;

    use super::*;
    use crate::log::TEXT_BYTES_MAX;
    use crate::root::PortState;
    use crate::{Malformed, decode, encode};

    fn name(text: &str) -> Name {
        Name::try_new(text).unwrap()
    }

    fn every_request() -> Vec<Request> {
        let binding = Binding {
            name: name("port"),
            port: Some(PortState {
                mac: Mac([0x52, 0x54, 0, 0, 0, 0x14]),
                ip: "10.77.0.20/24".parse().ok(),
            }),
        };
        let name = name("counter");
        let id = DomainId(1 << 127 | 1);
        std::vec![
            Request::List { index: 3 },
            Request::Find { name },
            Request::NameOf {
                name,
                object: ObjectId(77),
                badge: 5,
            },
            Request::Export { name, frozen_ns: 8 },
            Request::Revert { name },
            Request::Release {
                name,
                id,
                guest: Some(name),
            },
            Request::Reclaim {
                id,
                incarnation: Incarnation(5),
            },
            Request::Admit {
                name,
                id,
                pages: 20_000,
                movable: true,
                guest: Name::try_new("guest-525400123456").ok(),
            },
            Request::Bind { name, binding },
            Request::Keep {
                name,
                token: 3,
                home: Some(name),
            },
            Request::Adopt {
                name,
                id,
                incarnation: Incarnation(2),
            },
            Request::Outlive {
                name,
                id,
                incarnation: Incarnation(4),
                guest: None,
            },
            Request::RememberGuest { name, guest: name },
            Request::Discard { name, id },
            Request::DropOutlived { name, id },
            Request::Unretire { name },
            Request::Start { name },
            Request::Memory,
            Request::Stop {
                name,
                restart: true,
            },
            Request::Remove { name },
            Request::BeginPackage { bytes: 1 << 20 },
            Request::AppendPackage {
                offset: u32::MAX,
                piece: Text::of(&[7; TEXT_BYTES_MAX]),
            },
            Request::InstallPackage,
            Request::ReadLog { from: 9 },
            Request::Reboot,
        ]
    }

    #[test]
    fn requests_survive_a_message() {
        for request in every_request() {
            assert_eq!(decode(encode(&request).as_slice()), Ok(request));
        }
    }

    #[test]
    fn rejects_truncated_requests() {
        for request in every_request() {
            let words = encode(&request);
            let words = words.as_slice();
            for count in 0..words.len() {
                let read = decode::<Request>(&words[..count]);
                assert_eq!(read, Err(Malformed), "{request:?} {count}");
            }
        }
    }

    #[test]
    fn rejects_an_unknown_request() {
        assert_eq!(decode::<Request>(&[99]), Err(Malformed));
    }
}
