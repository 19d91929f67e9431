//! The checker of late frames: [`Checker`]. It does not look into the tables. It follows each accepted frame by the decisions of the
//! shell and by the pieces that are acknowledged.
//!
//! A frame must reach the port of its domain, unless one of these is the reason that it does not:
//!
//! * The migration server of a machine that has had the frame was restarted.
//! * The frame waits on a machine for a destination whose migration server was restarted, and the new server does not know
//!   the frames that follow: it does not continue the transaction, or the earlier server had received frames of it already.
//! * The frame enters the table of a machine whose migration server was restarted after the domain had left.
//! * The caller names a reason.
//!
//! A frame that is held for a move that its domain has not made yet may arrive once for each move that the domain makes from
//! then on; if the domain makes none, it may arrive once. Any other frame may arrive once more: for the move that the domain
//! had made before. A destination whose migration server is restarted counts as another move. Frames that one machine has
//! accepted for one domain arrive in order, except those that were under way when the domain came back to a machine that they
//! had left.

use std::collections::{BTreeMap, BTreeSet};

use nomad_protocol::{Side, TransactionId};

use crate::history::Violation;

/// A transaction that a restarted migration server continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continued {
    /// The transaction.
    pub transaction: TransactionId,
    /// The side on which the machine is.
    pub side: Side,
    /// The number of the domain.
    pub domain: usize,
}

/// The progress of an accepted frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Accepted {
    /// The number of its domain.
    domain: usize,
    /// The machine that has accepted it.
    first: usize,
    /// The machines whose tables have had it.
    passed: BTreeSet<usize>,
    /// How often it has reached the domain's port.
    arrivals: u32,
    /// How often its domain had moved when it was accepted.
    moved: u32,
    /// Whether the domain was still to make the move for which the frame was held.
    is_early: bool,
    is_excused: bool,
    /// Whether frames that were accepted later may arrive before it.
    is_out_of_order: bool,
}

/// What the checker knows about one machine.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The number of restarts of its migration server.
    life: u32,
    /// The domains that leave or have left, since its migration server was started, each with its last transaction.
    leaving: BTreeMap<usize, TransactionId>,
    /// The transactions in which domains have arrived since then, and whether frames have come with them.
    came: BTreeMap<TransactionId, bool>,
    /// The domains that had left before that start.
    forgotten: BTreeSet<usize>,
}

/// The accepted frames of all machines.
#[derive(Debug)]
pub struct Checker {
    frames: Vec<Accepted>,
    machines: Vec<Known>,
    /// How often each domain has moved.
    moved: BTreeMap<usize, u32>,
    /// The moves that are counted, each with the life of the destination.
    counted: BTreeSet<(TransactionId, u32)>,
    /// The transactions whose destination accepts no further frames, since its migration server was restarted.
    cut_off: BTreeSet<TransactionId>,
    /// The last frame in order that has arrived, by the machine that has accepted it and by domain.
    last: BTreeMap<(usize, usize), usize>,
    violation: Option<(usize, Violation)>,
}

impl Checker {
    /// No frames, on this many machines.
    pub fn new(machines: usize) -> Checker {
        Checker {
            frames: Vec::new(),
            machines: vec![Known::default(); machines],
            moved: BTreeMap::new(),
            counted: BTreeSet::new(),
            cut_off: BTreeSet::new(),
            last: BTreeMap::new(),
            violation: None,
        }
    }

    /// A machine accepts a frame; returns the frame's number.
    pub fn accept(&mut self, machine: usize, domain: usize) -> usize {
        let moved = self.moved_count(domain);
        let departure = self.machines[machine].leaving.get(&domain);
        let is_early = departure.is_some_and(|transaction| !self.is_counted(*transaction));
        self.frames.push(Accepted {
            domain,
            first: machine,
            passed: BTreeSet::new(),
            arrivals: 0,
            moved,
            is_early,
            is_excused: false,
            is_out_of_order: false,
        });
        let number = self.frames.len() - 1;
        self.enter(machine, number);
        number
    }

    /// A frame enters a machine's table.
    pub fn enter(&mut self, machine: usize, number: usize) {
        let frame = &mut self.frames[number];
        let known = &self.machines[machine];
        let departure = known.leaving.get(&frame.domain);
        let is_cut_off = departure.is_some_and(|departure| self.cut_off.contains(departure));
        frame.passed.insert(machine);
        frame.is_excused |= is_cut_off || known.forgotten.contains(&frame.domain);
    }

    /// The domain of a frame.
    pub fn domain_of(&self, number: usize) -> usize {
        self.frames[number].domain
    }

    /// A machine holds the frames for a domain that is leaving.
    pub fn hold(&mut self, machine: usize, transaction: TransactionId, domain: usize) {
        let known = &mut self.machines[machine];
        known.forgotten.remove(&domain);
        known.leaving.insert(domain, transaction);
    }

    /// A machine returns the frames for a domain that stays.
    pub fn revert(&mut self, machine: usize, transaction: TransactionId) {
        let leaving = &mut self.machines[machine].leaving;
        leaving.retain(|_, departure| *departure != transaction);
    }

    /// A machine accepts frames for a domain that has arrived. This may be repeated, since an activation may be. A restarted
    /// migration server accepts frames before the domain is served here (`is_served`). Until it is served, the frames that
    /// the switch gives the server are those of the domain's earlier departure, of which the server knows nothing.
    pub fn arrive(
        &mut self,
        machine: usize,
        transaction: TransactionId,
        domain: usize,
        is_served: bool,
    ) {
        let known = &mut self.machines[machine];
        if is_served {
            known.forgotten.remove(&domain);
        }
        known.leaving.remove(&domain);
        known.came.entry(transaction).or_default();
        if self.counted.insert((transaction, known.life)) {
            *self.moved.entry(domain).or_default() += 1;
        }
        for frame in &mut self.frames {
            frame.is_out_of_order |= frame.domain == domain && frame.passed.contains(&machine);
        }
    }

    /// A machine has acknowledged a piece with these frames.
    pub fn forward(&mut self, machine: usize, transaction: TransactionId, frames: &[usize]) {
        if let Some(has_begun) = self.machines[machine].came.get_mut(&transaction) {
            *has_begun = true;
        }
        for number in frames {
            self.enter(machine, *number);
        }
    }

    /// A machine's migration server was restarted, and continues these transactions. `has_left` are the domains that have
    /// left, and for which the switch still passes frames to the server.
    pub fn restart(&mut self, machine: usize, continued: &[Continued], has_left: BTreeSet<usize>) {
        let known = &mut self.machines[machine];
        known.life += 1;
        known.leaving.clear();
        known.forgotten = has_left;
        let is_continued = |transaction| continued.iter().any(|it| it.transaction == transaction);
        for (transaction, has_begun) in std::mem::take(&mut known.came) {
            if has_begun || !is_continued(transaction) {
                self.cut_off.insert(transaction);
            }
        }
        for frame in &mut self.frames {
            let is_cut_off = frame.passed.iter().any(|passed| {
                let departure = self.machines[*passed].leaving.get(&frame.domain);
                departure.is_some_and(|departure| self.cut_off.contains(departure))
            });
            let is_lost = is_cut_off || frame.passed.contains(&machine);
            frame.is_excused |= frame.arrivals == 0 && is_lost;
        }
    }

    /// Excuses a frame.
    pub fn excuse(&mut self, number: usize) {
        self.frames[number].is_excused = true;
    }

    /// Excuses the frames under way for these domains.
    pub fn excuse_all(&mut self, is_excused: impl Fn(usize) -> bool) {
        for frame in &mut self.frames {
            frame.is_excused |= frame.arrivals == 0 && is_excused(frame.domain);
        }
    }

    /// Lets later frames arrive before this one.
    pub fn allow_overtaking(&mut self, number: usize) {
        self.frames[number].is_out_of_order = true;
    }

    /// Forgets the restarts. No table holds or accepts frames of a transaction that is over.
    pub fn forget_restarts(&mut self) {
        self.cut_off.clear();
        for known in &mut self.machines {
            known.forgotten.clear();
        }
    }

    /// A frame reaches the port of its domain.
    pub fn count_arrival(&mut self, number: usize) {
        let frame = &mut self.frames[number];
        frame.arrivals += 1;
        let moves = self.moved.get(&frame.domain).copied().unwrap_or(0) - frame.moved;
        let most = if frame.is_early {
            moves.max(1)
        } else {
            1 + moves
        };
        let domain = frame.domain;
        if frame.arrivals > most {
            self.violate(domain, Violation::FrameArrivedTooOften);
        } else if frame.arrivals == 1 && !frame.is_out_of_order {
            let last = self.last.entry((frame.first, domain)).or_default();
            let is_overtaken = number < *last;
            *last = number.max(*last);
            if is_overtaken {
                self.violate(domain, Violation::FrameOvertaken);
            }
        }
    }

    /// A switch drops a frame.
    pub fn lose(&mut self, number: usize) {
        let frame = &self.frames[number];
        if frame.arrivals == 0 && !frame.is_excused {
            self.violate(frame.domain, Violation::FrameLost);
        }
    }

    /// The domain of a frame that is still under way.
    pub fn missing(&self) -> Option<usize> {
        let mut frames = self.frames.iter();
        let missing = frames.find(|frame| frame.arrivals == 0 && !frame.is_excused)?;
        Some(missing.domain)
    }

    /// The number of accepted frames that have arrived.
    pub fn arrived(&self) -> usize {
        let arrived = |frame: &&Accepted| frame.arrivals > 0;
        self.frames.iter().filter(arrived).count()
    }

    /// The first violation, and the number of its domain.
    pub fn take_violation(&mut self) -> Option<(usize, Violation)> {
        self.violation.take()
    }

    fn moved_count(&self, domain: usize) -> u32 {
        self.moved.get(&domain).copied().unwrap_or(0)
    }

    /// Whether the domain of a transaction has moved.
    fn is_counted(&self, transaction: TransactionId) -> bool {
        let lives = (transaction, 0)..=(transaction, u32::MAX);
        self.counted.range(lives).next().is_some()
    }

    fn violate(&mut self, domain: usize, violation: Violation) {
        self.violation.get_or_insert((domain, violation));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVE: TransactionId = TransactionId(7);
    const BACK: TransactionId = TransactionId(8);
    const DOMAIN: usize = 3;
    const CONTINUED: Continued = Continued {
        transaction: MOVE,
        side: Side::Destination,
        domain: DOMAIN,
    };

    /// Machine 0 holds two frames for a domain that leaves for machine 1.
    fn leaving() -> Checker {
        let mut checker = Checker::new(3);
        checker.hold(0, MOVE, DOMAIN);
        assert_eq!([0, 1].map(|_| checker.accept(0, DOMAIN)), [0, 1]);
        checker
    }

    fn violation(checker: &mut Checker) -> Option<Violation> {
        checker.take_violation().map(|(_, violation)| violation)
    }

    #[test]
    fn a_frame_that_was_held_arrives_once_for_each_move() {
        let mut checker = leaving();
        checker.arrive(1, MOVE, DOMAIN, true);
        // The activation is repeated.
        checker.arrive(1, MOVE, DOMAIN, true);
        checker.count_arrival(0);
        let mut again = leaving();
        again.arrive(1, MOVE, DOMAIN, true);
        again.count_arrival(0);
        again.arrive(0, BACK, DOMAIN, true);
        again.count_arrival(0);
        assert_eq!(violation(&mut again), None);
        checker.count_arrival(0);
        let too_often = Some(Violation::FrameArrivedTooOften);
        assert_eq!(violation(&mut checker), too_often);
        again.count_arrival(0);
        assert_eq!(violation(&mut again), too_often);
    }

    #[test]
    fn a_frame_for_a_domain_that_has_left_may_arrive_once_more() {
        let mut checker = leaving();
        checker.arrive(1, MOVE, DOMAIN, true);
        let late = checker.accept(0, DOMAIN);
        checker.arrive(0, BACK, DOMAIN, true);
        checker.count_arrival(late);
        checker.count_arrival(late);
        assert_eq!(violation(&mut checker), None);
    }

    /// The destination has run the domain before the source is restarted, which then holds frames again.
    #[test]
    fn a_frame_that_a_restarted_source_holds_may_be_late() {
        let mut checker = leaving();
        checker.arrive(1, MOVE, DOMAIN, true);
        checker.restart(0, &[], BTreeSet::new());
        checker.hold(0, MOVE, DOMAIN);
        let late = checker.accept(0, DOMAIN);
        checker.count_arrival(late);
        checker.arrive(0, BACK, DOMAIN, true);
        checker.count_arrival(late);
        assert_eq!(violation(&mut checker), None);
    }

    #[test]
    fn frames_arrive_in_order_unless_the_domain_comes_back() {
        let mut checker = leaving();
        checker.arrive(1, MOVE, DOMAIN, true);
        checker.count_arrival(1);
        checker.count_arrival(0);
        assert_eq!(violation(&mut checker), Some(Violation::FrameOvertaken));
        let mut returned = leaving();
        returned.arrive(1, MOVE, DOMAIN, true);
        returned.arrive(0, BACK, DOMAIN, true);
        returned.count_arrival(1);
        returned.count_arrival(0);
        assert_eq!(violation(&mut returned), None);
    }

    #[test]
    fn a_restart_loses_the_frames_that_the_machine_has_had() {
        let mut checker = leaving();
        checker.restart(2, &[], BTreeSet::new());
        assert_eq!(checker.missing(), Some(DOMAIN));
        checker.restart(0, &[], BTreeSet::new());
        assert_eq!(checker.missing(), None);
        // The domain is still to leave, so its frames are held again.
        checker.hold(0, MOVE, DOMAIN);
        let held = checker.accept(0, DOMAIN);
        checker.lose(held);
        assert_eq!(violation(&mut checker), Some(Violation::FrameLost));
    }

    #[test]
    fn a_restarted_source_does_not_know_the_domains_that_had_left() {
        let mut checker = leaving();
        checker.restart(0, &[], BTreeSet::from([DOMAIN]));
        let late = checker.accept(0, DOMAIN);
        checker.lose(late);
        assert_eq!(violation(&mut checker), None);
        checker.hold(0, BACK, DOMAIN);
        checker.accept(0, DOMAIN);
        assert_eq!(checker.missing(), Some(DOMAIN));
    }

    #[test]
    fn a_restarted_destination_accepts_frames_that_had_not_begun_to_come() {
        let restart = |has_begun: bool, continued: &[Continued]| {
            let mut checker = leaving();
            checker.arrive(1, MOVE, DOMAIN, true);
            if has_begun {
                checker.forward(1, MOVE, &[]);
            }
            checker.restart(1, continued, BTreeSet::new());
            checker.missing()
        };
        assert_eq!(restart(false, &[CONTINUED]), Some(DOMAIN));
        assert_eq!(restart(true, &[CONTINUED]), None);
        assert_eq!(restart(false, &[]), None);
    }

    /// The domain returns to a machine that it had left. That machine's migration server is restarted before the domain runs there.
    #[test]
    fn a_frame_is_excused_until_a_domain_that_returns_is_served_where_the_server_was_restarted() {
        let mut checker = Checker::new(2);
        checker.hold(1, BACK, DOMAIN);
        checker.restart(1, &[CONTINUED], [DOMAIN].into());
        checker.arrive(1, MOVE, DOMAIN, false);
        let lost = checker.accept(1, DOMAIN);
        checker.lose(lost);
        assert_eq!(violation(&mut checker), None);
        checker.arrive(1, MOVE, DOMAIN, true);
        let lost = checker.accept(1, DOMAIN);
        checker.lose(lost);
        assert_eq!(violation(&mut checker), Some(Violation::FrameLost));
    }
}
