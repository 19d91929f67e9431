//! Faults in the plan of a move: when the domain is frozen, how much it is slowed down before, and what is reported meanwhile.

use crate::mutations::Finder::{self, Host, Suite};
use crate::mutations::Mutation;

const PLANNER: Finder = Host("nomad-planner", "");
const SERVER: Finder = Host("nomad-server", "");
const CLIENT: Finder = Host("nomad-client", "reply_buffer");
const REPORTS: Finder = Suite("nomad-simulator", "shell");
const SIMULATED_THROTTLE: Finder = Suite("nomad-simulator", "throttle");

mutations! {
    "planner-stall" in "nomad/planner/src/planner.rs":
        "false => self.stalled.saturating_add(1)," => "false => 0,";
        "a domain that writes as fast as it is copied is copied up to the limit of rounds"; PLANNER;
    "give-up" in "nomad/planner/src/planner.rs":
        "NotConverging::GiveUp => Plan::GiveUp," => "NotConverging::GiveUp => Plan::Freeze(why),";
        "a domain is frozen for longer than the goal, although its operator asked to abandon the move in that case"; PLANNER;
    "overhead" in "nomad/planner/src/overhead.rs":
        "self.segment_us.or(self.acknowledged_us)?" => "self.acknowledged_us?";
        "the estimated downtime contains the trial build also when the cost of a small round is known"; PLANNER;
    "assumed-overhead" in "nomad/planner/src/overhead.rs":
        "self.segment_us.or(self.acknowledged_us)?" => "self.segment_us.unwrap_or(0)";
        "a domain is frozen after the first round as if a freeze cost nothing besides its pages"; PLANNER;
    "no-rehearsal" in "nomad/server/src/restore/incoming/assembly.rs":
        "            self.rehearse();\n" => "";
        "the planner does not know how long the completion of the trial build takes"; SERVER;
    "longest-acknowledgement" in "nomad/planner/src/overhead.rs":
        "shortest_us.min(round.acknowledgement_us)" => "shortest_us.max(round.acknowledgement_us)";
        "a move with large rounds is given up because the host was busy while the destination built the domain on trial"; PLANNER;
    "lasting-interruption" in "nomad/planner/src/overhead.rs":
        "self.segment_us.map(|us| us.min(round.elapsed_us))" => "self.segment_us";
        "a move is given up because the network was interrupted during one of its rounds"; PLANNER;
    "report-in-a-freeze" in "nomad/shell/src/pages.rs":
        "        let JobKind::Round(number) = self.job.kind else {\n            return;\n        };\n" => "        let number = 0_u32;\n";
        "an operator gets reports about the pages while the domain stands still"; REPORTS;
    "report-of-nothing" in "nomad/shell/src/pages.rs":
        "period_us < REPORT_US || sent == 0" => "period_us < REPORT_US";
        "an operator gets reports although no pages move"; REPORTS;
    "unread-reports" in "nomad/client/src/reply_buffer.rs":
        "let is_left_out = event.is_replaceable() && self.events.len() >= REPLACEABLE_MAX;" => "let is_left_out = false;";
        "an operator who reads nothing for a quarter of an hour never learns the end of the move"; CLIENT;
    "throttle-in-vain" in "nomad/planner/src/planner.rs":
        "why != FreezeReason::RoundsExhausted && self.throttle < Throttle::MAX" => "why != FreezeReason::RoundsExhausted";
        "a domain stands nearly still for thirty rounds, and then its move is given up"; PLANNER;
    "throttle-at-the-freeze" in "nomad/shell/src/actions.rs":
        "SourceAction::FreezeDomain | SourceAction::EndCapture => {" => "SourceAction::EndCapture => {";
        "a move fails because the migration server itself has stopped the domain"; SIMULATED_THROTTLE;
    "throttle-forever" in "nomad/shell/src/actions.rs":
        "SourceAction::FreezeDomain | SourceAction::EndCapture => {" => "SourceAction::FreezeDomain => {";
        "a domain whose move is cancelled stays stopped for a moment"; SIMULATED_THROTTLE;
    "throttle-without-end" in "nomad/shell/src/moves/brakes.rs":
        "host.pause(outgoing, 2 * PERIOD_US)" => "host.pause(outgoing, u64::MAX / 1_000_000)";
        "a domain stays stopped if the migration server ends while it slows the domain down"; SIMULATED_THROTTLE;
    "throttle-unused" in "nomad/protocol/src/source/rounds.rs":
        "throttle: self.planner.throttle()," => "throttle: Default::default(),";
        "a domain that is to be slowed down is not, and the move ends with a long freeze"; SIMULATED_THROTTLE;
}
