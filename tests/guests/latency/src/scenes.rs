//! The list of scenes. A scene is a series of calls that causes long kernel operations; the plugin counts the instructions of
//! each entry.

use guest_support::console::Console;
use runtime::Error;

use crate::stage::{Stage, announce};
use crate::{deep, flags, messages, pages, pools, subject, tables, threads};

/// A scene's description and its function.
type Scene = (&'static str, fn(&Stage) -> Result<(), Error>);

const SCENES: &[Scene] = &[
    ("1,500 copies of one capability", tables::copies),
    ("a chain of copies, each of the one before", tables::chain),
    (
        "a table of 32,768 slots, the last ones full",
        tables::full_table,
    ),
    ("525 mappings", tables::mappings),
    ("a Memory of 64 GiB with a page in every GiB", pages::sparse),
    ("64 tables that are linked at once", pages::linked),
    ("4,096 pages, written and logged", pages::dense),
    ("two Memories, one supplied from the other", pages::supply),
    ("512 contiguous pages", pages::contiguous),
    ("8,192 pages of a device", pages::device),
    ("256 threads that wait for flags", threads::waiting),
    ("256 threads that wait to send", threads::sending),
    ("256 threads that can run", threads::runnable),
    (
        "250 sleepers and a thaw that are due at once",
        threads::sleepers,
    ),
    ("64 threads that fault", threads::faulting),
    ("100 senders of unreadable messages", messages::unreadable),
    (
        "64 words and four capabilities behind 15 unreadable messages",
        messages::long,
    ),
    (
        "256 outsiders wait for a domain that is retired",
        messages::retired,
    ),
    ("a pool of 3,000 objects", pools::objects),
    ("a chain of 1,500 copies of a pool", pools::chain),
    ("pools 32 deep, with 256 threads inside", pools::nested),
    ("pages behind many others, 32 pools deep", deep::pages),
    (
        "pages of a retired domain for a Memory 32 pools deep",
        deep::granted,
    ),
    (
        "contiguous frames behind many runs that are one too short, and a device, 32 pools deep",
        deep::runs,
    ),
    (
        "the last pages of 64 GiB, destroyed 32 pools deep",
        deep::last_pages,
    ),
    (
        "the largest table, full of rights to reply and to write",
        tables::replies,
    ),
    (
        "the largest table, full of rights to write, 32 pools deep",
        tables::deep,
    ),
    (
        "pools 32 deep, each with a thread at a trap",
        pools::trapped,
    ),
    (
        "a capture of a Memory behind 254 objects",
        subject::captured,
    ),
    (
        "a child pool behind 255 objects, with the last pages of 64 GiB",
        subject::child,
    ),
    ("a thread with AC set", flags::alignment_check),
];

/// Plays all scenes.
///
/// # Errors
/// The kernel's error in the first scene that fails.
pub fn play_all(stage: &Stage, console: &Console) -> Result<(), Error> {
    for (index, (name, play)) in SCENES.iter().enumerate() {
        let number = index as u64 + 1;
        console.line(format_args!("scene {number} {name}"));
        announce(number);
        play(stage)?;
    }
    // Later entries belong to no scene.
    announce(0);
    Ok(())
}
