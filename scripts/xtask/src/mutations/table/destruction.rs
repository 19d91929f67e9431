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
        "let has_room = added.wrapping_sub(self.collected) as usize != QUEUE_MAX;" => "let has_room = true;";
        "with many objects in the queue some are never destroyed"; REAPER;
    "shared-slot" in "userland/root/src/destruction.rs":
        "let delegated = pool.mint(PoolRights::DESTROY, 0).ok()?;" => "let delegated = pool;";
        "root and its reaper destroy through one slot, in which another object may be by then"; ROOT;
    "precious-destruction" in "userland/root/src/destruction.rs":
        "if let Err(error) = pool.capability.destroy_in_place() {" => "if let Err(error) = Ok::<_, abi::Error>(()) {";
        "a domain is refused for memory that nobody uses"; ROOT;
    "ended-unretired" in "userland/root/src/domain.rs":
        "Ok(freeze) => objects.domain.retire(freeze.version, freeze.token)," => "Ok(_) => Ok(()),";
        "the clients of a domain that has ended wait until its memory is destroyed"; ROOT;
    "ended-frozen" in "userland/root/src/domain.rs":
        "            Err(_) => Urgency::AtOnce," => "            Err(_) => Urgency::Background,";
        "a domain that has ended runs again at the end of a freeze"; ROOT;
    "ended-by-root" in "userland/root/src/domain.rs":
        "Err(Error::InUse) => objects.domain.freeze_of(self.freeze_token)," => "Err(Error::InUse) => Err(Error::InUse),";
        "every domain waits while the memory of one that root itself has frozen is destroyed"; ROOT;
    "reclaimed-successor" in "userland/root/src/remains.rs":
        "self.give_up(|other| other == copy);" => "self.give_up(|other| other.0 == copy.0);";
        "a machine that gives up an older copy of a domain loses the younger one too"; ROOT;
    "reclaimed-neighbour" in "userland/root/src/remains.rs":
        "self.kept.extract_if(.., |remainder| is_it(remainder.copy));" => "self.kept.extract_if(.., |_| true);";
        "a machine that gives up the copy of one domain loses those of all others"; ROOT;
    "ring-without-room" in "userland/root/src/remains.rs":
        "Err(Error::PoolEmpty) if self.free_oldest() => {}" => "Err(Error::PoolEmpty) if false => {}";
        "a domain is refused for the memory of a ring, although copies that nobody needs fill the machine"; ROOT;
}
