//! Faults in the hand-over: the migration server, its messages, and the services that root and the switch provide for it.

use crate::mutations::Finder::{self, Host, Machine, Suite};
use crate::mutations::Mutation;

const PROTOCOL: Finder = Host("nomad-protocol", "");
const CHANNEL: Finder = Host("nomad-channel", "");
const IMAGE: Finder = Host("nomad-image", "");
const SERVER: Finder = Host("nomad-server", "");
const SHELL: Finder = Host("nomad-shell", "");
const ROOT: Finder = Host("root", "");
const SWITCH: Finder = Host("switch", "");
const SIMULATED_SHELL: Finder = Suite("nomad-simulator", "shell");
const SIMULATED_CROWD: Finder = Suite("nomad-simulator", "crowd");
const SIMULATED_CLOCKS: Finder = Suite("nomad-simulator", "clocks");
const SIMULATED_FORCE: Finder = Suite("nomad-simulator", "force");
const SIMULATED_POINTS: Finder = Suite("nomad-simulator", "points");
const SIMULATED_PAGES: Finder = Suite("nomad-simulator", "pages");
const CLIENT: Finder = Host("nomad-client", "");

mutations! {
    // Rebuilding a domain.
    "clock-offset" in "nomad/server/src/restore/clock.rs":
        "now_ns.wrapping_sub(machine_ns)" => "machine_ns.wrapping_sub(now_ns)";
        "deadlines are wrong by twice the difference between the machines' clocks"; SERVER;
    "unknown-downtime" in "nomad/shell/src/arriving_clock.rs":
        "downtime_ns.max(here_ns)" => "downtime_ns";
        "the clock of a domain loses the downtime of a move whose source was restarted"; SIMULATED_CLOCKS;
    "downtime-twice" in "nomad/shell/src/arriving_clock.rs":
        "is_first.then_some(" => "Some(";
        "a domain whose activation is repeated jumps back in time"; SHELL;
    "whole-round-trip" in "nomad/shell/src/pages.rs":
        "round_trip_us / 2" => "round_trip_us";
        "a moved domain's clock is ahead by the time that a message takes"; SIMULATED_CLOCKS;
    "downtime-of-a-restarted-source" in "nomad/protocol/src/source/commit.rs":
        "downtime.map_or(0, |downtime|" => "downtime.map_or(60_000_000, |downtime|";
        "the clock of a domain is a minute ahead after a move whose source was restarted"; PROTOCOL;
    "utc-after-a-move" in "nomad/server/src/machine.rs":
        "base_utc: runtime::clock::now_utc()," => "base_utc: None,";
        "a domain that has moved does not know the time of day"; Machine("resolver");
    "utc-base" in "userland/runtime/src/clock.rs":
        "let elapsed_ns = self.ns(ticks).saturating_sub(self.base_ns);" => "let elapsed_ns = self.ns(ticks);";
        "a moved domain's time of day is ahead by the time since the domain started"; Host("runtime", "clock");
    "torn-reading" in "userland/root/src/rtc/mod.rs":
        "Some(reading) if last == Some(reading) => return Ok(reading)," => "Some(reading) => return Ok(reading),";
        "the time of day is wrong on a machine that reads its real-time clock at the end of a minute"; ROOT;
    "zero-page" in "nomad/shell/src/arriving_pages.rs":
        "            if self.written.contains(page) {\n                pages.clear" => "            if !self.written.contains(page) {\n                pages.clear";
        "a page that was sent and has become zero keeps its old data"; SIMULATED_PAGES;
    "absent-page" in "nomad/shell/src/arriving_pages.rs":
        "map.runs(|change| change == PageChange::Absent)" => "map.runs(|_| false)";
        "a discarded page reappears with its old data"; SIMULATED_PAGES;
    "unpopulated-page" in "nomad/shell/src/arriving_pages.rs":
        "matches!(change, PageChange::Zero | PageChange::Data)" => "matches!(change, PageChange::Zero)";
        "the migration server faults when data arrives for a page that was never there"; SIMULATED_PAGES;
    "frozen-pass" in "nomad/shell/src/page_state.rs":
        "            Scope::Freeze => self.lacks_in_chunk(first_page)," => "            Scope::Freeze => self.pending.touches_chunk(first_page),";
        "pages that were discarded after they were sent reappear after a move"; SERVER;
    "reply-slot" in "nomad/server/src/restore/build/table.rs":
        ".install_reply(thread, Slot(capability.slot), capability.rights);" => ".install_reply(thread, Slot(capability.slot + 1), capability.rights);";
        "a server cannot reply after a move"; SERVER;
    "rebuilt-badge" in "nomad/server/src/restore/build/table.rs":
        "            _ => capability.badge,\n" => "            _ => 0,\n";
        "a domain's services mistake one client for another after a move"; SERVER;
    "held-slot" in "nomad/server/src/restore/build/table.rs":
        ".hold(Slot(parent), holder, held.role.held(), badge)" => ".hold(Slot(parent + 1), holder, held.role.held(), badge)";
        "a pager, a bound notification or a fault endpoint changes in a move"; SERVER;
    "adopted-incarnation" in "userland/root/src/domain.rs":
        "        self.incarnation = incarnation;\n        self.state = DomainState::Running;\n" => "        self.state = DomainState::Running;\n";
        "the incarnation never exceeds two, so that old copies pass for new ones"; ROOT;
    "announcement" in "userland/switch/src/switch.rs":
        "Route::ToAll(PortKind::Uplink)" => "Route::ToAll(PortKind::Domain)";
        "no station on the wire learns the new location of a domain"; SWITCH;

    "admitted-in-vain" in "nomad/shell/src/moves/destination.rs":
        "let is_certain = matches!(error, RootError::Refused(_));" => "let is_certain = true;";
        "a domain that root has admitted although its reply was lost keeps its memory and its name, and never arrives here"; SIMULATED_POINTS;
    "unretired-again" in "userland/root/src/api/root/outgoing.rs":
        "    if let Some(DomainState::Running | DomainState::Stopped) = state {" => "    if state.is_none() {";
        "a move stays in doubt although its domain runs on, if root could not thaw the domain at first"; ROOT;
    "kept-requests" in "nomad/shell/src/actions.rs":
        "            self.requests.remove(&transaction);\n" => "";
        "each move leaves memory of the migration server allocated"; SIMULATED_CROWD;

    "second-port" in "userland/root/src/api/root/bindings.rs":
        "(has_port && held.iter().any(is_other))" => "(!has_port && held.iter().any(is_other))";
        "a hostile image takes a ring out of root's memory for each address that it names"; ROOT;
    "forced-beside" in "nomad/shell/src/roll_calls.rs":
        "        Obstacle::Held { runs, .. } => is_forced && !runs," => "        Obstacle::Held { .. } => is_forced,";
        "an operator runs a second copy of a domain by force although another machine says that it runs the domain"; SIMULATED_FORCE;
    "last-copy" in "nomad/shell/src/roll_calls.rs":
        "self.youngest.filter(|_| is_absent)" => "self.youngest.filter(|_| !is_absent)";
        "the operator does not learn where a lost domain ran last"; SHELL;

    // Decisions of the protocol.
    "commit-record" in "nomad/protocol/src/source/commit.rs":
        "        context.record(RecordedProgress::SourceCommitting {\n            attempt,\n            digest,\n            admission,\n        });\n" => "        let _ = (attempt, digest, admission);\n";
        "a restarted source does not know which freeze its destination is to run"; PROTOCOL;
    "prepared-record" in "nomad/protocol/src/destination/verify.rs":
        "        context.record(RecordedProgress::DestinationPrepared {\n            rounds: self.rounds,\n            attempt: self.attempt,\n            digest: self.digest,\n            admission: self.admission,\n        });\n" => "";
        "a restarted destination discards a copy that may be the only one"; PROTOCOL;
    "receiving-record" in "nomad/protocol/src/destination/receive.rs":
        "context.record(RecordedProgress::DestinationReceiving { admission });" => "let _ = RecordedProgress::DestinationReceiving { admission };";
        "a source that has retired the domain never learns that the restarted destination cannot run it"; PROTOCOL;
    "declined-record" in "nomad/protocol/src/destination/decline.rs":
        "        record(context, admission, why, false);\n" => "";
        "a restarted destination runs a copy that its operator has dropped, and that its source runs on"; PROTOCOL;
    "discarded-record" in "nomad/protocol/src/destination/decline.rs":
        "            record(context, self.admission, self.why, true);\n" => "";
        "a restarted destination discards the copy of a later move, which may be the only one"; PROTOCOL;
    "declined-source-record" in "nomad/protocol/src/source/in_doubt.rs":
        "context.record(RecordedProgress::SourceDeclined { why, peer_boot });" => "let _ = RecordedProgress::SourceDeclined { why, peer_boot };";
        "a source that is restarted after a declined move reports a wrong reason"; PROTOCOL;
    "dropped-record" in "nomad/protocol/src/source/in_doubt.rs":
        "        if let (Force::DropCopy, Some((admission, frozen))) = (force, self.committed) {\n            return Dropped::enter(context, admission, frozen);\n        }\n" => "";
        "a command that drops a copy whose record is contradicted destroys the only other copy, at the destination"; PROTOCOL;
    "dropped-commit" in "nomad/protocol/src/source/commit.rs":
        "Input::Force(Force::DropCopy) => Dropped::enter(context, self.admission, self.frozen)," => "Input::Force(Force::DropCopy) => Releasing::enter(context, self.admission.peer_boot),";
        "a command that drops the copy at the source keeps the destination from running its own"; PROTOCOL;
    "dropped-twice" in "nomad/protocol/src/source/dropped.rs":
        "                dropped.record(context);\n                dropped.await_reply(context)" => "                dropped.await_reply(context)";
        "a restarted source destroys a domain that was dropped and has come back"; PROTOCOL;
    "declining-boot" in "nomad/protocol/src/source/in_doubt.rs":
        "if self.peer_boot == Some(boot) && self.why" => "if self.peer_boot.is_some() && self.why";
        "a restarted destination has a domain run on that it may have run before"; PROTOCOL;
    "other-admission" in "nomad/protocol/src/destination/committed.rs":
        "number == admission.number =>" => "(number == admission.number || number != admission.number) =>";
        "a destination runs an old copy that it had declined, if someone on the path sends old messages again"; PROTOCOL;
    "unknown-admission" in "nomad/protocol/src/source/abort.rs":
        "known.number != *number)" => "known.number.0 != number.0 && false)";
        "a source freezes a domain for a destination that lacks the first rounds"; PROTOCOL;
    "earlier-admission" in "nomad/protocol/src/destination/abort.rs":
        "Step::Commit { admission, .. } if known.number != Some(*admission) => {" => "Step::Commit { admission, .. } if known.number != Some(*admission) && false => {";
        "a source waits for minutes for a destination that was restarted and received a duplicate of the offer"; PROTOCOL;
    "retired-digest" in "nomad/protocol/src/destination/committed.rs":
        "if digest == self.digest {" => "if true {";
        "a copy other than the retired domain is activated"; PROTOCOL;
    "overwritten-copy" in "nomad/protocol/src/destination/verify.rs":
        "                if self.is_replaced_by(attempt) =>\n            {\n                self.replaced(context)" => "                if attempt < self.attempt =>\n            {\n                self.replaced(context)";
        "a copy whose pages are being overwritten counts as complete"; PROTOCOL;
    "digest" in "nomad/protocol/src/destination/verify.rs":
        "if digest != self.digest {" => "if false {";
        "a domain other than the frozen one is activated"; PROTOCOL;
    "attempts" in "nomad/protocol/src/source/commit.rs":
        "if self.frozen.attempt >= ATTEMPTS_MAX {" => "if false {";
        "a domain that changes in every freeze is frozen again without end"; PROTOCOL;
    "peer-boot" in "nomad/protocol/src/source/commit.rs":
        "Input::Message { boot, step } if boot == self.admission.peer_boot => match step {" => "Input::Message { step, .. } => match step {";
        "a restarted destination is assumed to run the domain, or to have declined it"; PROTOCOL;
    "released-record" in "nomad/protocol/src/source/release.rs":
        "                context.record(RecordedProgress::SourceReleased {\n                    peer_boot: self.peer_boot,\n                });\n" => "";
        "a domain that has moved away and back is destroyed when the migration server restarts"; PROTOCOL;
    "roll-call-turn" in "nomad/protocol/src/roll_call.rs":
        "if turn != self.turn || self.is_over {" => "if self.is_over {";
        "a reply to an earlier turn of the roll call counts"; PROTOCOL;
    "roll-call-once" in "nomad/protocol/src/roll_call.rs":
        "all_absent && self.rows.iter().all(|row| row.now == row.before);" => "all_absent;";
        "a domain that moves during the roll call is started a second time"; PROTOCOL;
    "roll-call-nobody" in "nomad/protocol/src/roll_call.rs":
        "let is_proven = all_absent && " => "let is_proven = ";
        "a domain that runs elsewhere is started a second time"; PROTOCOL;
    "fleet-member" in "nomad/protocol/src/fleet.rs":
        "        machines.dedup();\n" => "";
        "a machine that is listed twice cancels itself out, so that different fleets have the same fingerprint"; PROTOCOL;
    "move-deadline" in "nomad/protocol/src/timers.rs":
        "        self.repeat = None;\n        self.limit = None;\n" => "        self.repeat = None;\n        self.limit = None;\n        self.deadline = None;\n";
        "a move lasts longer than its operator allows"; PROTOCOL;
    "bandwidth" in "nomad/server/src/channel/streams.rs":
        "let rate_max = entry.options.rate_max;" => "let rate_max = entry.options.rate_max.and(None);";
        "a move exceeds the bandwidth that its operator allows"; Machine("options");

    // Received messages.
    "replayed-nonce" in "nomad/channel/src/replay.rs":
        "(is_recent && self.received[word] & bit == 0)" => "is_recent";
        "a recorded message is accepted again"; CHANNEL;
    "late-nonce" in "nomad/channel/src/replay.rs":
        "        self.received[word] |= bit;\n" => "        let _ = (word, bit);\n";
        "the last message received is accepted again"; CHANNEL;
    "ticket" in "nomad/channel/src/sessions/responder.rs":
        "        self.ticket = self.ticket.wrapping_add(1);\n" => "";
        "each replay of a recorded handshake costs the responder a key agreement"; CHANNEL;
    "handshake-peer" in "nomad/channel/src/sessions/responder.rs":
        "PeerKind::Machine => name.is_some_and(|name| MachineId(key) == keys.machine(name))," => "PeerKind::Machine => true,";
        "a machine of the fleet can impersonate another"; CHANNEL;
    "handshake-operator" in "nomad/channel/src/sessions/responder.rs":
        "PeerKind::Operator => OperatorId(key) == keys.operator()," => "PeerKind::Operator => true,";
        "anyone can give operator commands"; CHANNEL;
    "retry-tag" in "nomad/channel/src/tag.rs":
        "        self.mac(&tagged, None).verify_slice(packet.body).is_ok()" => "        let _ = tagged;\n        true";
        "anyone on the wire can prevent two machines from communicating"; CHANNEL;

    // Machines that find each other.
    "hello-source" in "nomad/shell/src/discovery.rs":
        "        if hello.address != from {\n            return;\n        }\n" => "";
        "a recorded hello has the machines begin handshakes with whoever sends it again"; SIMULATED_SHELL;
    "old-hello" in "nomad/shell/src/machines/member.rs":
        "                if !greeting.is_later_than(last) {\n                    return false;\n                }\n" => "";
        "each repetition of an old hello begins a handshake"; SHELL;
    "announced-address" in "nomad/shell/src/machines/member.rs":
        "self.proven.or(self.announced).or(self.fixed)" => "self.announced.or(self.proven).or(self.fixed)";
        "a hello redirects the messages for a machine"; SHELL;
    "reused-address" in "nomad/shell/src/machines.rs":
        "                other.addresses.proven = None;\n" => "";
        "messages for a machine go to the one that has its former address"; SHELL;
    "takeover-unchallenged" in "nomad/channel/src/boots.rs":
        "silent_us < TAKEOVER_US || rival.challenges < CHALLENGES_MIN" => "silent_us < TAKEOVER_US";
        "a second machine takes over the name of one that nobody has asked"; CHANNEL;
    "takeover-at-once" in "nomad/channel/src/boots.rs":
        "silent_us < TAKEOVER_US || rival.challenges < CHALLENGES_MIN" => "rival.challenges < CHALLENGES_MIN";
        "a second machine takes over the name of one that is slow"; CHANNEL;
    "old-challenge" in "nomad/channel/src/boots.rs":
        "if challenged_us < current.since_us {" => "if false {";
        "a delayed datagram of the earlier boot counts as another machine"; CHANNEL;
    "refused-candidate" in "nomad/channel/src/sessions/responder.rs":
        "        if !is_refused {\n" => "        if true {\n";
        "a second machine with the same name gets a session"; CHANNEL;
    "late-proof" in "nomad/channel/src/boots.rs":
        "current.alive_us.max(challenged_us);" => "now_us;";
        "a response that was held back keeps a restarted machine out"; CHANNEL;
    "held-response" in "nomad/channel/src/sessions/initiator.rs":
        "            initiation.index == index && elapsed_us < HANDSHAKE_US" => "            let _ = elapsed_us;\n            initiation.index == index";
        "a response that was held back moves a machine's address"; CHANNEL;
    "held-candidate" in "nomad/channel/src/accepted.rs":
        "            .retain(|candidate| now_us.saturating_sub(candidate.since_us) < HANDSHAKE_US);" => "            .retain(|candidate| now_us >= candidate.since_us);";
        "a first message that was held back moves a machine's address"; CHANNEL;
    "unconfirmed" in "nomad/channel/src/sessions/initiator.rs":
        "            replies.extend(session.confirm(now_us));\n" => "";
        "a machine does not learn where one with nothing to say is"; CHANNEL;
    "forwarded-initiation" in "nomad/channel/src/tag.rs":
        "        receiver.iter().for_each(|receiver| mac.update(&receiver.0));\n" => "        let _ = receiver;\n";
        "the wrong machine replies to a forwarded handshake"; CHANNEL;
    "own-echo" in "nomad/channel/src/sessions/responder.rs":
        "let is_own = theirs.boot == self.boot;" => "let is_own = false;";
        "someone can make a machine report itself as another one with its name"; CHANNEL;
    "no-room-for-fleet" in "nomad/channel/src/sessions/responder.rs":
        "|machine: &MachineId| !fleet.contains(machine) && !needed.contains(machine);" => "|machine: &MachineId| !fleet.is_empty() && !needed.contains(machine);";
        "a machine with many names keeps those of the fleet out"; CHANNEL;
    "needed-place" in "nomad/channel/src/sessions/responder.rs":
        " && !needed.contains(machine)" => "";
        "a guest that has a domain loses its session to one that has none, and its home cannot ask it"; CHANNEL;
    "foreign-search" in "nomad/channel/src/sessions/finder.rs":
        "if self.search != Some(search) {" => "if false {";
        "an operator believes a name that it did not ask for"; CHANNEL;
    "diverted-command" in "nomad/client/src/target.rs":
        "None if self.address != address =>" => "None if self.address.is_broadcast() =>";
        "someone can divert an operator's command to another machine"; CLIENT;
    "unsettled-reply" in "nomad/shell/src/presence.rs":
        "if !self.is_settled(now, from) {" => "if false {";
        "a machine with the home's name starts the domain that the home runs"; SIMULATED_SHELL;
    "unsettled-absence" in "nomad/shell/src/presence.rs":
        "if !is_present && !self.is_settled(now, from) {" => "if !is_present && false {";
        "a home starts a domain that runs on one of two machines with one name"; SIMULATED_SHELL;
    "claimed-replies" in "nomad/shell/src/discovery.rs":
        "                self.roll_calls.forget_replies(machine);\n" => "";
        "a home counts what a machine has replied for another one with its name"; SIMULATED_SHELL;
    "own-double" in "nomad/shell/src/presence.rs":
        "} else if self.is_settled(now, own)\n" => "} else if true\n";
        "a machine starts a domain that another one with its name runs"; SIMULATED_SHELL;
    "undefended" in "nomad/shell/src/discovery.rs":
        "                self.defend_name(now);\n                if" => "                if";
        "a machine that is alive loses its name"; SIMULATED_SHELL;
    "crowded-probes" in "nomad/shell/src/machines/member.rs":
        "!self.probed.contains_key(&address);" => "self.probed.is_empty();";
        "recorded hellos keep the genuine one waiting"; SHELL;

    // Guests.
    "slow-guest" in "nomad/shell/src/roll_calls/guests.rs":
        "silent.filter(is_optional).filter(is_quiet).collect()" => "silent.filter(is_optional).collect()";
        "a restarted home starts a domain that runs on a guest which lacks processor time for its reply"; SHELL;
    "manifest-to-guest" in "nomad/protocol/src/guest.rs":
        "        (true, false) if !has_package => Err(GuestRule::OnlyPackages),\n" => "";
        "a restarted home starts a domain of its manifest that runs on a guest"; PROTOCOL;
    "member-to-guest" in "nomad/protocol/src/guest.rs":
        "(true, false) if home.is_some() && !is_home(source) => Err" => "(true, false) if false => Err";
        "a home does not know which guest has its domain, and starts it again"; PROTOCOL;
    "guest-to-guest" in "nomad/protocol/src/guest.rs":
        "(false, false) => Err(GuestRule::NotBetweenGuests)," => "(false, false) => Ok(()),";
        "a home queries a guest that has sent its domain on, and starts it again"; PROTOCOL;
    "guest-to-member" in "nomad/protocol/src/guest.rs":
        "(false, true) => Err(GuestRule::OnlyToHome)," => "(false, true) => Ok(()),";
        "a home waits for a guest that has sent its domain on"; PROTOCOL;
    "forgotten-guest" in "userland/root/src/api/root/outgoing.rs":
        "        domain.guest = guest.or(domain.guest);\n" => "        let _ = (domain, guest);\n";
        "a home forgets which guest has its domain, and starts it again"; ROOT;
    "unqueried-guest" in "nomad/shell/src/roll_calls/guests.rs":
        "self.need.guests.union(found).copied()" => "found.iter().copied()";
        "a home starts a domain that a guest has which does not reply"; SHELL;
    "unqueried-guests" in "nomad/shell/src/roll_calls/guests.rs":
        "filter(|_| self.need.queries_guests)" => "filter(|_| false)";
        "a home starts the domain of a package that was sent again although a guest has it"; SHELL;
    "needed-guest" in "nomad/shell/src/machines/guests.rs":
        "!guest.is_up() && !self.needed.contains(&guest.id)" => "!guest.is_up()";
        "a machine forgets a guest that has one of its domains"; SHELL;
    "found-guest" in "nomad/shell/src/roll_calls/guests.rs":
        "self.need.guests.union(found).copied()" => "self.need.guests.iter().copied()";
        "a home starts a second copy of a domain as soon as the guest that has reported it is silent"; SHELL;
    "claimed-guest" in "nomad/shell/src/roll_calls/guests.rs":
        "filter(|guest| !claimed.contains(guest))" => "filter(|_| true)";
        "a home starts a domain that a guest has whose name another machine claims"; SHELL;
    "doubted-guests" in "nomad/shell/src/roll_calls/need.rs":
        "            queries_guests: true,\n" => "            queries_guests: false,\n";
        "an operator runs an older copy of a domain beside that of a guest"; SHELL;
    "unheard-guest" in "nomad/protocol/src/roll_call.rs":
        "self.is_over = is_proven && self.is_complete(now);" => "self.is_over = is_proven;";
        "a home that has just started starts the domain of a package beside that of a guest that it does not know yet"; PROTOCOL;
    "late-guest" in "nomad/protocol/src/roll_call.rs":
        "None if row.queried.is_some_and(is_old) =>" => "None if is_late =>";
        "a guest that comes back is not waited for, and a home starts the domain that it has"; PROTOCOL;
    "removed-guest" in "nomad/protocol/src/roll_call.rs":
        "            self.rows.iter_mut().for_each(|row| row.before = None);\n" => "";
        "a domain that a guest has sent home meanwhile is started a second time"; PROTOCOL;
    "recorded-hello" in "nomad/shell/src/machines/member.rs":
        "_ => self.is_met = false," => "_ => (self.is_met, self.is_up) = (false, false),";
        "who sends a recorded hello of a guest again has a home start the domain that the guest has"; SHELL;
    "stated-image-home" in "nomad/server/src/restore/incoming.rs":
        " && is_home;" => ";";
        "root keeps another home of a domain than the one by which its move was allowed"; SERVER;
    "stated-home" in "userland/root/src/api/root/incoming.rs":
        "        return Err(Refusal::OfArchive);\n" => "";
        "a guest runs a program of its own under the name of a domain of the fleet file"; ROOT;

    // Verdicts on an image.
    "beyond-grant" in "nomad/image/src/verdict.rs":
        "return if kind.own_rights().contains(rights) {" => "return if kind.all_rights().contains(rights) {";
        "a domain arrives with rights over itself that no domain is given"; IMAGE;
    "replies-to-outsider" in "nomad/image/src/verdict.rs":
        "    if kind == Reply {\n        return Judgement::Refuse(Refusal::RepliesToOutsider);\n    }\n" => "";
        "a caller that does not move with the domain waits forever for its reply"; IMAGE;
    "foreign-writers" in "nomad/image/src/verdict.rs":
        "Some(Attribute::Ordinary)) if object.writers != 0 => {" => "Some(Attribute::Ordinary)) if false => {";
        "a domain is moved although other domains write its memory"; IMAGE;
    "device-kinds" in "nomad/image/src/verdict.rs":
        "    if matches!(kind, Interrupt | IoPorts | Hardware) {" => "    if matches!(kind, Interrupt | IoPorts) {";
        "a domain with a Hardware capability is offered to another machine"; IMAGE;

    // Root, the switch and the records.
    "older-record" in "nomad/shell/src/records.rs":
        "                .write(SLOTS_OFFSET + slot * SLOT_BYTES, &[0; HEAD_BYTES]);" => "                .write(SLOTS_OFFSET + slot * SLOT_BYTES, &[0; 0]);";
        "a finished transaction is resumed after a restart"; SHELL;
    "token-note" in "nomad/shell/src/records.rs":
        "        if let Some(place) = self.token_place(|noted| is_of(noted, transaction)) {\n            self.memory.write(place, &[0; TOKEN_BYTES]);\n        }\n" => "";
        "the space for recorded freeze tokens runs out"; SHELL;
    "half-written-slot" in "nomad/server/src/capture/queue.rs":
        "        if direction == TO_SWITCH {\n" => "        if false {\n";
        "a domain that is frozen while it queues a frame loses its network"; SERVER;
    "page-beyond" in "nomad/shell/src/page_set.rs":
        "        if page < self.page_count {\n            self.words[(page / PAGES_PER_WORD) as usize] |=" => "        if page <= self.page_count {\n            self.words[(page / PAGES_PER_WORD) as usize] |=";
        "a malicious source crashes the destination's migration server"; SHELL;
    "adopted-twice" in "userland/root/src/api/root/incoming.rs":
        "        _ if domain.incarnation == incarnation => Ok(Adoption::Done),\n" => "";
        "an adoption that is repeated because its reply was lost fails forever"; ROOT;
    "other-domain" in "userland/root/src/api/root/incoming.rs":
        "        _ if domain.id != id => Err(Refusal::AlreadyHere),\n" => "";
        "another domain of the same name is adopted instead of the arrived one"; ROOT;
    "restart-delay" in "userland/root/src/restart.rs":
        "        self.restarts = self.restarts.saturating_add(1);\n" => "";
        "a server that faults at once is restarted without a delay"; ROOT;
    "forged-source" in "userland/switch/src/forwarding/mod.rs":
        "PortKind::Domain if !self.may_send(&entry, header) => return Route::Forged," => "PortKind::Domain if false => return Route::Forged,";
        "a domain can impersonate another"; SWITCH;
    "tunnel-to-wire" in "userland/switch/src/forwarding/mod.rs":
        "            PortKind::Tunnel => Route::Nowhere," => "            PortKind::Tunnel => Route::ToAll(PortKind::Uplink),";
        "a late frame circulates between two machines"; SWITCH;
    "port-echo" in "userland/switch/src/forwarding/mod.rs":
        "            return if port == from.port {\n" => "            return if false {\n";
        "a domain receives its own frames"; SWITCH;
    "away-address" in "userland/switch/src/forwarding/mod.rs":
        "            self.away.remove(entry.mac);\n" => "";
        "frames for a domain that has come back go through the tunnel"; SWITCH;
    "gate" in "userland/runtime/src/port/device.rs":
        "                    self.waiting = Some(length);\n                    return None;\n" => "                    return Some(length);\n";
        "of many clients that connect at once some are refused"; Host("runtime", "port::device");
    "held-client" in "userland/runtime/src/net/listeners.rs":
        "            if self.called == 0 {\n" => "            if true {\n";
        "a client is refused although a socket is about to listen"; Host("runtime", "net::listeners");
    "called-socket" in "userland/runtime/src/net/listeners.rs":
        "        self.listening += 1;\n        if let" => "        if let";
        "a client waits forever"; Host("runtime", "net::listeners");

    // Root's part in a move, and the calls that rebuild a domain.
    "unthawed" in "userland/root/src/api/root/incoming.rs":
        "    objects.domain.thaw(domain.freeze_token).map_err(kernel)?;\n    root.switchboard.activate" => "    root.switchboard.activate";
        "an arrived domain stays frozen forever, but is listed as running"; ROOT;
    "refused-thaw" in "userland/root/src/api/root/incoming.rs":
        "    objects.domain.thaw(domain.freeze_token).map_err(kernel)?;\n    root.switchboard.activate" => "    let _ = objects.domain.thaw(domain.freeze_token);\n    root.switchboard.activate";
        "a domain that does not run counts as adopted, and its source destroys its copy"; ROOT;
    "kept-token" in "userland/root/src/api/root/incoming.rs":
        "    domain.freeze_token = token;\n" => "";
        "a domain that was rebuilt twice cannot be thawed"; ROOT;
    "kept-pool" in "userland/root/src/api/root/incoming.rs":
        "    if own.identify(sent.slot()) != own.identify(pool.slot()) {\n        return Err(Refusal::Capability);\n    }\n" => "";
        "root runs a domain in a pool that it neither admitted nor reclaims"; ROOT;
    "outlived-by-older" in "userland/root/src/api/root/incoming.rs":
        "DomainState::Running if domain.incarnation < incarnation => {}" => "DomainState::Running => {}";
        "an older copy of a domain stops a newer one permanently"; ROOT;
    "outlived-by-another" in "userland/root/src/api/root/incoming.rs":
        "        _ if domain.id != id => return Err(Refusal::NoSuchDomain),\n        DomainState::Outlived" => "        DomainState::Outlived";
        "a domain is stopped permanently by another one of the same name"; ROOT;
    "outlived-runs" in "userland/root/src/api/root/incoming.rs":
        "    let freeze = objects.domain.freeze(NO_DEADLINE).map_err(kernel)?;\n    domain.freeze_token = freeze.token;" => "    let _ = objects;";
        "two copies of a domain run"; ROOT;
    "export-look" in "userland/root/src/export.rs":
        "if domain.check_ns().is_none_or(|check_ns| now_ns < check_ns) {" => "if domain.check_ns().is_none() {";
        "the port of a leaving domain is reopened during its freeze when the export of another domain ends"; ROOT;
    "discarded-another" in "userland/root/src/api/root/incoming.rs":
        "        domain if domain.id != id => return Err(Refusal::NoSuchDomain),\n" => "";
        "a failed move discards a domain that arrives from a third machine"; ROOT;
    "discarded-running" in "userland/root/src/api/root/incoming.rs":
        "        domain if may_discard(domain.state) => {}\n        _ => return Err(Refusal::WrongState)," => "        _ => {}";
        "a request to discard an arriving domain destroys a running one"; ROOT;
    "discarded-outlived" in "userland/root/src/api/root/incoming.rs":
        "give_up(root, name, id, is_arriving)" => "give_up(root, name, id, |state| is_arriving(state) || state == DomainState::Outlived)";
        "a copy that may be the last one is destroyed without an operator's command"; ROOT;
    "taken-address" in "userland/root/src/api/root/bindings.rs":
        "    if root.switchboard.is_taken(number, address) {\n        return Err(Refusal::AddressTaken);\n    }\n" => "";
        "two domains on a machine have the same network address"; ROOT;
    "released-running" in "userland/root/src/api/root/outgoing.rs":
        "        DomainState::Exported => Ok(domain),\n        _ => Err(Refusal::WrongState)," => "        _ => Ok(domain),";
        "a domain that has not left is destroyed as if it had"; ROOT;
    "started-again" in "userland/root/src/api/root/lifecycle.rs":
        "    if !domain.is_elsewhere() {\n        return Err(Refusal::AlreadyHere);\n    }\n" => "";
        "a present domain is started a second time"; ROOT;
    "unread-trial" in "nomad/server/src/restore/incoming/assembly.rs":
        "        let verified = set.and_then(|()| read_back::verify(&self.machine, built, description));" => "        let verified = set;";
        "a destination runs a domain that it has not read back, and that differs from the one that moved"; SERVER;
    "mover-rights" in "userland/root/src/api/root/mod.rs":
        "    .union(DomainRights::CAPTURE)\n" => "    .union(DomainRights::CAPTURE)\n    .union(DomainRights::UNRETIRE)\n";
        "the migration server can run two copies of a domain without root"; ROOT;
    "outline" in "nomad/server/src/restore/incoming.rs":
        "let same = id == self.id && name == self.name && is_home;" => "let same = (id == self.id || name == self.name) && is_home;";
        "another domain arrives under the name of the offered one"; SERVER;
    "lost-downtime" in "nomad/server/src/local/kernel.rs":
        "incoming.add_downtime(downtime_us)" => "incoming.add_downtime(downtime_us.min(0))";
        "a domain's clock does not count its downtime"; SERVER;
    "described-time" in "nomad/server/src/capture/state.rs":
        "machine_ns.wrapping_add_signed(offset_ns)" => "machine_ns";
        "the second move of a domain resets the domain's clock to the machine's clock"; SERVER;
    "discarded-page" in "nomad/shell/src/page_state.rs":
        "        self.present.len() == count\n" => "        self.present.len() >= count\n";
        "a page that a domain has discarded comes back when it moves"; SIMULATED_PAGES;
    "trial-memories" in "nomad/server/src/restore/incoming/assembly.rs":
        "trial.memories == self.memories.len()" => "true";
        "a Memory whose first page arrives after the trial build is lost"; SERVER;
    "endless-inspection" in "nomad/server/src/capture/while_frozen.rs":
        "domain.freeze(clock::now_ns().saturating_add(LOOK_LIMIT_NS))" => "domain.freeze(abi::NO_DEADLINE)";
        "a migration server that fails while it inspects a domain leaves the domain frozen forever"; SERVER;
    "claimed-rights" in "nomad/server/src/restore/build/table.rs":
        "rights = Rights(rights.0 & granted.0);" => "rights = Rights(rights.0 | granted.0);";
        "an image can claim any right over the destination's services for its domain"; SERVER;
    "older-record-first" in "nomad/shell/src/records.rs":
        "        let sequence = self.next_sequence;\n        self.next_sequence += 1;\n        let offset" => "        self.forget(record.transaction);\n        let sequence = self.next_sequence;\n        self.next_sequence += 1;\n        let offset";
        "a migration server that fails between the two writes of a record loses the transaction"; SHELL;
    "overwritten-first" in "nomad/shell/src/pages.rs":
        "        self.announce_segment(now, from, transaction, header)?;\n        self.perform_all(now);\n" => "        self.announce_segment(now, from, transaction, header)?;\n";
        "a restarted destination takes a mixture of two freezes for a complete copy"; SIMULATED_SHELL;
    "half-built" in "nomad/shell/src/pages.rs":
        "        self.perform_all(now);\n        self.announce_segment" => "        self.announce_segment";
        "a copy is built while the next freeze overwrites it"; SIMULATED_SHELL;
    "repeated-freeze" in "nomad/protocol/src/destination/verify.rs":
        "        attempt > self.attempt\n" => "        attempt >= self.attempt\n";
        "a source that sends a freeze again overwrites a verified copy"; SIMULATED_SHELL;
    "pages-of-another" in "nomad/shell/src/pages.rs":
        "is_its && entry.peer == from && self" => "is_its && self";
        "any machine of the fleet can send pages for another machine's move"; SIMULATED_SHELL;

    "dropped-with-another" in "nomad/shell/src/operator.rs":
        "settled.partition(|(_, doubt)| doubt.decides_about_copy());" => "settled.partition(|_| true);";
        "an operator who ends a declined move destroys the copy of another one"; SIMULATED_SHELL;

    // A drain, and a restart.
    "declined-by-operator" in "nomad/shell/src/drain/mod.rs":
        "if reason == AbortReason::Cancelled && !is_declined {" => "if reason == AbortReason::Cancelled {";
        "a destination that lies about its reason keeps a domain from being drained to other machines"; SHELL;
    "drained-admits" in "nomad/shell/src/drain/command.rs":
        "let is_closed = self.drain.is_some() || self.restart_due.is_some();" => "let is_closed = self.restart_due.is_some();";
        "a machine that is drained fills up again"; SIMULATED_SHELL;
    "drained-roll-call" in "nomad/shell/src/drain/command.rs":
        "        self.roll_calls.forget();\n" => "";
        "a domain that arrived somewhere during its home's drain runs twice"; SIMULATED_SHELL;
    "lost-by-restart" in "nomad/shell/src/restart.rs":
        "condition == RebootIf::NothingIsLost && !events.is_empty()" => "false";
        "a restart that is not forced loses domains"; SIMULATED_SHELL;
    "short-fadt" in "kernel/src/arch/acpi/fadt.rs":
        "    if u32::from_le_bytes(*flags) & HAS_RESET_REGISTER == 0 {\n        return None;\n    }\n" => "";
        "a restart writes to a register that the machine does not have"; Host("kernel", "arch::acpi");
}
