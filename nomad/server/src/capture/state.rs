//! The state of a frozen domain that is no memory: its time, its threads, the notification that wakes it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use abi::ObjectKind;
use abi::register::ObjectId;
use nomad_image::{Clock, Identity, Name, Parts, ThreadImage};
use runtime::Cap;
use runtime::capability::Domain;

use crate::capture::CaptureError;
use crate::capture::listing::{self, Read};
use crate::root::Root;

/// The domain's time. Its clock is set to what it is: the answer is the machine's time.
///
/// # Errors
/// What the kernel says.
pub fn clock(domain: Cap<Domain>) -> Result<Clock, CaptureError> {
    let offset_ns = listing::read(domain)?.clock_offset_ns;
    let machine_ns = domain.set_clock(offset_ns)?;
    let domain_ns = machine_ns.wrapping_add_signed(offset_ns);
    Ok(Clock { domain_ns })
}

/// What the image says of it besides what the kernel lists.
///
/// # Errors
/// Root or the kernel said no.
pub fn parts(
    root: Root,
    domain: Cap<Domain>,
    identity: &Identity,
    read: &Read,
    clock: Clock,
) -> Result<Parts, CaptureError> {
    let mut threads = BTreeMap::new();
    for thread in read.of_kind(ObjectKind::Thread) {
        let id = ObjectId(thread.id);
        let state = domain.read_thread(id)?;
        threads.insert(id, ThreadImage(Box::new(state)));
    }
    Ok(Parts {
        identity: identity.clone(),
        clock,
        slot_count: read.slot_count,
        wake: wake(root, identity.name, read)?,
        threads,
        exports: Vec::new(),
    })
}

/// The notification that root and the switch wake the domain by: the one that root says, or the only one.
fn wake(root: Root, name: Name, read: &Read) -> Result<Option<ObjectId>, CaptureError> {
    let notifications = read.of_kind(ObjectKind::Notification);
    let ids: Vec<ObjectId> = notifications.map(|record| ObjectId(record.id)).collect();
    for id in &ids {
        if root.is_wake(name, *id)? {
            return Ok(Some(*id));
        }
    }
    Ok(match ids[..] {
        [only] => Some(only),
        _ => None,
    })
}
