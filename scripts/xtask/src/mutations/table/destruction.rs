//! Faults in the destruction of memory in the background.

use crate::mutations::Finder::{self, Host};
use crate::mutations::Mutation;

const ROOT: Finder = Host("root", "");
const REAPER: Finder = Host("runtime", "reaper");

mutations! {
    "reaper-priority" in "userland/runtime/src/reaper.rs":
        "const PRIORITY: u8 = 0;" => "const PRIORITY: u8 = 16;";
        "every domain waits while memory is destroyed that nobody needs"; REAPER;
    "reaper-slot" in "userland/runtime/src/reaper.rs":
        "if self.collected == self.queue.done.load" => "if self.collected == self.queue.added.load";
        "the reaper destroys another object that has come into the slot of the one before"; REAPER;
    "reaper-queue" in "userland/runtime/src/reaper.rs":
        "if added.wrapping_sub(self.collected) as usize == QUEUE_MAX {" => "if false {";
        "with many objects in the queue some are never destroyed"; REAPER;
    "shared-slot" in "userland/root/src/destruction.rs":
        "let Ok(delegated) = pool.mint(PoolRights::DESTROY, 0) else {" => "let Ok(delegated) = Ok::<_, Error>(pool) else {";
        "root and its reaper destroy through one slot, in which another object may be by then"; ROOT;
    "precious-destruction" in "userland/root/src/destruction.rs":
        "        self.pools.remove(0).destroy();\n        true" => "        false";
        "a domain is refused for memory that nobody uses"; ROOT;
    "ended-unretired" in "userland/root/src/domain.rs":
        "match frozen.and_then(|freeze| objects.domain.retire(freeze.version, freeze.token)) {" => "match frozen.map(|_| ()) {";
        "the clients of a domain that has ended wait until its memory is destroyed"; ROOT;
    "ended-frozen" in "userland/root/src/domain.rs":
        "            Err(_) => Urgency::AtOnce," => "            Err(_) => Urgency::Background,";
        "a domain that has ended runs again at the end of a freeze"; ROOT;
    "reclaimed-neighbour" in "userland/root/src/remains.rs":
        "self.kept.extract_if(.., |remainder| remainder.id == id);" => "self.kept.extract_if(.., |_| true);";
        "a machine that gives up the copy of one domain loses those of all others"; ROOT;
}
