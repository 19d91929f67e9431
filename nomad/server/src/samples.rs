//! A domain and the kernels around it, for tests.

use alloc::vec::Vec;

use abi::record::{CURSOR_END, ObjectRecord};
use abi::register::Slot;
use abi::{MessageInfo, ObjectKind, Request};
use identity::{DomainId, Incarnation, Name};
use nomad_image::{Clock, Description, Identity, Names};
use runtime::Cap;
use runtime::host::{CallResult, DONE};
use runtime::protocol::root::{self, DomainRecord, DomainState, Refusal};
use serde::Serialize;

use crate::capture::Found;
use crate::capture::listing::Read;
use crate::owned::Owned;

pub fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

pub fn identity() -> Identity {
    Identity {
        id: DomainId(7),
        incarnation: Incarnation(1),
        name: name("guest"),
        home: None,
    }
}

/// A domain with nothing in it.
pub fn description() -> Description {
    Description {
        identity: identity(),
        clock: Clock { domain_ns: 0 },
        wake: None,
        slot_count: 64,
        objects: Vec::new(),
        outsiders: Vec::new(),
        mappings: Vec::new(),
        capabilities: Vec::new(),
        held: Vec::new(),
        exports: Vec::new(),
    }
}

/// The domain as it was looked up, with these lists.
pub fn found(read: Read) -> Found {
    let Identity {
        id,
        incarnation,
        name,
        home,
    } = identity();
    Found {
        record: DomainRecord {
            name,
            id,
            incarnation,
            state: DomainState::Running,
            movable: true,
            is_part_of_machine: false,
            home,
            has_package: false,
            guest: None,
            pool_pages: 64,
            spent_pages: 8,
        },
        domain: Owned::new(Cap::from_slot(Slot(8))),
        read,
        names: Names::new(),
    }
}

/// The kernel's record of an object without a size.
pub fn object(id: u64, kind: ObjectKind) -> ObjectRecord {
    ObjectRecord {
        id,
        kind: kind as u64,
        ..ObjectRecord::default()
    }
}

/// A kernel that performs every call and lists nothing, and a root that performs every request.
pub fn kernel(request: &Request) -> CallResult {
    match request {
        Request::Call(_) => Ok([0, MessageInfo::words_only(1)?.bits(), 0, 0, 0, 0, 0, 0]),
        Request::DomainDescribe(_) => Ok([0, CURSOR_END, 0, 0, 0, 0, 0, 0]),
        _ => DONE,
    }
}

/// The result of a call that root refuses.
pub fn refused(refusal: Refusal) -> CallResult {
    short_reply(root::refused(refusal).as_slice())
}

/// The result of a call to which root replies with this value, which fits a word.
pub fn granted<T: Serialize>(value: &T) -> CallResult {
    short_reply(root::granted(value).as_slice())
}

fn short_reply(words: &[u64]) -> CallResult {
    let [word] = *words else {
        panic!("the reply has {} words", words.len());
    };
    Ok([0, MessageInfo::words_only(1)?.bits(), word, 0, 0, 0, 0, 0])
}

/// A kernel that refuses one kind of call with an error, and handles every other call as `$kernel` does.
macro_rules! failing {
    ($call:ident, $error:expr, $kernel:expr) => {
        |request| match request {
            Request::$call(_) => Err($error),
            other => $kernel(other),
        }
    };
}
pub(crate) use failing;
