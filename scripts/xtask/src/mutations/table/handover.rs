//! The hand-over: the migration server, what it says to others, and what root and the switch do for it.

use super::ZOO;
use crate::mutations::Finder::{self, Host, Machine};
use crate::mutations::Mutation;

const PROTOCOL: Finder = Host("nomad-protocol", "");
const CHANNEL: Finder = Host("nomad-channel", "");
const IMAGE: Finder = Host("nomad-image", "");
const PLANNER: Finder = Host("nomad-planner", "");
const SERVER: Finder = Host("nomad-server", "");
const SHELL: Finder = Host("nomad-shell", "");
const ROOT: Finder = Host("root", "");
const SWITCH: Finder = Host("switch", "");

mutations! {
    // A domain is built again.
    "clock-offset" in "nomad/server/src/restore/clock.rs":
        "now_ns.wrapping_sub(machine_ns)" => "machine_ns.wrapping_sub(now_ns)";
        "deadlines are off by twice the difference of the machines' clocks"; ZOO;
    "zero-page" in "nomad/server/src/restore/arriving.rs":
        "            if self.written.contains(page) {\n                self.put" => "            if !self.written.contains(page) {\n                self.put";
        "a page that was sent and is zero again keeps its old data"; ZOO;
    "absent-page" in "nomad/server/src/restore/arriving.rs":
        "map.runs(|change| change == PageChange::Absent)" => "map.runs(|_| false)";
        "a page that was given up is there again, with its old data"; ZOO;
    "frozen-pass" in "nomad/server/src/capture/pass.rs":
        "            Scope::Freeze => pages.lacks_in_chunk(self.first_page)," => "            Scope::Freeze => pages.pending.touches_chunk(self.first_page),";
        "pages that were given up since they were sent stay"; ZOO;
    "reply-slot" in "nomad/server/src/restore/build.rs":
        ".install_reply(thread, Slot(capability.slot), capability.rights);" => ".install_reply(thread, Slot(capability.slot + 1), capability.rights);";
        "a server answers nobody after a move"; ZOO;
    "rebuilt-badge" in "nomad/server/src/restore/build.rs":
        "            _ => capability.badge,\n" => "            _ => 0,\n";
        "a domain's own clients are confused with each other after a move"; ZOO;
    "held-slot" in "nomad/server/src/restore/build.rs":
        ".hold(Slot(parent), holder, held.role.held(), badge)" => ".hold(Slot(parent + 1), holder, held.role.held(), badge)";
        "a pager, a bell or who hears of faults is another one after a move"; ZOO;
    "adopted-incarnation" in "userland/root/src/domain.rs":
        "        self.incarnation = incarnation;\n        self.state = DomainState::Running;\n" => "        self.state = DomainState::Running;\n";
        "the incarnation never rises beyond two, and old copies pass for young ones"; ZOO;
    "announcement" in "userland/switch/src/switch.rs":
        "Verdict::ToAll(Side::Uplink)" => "Verdict::ToAll(Side::Domain)";
        "nobody on the wire hears where a domain is now"; Machine("migration::a_counter_counts_on_elsewhere");

    // What is decided.
    "commit-record" in "nomad/protocol/src/source/commit.rs":
        "        context.record(Progressed::SourceCommitting { attempt, peer_boot });\n" => "";
        "a source that was restarted does not know what its target was prepared for"; PROTOCOL;
    "prepared-record" in "nomad/protocol/src/target/verify.rs":
        "                context.record(Progressed::TargetPrepared {\n                    attempt,\n                    digest,\n                    peer_boot,\n                });\n" => "";
        "a target that was restarted gives a copy up that its source relies on"; PROTOCOL;
    "digest" in "nomad/protocol/src/target/verify.rs":
        "if digest != self.digest {" => "if false {";
        "another domain than the one that was frozen runs on"; PROTOCOL;
    "attempts" in "nomad/protocol/src/source/commit.rs":
        "if self.attempt >= ATTEMPTS_MAX {" => "if false {";
        "a domain that is changed all the time is frozen again and again"; PROTOCOL;
    "peer-boot" in "nomad/protocol/src/source/commit.rs":
        "Input::Heard { boot, step } if boot == self.peer_boot => match step {" => "Input::Heard { step, .. } => match step {";
        "a target that was restarted is believed to run the domain"; PROTOCOL;
    "released-record" in "nomad/protocol/src/source/release.rs":
        "                context.record(Progressed::SourceReleased {\n                    peer_boot: self.peer_boot,\n                });\n" => "";
        "a domain that has come back is destroyed after a restart"; PROTOCOL;
    "roll-call-turn" in "nomad/protocol/src/roll_call.rs":
        "if turn != self.turn || self.is_over {" => "if self.is_over {";
        "an answer to an earlier question counts"; PROTOCOL;
    "roll-call-once" in "nomad/protocol/src/roll_call.rs":
        "nobody && self.rows.iter().all(|row| row.now == row.before);" => "nobody;";
        "a domain that moves while it is asked for is started a second time"; PROTOCOL;
    "roll-call-nobody" in "nomad/protocol/src/roll_call.rs":
        "self.is_over = nobody && " => "self.is_over = ";
        "a domain that runs elsewhere is started a second time"; PROTOCOL;
    "fleet-member" in "nomad/protocol/src/fleet.rs":
        "        machines.dedup();\n" => "";
        "one machine named twice is as none, and fleets that differ pass for one"; PROTOCOL;
    "planner-stall" in "nomad/planner/src/planner.rs":
        "            self.stalled.saturating_add(1)" => "            0";
        "a domain that writes as fast as it is copied is copied until the rounds run out"; PLANNER;

    // What is heard.
    "replayed-nonce" in "nomad/channel/src/replay.rs":
        "age < WINDOW && self.heard >> age & 1 == 0" => "age < WINDOW";
        "a recorded message is heard again"; CHANNEL;
    "late-nonce" in "nomad/channel/src/replay.rs":
        "self.heard = kept.unwrap_or(0) | 1;" => "self.heard = kept.unwrap_or(0);";
        "the message heard last is heard again"; CHANNEL;
    "ticket" in "nomad/channel/src/sessions/answered.rs":
        "        self.ticket = self.ticket.wrapping_add(1);\n" => "";
        "a recorded handshake costs a key agreement each time"; CHANNEL;
    "handshake-peer" in "nomad/channel/src/sessions/answered.rs":
        "Party::Machine => MachineId(key) == keys.machine_at(from)," => "Party::Machine => true,";
        "one machine of the fleet speaks for another"; CHANNEL;
    "handshake-operator" in "nomad/channel/src/sessions/answered.rs":
        "Party::Operator => OperatorId(key) == keys.operator()," => "Party::Operator => true,";
        "everybody gives an operator's commands"; CHANNEL;
    "retry-tag" in "nomad/channel/src/tag.rs":
        "        self.mac(&answered).verify_slice(packet.body).is_ok()" => "        let _ = answered;\n        true";
        "anybody on the wire keeps two machines from speaking to each other"; CHANNEL;

    // What is judged.
    "beyond-grant" in "nomad/image/src/verdict.rs":
        "return match kind.own_rights().contains(rights) {" => "return match kind.all_rights().contains(rights) {";
        "a domain takes rights over itself along that no domain is given"; IMAGE;
    "answers-outsider" in "nomad/image/src/verdict.rs":
        "    if kind == Reply {\n        return Judgement::Refuse(Refusal::AnswersOutsider);\n    }\n" => "";
        "a caller that stays behind waits for ever"; IMAGE;
    "foreign-writers" in "nomad/image/src/verdict.rs":
        "Some(Attribute::Ordinary)) if object.writers != 0 => {" => "Some(Attribute::Ordinary)) if false => {";
        "memory that others write is torn by a move"; IMAGE;
    "device-kinds" in "nomad/image/src/verdict.rs":
        "    if matches!(kind, Interrupt | IoPorts | Hardware) {" => "    if matches!(kind, Interrupt | IoPorts) {";
        "a domain with the machine itself is offered to another one"; IMAGE;

    // What root, the switch and the records do.
    "older-record" in "nomad/shell/src/records.rs":
        "                .write(SLOTS_OFFSET + slot * SLOT_BYTES, &[0; HEAD_BYTES]);" => "                .write(SLOTS_OFFSET + slot * SLOT_BYTES, &[0; 0]);";
        "a transaction that is over is taken up again after a restart"; SHELL;
    "token-note" in "nomad/shell/src/records.rs":
        "        if let Some(place) = self.token_place(|noted| is_of(noted, transaction)) {\n            self.memory.write(place, &[0; TOKEN_BYTES]);\n        }\n" => "";
        "no place is left for the tokens of freezes"; SHELL;
    "page-beyond" in "nomad/server/src/page_set.rs":
        "        if page < self.page_count {\n            self.words[(page / PAGES_PER_WORD) as usize] |=" => "        if page <= self.page_count {\n            self.words[(page / PAGES_PER_WORD) as usize] |=";
        "a lying source ends the target's migration server"; SERVER;
    "adopted-twice" in "userland/root/src/services/incoming.rs":
        "        _ if domain.incarnation == incarnation => Ok(Adoption::Done),\n" => "";
        "an adoption whose answer was lost fails for ever"; ROOT;
    "other-domain" in "userland/root/src/services/incoming.rs":
        "        _ if domain.id != id => Err(Refusal::AlreadyHere),\n" => "";
        "a domain of the same name is adopted in place of the one that came"; ROOT;
    "restart-delay" in "userland/root/src/fault.rs":
        "        self.restarts = self.restarts.saturating_add(1);\n" => "";
        "a server that faults at once is started again without a pause"; ROOT;
    "forged-source" in "userland/switch/src/forwarding/mod.rs":
        "Side::Domain if !station.may_send(header) => return Verdict::Forged," => "Side::Domain if false => return Verdict::Forged,";
        "a domain passes for another"; SWITCH;
    "tunnel-to-wire" in "userland/switch/src/forwarding/mod.rs":
        "            Side::Tunnel => Verdict::Nowhere," => "            Side::Tunnel => Verdict::ToAll(Side::Uplink),";
        "a late frame goes round between two machines"; SWITCH;
    "port-echo" in "userland/switch/src/forwarding/mod.rs":
        "                true => Verdict::Nowhere,\n                false => Verdict::To(port)," => "                true => Verdict::To(port),\n                false => Verdict::To(port),";
        "a domain hears what it says"; SWITCH;
    "away-address" in "userland/switch/src/forwarding/mod.rs":
        "            self.away.remove(station.mac);\n" => "";
        "frames for a domain that has come back go through the tunnel"; SWITCH;
}
