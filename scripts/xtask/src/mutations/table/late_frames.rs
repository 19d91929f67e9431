//! Faults in the handling of late frames.

use crate::mutations::Finder::{self, Host, Suite};
use crate::mutations::Mutation;

const SHELL: Finder = Host("nomad-shell", "");
const SWITCH: Finder = Host("switch", "");
const SIMULATED_SHELL: Finder = Suite("nomad-simulator", "shell");
const SIMULATED_FRAMES: Finder = Suite("nomad-simulator", "frames");

mutations! {
    "kept-address" in "userland/switch/src/away.rs":
        "pub const KEPT_NS: u64 = 10_000_000_000;" => "pub const KEPT_NS: u64 = 2_000_000_000;";
        "frames that arrive more than two seconds after a move are lost"; SWITCH;
    "frames-in-flight" in "nomad/shell/src/late/outlet.rs":
        "        sent.chain(self.held)" => "        sent.take(0).chain(self.held)";
        "frames are lost that are under way to a machine when their domain comes back from there"; SHELL;
    "frames-acknowledged" in "nomad/shell/src/late/outlet.rs":
        "pop_front_if(|(_, end)| *end <= until)" => "pop_front_if(|(_, end)| *end > until)";
        "frames that have arrived elsewhere arrive again when their domain comes back, and their memory is never freed"; SHELL;
    "frames-of-another" in "nomad/shell/src/late/table/mod.rs":
        "self.reclaim(|entry| entry.of.domain == of.domain);" => "self.reclaim(|entry| entry.of.mac == of.mac);";
        "a domain from a guest gets the frames of another domain whose address it states"; SHELL;
    "frames-undecided" in "nomad/shell/src/late/table/mod.rs":
        "self.leaving.iter().position(has_left).unwrap_or(0)" => "0";
        "the frames for a domain in doubt are lost when eight others leave"; SHELL;
    "unserved-frames" in "nomad/shell/src/retries.rs":
        "        if !self.moves.is_unserved(transaction) {\n            self.emit" => "        {\n            self.emit";
        "frames for a domain that stays are lost if root's first attempt to serve it again fails"; SIMULATED_FRAMES;
    "served-while-it-leaves" in "nomad/shell/src/actions.rs":
        "                self.moves.take_over_unserved(&self.host, transaction);\n" => "";
        "root serves a domain again while it is frozen for its next move, whose source then cannot release it"; SIMULATED_FRAMES;
    "frames-of-both-moves" in "nomad/shell/src/late/table/mod.rs":
        "                frames.take_held(earlier.frames);\n" => "                drop(earlier);\n";
        "frames held for a domain are lost when it moves again before root serves it again"; SHELL;
    "frames-again" in "nomad/shell/src/late/inlet.rs":
        "        if number != next {" => "        if number > next {";
        "a domain receives a frame as often as the network repeats it"; SHELL;
    "forwarded-frames" in "nomad/shell/src/late/table/mod.rs":
        "pub const FORWARD_US: u64 = 10_000_000;" => "pub const FORWARD_US: u64 = 2_000_000;";
        "the migration server forwards no frames that arrive more than two seconds after a move"; SHELL;
    "frames-dropped" in "nomad/shell/src/actions.rs":
        "Notice::Phase(PhaseName::Release) => {" => "Notice::Phase(PhaseName::Release | PhaseName::Commit) => {";
        "frames are sent to a destination that does not run their domain yet, and are lost"; SIMULATED_SHELL;
}
