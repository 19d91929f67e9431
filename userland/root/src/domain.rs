//! A domain as root knows it: who it is, what it is doing, what it consists of, and which outside objects it holds.

use alloc::vec::Vec;

use abi::register::{ObjectId, PageCount};
use manifest::Restart;
use runtime::Cap;
use runtime::capability::{Any, Domain as DomainKind, Memory, Pool};
use runtime::protocol::Name;
use runtime::protocol::root::{Binding, DomainId, DomainRecord, DomainState};

use crate::allowance::Allowance;
use crate::badge::DomainNumber;
use crate::birth::Body;
use crate::export::Export;
use crate::handle::Handle;
use crate::names;
use crate::pci::Function;

/// A domain.
#[derive(Debug)]
pub struct Domain {
    /// Its number: in the badges of its capabilities.
    pub number: DomainNumber,
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DomainId,
    /// How often it was activated.
    pub incarnation: u64,
    /// What it is doing.
    pub state: DomainState,
    /// Whether it may be moved.
    pub movable: bool,
    /// The machine that starts it, if one alone does.
    pub home: Option<Name>,
    /// Where in the manifest it is described; one that came from another machine is not.
    pub described: Option<usize>,
    /// How often it was started again in a row.
    pub restarts: u32,
    /// When it began to run last, or does, in root's time.
    pub started_ns: u64,
    /// What it was before it began to come: at home here, and elsewhere or nowhere. It is so again if it does not come.
    pub waited: Option<DomainState>,
    /// Its memory, from the moment it is reserved.
    pub pool: Option<Cap<Pool>>,
    /// Its parts, once it is complete.
    pub body: Option<Body>,
    /// The token of the freeze in which it is kept while it is prepared.
    pub freeze_token: u64,
    /// Its export, while it is leaving.
    pub export: Option<Export>,
    /// What was given to the one who moves it.
    pub handed: Option<Handle<DomainKind>>,
    /// Its device.
    pub device: Option<Function>,
    /// Its clock page.
    pub clock: Option<Cap<Memory>>,
    /// Memory of its own that outlives it.
    pub records: Option<Cap<Memory>>,
    /// What it may still say.
    pub allowance: Allowance,
    /// The outside objects that it holds.
    pub held: Vec<Held>,
}

/// An outside object that a domain holds.
#[derive(Debug)]
pub struct Held {
    /// What the domain knows it by, and what every machine must know to provide it.
    pub binding: Binding,
    /// Root's own capability for it.
    pub capability: Cap<Any>,
    /// The badge of the domain's.
    pub badge: u64,
    /// The same, if it was made for this domain alone: then it ends with the domain.
    pub minted: Option<Handle<Any>>,
}

impl Domain {
    /// A domain that is nothing yet but a name.
    pub fn new(number: DomainNumber, name: Name, id: DomainId) -> Domain {
        Domain {
            number,
            name,
            id,
            incarnation: 0,
            state: DomainState::Stopped,
            movable: false,
            home: None,
            described: None,
            restarts: 0,
            started_ns: 0,
            waited: None,
            pool: None,
            body: None,
            freeze_token: 0,
            export: None,
            handed: None,
            device: None,
            clock: None,
            records: None,
            allowance: Allowance::default(),
            held: Vec::new(),
        }
    }

    /// Whether it is at home here and not here.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.state, DomainState::Waiting | DomainState::Away)
    }

    /// It was complete, and runs from now on under this incarnation: if it leaves, it is not what it was before it came.
    pub fn begin_adopted(&mut self, incarnation: u64) {
        self.incarnation = incarnation;
        self.state = DomainState::Running;
        self.waited = None;
    }

    /// What a domain at home here is when it has gone, by what its manifest says of starting it again.
    pub fn state_when_gone(&self, restart: Option<Restart>) -> DomainState {
        self.waited.unwrap_or(match restart {
            Some(Restart::Always) => DomainState::Waiting,
            _ => DomainState::Away,
        })
    }

    /// What root says of it.
    pub fn record(&self) -> DomainRecord {
        let report = self.pool.and_then(|pool| pool.report().ok());
        let (pages, spent) =
            report.map_or_else(Default::default, |report| (report.total, report.spent));
        DomainRecord {
            name: self.name,
            id: self.id,
            incarnation: self.incarnation,
            state: self.state,
            movable: self.movable,
            home: self.home,
            pages: PageCount(pages.0),
            spent: PageCount(spent.0),
        }
    }

    /// What the domain holds this object as. `root` is root's own domain, in whose table the outside objects are looked for.
    pub fn binding_of(
        &self,
        root: Cap<DomainKind>,
        object: ObjectId,
        badge: u64,
    ) -> Option<Binding> {
        let is_it = |slot| root.identify(slot) == Ok(object);
        let mut wake = self.body.iter().map(|body| body.wake.slot());
        if badge == 0 && wake.any(is_it) {
            return plain(names::WAKE);
        }
        let held = self.held.iter();
        let mut same = held.filter(|held| held.badge == badge);
        same.find(|held| is_it(held.capability.slot()))
            .map(|held| held.binding)
    }
}

/// The binding of a name that goes with no state.
pub fn plain(name: &str) -> Option<Binding> {
    Name::try_new(name).map(|name| Binding {
        name,
        state: [0; 2],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(waited: Option<DomainState>) -> Domain {
        let name = Name::try_new("counter").expect("a name");
        Domain {
            state: DomainState::Incoming,
            waited,
            ..Domain::new(DomainNumber(1), name, DomainId([7; 16]))
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
        gone.begin_adopted(2);
        let away = gone.state_when_gone(Some(Restart::Never));
        assert_eq!(away, DomainState::Away);
        let waiting = gone.state_when_gone(Some(Restart::Always));
        assert_eq!(waiting, DomainState::Waiting);
    }
}
