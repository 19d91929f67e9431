//! The state of a frozen domain that is not memory: its clock, its threads, the notification that wakes it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use abi::ObjectKind;
use abi::register::ObjectId;
use identity::Name;
use nomad_image::{Clock, Identity, Parts, ThreadImage};
use runtime::Cap;
use runtime::capability::Domain;

use crate::capture::CaptureError;
use crate::capture::listing::{self, Read};
use crate::root::{Root, RootError};

/// The domain's time. To learn the machine's time, this sets the domain's clock to the offset that it already has.
///
/// # Errors
/// The error of the kernel.
pub fn clock(domain: Cap<Domain>) -> Result<Clock, CaptureError> {
    let offset_ns = listing::clock_offset_ns(domain)?;
    let machine_ns = domain.set_clock(offset_ns)?;
    let domain_ns = machine_ns.wrapping_add_signed(offset_ns);
    Ok(Clock { domain_ns })
}

/// The parts of the description that are not in the kernel's lists. `wake` is the notification that wakes the domain, if it
/// has one.
///
/// # Errors
/// The error of the kernel.
pub fn parts(
    domain: Cap<Domain>,
    identity: &Identity,
    read: &Read,
    clock: Clock,
    wake: Option<ObjectId>,
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
        wake,
        threads,
        exports: Vec::new(),
    })
}

/// The notification by which root and the switch wake the domain: the one that root names, or the only one if root
/// names none. `known` is the one that root named before. That name stays valid, since object ids are never reused.
///
/// # Errors
/// The error of root.
pub fn wake(
    root: Root,
    name: Name,
    read: &Read,
    known: &mut Option<ObjectId>,
) -> Result<Option<ObjectId>, RootError> {
    let notifications = read.of_kind(ObjectKind::Notification);
    let ids: Vec<ObjectId> = notifications.map(|record| ObjectId(record.id)).collect();
    if known.is_some_and(|known| ids.contains(&known)) {
        return Ok(*known);
    }
    for id in &ids {
        if root.is_wake(name, *id)? {
            *known = Some(*id);
            return Ok(*known);
        }
    }
    Ok(match ids[..] {
        [only] => Some(only),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::record::{CURSOR_END, List, ObjectRecord};
    use abi::register::Slot;
    use runtime::host::{CallResult, DONE, with_kernel, write_message_data};
    use runtime::protocol::root::{Binding, Refusal};

    use super::*;
    use crate::samples::{granted, name, object, refused};

    const DOMAIN: Cap<Domain> = Cap::from_slot(Slot(8));
    /// The domain's clock is behind the machine's.
    const OFFSET_NS: i64 = -3_000;
    const MACHINE_NS: u64 = 5_000;

    /// A kernel with a domain whose clock has an offset.
    fn kernel(request: &Request) -> CallResult {
        match request {
            Request::DomainClock(_) => Ok([MACHINE_NS, 0, 0, 0, 0, 0, 0, 0]),
            Request::DomainDescribe(call) if call.list == List::Objects => {
                let domain = ObjectRecord {
                    id: 1,
                    kind: ObjectKind::Domain as u64,
                    attribute: OFFSET_NS.cast_unsigned(),
                    ..ObjectRecord::default()
                };
                let words = domain.to_words();
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                write_message_data(&bytes);
                Ok([1, CURSOR_END, 0, 0, 0, 0, 0, 0])
            }
            Request::DomainDescribe(_) => Ok([0, CURSOR_END, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    /// The notification that wakes a domain with these notifications, if root has a name for none of them.
    fn wake_of(notifications: &[u64]) -> Option<ObjectId> {
        let mut read = Read::default();
        let notifications = notifications.iter();
        let objects = notifications.map(|id| object(*id, ObjectKind::Notification));
        read.listing.objects.extend(objects);
        let root = Root::new(Cap::from_slot(Slot(1)));
        let unnamed: fn(&Request) -> CallResult = |_| refused(Refusal::NoSuchObject);
        let (found, _) = with_kernel(unnamed, || wake(root, name("guest"), &read, &mut None));
        found.expect("root replies")
    }

    #[test]
    fn a_domain_is_woken_by_its_only_notification_if_root_names_none() {
        assert_eq!(wake_of(&[]), None);
        assert_eq!(wake_of(&[5]), Some(ObjectId(5)));
        assert_eq!(wake_of(&[5, 6]), None);
    }

    #[test]
    fn root_is_asked_for_a_name_until_it_has_given_one() {
        let mut read = Read::default();
        let notification = object(5, ObjectKind::Notification);
        read.listing.objects.push(notification);
        let root = Root::new(Cap::from_slot(Slot(1)));
        let mut known = None;
        let mut requests = |reply: fn(&Request) -> CallResult| {
            let (found, calls) =
                with_kernel(reply, || wake(root, name("guest"), &read, &mut known));
            assert_eq!(found, Ok(Some(ObjectId(5))));
            calls.len()
        };
        let unnamed: fn(&Request) -> CallResult = |_| refused(Refusal::NoSuchObject);
        let asked = [unnamed, unnamed, named, unnamed].map(&mut requests);
        assert_eq!(asked, [1, 1, 1, 0]);
    }

    /// A root for which every object is the one that wakes its domain.
    fn named(_: &Request) -> CallResult {
        let binding = Binding {
            name: name("wake"),
            port: None,
        };
        granted(&binding)
    }

    #[test]
    fn reading_a_domains_time_does_not_change_it() {
        let (read, calls) = with_kernel(kernel, || clock(DOMAIN));
        assert_eq!(read, Ok(Clock { domain_ns: 2_000 }));
        let offsets = calls.iter().filter_map(|call| match call {
            Request::DomainClock(call) => Some(call.offset),
            _ => None,
        });
        assert!(offsets.eq([OFFSET_NS]));
    }
}
