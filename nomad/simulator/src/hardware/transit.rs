//! Domains that move, as the shell holds them, and the items of their page streams.

use identity::{DomainId, Incarnation, Name};
use nomad_protocol::StreamHeader;
use nomad_shell::ArrivingClock;
use nomad_shell::arriving_pages::ArrivingPages;
use nomad_shell::page_state::PageState;

use super::passes::Pass;
use crate::domain::Domain;
use crate::kernel::State;
use crate::memory::Memory;
use crate::stream::StreamItem;

/// A domain that was looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    pub(super) id: DomainId,
    pub(super) incarnation: Incarnation,
    pub(super) pages: u64,
}

/// A leaving domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outgoing {
    pub(super) id: DomainId,
    pub(super) name: Name,
    pub(super) token: Option<u64>,
    pub(super) is_exported: bool,
    pub(super) exported: Option<State>,
    /// The state of its pages, while there is a dirty log.
    pub(super) pages: Option<PageState>,
    /// Whether it is still to be announced that the domain continues from the copy that the destination keeps.
    pub(super) is_continuing: bool,
    pub(super) pass: Option<Pass>,
}

/// An arriving domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Incoming {
    pub(super) id: DomainId,
    pub(super) name: Name,
    pub(super) pages: Memory,
    pub(super) arriving: ArrivingPages,
    /// The pages of the copy that was kept here when the domain left, until the first round has ended.
    pub(super) kept: Option<Memory>,
    /// Its pages at the end of the last round.
    pub(super) logged: Option<Memory>,
    pub(super) freeze: Option<State>,
    pub(super) clock: Option<ArrivingClock>,
    /// Whether it was built on trial.
    pub(super) is_trial_built: bool,
}

/// A piece of a page stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Piece {
    /// The header, in the first piece of a round or freeze.
    pub header: Option<StreamHeader>,
    /// The items that follow it.
    pub items: Vec<StreamItem>,
}

/// An item that arrives.
pub type Arrival = StreamItem;

impl Outgoing {
    pub(super) fn new(id: DomainId, name: Name) -> Self {
        Outgoing {
            id,
            name,
            token: None,
            is_exported: false,
            exported: None,
            pages: None,
            is_continuing: false,
            pass: None,
        }
    }
}

impl Incoming {
    /// The frozen domain with this state and the pages that have arrived.
    pub(super) fn built(&self, state: &State) -> Domain {
        let mut domain = Domain::new(self.pages.page_count());
        domain.freeze(None);
        domain.contents.age = state.age;
        domain.contents.signals = state.signals;
        domain.contents.pages.clone_from(&self.pages);
        domain.written = self.written();
        domain
    }
}
