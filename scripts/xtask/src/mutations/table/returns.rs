//! Faults in the moves of domains that return to the machine that they came from.

use crate::mutations::Finder::{self, Host, Suite};
use crate::mutations::Mutation;

const SERVER: Finder = Host("nomad-server", "");
const SHELL: Finder = Host("nomad-shell", "");
const ROOT: Finder = Host("root", "");
const SIMULATED: Finder = Suite("nomad-simulator", "returns");

mutations! {
    "kept-data" in "nomad/shell/src/arriving_pages.rs":
        "        self.written.insert_set(pages);\n" => "";
        "a page that has become zero has its old data after the domain's return"; SIMULATED;
    "kept-absence" in "nomad/shell/src/arriving_pages.rs":
        "        self.present.insert_set(pages);\n" => "";
        "a page that a domain discards after two returns reappears when it returns again"; SHELL;
    "older-copy" in "nomad/shell/src/returns/kept.rs":
        "Vec::from_iter(self.take(departure.domain).map(|(_, copy)| copy))" => "Vec::new()";
        "a domain returns to the pages that it had before an earlier move"; SHELL;
    "endless-copy" in "nomad/shell/src/returns/kept.rs":
        "kept.since.after_us(KEEP_US) <= now" => "kept.since.after_us(KEEP_US) < Instant::from_us(0)";
        "the copy of a domain that has left is kept until its memory is needed"; SHELL;
    "forced-visit" in "nomad/shell/src/operator.rs":
        "                self.prevent_visit(transaction);\n" => "";
        "the pages of another freeze return if an operator has forced the domain to run"; SIMULATED;
    "unlogged-arrival" in "nomad/server/src/restore/incoming/assembly.rs":
        "        self.log_writes();\n        Ok(())" => "        Ok(())";
        "a domain that returns sends all of its pages"; SERVER;
    "late-continuation" in "nomad/server/src/capture/backlog.rs":
        "        self.visited.clear();\n        if is_returning" => "        if is_returning";
        "the return of a domain fails if one of its Memories is not listed at first"; SERVER;
    "stale-log" in "nomad/server/src/capture/backlog.rs":
        "            None | Some(Err(Error::InUse)) =>" => "            None =>";
        "a domain does not move after another owner has begun a log of its pages"; SERVER;
    "half-continued" in "nomad/server/src/kept.rs":
        "        let is_complete = moved.0 == present.len();" => "        let is_complete = true;";
        "a domain that returns loses pages if not all of them could be moved"; SERVER;
    "unordered-continuation" in "nomad/server/src/capture/backlog.rs":
        ".sort_by_key(|memory| memory.continues.is_none());" => ".sort_by_key(|_| false);";
        "the return of a domain fails that has made another Memory meanwhile"; SERVER;
    "kept-discards" in "nomad/server/src/capture/captured.rs":
        "        captured.pages.announce_discarded(&present);\n" => "";
        "a domain cannot return if it has discarded pages and populated as many others"; SERVER;
    "kept-without-end" in "nomad/server/src/restore/incoming.rs":
        "        self.destroy_kept();\n        let arriving" => "        let arriving";
        "a domain does not return if its new Memories do not fit beside the pages of those that it had"; SERVER;
    "precious-remains" in "userland/root/src/remains.rs":
        "self.destruction.finish_oldest() || self.destroy_oldest()" => "self.destruction.finish_oldest()";
        "a machine refuses a domain for the memory of one that has left"; ROOT;
    "no-headroom" in "userland/root/src/remains.rs":
        "const HEADROOM: u64 = 512;" => "const HEADROOM: u64 = 0;";
        "a domain does not start although a copy's memory would do for the ring of its port"; ROOT;
    "useless-destruction" in "userland/root/src/remains.rs":
        "            && free.saturating_add(self.pages()) >= pages.0\n" => "";
        "a domain that fits no machine costs all others their kept pages"; ROOT;
    "half-unretired" in "userland/root/src/api/root/outgoing.rs":
        "        Err(Error::WrongState) if is_retired_by(domain) => return Err(Refusal::WrongState),\n" => "";
        "root reports that a domain runs which has lost pages and never runs again"; ROOT;
    "kept-beside-pages" in "nomad/server/src/restore/incoming.rs":
        "                self.destroy_kept();\n                self.with_room" => "                self.with_room";
        "a domain that has made one Memory larger in place of another cannot return to a full pool"; SERVER;
    "kept-unreserved" in "nomad/server/src/restore/incoming/returning.rs":
        "        if pages > self.extent.limits().pages_max {" => "        if false {";
        "the lists of a copy that is larger than the offer take heap that was not reserved"; SERVER;
    "unannounced-continuation" in "nomad/server/src/capture/pass.rs":
        "            are_announced: false," => "            are_announced: true,";
        "a Memory that a domain has not written is empty after its return, and one that is announced after pages makes it fail"; SERVER;
    "kept-for-an-older-offer" in "nomad/shell/src/returns/kept.rs":
        "        if incarnation < returns_as {" => "        if false {";
        "a repeated old offer uses up the copy of a domain that has left again"; SHELL;
    "kept-for-another-way" in "nomad/shell/src/returns/kept.rs":
        "departure.to == from && incarnation == returns_as;" => "departure.to == from;";
        "pages are moved in vain for a domain that has been elsewhere meanwhile"; SHELL;
}
