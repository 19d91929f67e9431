//! The events of a drain: its status ([`DrainStatus`]), and the reason a domain stays ([`Stay`]).

use alloc::string::String;
use core::fmt::{self, Formatter};

use identity::Name;
use nomad_image::Verdict;
use nomad_protocol::{AbortReason, Doubt};
use serde::{Deserialize, Serialize};

/// The progress of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DrainStatus {
    /// The machine that drains.
    pub machine: Name,
    /// The one machine that its domains move to; `None` if they move to all others that admit them.
    pub to: Option<Name>,
    /// The stage.
    pub stage: DrainStage,
    /// The number of domains that have moved.
    pub moved: u32,
    /// The number of domains that stay.
    pub staying: u32,
}

/// The stage of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrainStage {
    /// Domains are moving, or wait for their turn.
    Moving,
    /// Each domain has moved, or stays for a reason that is known. The machine still admits none.
    Over,
}

/// The reason a domain stays on a machine that drains.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stay {
    /// Its manifest does not let it move.
    NotMovable,
    /// It holds an object that does not move.
    Held(Verdict),
    /// No other machine of the fleet is known to have an address.
    NoMachine,
    /// No machine is left to try: its move to the last one failed.
    Failed {
        /// The last machine.
        to: Name,
        /// The reason of the failure.
        reason: AbortReason,
    },
    /// No machine is left to try: the last one has declined it.
    Declined {
        /// The last machine.
        by: Name,
        /// That machine's reason.
        reason: AbortReason,
    },
    /// An operator has cancelled its move.
    Cancelled,
    /// The outcome of a move of it is in doubt.
    InDoubt(Doubt),
    /// Its move could not begin, for this reason.
    Error(String),
    /// It has faulted. It is stopped and keeps its memory.
    Faulted,
    /// A younger copy of it runs on another machine.
    Outlived,
}

impl fmt::Display for DrainStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_over = self.stage == DrainStage::Over;
        let participle = if is_over { "drained" } else { "draining" };
        write!(f, "{} is {participle}", self.machine)?;
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        let verb = if self.staying == 1 { "stays" } else { "stay" };
        write!(f, ": {} moved, {} {verb}", self.moved, self.staying)?;
        f.write_str(match self.stage {
            DrainStage::Moving => "",
            DrainStage::Over => "; it admits no domain until `undrain` or a restart",
        })
    }
}

impl fmt::Display for Stay {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stay::NotMovable => f.write_str("its manifest does not let it move"),
            Stay::Held(verdict) => write!(f, "it cannot move: {verdict}"),
            Stay::NoMachine => f.write_str("no other machine of the fleet is known to be up"),
            Stay::Failed { to, reason } => write!(f, "its move to {to} failed: {reason}"),
            Stay::Declined { by, reason } => write!(f, "its move was declined by {by}: {reason}"),
            Stay::Cancelled => f.write_str("its move was cancelled"),
            Stay::InDoubt(doubt) => write!(f, "its move is in doubt: {doubt}"),
            Stay::Error(reason) => f.write_str(reason),
            Stay::Faulted => {
                f.write_str("it has faulted: `logs` has the reason, `stop` releases it")
            }
            Stay::Outlived => {
                f.write_str("a younger copy runs elsewhere: `force NAME drop` drops this one")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_status_says_what_is_done_and_what_the_machine_does_not_do() {
        let name = |text| Name::try_new(text).expect("a name");
        let status = DrainStatus {
            machine: name("b"),
            to: Some(name("a")),
            stage: DrainStage::Moving,
            moved: 2,
            staying: 1,
        };
        assert_eq!(status.to_string(), "b is draining to a: 2 moved, 1 stays");
        let over = DrainStatus {
            stage: DrainStage::Over,
            to: None,
            staying: 0,
            ..status
        };
        assert_eq!(
            over.to_string(),
            "b is drained: 2 moved, 0 stay; it admits no domain until `undrain` or a restart"
        );
    }
}
