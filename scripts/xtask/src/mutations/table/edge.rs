//! Faults at the edge of a machine's network: the frames of domains, recorded hellos, failed transfers, and the server that starts
//! machines from the network.

use crate::mutations::Finder::{self, Host, Suite};
use crate::mutations::Mutation;

const SWITCH: Finder = Host("switch", "");
const SHELL: Finder = Host("nomad-shell", "machines");
const NETBOOT: Finder = Host("caravan", "netboot");

mutations! {
    "hidden-sender" in "userland/switch/src/forwarding/mod.rs":
        "            (Sender::Hidden, _) => false," => "            (Sender::Hidden, _) => true,";
        "a domain uses another's IPv4 address behind a tag of VLAN 0"; SWITCH;
    "foreign-kind-of-arp" in "userland/switch/src/frame.rs":
        "    frame[CONTENT_OFFSET..].starts_with(ARP_KIND)\n        && frame" => "    frame";
        "the sender of an ARP message is read where its receiver does not look for it"; SWITCH;
    "foreign-station-in-arp" in "userland/switch/src/frame.rs":
        "\n        && frame.get(ARP_MAC_OFFSET..ARP_SENDER_OFFSET) == source" => "\n            && source.is_some()";
        "a domain sends what is for its address to another station"; SWITCH;
    "recorded-sign" in "nomad/shell/src/machines/member.rs":
        "        if self.living.is_some_and(|last| greeting.is_later_than(last)) {" => "        if self.living.is_some() {";
        "recorded hellos keep a dead guest from being given up, so a package's domain is never started"; SHELL;
    "sign-before-handshake" in "nomad/shell/src/machines/member.rs":
        "        if self.living.is_some_and(|last| greeting.is_later_than(last)) {" => "        if self.living.is_none_or(|last| greeting.is_later_than(last)) {";
        "a recorded hello is a sign of a machine that was never met"; SHELL;
    "sign-of-another-boot" in "nomad/shell/src/machines/member.rs":
        "        let living = self.living.filter(|living| living.boot == boot);" => "        let living = self.living;";
        "the recorded hellos of a guest's former boot are signs of its present one"; SHELL;
    "handshake-for-any-hello" in "nomad/shell/src/machines/member.rs":
        "        let last = self.greeting.filter(|last| last.boot == boot);" => "        let last = self.greeting;";
        "after a handshake, the recorded hellos of a former boot are signs of the guest"; SHELL;
    "kept-package" in "nomad/shell/src/lifecycle.rs":
        "        if reply.is_err() {\n            self.host.forget_package();\n        }\n" => "";
        "a failed transfer takes half of root's heap until the next one"; Suite("nomad-simulator", "shell");
    "unbounded-connections" in "userland/cli/src/netboot/connections.rs":
        "        while open.len() >= CONNECTIONS_MAX {" => "        while false {";
        "idle connections take all files of `caravan netboot`, and no machine starts"; NETBOOT;
    "foreign-connection" in "userland/cli/src/netboot/connections.rs":
        "Reverse(count(*client))" => "count(*client)";
        "a client that opens many connections ends the downloads of others"; NETBOOT;
    "unending-request" in "userland/cli/src/netboot/http.rs":
        "        if left.is_zero() {\n            return Err(io::ErrorKind::TimedOut.into());\n        }\n        self.stream.set_read_timeout(Some(left))?;\n" => "        let _ = left;\n";
        "a client that sends a byte now and then keeps its connection for ever"; NETBOOT;
    "spinning-server" in "userland/cli/src/netboot/http.rs":
        "            pause();\n" => "            let _ = &mut pause;\n";
        "a host without free files spends all of its time on refused connections"; NETBOOT;
}
