//! Faults on the way of frames through the switch, and in the device's treatment of received frames.

use crate::mutations::Finder::{self, Host};
use crate::mutations::Mutation;

const SWITCH: Finder = Host("switch", "switch::tests::wakes");
const DEVICE: Finder = Host("runtime", "port::device");
const GUARD: Finder = Host("runtime", "port::guard");
const LEASES: Finder = Host("nomad-server", "channel::leases");

mutations! {
    "unserved-port" in "userland/switch/src/switch.rs":
        "            port.is_active = entry.is_active();" => "            port.is_active = true;";
        "frames of a domain that is leaving are taken out of its ring, which its copy has, too"; SWITCH;
    "unsignalled-frames" in "userland/switch/src/switch.rs":
        "        let sent = port.send_waiting(&mut self.buffer);\n        port.wake_receiver();" => "        let sent = port.send_waiting(&mut self.buffer);";
        "a domain sleeps although it has frames that had waited for space"; SWITCH;
    "returned-frame" in "userland/switch/src/forwarding/mod.rs":
        "            return if port == from.port {" => "            return if false {";
        "a domain receives the frames that it sends to its own address"; SWITCH;
    "late-expiry" in "userland/switch/src/switch.rs":
        "self.announcements.next_ns(), self.forwarding.next_ns()" => "self.announcements.next_ns(), None";
        "the address of a domain that has left is kept until something else wakes the switch"; SWITCH;
    "damaged-segment" in "userland/runtime/src/port/device.rs":
        "        is_valid.then(|| self.merge(length))" => "        (is_valid || length > 0).then(|| self.merge(length))";
        "damaged bytes reach a connection"; DEVICE;
    "merged-damage" in "userland/runtime/src/port/merge.rs":
        "        if !tcp_checksum::is_valid_in_parts(&headers, &buffer[self.length..end]) {" => "        if false {";
        "damaged bytes reach a connection behind intact ones"; DEVICE;
    "merged-gap" in "userland/runtime/src/port/merge.rs":
        "sequence(&headers) == self.next && continues(&headers, buffer)" => "continues(&headers, buffer)";
        "the bytes after a lost segment take its place in the stream"; DEVICE;
    "merged-header-damage" in "userland/runtime/src/port/merge.rs":
        "        && tcp_checksum::is_ipv4_header_valid(&headers[14..34])" => "        && !headers.is_empty()";
        "a packet is accepted although the checksum of its IPv4 header is wrong"; DEVICE;
    "damage-before-a-run" in "userland/runtime/src/port/merge.rs":
        "(is_plain(headers) && is_intact).then" => "is_plain(headers).then";
        "intact segments are dropped with a damaged one that arrived before them"; DEVICE;
    "merged-mark" in "userland/runtime/src/port/merge.rs":
        "[0..16, 20..24," => "[0..15, 20..24,";
        "a mark of congestion is lost, or is seen on more bytes than had it"; DEVICE;
    "merged-fragment" in "userland/runtime/src/port/merge.rs":
        "[0..16, 20..24," => "[0..16, 22..24,";
        "the bytes of a fragment take a place in the stream that is not theirs"; DEVICE;
    "merged-connections" in "userland/runtime/src/port/merge.rs":
        " 26..38, " => " 26..34, ";
        "the bytes of one connection reach another one"; DEVICE;
    "merged-acknowledgement" in "userland/runtime/src/port/merge.rs":
        " 42..47, 48..50]" => " 46..47, 48..50]";
        "an acknowledgement arrives only with the next segment, or never"; DEVICE;
    "merged-window" in "userland/runtime/src/port/merge.rs":
        " 42..47, 48..50]" => " 42..47]";
        "a changed window arrives only with the next segment, or never"; DEVICE;
    "merged-flags" in "userland/runtime/src/port/merge.rs":
        "(headers[FLAGS] ^ run[FLAGS]) & !PUSH == 0" => "headers[FLAGS] & ACK != 0";
        "a connection ends or is reset before bytes that arrived earlier"; DEVICE;
    "flags-before-a-run" in "userland/runtime/src/port/merge.rs":
        "        && headers[FLAGS] & !PUSH == ACK" => "        && headers[FLAGS] & ACK != 0";
        "bytes are taken that arrived after the end of a stream"; DEVICE;
    "lost-push" in "userland/runtime/src/port/merge.rs":
        "        buffer[FLAGS] |= headers[FLAGS];\n" => "";
        "a segment loses the flag that asks to pass its bytes on"; DEVICE;
    "merged-options" in "userland/runtime/src/port/merge.rs":
        "        && headers[46] == TCP_HEADER_WORDS" => "        && headers[46] >= TCP_HEADER_WORDS";
        "options of TCP become bytes of the stream"; DEVICE;
    "merged-packet-options" in "userland/runtime/src/port/merge.rs":
        "    headers[12..15] == IPV4\n" => "    headers[12..14] == IPV4[..2]\n";
        "options of IPv4 are taken for a header of TCP"; DEVICE;
    "fragment-before-a-run" in "userland/runtime/src/port/merge.rs":
        "        && headers[20] & !DO_NOT_FRAGMENT == 0\n" => "";
        "fragments are merged as if they were segments"; DEVICE;
    "merged-datagrams" in "userland/runtime/src/port/merge.rs":
        "        && headers[23] == TCP\n" => "";
        "datagrams of other protocols are merged"; DEVICE;
    "merged-padding" in "userland/runtime/src/port/merge.rs":
        "bytes <= frame.length() => bytes - HEADERS" => "bytes <= frame.length() => frame.length() - HEADERS";
        "the padding of short frames gets into the stream"; DEVICE;
    "merged-lie" in "userland/runtime/src/port/merge.rs":
        "            Some(bytes) if bytes <= frame.length() => bytes - HEADERS," => "            Some(bytes) => bytes - HEADERS,";
        "a frame that states a false length ends the domain"; DEVICE;
    "merged-nothing" in "userland/runtime/src/port/merge.rs":
        "    (length > HEADERS).then_some(length)" => "    (length >= HEADERS).then_some(length)";
        "acknowledgements are merged, so a sender does not find out which segment was lost"; DEVICE;
    "merged-overflow" in "userland/runtime/src/port/merge.rs":
        "        if !follows || end > buffer.len() {" => "        if !follows {";
        "segments that fill more than a window end the domain"; DEVICE;
    "merged-length" in "userland/runtime/src/port/merge.rs":
        "        self.length = end;" => "        self.length = end - 1;";
        "the last byte of each segment is lost"; DEVICE;
    "merged-burst" in "userland/runtime/src/port/device.rs":
        "            && self.burst < BURST\n            && let" => "            && let";
        "segments that arrive as fast as they are taken keep all sockets waiting"; DEVICE;
    "merged-behind-a-gap" in "userland/runtime/src/port/connections.rs":
        "(connection.name == name && connection.expected == run.first()).then_some" => "(connection.name == name).then_some";
        "of the segments after a lost one only one is acknowledged, and the sender waits a second until it sends the lost one again"; DEVICE;
    "merged-name" in "userland/runtime/src/port/connections.rs":
        "(connection.name == name && connection.expected == run.first()).then_some" => "(connection.expected == run.first()).then_some";
        "segments of an unknown connection are merged"; DEVICE;
    "merged-flight" in "userland/runtime/src/port/device.rs":
        "        while connection.owes_acknowledgement()\n            && self.burst" => "        while self.burst";
        "all segments that arrive together are acknowledged 10 ms late"; DEVICE;
    "merged-after-acknowledgement" in "userland/runtime/src/port/connections.rs":
        "                owes_acknowledgement: false," => "                owes_acknowledgement: true,";
        "all segments that arrive together are acknowledged 10 ms late"; DEVICE;
    "merged-after-reset" in "userland/runtime/src/port/connections.rs":
        "headers[FLAGS] & (ACK | RESET) == ACK" => "headers[FLAGS] & ACK == ACK";
        "a stranger can keep the segments of all connections from being merged"; DEVICE;
    "unverified-hop-by-hop" in "userland/runtime/src/port/tcp_checksum.rs":
        "                Some(TCP) => None," => "                Some(TCP) => return Content::Other,";
        "damaged bytes reach a connection behind options of IPv6"; DEVICE;
    "unguarded-stack" in "userland/runtime/src/port/device.rs":
        "self.guard.admits(frame, Instant::now) && tcp_checksum" => "tcp_checksum";
        "one frame of a stranger ends a domain"; DEVICE;
    "lease-from-nobody" in "userland/runtime/src/port/guard.rs":
        "        ([0, 0, 0, 0], protocol) => protocol == IGMP," => "";
        "a domain ends when it renews the lease of a server without an address"; GUARD;
    "query-from-nobody" in "userland/runtime/src/port/guard.rs":
        "        ([0, 0, 0, 0], protocol) => protocol == IGMP," => "        ([0, 0, 0, 0], _) => false,";
        "a switch without an address gets no reply to its query for members, and passes no hellos on"; GUARD;
    "lease-behind-options" in "userland/runtime/src/port/guard.rs":
        "usize::from(header[0] & 0xf) * 4" => "20";
        "a lease behind options of IPv4 is not checked"; GUARD;
    "unchecked-router" in "userland/runtime/src/port/guard/dhcp.rs":
        "kind == ROUTER && !value" => "kind == END && !value";
        "a lease with a router that is no host ends a domain at its next packet to another network"; GUARD;
    "router-to-all" in "userland/runtime/src/port/guard/dhcp.rs":
        " && !address.is_broadcast()" => "";
        "a lease with the broadcast address as router ends a domain"; GUARD;
    "router-to-a-group" in "userland/runtime/src/port/guard/dhcp.rs":
        " && !address.is_multicast()" => "";
        "a lease with a group as router ends a domain"; GUARD;
    "long-prefix" in "userland/runtime/src/port/guard/advertisement.rs":
        "bits > PREFIX_BITS_MAX || option" => "option";
        "one advertisement ends every domain with an address from advertisements"; GUARD;
    "multicast-prefix" in "userland/runtime/src/port/guard/advertisement.rs":
        "bits > PREFIX_BITS_MAX || option[16] == MULTICAST" => "bits > PREFIX_BITS_MAX";
        "one advertisement ends every domain with an address from advertisements"; GUARD;
    "advertisement-behind-options" in "userland/runtime/src/port/guard/advertisement.rs":
        "        HOP_BY_HOP if *packet" => "        ICMPV6 if *packet";
        "an advertisement behind hop-by-hop options is not checked"; GUARD;
    "cut-advertisement" in "userland/runtime/src/port/guard/advertisement.rs":
        "*packet.get(message)? == ROUTER_ADVERTISEMENT" => "packet[message] == ROUTER_ADVERTISEMENT";
        "a frame that is cut ends the domain"; GUARD;
    "two-routers" in "userland/runtime/src/port/guard/router.rs":
        "        if router.address != new.router {" => "        if false {";
        "a domain ends when it gets a lease after the advertisements of two routers"; GUARD;
    "shortened-router" in "userland/runtime/src/port/guard/router.rs":
        "        until = until.max(router.until);\n" => "";
        "a damaged advertisement makes room for a second router, and the next lease ends the domain"; GUARD;
    "few-neighbours" in "userland/runtime/Cargo.toml":
        ", \"iface-neighbor-cache-count-256\"" => "";
        "nine hosts that ask for a machine's address keep it from sending"; Host("nomad-server", "channel::sockets");
    "hasty-lease" in "nomad/server/src/channel/leases.rs":
        "            Some((_, since)) if now < since + KEPT_MIN => {" => "            Some((_, since)) if now < since => {";
        "a stranger's leases keep a machine busy with changes of its address"; LEASES;
    "final-lease" in "nomad/server/src/channel/leases.rs":
        "        self.retry_at = Some(now + RETRY);" => "        self.retry_at = None.filter(|_| now < now + RETRY);";
        "one forged lease takes a machine's address until it restarts"; LEASES;
    "endless-forwarding" in "userland/switch/src/switch.rs":
        "        repeat(passes, || {" => "        repeat(passes.max(usize::MAX), || {";
        "root's commands wait as long as a domain floods the switch"; Host("switch", "");
}
