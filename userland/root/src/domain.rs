//! Root's record of a domain: its identity, its state, its objects, and the outside objects that it holds.

use alloc::vec::Vec;

use abi::register::ObjectId;
use manifest::Restart;
use runtime::Cap;
use runtime::capability::{Any, Domain as DomainKind, Memory, Pool};
use runtime::protocol::root::{Binding, DomainRecord, DomainState};
use runtime::protocol::{DomainId, Incarnation, Name};

use crate::badge::DomainNumber;
use crate::devices::Function;
use crate::export::Export;
use crate::handle::Handle;
use crate::log_quota::LogQuota;
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
    /// The only machine that starts it, if there is one.
    pub home: Option<Name>,
    /// Its index in the manifest; a domain that came from another machine has none.
    pub manifest_index: Option<usize>,
    /// Restarts in a row.
    pub restarts: u32,
    /// The time at which it last began to run, or will, in root's time.
    pub started_ns: u64,
    /// The state of a domain at home here before it was admitted from elsewhere, restored if it does not arrive.
    pub state_before_arrival: Option<DomainState>,
    /// Its memory, from the moment of its reservation.
    pub pool: Option<Cap<Pool>>,
    /// Its objects, once it is complete.
    pub objects: Option<DomainObjects>,
    /// The token of its freeze while it is prepared.
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

/// An outside object that a domain holds.
#[derive(Debug)]
pub struct HeldObject {
    /// The domain's name for it, and the state that any machine needs to provide it.
    pub binding: Binding,
    /// Root's own capability to it.
    pub capability: Cap<Any>,
    /// The badge of the domain's capability.
    pub badge: u64,
    /// The same capability if it was minted for this domain alone, dropped with the record.
    #[expect(dead_code, reason = "dropping it frees the slot")]
    pub minted: Option<Handle<Any>>,
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
            manifest_index: None,
            restarts: 0,
            started_ns: 0,
            state_before_arrival: None,
            pool: None,
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

    /// Whether it is at home on this machine but not present.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.state, DomainState::Waiting | DomainState::Away)
    }

    /// Marks a prepared domain as running under this incarnation. Its state before the arrival no longer counts.
    pub fn begin_adopted(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation;
        self.state = DomainState::Running;
        self.state_before_arrival = None;
    }

    /// The state that a domain at home here has after it is gone, by its restart policy.
    pub fn state_when_gone(&self, restart: Option<Restart>) -> DomainState {
        self.state_before_arrival.unwrap_or(match restart {
            Some(Restart::Always) => DomainState::Waiting,
            _ => DomainState::Away,
        })
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
            home: self.home,
            pool_pages: pool.0,
            spent_pages: spent.0,
        }
    }

    /// The binding under which the domain holds this object. `root` is root's own domain, whose table has the outside objects.
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

/// A binding without state.
pub fn stateless_binding(name: &str) -> Option<Binding> {
    let name = Name::try_new(name).ok()?;
    Some(Binding { name, port: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(state_before_arrival: Option<DomainState>) -> Domain {
        let name = Name::try_new("counter").expect("a name");
        Domain {
            state: DomainState::Incoming,
            state_before_arrival,
            ..Domain::new(DomainNumber(1), name, DomainId(7))
        }
    }

    #[test]
    fn one_that_does_not_come_is_what_it_was_before() {
        for state in [DomainState::Waiting, DomainState::Away] {
            let gone = incoming(Some(state));
            assert_eq!(gone.state_when_gone(Some(Restart::Always)), state);
            assert_eq!(gone.state_when_gone(None), state);
        }
    }

    #[test]
    fn one_that_came_and_left_again_is_started_unasked_only_where_its_manifest_wants_that() {
        let mut gone = incoming(Some(DomainState::Waiting));
        gone.begin_adopted(Incarnation(2));
        let away = gone.state_when_gone(Some(Restart::Never));
        assert_eq!(away, DomainState::Away);
        let waiting = gone.state_when_gone(Some(Restart::Always));
        assert_eq!(waiting, DomainState::Waiting);
    }
}
