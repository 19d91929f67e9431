//! The actions of a nemesis: [`Action`].

use std::fmt;
use std::time::Duration;

use crate::{Faults, Node};

/// Lines of a move before its commit point. The domain runs at the source then.
pub const EARLY_LINES: [&str; 3] = ["phase Offer", "phase Rounds", "round 1"];

/// The kinds of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The move is cancelled.
    Cancel,
    /// Only the wire is disturbed.
    Wire,
    /// A machine's processor is stopped for a while.
    Pause,
    /// A machine's migration server ends, and is restarted.
    EndServer,
    /// The machine that does not run the store is killed while nothing moves, and restarted.
    KillBystander,
    /// The destination is killed before the commit point, and restarted.
    KillDestination,
    /// The destination is killed at any instant at which the source has not frozen the store yet, and restarted.
    KillReceiver,
    /// The source is killed after the commit point, and restarted.
    KillSource,
}

/// All kinds. A deck has each kind once, but [`Kind::Cancel`] twice, and [`Kind::Wire`] once per disturbance of a wire.
pub const KINDS: [Kind; 8] = [
    Kind::Cancel,
    Kind::Wire,
    Kind::Pause,
    Kind::EndServer,
    Kind::KillBystander,
    Kind::KillDestination,
    Kind::KillReceiver,
    Kind::KillSource,
];

/// The disturbance of the wire between the machines. The clients can reach both machines, unless one is unplugged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    /// The wire is not disturbed.
    Good,
    /// The wire loses, duplicates, delays and reorders frames, also the clients', from the start of the move or from a kill on.
    Bad(Faults),
    /// It is cut at the time of the action.
    Cut,
    /// It loses frames from this machine to the other, from the time of the action on.
    OneWay(Side),
    /// This machine's cable is out, from the time of the action on: neither the other machine nor a client reaches it.
    Unplugged(Side),
}

/// One of the two machines of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The machine that has the store.
    Source,
    /// The machine to which the store moves.
    Destination,
}

/// A time within a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// This long after its start.
    After(Duration),
    /// This long after the operator's client reports this phase.
    AfterPhase(&'static str, Duration),
    /// While the source's migration server is held at this line, which it reports before the commit point.
    HeldAt(&'static str),
}

/// One action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Action {
    /// Its kind.
    pub kind: Kind,
    /// The side it affects, for kinds that may affect either.
    pub side: Side,
    /// Its time, for kinds that may occur at any time.
    pub moment: Moment,
    /// Selects the line at which a server is held, for kills during a move.
    pub line: u64,
    /// Its duration.
    pub lasts: Duration,
    /// The disturbance of the wire meanwhile.
    pub wire: Wire,
}

impl Side {
    /// The node of this side, if the store runs on `source`.
    pub fn node(self, source: Node) -> Node {
        match self {
            Side::Source => source,
            Side::Destination => source.other(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Action {
            kind,
            side,
            moment,
            line,
            lasts,
            wire,
        } = self;
        write!(formatter, "{kind:?}")?;
        match kind {
            Kind::Pause | Kind::EndServer => write!(formatter, " of {side:?} {moment:?}")?,
            Kind::Cancel | Kind::Wire | Kind::KillReceiver => write!(formatter, " {moment:?}")?,
            Kind::KillDestination | Kind::KillSource => write!(formatter, " at line {line}")?,
            Kind::KillBystander => {}
        }
        write!(formatter, " for {lasts:?}, wire {wire:?}")
    }
}
