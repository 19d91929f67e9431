//! The list of calls that rebuild a domain: objects, table, mappings, capabilities held by objects, threads, reply rights, flags. The
//! new domain is frozen as soon as it is created.

use alloc::vec::Vec;

use runtime::abi::record::{CapabilityRecord, Held, MappingRecord};
use runtime::abi::register::{Access, ObjectId, PageCount, PageIndex, Register, Slot, UserAddress};
use runtime::abi::{NO_DEADLINE, ObjectKind, PAGE_BYTES, Rights};
use runtime::capability::{Any, Memory, Thread};
use runtime::mapping::Mapping;
use runtime::{Cap, Error};

use crate::captured::{Captured, Object, Page};
use crate::subject::{Lender, Subject};

/// A domain being built.
struct Building<'a> {
    lender: &'a Lender,
    captured: &'a Captured,
    subject: Subject,
    /// The new object for each old object's identity.
    objects: Vec<(ObjectId, Cap<Any>)>,
}

/// Builds a domain in a fresh pool.
pub fn rebuild(lender: &Lender, captured: &Captured) -> Result<Subject, Error> {
    let pool = lender.subject_pool()?;
    let domain = pool.create_domain()?;
    let token = domain.freeze(NO_DEADLINE)?.token;
    let mut building = Building {
        lender,
        captured,
        subject: Subject {
            pool,
            domain,
            token,
        },
        objects: Vec::new(),
    };
    building.make_objects()?;
    building.fill_table()?;
    building.map()?;
    building.fill_held()?;
    building.set_threads()?;
    building.install_replies()?;
    building.raise_flags()?;
    building.finish()
}

/// The slot of the domain's table that a record names as a parent.
fn own_slot(parent: u64) -> Option<Slot> {
    parent.checked_sub(1).map(|slot| Slot(slot as u32))
}

impl Building<'_> {
    fn make_objects(&mut self) -> Result<(), Error> {
        let Subject { pool, domain, .. } = self.subject;
        for (id, object) in &self.captured.objects {
            let made = match object {
                Object::Pool => pool.erase(),
                Object::Domain(slots) => {
                    domain.grow(u32::try_from(*slots).unwrap_or(u32::MAX))?;
                    domain.erase()
                }
                Object::Thread(_) => domain.create_thread()?.erase(),
                Object::Memory(count, pages) => self.make_memory(*count, pages)?.erase(),
                Object::Endpoint => pool.create_endpoint()?.erase(),
                Object::Notification(_) => pool.create_notification()?.erase(),
            };
            self.objects.push((*id, made));
        }
        Ok(())
    }

    /// Creates a Memory with copies of these pages. The old pages still exist, so the new ones have other frames.
    fn make_memory(&self, count: PageCount, pages: &[Page]) -> Result<Cap<Memory>, Error> {
        let memory = self.subject.pool.create_memory(count)?;
        let mapping = Mapping::new(self.lender.domain, memory, count, Access::ReadWrite)?;
        for (page, bytes) in pages {
            memory.populate(*page, PageCount(1))?;
            if let Some(bytes) = bytes {
                mapping
                    .memory()
                    .write((page.0 * PAGE_BYTES) as usize, bytes);
            }
        }
        Ok(memory)
    }

    fn map(&self) -> Result<(), Error> {
        // The list starts with the newest mapping.
        for record in self.captured.mappings.iter().rev() {
            let MappingRecord {
                address,
                memory,
                first_page,
                page_count,
                access,
                parent,
            } = *record;
            let domain = self.subject.domain;
            let (address, first_page) = (UserAddress(address), PageIndex(first_page));
            let (page_count, access) = (PageCount(page_count), Access::from_register(access)?);
            match own_slot(parent) {
                Some(slot) => domain.map_own(slot, address, first_page, page_count, access)?,
                None => {
                    let memory = Cap::from_slot(self.successor(ObjectId(memory))?);
                    domain.map(memory, address, first_page, page_count, access)?;
                }
            }
        }
        Ok(())
    }

    fn fill_table(&self) -> Result<(), Error> {
        // Subjects derive only into later slots, so a parent exists before its children.
        for record in &self.captured.capabilities {
            let CapabilityRecord {
                slot,
                kind,
                object,
                badge,
                parent,
                ..
            } = *record;
            let (to, rights) = (Slot(slot as u32), Rights(record.rights as u16));
            if kind == ObjectKind::Reply as u64 {
                continue;
            }
            match own_slot(parent) {
                Some(parent) => {
                    // The parent's badge is inherited and cannot be set again.
                    let badge = if self.badge_in(parent) == 0 { badge } else { 0 };
                    self.subject.domain.derive(parent, to, rights, badge)?;
                }
                None => {
                    let from = Cap::<Any>::from_slot(self.successor(ObjectId(object))?);
                    self.subject.domain.install(from, to, rights, badge)?;
                }
            }
        }
        Ok(())
    }

    fn badge_in(&self, slot: Slot) -> u64 {
        let mut table = self.captured.capabilities.iter();
        let found = table.find(|record| record.slot == u64::from(slot.0));
        found.map_or(0, |record| record.badge)
    }

    /// Sets the capabilities that objects hold: each is derived from a slot of the table or, if the driver gave it, from none.
    fn fill_held(&self) -> Result<(), Error> {
        for record in &self.captured.held {
            let what = Held::from_register(record.slot)?;
            if let Some(slot) = own_slot(record.parent) {
                let holder = Cap::<Any>::from_slot(self.successor(ObjectId(record.holder))?);
                let domain = self.subject.domain;
                domain.hold(slot, holder, what, record.badge)?;
                continue;
            }
            let holder = self.successor(ObjectId(record.holder))?;
            let object = self.successor(ObjectId(record.object))?;
            let thread = Cap::<Thread>::from_slot(holder);
            match what {
                Held::FaultEndpoint => thread.set_fault_endpoint(Some(Cap::from_slot(object)))?,
                Held::BoundNotification => thread.bind(Some(Cap::from_slot(object)))?,
                Held::Pager => {
                    Cap::<Memory>::from_slot(holder).set_pager(Some(Cap::from_slot(object)))?;
                }
            }
        }
        Ok(())
    }

    fn set_threads(&self) -> Result<(), Error> {
        for (id, object) in &self.captured.objects {
            if let Object::Thread(state) = object {
                Cap::<Thread>::from_slot(self.successor(*id)?).write(state)?;
            }
        }
        Ok(())
    }

    fn install_replies(&self) -> Result<(), Error> {
        for record in &self.captured.capabilities {
            if record.kind == ObjectKind::Reply as u64 {
                let thread = Cap::from_slot(self.successor(ObjectId(record.object))?);
                self.subject.domain.install_reply(
                    thread,
                    Slot(record.slot as u32),
                    Rights(record.rights as u16),
                )?;
            }
        }
        Ok(())
    }

    fn raise_flags(&self) -> Result<(), Error> {
        for (id, object) in &self.captured.objects {
            if let Object::Notification(flags @ 1..) = object {
                let notification = self.successor(*id)?;
                Cap::<runtime::capability::Notification>::from_slot(notification).signal(*flags)?;
            }
        }
        Ok(())
    }

    /// Deletes the driver's capabilities to the domain's objects.
    fn finish(self) -> Result<Subject, Error> {
        let Subject { pool, domain, .. } = self.subject;
        for (_, object) in &self.objects {
            if object.slot() != pool.slot() && object.slot() != domain.slot() {
                object.delete()?;
            }
        }
        Ok(self.subject)
    }

    /// The replacement of an object: its successor, or the same object if it is outside the domain.
    fn successor(&self, id: ObjectId) -> Result<Slot, Error> {
        let inside = self.objects.iter().find(|(old, _)| *old == id);
        match inside {
            Some((_, new)) => Ok(new.slot()),
            None => self.lender.outsider(id),
        }
    }
}
