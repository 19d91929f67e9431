//! Root's record of a domain: its identity, its state, its objects, and the outside objects that it holds.

use alloc::rc::Rc;
use alloc::vec::Vec;

use abi::register::ObjectId;
use abi::{Error, NO_DEADLINE};
use manifest::Role;
use runtime::Cap;
use runtime::capability::{Domain as DomainKind, Memory, Pool};
use runtime::protocol::root::{Binding, DomainRecord, DomainState};
use runtime::protocol::{DomainId, Incarnation, Name};

use crate::badge::DomainNumber;
use crate::definition::Definition;
use crate::devices::{Devices, Function};
use crate::handle::Handle;
use crate::held_object::{HeldObject, stateless_binding};
use crate::log_quota::LogQuota;
use crate::machine::Machine;
use crate::names;
use crate::spawn::DomainObjects;

/// A domain of this machine.
#[derive(Debug)]
pub struct Domain {
    /// Its number, part of the badges of its capabilities.
    pub number: DomainNumber,
    pub name: Name,
    pub id: DomainId,
    pub incarnation: Incarnation,
    pub state: DomainState,
    pub movable: bool,
    /// The machine that starts it; `None` if any machine may.
    pub home: Option<Name>,
    /// The guest that may have it, or another copy of it: this machine has sent it there, or the guest has reported it. It is
    /// forgotten when the domain has come back from there, or was started after a roll call.
    pub guest: Option<Name>,
    /// Its program and manifest entry; `None` for a domain whose home is another machine.
    pub definition: Option<Rc<Definition>>,
    /// Whether it came from another machine.
    pub has_arrived: bool,
    /// Whether that machine is the guest that may have had it.
    pub is_from_guest: bool,
    /// The number of restarts in a row.
    pub restarts: u32,
    /// The time, on root's clock, at which it last began to run or will begin to run.
    pub started_ns: u64,
    /// Its state before an incoming move, restored if the move fails.
    pub state_before_arrival: Option<DomainState>,
    /// Its memory, once reserved.
    pub pool: Option<Cap<Pool>>,
    /// The capability for its memory that the migration server gets while it arrives.
    pub builder_pool: Option<Handle<Pool>>,
    /// Its objects, once it is complete.
    pub objects: Option<DomainObjects>,
    /// The token of the last freeze of it that root owns: while it is prepared or outlived, or until it runs after the delay of a restart. 0 if
    /// there was none.
    pub freeze_token: u64,
    pub export: Option<Export>,
    /// The capability that the migration server gets.
    pub migration_handle: Option<Handle<DomainKind>>,
    pub device: Option<Function>,
    pub clock: Option<Cap<Memory>>,
    /// Its Memory that outlives it.
    pub records: Option<Cap<Memory>>,
    /// Its budget of log output.
    pub log_quota: LogQuota,
    /// Outside objects that it holds.
    pub held: Vec<HeldObject>,
}

/// When the pool of a domain that has ended is to be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Before anything else: something in it could still have an effect.
    AtOnce,
    /// When the processor has nothing else to do, or when the memory is needed.
    Background,
}

/// The state of a leaving domain's export, see [`crate::export`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// The time of the next check, in root's time.
    pub check_ns: u64,
    pub has_faulted: bool,
}

impl Domain {
    /// A stopped domain without memory or objects.
    pub fn new(number: DomainNumber, name: Name, id: DomainId) -> Domain {
        Domain {
            number,
            name,
            id,
            incarnation: Incarnation(0),
            state: DomainState::Stopped,
            movable: false,
            home: None,
            guest: None,
            definition: None,
            has_arrived: false,
            is_from_guest: false,
            restarts: 0,
            started_ns: 0,
            state_before_arrival: None,
            pool: None,
            builder_pool: None,
            objects: None,
            freeze_token: 0,
            export: None,
            migration_handle: None,
            device: None,
            clock: None,
            records: None,
            log_quota: LogQuota::default(),
            held: Vec::new(),
        }
    }

    /// Whether the manifest gives it this role.
    pub fn has_role(&self, role: Role) -> bool {
        let definition = self.definition.as_ref();
        definition.is_some_and(|definition| definition.description.role == Some(role))
    }

    /// Whether the manifest gives it a role, so that the machine depends on it.
    pub fn is_part_of_machine(&self) -> bool {
        let definition = self.definition.as_ref();
        definition.is_some_and(|definition| definition.description.role.is_some())
    }

    /// Whether another machine may have it, so that it is started only after a roll call.
    pub fn may_be_elsewhere(&self) -> bool {
        self.movable && self.home.is_some()
    }

    /// Whether it is at home on this machine but not present.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.state, DomainState::Waiting | DomainState::Away)
    }

    /// Marks a prepared domain as running under this incarnation. Its state before the arrival no longer counts.
    pub fn begin_adopted(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation;
        self.state = DomainState::Running;
        self.state_before_arrival = None;
        self.builder_pool = None;
        if self.is_from_guest {
            self.guest = None;
        }
    }

    /// Stops it for good, and destroys its clock page. Returns its pool, and whether that has to be destroyed at once. Its device is cut off
    /// from that memory first.
    pub fn end(&mut self, machine: &Machine, devices: &Devices) -> Option<(Handle<Pool>, Urgency)> {
        if let Some(function) = self.device {
            devices.disable(machine, function);
        }
        let urgency = self.stop();
        self.state = DomainState::Stopped;
        self.freeze_token = 0;
        self.export = None;
        self.held.clear();
        self.migration_handle = None;
        self.builder_pool = None;
        self.objects = None;
        if let Some(clock) = self.clock.take()
            && let Err(error) = clock.destroy()
        {
            log::error!("cannot destroy the clock of {}: {error}", self.name);
        }
        let pool = self.pool.take()?;
        Some((Handle::new(pool), urgency))
    }

    /// Makes sure that it never runs again and that no other domain waits for it, as far as this needs no destruction. A retired
    /// domain does not run, and each use of its objects fails. Its Memories stay mapped elsewhere until they are destroyed.
    fn stop(&self) -> Urgency {
        // The machine's own parts are small, and their successors need their devices.
        if self.is_part_of_machine() || self.device.is_some() {
            return Urgency::AtOnce;
        }
        let Some(objects) = self.objects.as_ref().filter(|_| self.pool.is_some()) else {
            // It has no thread that was started.
            return Urgency::Background;
        };
        // It has not run here, and only root thaws it.
        if self.state == DomainState::Prepared {
            return Urgency::Background;
        }
        let frozen = match objects.domain.freeze(NO_DEADLINE) {
            // Maybe by root itself.
            Err(Error::InUse) => objects.domain.freeze_of(self.freeze_token),
            other => other,
        };
        let retired = match frozen {
            Ok(freeze) => objects.domain.retire(freeze.version, freeze.token),
            // It was retired before.
            Err(Error::WrongState) => Ok(()),
            Err(error) => Err(error),
        };
        match retired {
            Ok(()) => Urgency::Background,
            // Another domain has frozen it, and the kernel would thaw it at a deadline. Or a deadline of root's own has passed just now.
            Err(_) => Urgency::AtOnce,
        }
    }

    /// Its entry in root's list of domains.
    pub fn record(&self) -> DomainRecord {
        let report = self.pool.and_then(|pool| pool.report().ok());
        let (pool, spent) =
            report.map_or_else(Default::default, |report| (report.total, report.spent));
        DomainRecord {
            name: self.name,
            id: self.id,
            incarnation: self.incarnation,
            state: self.state,
            movable: self.movable,
            is_part_of_machine: self.is_part_of_machine(),
            home: self.home,
            has_package: self.definition.as_ref().is_some_and(|it| it.is_received()),
            guest: self.guest,
            pool_pages: pool.0,
            spent_pages: spent.0,
        }
    }

    /// The binding of an outside object, if the domain holds it with this badge. `root` is root's own domain, whose table has the
    /// outside objects.
    pub fn binding_of(
        &self,
        root: Cap<DomainKind>,
        object: ObjectId,
        badge: u64,
    ) -> Option<Binding> {
        let is_it = |slot| root.identify(slot) == Ok(object);
        let mut wake = self.objects.iter().map(|objects| objects.wake.slot());
        if badge == 0 && wake.any(is_it) {
            return stateless_binding(names::WAKE);
        }
        let held = self.held.iter();
        let mut same = held.filter(|held| held.badge == badge);
        same.find(|held| is_it(held.capability.slot()))
            .map(|held| held.binding)
    }
}
