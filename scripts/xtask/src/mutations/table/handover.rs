//! The hand-over: the migration server, what it says to others, and what root and the switch do for it.

use crate::mutations::Finder::{self, Host, Suite};
use crate::mutations::Mutation;

const PROTOCOL: Finder = Host("nomad-protocol", "");
const CHANNEL: Finder = Host("nomad-channel", "");
const IMAGE: Finder = Host("nomad-image", "");
const PLANNER: Finder = Host("nomad-planner", "");
const SERVER: Finder = Host("nomad-server", "");
const SHELL: Finder = Host("nomad-shell", "");
const ROOT: Finder = Host("root", "");
const SWITCH: Finder = Host("switch", "");
const SIMULATED_SHELL: Finder = Suite("nomad-simulator", "shell");

mutations! {
    // A domain is built again.
    "clock-offset" in "nomad/server/src/restore/clock.rs":
        "now_ns.wrapping_sub(machine_ns)" => "machine_ns.wrapping_sub(now_ns)";
        "deadlines are off by twice the difference of the machines' clocks"; SERVER;
    "zero-page" in "nomad/server/src/restore/arriving.rs":
        "            if self.written.contains(page) {\n                self.put" => "            if !self.written.contains(page) {\n                self.put";
        "a page that was sent and is zero again keeps its old data"; SERVER;
    "absent-page" in "nomad/server/src/restore/arriving.rs":
        "map.runs(|change| change == PageChange::Absent)" => "map.runs(|_| false)";
        "a page that was given up is there again, with its old data"; SERVER;
    "frozen-pass" in "nomad/server/src/capture/pass.rs":
        "            Scope::Freeze => pages.lacks_in_chunk(self.first_page)," => "            Scope::Freeze => pages.pending.touches_chunk(self.first_page),";
        "pages that were given up since they were sent stay"; SERVER;
    "reply-slot" in "nomad/server/src/restore/build.rs":
        ".install_reply(thread, Slot(capability.slot), capability.rights);" => ".install_reply(thread, Slot(capability.slot + 1), capability.rights);";
        "a server answers nobody after a move"; SERVER;
    "rebuilt-badge" in "nomad/server/src/restore/build.rs":
        "            _ => capability.badge,\n" => "            _ => 0,\n";
        "a domain's own clients are confused with each other after a move"; SERVER;
    "held-slot" in "nomad/server/src/restore/build.rs":
        ".hold(Slot(parent), holder, held.role.held(), badge)" => ".hold(Slot(parent + 1), holder, held.role.held(), badge)";
        "a pager, a bell or who hears of faults is another one after a move"; SERVER;
    "adopted-incarnation" in "userland/root/src/domain.rs":
        "        self.incarnation = incarnation;\n        self.state = DomainState::Running;\n" => "        self.state = DomainState::Running;\n";
        "the incarnation never rises beyond two, and old copies pass for young ones"; ROOT;
    "announcement" in "userland/switch/src/switch.rs":
        "Verdict::ToAll(PortKind::Uplink)" => "Verdict::ToAll(PortKind::Domain)";
        "no station on the wire learns where a domain is now"; SWITCH;

    // What is decided.
    "commit-record" in "nomad/protocol/src/source/commit.rs":
        "        context.record(RecordedProgress::SourceCommitting { attempt, peer_boot });\n" => "";
        "a source that was restarted does not know what its destination was prepared for"; PROTOCOL;
    "prepared-record" in "nomad/protocol/src/destination/verify.rs":
        "                context.record(RecordedProgress::DestinationPrepared {\n                    attempt,\n                    digest,\n                    peer_boot,\n                });\n" => "";
        "a destination that was restarted gives up a copy that its source relies on"; PROTOCOL;
    "digest" in "nomad/protocol/src/destination/verify.rs":
        "if digest != self.digest {" => "if false {";
        "another domain than the one that was frozen runs on"; PROTOCOL;
    "attempts" in "nomad/protocol/src/source/commit.rs":
        "if self.attempt >= ATTEMPTS_MAX {" => "if false {";
        "a domain that is changed all the time is frozen again and again"; PROTOCOL;
    "peer-boot" in "nomad/protocol/src/source/commit.rs":
        "Input::Message { boot, step } if boot == self.peer_boot => match step {" => "Input::Message { step, .. } => match step {";
        "a destination that was restarted is believed to run the domain"; PROTOCOL;
    "released-record" in "nomad/protocol/src/source/release.rs":
        "                context.record(RecordedProgress::SourceReleased {\n                    peer_boot: self.peer_boot,\n                });\n" => "";
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

    // What is received.
    "replayed-nonce" in "nomad/channel/src/replay.rs":
        "age < WINDOW && self.received >> age & 1 == 0" => "age < WINDOW";
        "a recorded message is accepted again"; CHANNEL;
    "late-nonce" in "nomad/channel/src/replay.rs":
        "self.received = kept.unwrap_or(0) | 1;" => "self.received = kept.unwrap_or(0);";
        "the message received last is accepted again"; CHANNEL;
    "ticket" in "nomad/channel/src/sessions/responder.rs":
        "        self.ticket = self.ticket.wrapping_add(1);\n" => "";
        "a recorded handshake costs a key agreement each time"; CHANNEL;
    "handshake-peer" in "nomad/channel/src/sessions/responder.rs":
        "PeerKind::Machine => MachineId(key) == keys.machine_at(from)," => "PeerKind::Machine => true,";
        "one machine of the fleet speaks for another"; CHANNEL;
    "handshake-operator" in "nomad/channel/src/sessions/responder.rs":
        "PeerKind::Operator => OperatorId(key) == keys.operator()," => "PeerKind::Operator => true,";
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
    "half-written-slot" in "nomad/server/src/capture/queue.rs":
        "        if direction == TO_SWITCH {\n" => "        if false {\n";
        "a domain that is frozen in the middle of queueing a frame loses its network"; SERVER;
    "page-beyond" in "nomad/server/src/page_set.rs":
        "        if page < self.page_count {\n            self.words[(page / PAGES_PER_WORD) as usize] |=" => "        if page <= self.page_count {\n            self.words[(page / PAGES_PER_WORD) as usize] |=";
        "a lying source ends the target's migration server"; SERVER;
    "adopted-twice" in "userland/root/src/api/root/incoming.rs":
        "        _ if domain.incarnation == incarnation => Ok(Adoption::Done),\n" => "";
        "an adoption whose answer was lost fails for ever"; ROOT;
    "other-domain" in "userland/root/src/api/root/incoming.rs":
        "        _ if domain.id != id => Err(Refusal::AlreadyHere),\n" => "";
        "a domain of the same name is adopted in place of the one that came"; ROOT;
    "restart-delay" in "userland/root/src/restart.rs":
        "        self.restarts = self.restarts.saturating_add(1);\n" => "";
        "a server that faults at once is started again without a pause"; ROOT;
    "forged-source" in "userland/switch/src/forwarding/mod.rs":
        "PortKind::Domain if !self.may_send(&entry, header) => return Verdict::Forged," => "PortKind::Domain if false => return Verdict::Forged,";
        "a domain impersonates another"; SWITCH;
    "tunnel-to-wire" in "userland/switch/src/forwarding/mod.rs":
        "            PortKind::Tunnel => Verdict::Nowhere," => "            PortKind::Tunnel => Verdict::ToAll(PortKind::Uplink),";
        "a late frame circulates between two machines"; SWITCH;
    "port-echo" in "userland/switch/src/forwarding/mod.rs":
        "                true => Verdict::Nowhere,\n                false => Verdict::To(port)," => "                true => Verdict::To(port),\n                false => Verdict::To(port),";
        "a domain receives its own frames"; SWITCH;
    "away-address" in "userland/switch/src/forwarding/mod.rs":
        "            self.away.remove(entry.mac);\n" => "";
        "frames for a domain that has come back go through the tunnel"; SWITCH;

    // What root does for a domain that moves, and the calls that build it.
    "unthawed" in "userland/root/src/api/root/incoming.rs":
        "    objects.domain.thaw(domain.freeze_token).map_err(kernel)?;\n    root.switchboard.activate" => "    root.switchboard.activate";
        "a domain that has arrived stands still for ever, and is listed as running"; ROOT;
    "refused-thaw" in "userland/root/src/api/root/incoming.rs":
        "    objects.domain.thaw(domain.freeze_token).map_err(kernel)?;\n    root.switchboard.activate" => "    let _ = objects.domain.thaw(domain.freeze_token);\n    root.switchboard.activate";
        "a domain that does not run is taken for adopted, and its source gives it up"; ROOT;
    "kept-token" in "userland/root/src/api/root/incoming.rs":
        "    domain.freeze_token = token;\n" => "";
        "a domain that was built twice cannot be thawed"; ROOT;
    "kept-pool" in "userland/root/src/api/root/incoming.rs":
        "    if own.identify(sent.slot()) != own.identify(pool.slot()) {\n        return Err(Refusal::Capability);\n    }\n" => "";
        "root runs a domain in a pool that it has not admitted and does not take back"; ROOT;
    "outlived-by-older" in "userland/root/src/api/root/incoming.rs":
        "DomainState::Running if domain.incarnation < incarnation => {}" => "DomainState::Running => {}";
        "an older copy of a domain stops the younger one for good"; ROOT;
    "outlived-by-another" in "userland/root/src/api/root/incoming.rs":
        "        _ if domain.id != id => return Err(Refusal::NoSuchDomain),\n        DomainState::Outlived" => "        DomainState::Outlived";
        "a domain is stopped for good by one that has only its name"; ROOT;
    "outlived-runs" in "userland/root/src/api/root/incoming.rs":
        "    objects.domain.freeze(NO_DEADLINE).map_err(kernel)?;\n    domain.state = DomainState::Outlived;" => "    let _ = objects;\n    domain.state = DomainState::Outlived;";
        "two copies of a domain run"; ROOT;
    "export-look" in "userland/root/src/export.rs":
        "if domain.check_ns().is_none_or(|check_ns| now_ns < check_ns) {" => "if domain.check_ns().is_none() {";
        "a domain that leaves is served again, though its freeze has not ended, when the export of another one has"; ROOT;
    "discarded-another" in "userland/root/src/api/root/incoming.rs":
        "        domain if domain.id != id => return Err(Refusal::NoSuchDomain),\n" => "";
        "a move that failed ends a domain that comes from a third machine"; ROOT;
    "discarded-running" in "userland/root/src/api/root/incoming.rs":
        "        domain if may_discard(domain.state) => {}\n        _ => return Err(Refusal::WrongState)," => "        _ => {}";
        "a running domain is ended in place of one that does not come"; ROOT;
    "discarded-outlived" in "userland/root/src/api/root/incoming.rs":
        "give_up(root, name, id, is_arriving)" => "give_up(root, name, id, |state| is_arriving(state) || state == DomainState::Outlived)";
        "what may be the last copy is destroyed, and nobody has ordered it"; ROOT;
    "taken-address" in "userland/root/src/api/root/incoming.rs":
        "            if root.switchboard.is_taken(number, address) {\n                return Err(Refusal::AddressTaken);\n            }\n" => "";
        "two domains of a machine have one address"; ROOT;
    "released-running" in "userland/root/src/api/root/outgoing.rs":
        "        DomainState::Exported => Ok(domain),\n        _ => Err(Refusal::WrongState)," => "        _ => Ok(domain),";
        "a domain that stays is ended as if it had left"; ROOT;
    "started-again" in "userland/root/src/api/root/mod.rs":
        "    if !domain.is_elsewhere() {\n        return Err(Refusal::AlreadyHere);\n    }\n" => "";
        "a domain that is here is started a second time"; ROOT;
    "mover-rights" in "userland/root/src/api/root/mod.rs":
        "all - (DomainRights::DESTROY | DomainRights::UNRETIRE)" => "all - DomainRights::DESTROY";
        "the migration server makes two of a domain without root"; ROOT;
    "outline" in "nomad/server/src/restore/incoming.rs":
        "outline.identity.id == self.id && outline.identity.name == self.name" => "outline.identity.id == self.id || outline.identity.name == self.name";
        "another domain arrives under the offered one's name"; SERVER;
    "standing-time" in "nomad/server/src/local.rs":
        "incoming.hand_over(downtime_us)" => "incoming.hand_over(downtime_us.min(0))";
        "a domain's time stands still while it moves"; SERVER;
    "described-time" in "nomad/server/src/capture/state.rs":
        "machine_ns.wrapping_add_signed(offset_ns)" => "machine_ns";
        "the second move of a domain sets its time to the machine's"; SERVER;
    "endless-look" in "nomad/server/src/capture/while_frozen.rs":
        "domain.freeze(clock::now_ns().saturating_add(LOOK_LIMIT_NS))" => "domain.freeze(abi::NO_DEADLINE)";
        "a migration server that ends while it looks at a domain leaves it standing still for ever"; SERVER;
    "claimed-rights" in "nomad/server/src/restore/build.rs":
        "rights = Rights(rights.0 & granted.0);" => "rights = Rights(rights.0 | granted.0);";
        "an image gives its domain every right over the services of this machine"; SERVER;
    "older-record-first" in "nomad/shell/src/records.rs":
        "        let sequence = self.next_sequence;\n        self.next_sequence += 1;\n        let offset" => "        self.forget(record.transaction);\n        let sequence = self.next_sequence;\n        self.next_sequence += 1;\n        let offset";
        "a server that ends between the two writes of a record forgets its transaction"; SHELL;
    "pages-of-a-stranger" in "nomad/shell/src/pages.rs":
        "if !is_its || entry.peer != from || !awaits" => "if !is_its && entry.peer != from || !awaits";
        "any machine of the fleet sends pages for another one's move"; SIMULATED_SHELL;
}
