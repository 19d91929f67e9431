//! Faults in the middle of a step that consists of several calls of the kernel and of root: [`PointFault`].
//!
//! At a [`Point`] some calls of the step have had their effects, which stay. Then the next call fails, or the reply to the last one is
//! lost; or nomad dies.

use super::ONSET_US;
use crate::random::Random;

/// A point within a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// The dirty log runs. The domain's pages are not listed yet.
    StartDirtyLog,
    /// A part of a round was sent.
    CopyRound,
    /// The domain is frozen. The freeze's token is not stored.
    Freeze,
    /// All pages of a freeze were sent, but not its end.
    SendFreeze,
    /// Root has admitted the domain. The capability for its pool is not received.
    Admit,
    /// The pages of a kept copy are in Memories of the arriving domain. Admit does not name the copy yet.
    GiveKept,
    /// The domain was made on trial. Its threads are not set.
    TrialBuild,
    /// The copy built from an earlier freeze is destroyed.
    Dismantle,
    /// The domain is built. Root does not keep it yet.
    Build,
    /// Root keeps the domain. Its reply is lost.
    Keep,
    /// The downtime was added to the clock of the domain. Root does not run it yet.
    SetClock,
    /// Root runs the domain. Its reply is lost.
    Adopt,
    /// The retirement is undone. The domain is frozen, until a deadline.
    Unretire,
    /// The retirement is undone, and the domain runs. Root's reply is lost.
    Thaw,
    /// Root serves the domain again. Its reply is lost.
    Revert,
    /// nomad has deleted its capabilities to a copy. Root still has the pool; the simulator destroys the domain in it here.
    DiscardBuilt,
    /// Root has destroyed a copy. Its reply is lost.
    Discard,
    /// Root has forgotten a domain that has left. The memory of the domain is not destroyed.
    Release,
    /// Root has started a domain. Its reply is lost.
    Start,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mishap {
    /// nomad gets an error.
    Failure,
    /// nomad dies, and is up again after this time.
    Death {
        /// The time.
        down_us: u64,
    },
}

/// A fault at a point of a machine's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PointFault {
    /// The machine.
    pub machine: usize,
    /// The point.
    pub point: Point,
    /// What happens.
    pub mishap: Mishap,
    /// How often the point is passed before the fault strikes.
    pub after: u32,
    /// How often it happens.
    pub times: u32,
}

impl Point {
    /// The points at which nomad may get an error. At the others its last call cannot fail, or the failure has no name in the protocol.
    pub const FAILING: [Point; 15] = [
        Point::StartDirtyLog,
        Point::CopyRound,
        Point::SendFreeze,
        Point::Admit,
        Point::GiveKept,
        Point::TrialBuild,
        Point::Build,
        Point::Keep,
        Point::Adopt,
        Point::Unretire,
        Point::Thaw,
        Point::Revert,
        Point::Discard,
        Point::Release,
        Point::Start,
    ];

    /// All points. nomad may die at each.
    pub const ALL: [Point; 19] = [
        Point::StartDirtyLog,
        Point::CopyRound,
        Point::Freeze,
        Point::SendFreeze,
        Point::Admit,
        Point::GiveKept,
        Point::TrialBuild,
        Point::Dismantle,
        Point::Build,
        Point::Keep,
        Point::SetClock,
        Point::Adopt,
        Point::Unretire,
        Point::Thaw,
        Point::Revert,
        Point::DiscardBuilt,
        Point::Discard,
        Point::Release,
        Point::Start,
    ];
}

impl PointFault {
    /// Draws one of `machines` machines, a point, and what happens there.
    pub(super) fn draw(random: &mut Random, machines: usize) -> Self {
        let machine = random.below(machines as u64) as usize;
        let after = [0, 0, 0, 1, 2][random.below(5) as usize];
        if random.permille(500) {
            let down_us = random.below(4 * ONSET_US);
            PointFault {
                machine,
                point: Point::ALL[random.below(Point::ALL.len() as u64) as usize],
                mishap: Mishap::Death { down_us },
                after,
                times: 1,
            }
        } else {
            PointFault {
                machine,
                point: Point::FAILING[random.below(Point::FAILING.len() as u64) as usize],
                mishap: Mishap::Failure,
                after,
                times: [1, 1, 2, 5][random.below(4) as usize],
            }
        }
    }

    /// Returns what happens when this point is reached, if the fault strikes there now. Counts the passages and the strikes.
    pub fn strike(&mut self, point: Point) -> Option<Mishap> {
        if point != self.point || self.times == 0 {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.mishap)
    }
}
