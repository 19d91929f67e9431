//! Performing an action.

use std::thread::sleep;
use std::time::Duration;

use nomad_protocol::PhaseName;

use super::action::{Action, EARLY_LINES, Kind, Moment, Side, Wire};
use super::{DOMAIN, Nemesis, Struck};
use crate::Node;
use crate::fleet::LIMIT;
use crate::output::Pattern;
use crate::third_party::Client;

/// How long a phase is awaited. On a bad wire, a move may never reach it.
const PHASE_LIMIT: Duration = Duration::from_secs(10);

/// The lines at which a side's migration server is held while the destination is killed. There the source certainly has the store.
const BEFORE_COMMIT: [(Side, &str); 3] = [
    (Side::Source, EARLY_LINES[0]),
    (Side::Source, EARLY_LINES[1]),
    (Side::Source, EARLY_LINES[2]),
];
/// The lines for killing the source. There the destination certainly has the store, since it has received the commit.
const AFTER_COMMIT: [(Side, &str); 3] = [
    (Side::Destination, "phase Activate"),
    (Side::Destination, "activated"),
    (Side::Source, "phase Release"),
];

/// The output of the operator's client when a move has succeeded or failed.
const OVER: [&str; 2] = [r#""text":"done""#, r#""text":"failed: "#];

impl Nemesis {
    /// Performs an action. Its effect on wires remains. Returns the state that it struck, and the operator's client of the move, if any.
    pub(super) fn perform(&mut self, action: &Action) -> (Struck, Option<Client>) {
        let (struck, migration) = match action.kind {
            Kind::Cancel | Kind::Wire | Kind::Pause | Kind::EndServer => self.disturb(action),
            Kind::KillBystander => {
                self.begin_bad_wire(action.wire);
                self.cut_wire(action.wire);
                self.kill(self.runs_on.other(), action.lasts);
                return (Struck::default(), None);
            }
            Kind::KillDestination => self.kill_at(action, &BEFORE_COMMIT, Side::Destination),
            Kind::KillReceiver => self.kill_receiver(action),
            Kind::KillSource => self.kill_at(action, &AFTER_COMMIT, Side::Source),
        };
        (struck, Some(migration))
    }

    /// Begins a move and disturbs it.
    fn disturb(&mut self, action: &Action) -> (Struck, Client) {
        let source = self.runs_on;
        let migration = self.begin_disturbed(action);
        await_moment(&migration, action.moment);
        let is_under_way = is_under_way(&migration);
        self.cut_wire(action.wire);
        let struck = Struck {
            is_under_way,
            is_cancelled: self.strike_machine(action),
        };
        if let Moment::HeldAt(_) = action.moment {
            self.fleet.resume_server(source);
        }
        let is_over = action.kind == Kind::Cancel && action.wire == Wire::Good;
        if !is_over {
            sleep(action.lasts);
        }
        if action.kind == Kind::Pause {
            self.fleet.machine(action.side.node(source)).resume();
        }
        (struck, migration)
    }

    /// Begins a move. If the action requires it, the wire is bad, or the move is held.
    fn begin_disturbed(&mut self, action: &Action) -> Client {
        let source = self.runs_on;
        if let Moment::HeldAt(line) = action.moment {
            let migration = self.begin_held(source, line);
            // On a bad wire the move might not have reached the line.
            self.begin_bad_wire(action.wire);
            return migration;
        }
        self.begin_bad_wire(action.wire);
        self.fleet.begin_migration(DOMAIN, source)
    }

    /// Cancels the move, stops a machine or ends a migration server. Returns whether a cancel was confirmed.
    fn strike_machine(&mut self, action: &Action) -> bool {
        let node = action.side.node(self.runs_on);
        match action.kind {
            Kind::Cancel => {
                let reply = self.fleet.command(self.runs_on, &["cancel", DOMAIN]);
                self.tally.note(&reply);
                // Other replies leave the outcome open: the cancel may be too late.
                return reply == format!("{DOMAIN} stays\ndone");
            }
            Kind::Pause => self.fleet.machine(node).stop(),
            Kind::EndServer => {
                self.fleet.machine(node).skip_log();
                self.fleet.restart_server(node);
            }
            _ => {}
        }
        false
    }

    /// Begins a move, holds it at one of these lines, and kills a side.
    fn kill_at(&mut self, action: &Action, lines: &[(Side, &str)], side: Side) -> (Struck, Client) {
        let source = self.runs_on;
        let (holds, line) = lines[(action.line % lines.len() as u64) as usize];
        let holds = holds.node(source);
        let dies = side.node(source);
        let migration = self.begin_held(holds, line);
        let struck = Struck {
            is_under_way: is_under_way(&migration),
            is_cancelled: false,
        };
        self.fleet.machine(dies).kill();
        // On a bad wire the move might not have reached the line.
        self.begin_bad_wire(action.wire);
        self.cut_wire(action.wire);
        if holds != dies {
            self.fleet.resume_server(holds);
        }
        self.kill(dies, action.lasts);
        (struck, migration)
    }

    /// Begins a move, and kills the destination, unless the source may have sent all of the store by then. The destination is
    /// stopped before that is decided, so that it cannot receive the commit afterwards.
    fn kill_receiver(&mut self, action: &Action) -> (Struck, Client) {
        let source = self.runs_on;
        let dies = source.other();
        let migration = self.begin_disturbed(action);
        await_moment(&migration, action.moment);
        self.fleet.machine(dies).stop();
        let is_receiver = self.has_not_frozen(source);
        let struck = Struck {
            is_under_way: is_receiver && is_under_way(&migration),
            is_cancelled: false,
        };
        if is_receiver {
            self.cut_wire(action.wire);
            self.kill(dies, action.lasts);
        } else {
            self.tally.note("too late to kill the destination");
            self.fleet.machine(dies).resume();
        }
        (struck, migration)
    }

    /// Whether a machine runs the store, and is not in a later phase of a move than the rounds of copying.
    fn has_not_frozen(&self, node: Node) -> bool {
        let list = self.fleet.list(node);
        list.is_done() && list.running(DOMAIN).is_some() && list.phases().all(is_before_freeze)
    }

    /// Begins a move, and waits until a migration server is held at this line of it.
    fn begin_held(&mut self, holds: Node, line: &str) -> Client {
        self.tally
            .note(&format!("held at `{line}` on {}", holds.name()));
        self.fleet.machine(holds).skip_log();
        self.fleet.hold_at(holds, line);
        let migration = self.fleet.begin_migration(DOMAIN, self.runs_on);
        let held = format!("held at `{line}");
        self.fleet.machine(holds).expect(&held, LIMIT);
        migration
    }

    /// Kills a machine, and restarts it after this time.
    fn kill(&mut self, node: Node, away: Duration) {
        self.fleet.machine(node).kill();
        sleep(away);
        self.fleet.restart(node);
    }

    fn begin_bad_wire(&mut self, wire: Wire) {
        if let Wire::Bad(faults) = wire {
            for node in [Node::A, Node::B] {
                self.fleet.port(node).set_faults(Some(faults));
            }
        }
    }

    fn cut_wire(&mut self, wire: Wire) {
        let source = self.fleet.port(self.runs_on);
        let destination = self.fleet.port(self.runs_on.other());
        match wire {
            Wire::Good | Wire::Bad(_) => {}
            Wire::Cut => source.partition_from(destination),
            Wire::OneWay(Side::Source) => source.drop_to(destination),
            Wire::OneWay(Side::Destination) => destination.drop_to(source),
            Wire::Unplugged(Side::Source) => source.cut(),
            Wire::Unplugged(Side::Destination) => destination.cut(),
        }
    }
}

/// Waits for a moment of a move.
fn await_moment(migration: &Client, moment: Moment) {
    match moment {
        // The move is held there already.
        Moment::HeldAt(_) => {}
        Moment::After(time) => sleep(time),
        Moment::AfterPhase(phase, time) => {
            let text = format!(r#""text":"phase {phase}""#);
            // If the phase is never reached, any moment will do.
            let _ = migration
                .output()
                .wait_for(Pattern::Text(&text), 0, PHASE_LIMIT);
            sleep(time);
        }
    }
}

/// Whether the source runs its domain in this phase, and has sent none of its state.
fn is_before_freeze(phase: PhaseName) -> bool {
    matches!(phase, PhaseName::Offer | PhaseName::Rounds)
}

/// Whether the operator's client has not yet reported the end of a move.
fn is_under_way(migration: &Client) -> bool {
    let text = migration.output().text();
    !OVER.iter().any(|end| text.contains(end))
}
