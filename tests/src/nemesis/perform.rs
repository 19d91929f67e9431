//! How an action is done.

use std::thread::sleep;
use std::time::Duration;

use super::action::{Action, Kind, Moment, Side, Wire};
use super::{DOMAIN, Nemesis};
use crate::Station;
use crate::fleet::LIMIT;
use crate::third_party::Client;
use crate::transcript::Awaited;

/// How long a phase is waited for. A move on a bad wire may never come to it.
const PHASE_LIMIT: Duration = Duration::from_secs(10);

/// Where the migration server of a side may be held while the target is killed: the store is the source's for certain.
const BEFORE_COMMIT: [(Side, &str); 3] = [
    (Side::Source, "phase Offer"),
    (Side::Source, "phase Rounds"),
    (Side::Source, "round 1"),
];
/// The same while the source is killed: the store is the target's for certain, which has heard of the commit.
const AFTER_COMMIT: [(Side, &str); 3] = [
    (Side::Target, "phase Activate"),
    (Side::Target, "activated"),
    (Side::Source, "phase Release"),
];

impl Nemesis {
    /// Does it; what it did to wires stays. Returns the operator's client of the move, if there is one.
    pub(super) fn perform(&mut self, action: &Action) -> Option<Client> {
        match action.kind {
            Kind::Cancel | Kind::Wire | Kind::Pause | Kind::EndServer => Some(self.disturb(action)),
            Kind::KillBystander => {
                self.begin_bad_wire(action.wire);
                self.cut_wire(action.wire);
                self.kill(self.runs_on.other(), action.lasts);
                None
            }
            Kind::KillTarget => Some(self.kill_at(action, &BEFORE_COMMIT, Side::Target)),
            Kind::KillSource => Some(self.kill_at(action, &AFTER_COMMIT, Side::Source)),
        }
    }

    /// Begins a move and disturbs it.
    fn disturb(&mut self, action: &Action) -> Client {
        let source = self.runs_on;
        let station = action.side.station(source);
        self.begin_bad_wire(action.wire);
        let migration = self.fleet.begin_migration(DOMAIN, source);
        await_moment(&migration, action.moment);
        self.cut_wire(action.wire);
        match action.kind {
            Kind::Cancel => {
                let said = self.fleet.ask(source, &["cancel", DOMAIN]);
                self.tally.note(&said);
            }
            Kind::Pause => self.fleet.machine(station).stop(),
            Kind::EndServer => {
                self.fleet.machine(station).skip_log();
                self.fleet.end_server(station);
            }
            _ => {}
        }
        let is_over = action.kind == Kind::Cancel && action.wire == Wire::Good;
        if !is_over {
            sleep(action.lasts);
        }
        if action.kind == Kind::Pause {
            self.fleet.machine(station).resume();
        }
        migration
    }

    /// Begins a move, holds it at one of these lines, and kills a side.
    fn kill_at(&mut self, action: &Action, lines: &[(Side, &str)], side: Side) -> Client {
        let source = self.runs_on;
        let (holds, line) = lines[(action.line % lines.len() as u64) as usize];
        let holds = holds.station(source);
        let dies = side.station(source);
        self.tally
            .note(&format!("held at `{line}` on {}", holds.name()));
        self.fleet.machine(holds).skip_log();
        self.fleet.hold_at(holds, line);
        let migration = self.fleet.begin_migration(DOMAIN, source);
        let told = format!("held at `{line}");
        self.fleet.machine(holds).expect(&told, LIMIT);
        self.fleet.machine(dies).kill();
        // On a bad wire the move might not have come so far.
        self.begin_bad_wire(action.wire);
        self.cut_wire(action.wire);
        if holds != dies {
            self.fleet.let_go(holds);
        }
        self.kill(dies, action.lasts);
        migration
    }

    /// Kills a machine, and starts it anew after this time.
    fn kill(&mut self, station: Station, away: Duration) {
        self.fleet.machine(station).kill();
        sleep(away);
        self.fleet.restart(station);
    }

    fn begin_bad_wire(&mut self, wire: Wire) {
        if let Wire::Bad(faults) = wire {
            for station in [Station::A, Station::B] {
                self.fleet.port(station).set_faults(Some(faults));
            }
        }
    }

    fn cut_wire(&mut self, wire: Wire) {
        let source = self.fleet.port(self.runs_on);
        let target = self.fleet.port(self.runs_on.other());
        match wire {
            Wire::Good | Wire::Bad(_) => {}
            Wire::Cut => source.part_from(target),
            Wire::OneWay(Side::Source) => source.lose_to(target),
            Wire::OneWay(Side::Target) => target.lose_to(source),
        }
    }
}

/// Waits for a moment of a move.
fn await_moment(migration: &Client, moment: Moment) {
    match moment {
        Moment::After(time) => sleep(time),
        Moment::AfterPhase(phase, time) => {
            let text = format!(r#""event":"phase","text":"{phase}""#);
            // If it does not come, any moment will do.
            let _ = migration
                .output()
                .wait_for(Awaited::Text(&text), 0, PHASE_LIMIT);
            sleep(time);
        }
    }
}
