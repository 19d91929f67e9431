//! The slots of the capabilities given to the threads: from [`FIRST`] on, since a domain has others of its own.

use runtime::Slot;

/// The first of them.
pub const FIRST: Slot = Slot(256);

/// The slot of this number, counted from the first.
const fn slot(number: u32) -> Slot {
    Slot(FIRST.0 + number)
}

/// An endpoint of the domain's.
pub const INSIDE: Slot = slot(0);
/// An endpoint of somebody else.
pub const OUTSIDE: Slot = slot(1);
/// Notifications of the domain's.
pub const PING: Slot = slot(2);
/// See [`PING`].
pub const PONG: Slot = slot(3);
/// Nobody signals it.
pub const SILENCE: Slot = slot(4);
/// An endpoint that receives faults.
pub const FAULTS: Slot = slot(5);
/// The Memory in which pages are missing.
pub const HOLE: Slot = slot(6);
/// Derived from [`PING`]: what pings go through.
pub const PING_SIGNAL: Slot = slot(7);
/// Empty: for reply rights.
pub const INSIDE_REPLY: Slot = slot(8);
/// See [`INSIDE_REPLY`].
pub const FAULTS_REPLY: Slot = slot(9);
/// See [`INSIDE_REPLY`].
pub const HOLDER_REPLY: Slot = slot(10);
/// An endpoint of the domain's: where who calls is held.
pub const HOLDER: Slot = slot(11);
/// The thread that is stopped while it calls.
pub const HELD_THREAD: Slot = slot(12);
/// The thread that is stopped while its faults are mended.
pub const FAULTING_THREAD: Slot = slot(13);
/// The domain itself.
pub const DOMAIN: Slot = slot(14);
/// An endpoint of the domain's: what is derived from it is revoked.
pub const REVOKED: Slot = slot(15);
/// A Memory of the domain's that gets a mapping and a pager.
pub const PAGED: Slot = slot(16);
/// Empty: the first slot for what is derived.
pub const DERIVED: Slot = slot(17);
/// How many slots.
pub const DERIVED_COUNT: u32 = 24;

/// An endpoint of the domain's: for long messages with capabilities.
pub const LONG: Slot = slot(41);
/// Empty: for reply rights.
pub const LONG_REPLY: Slot = slot(42);
/// An endpoint of the domain's: the capabilities in messages are derived from it.
pub const MARK: Slot = slot(43);
/// Empty: what the caller derives from [`MARK`] and passes on.
pub const PASSED: [Slot; 2] = [slot(44), slot(45)];
/// Empty: where the called thread receives it.
pub const TAKEN: [Slot; 2] = [slot(46), slot(47)];
/// Empty: where the caller receives the capability in the answer.
pub const RETURNED: Slot = slot(48);
/// An endpoint of the domain's: for messages without answers.
pub const LETTERS: Slot = slot(49);
/// A notification of the domain's, bound to the thread that receives at [`LETTERS`].
pub const BELL: Slot = slot(50);
/// A notification of the domain's: the answer to [`BELL`].
pub const BELL_HEARD: Slot = slot(51);
/// A Memory of the domain's that has a pager.
pub const PAGES: Slot = slot(52);
/// A Memory of the domain's, of which the pages in [`SOURCE_PRESENT`] are there.
pub const SOURCE: Slot = slot(53);
/// The pages of [`SOURCE`], a bit each.
pub const SOURCE_PRESENT: u64 = 0b10_1001;
/// An endpoint of the domain's: the pager of [`PAGES`].
pub const PAGER: Slot = slot(54);
/// Empty: for reply rights.
pub const PAGER_REPLY: Slot = slot(55);
/// A Memory of the domain's that is filled and emptied.
pub const FILLED: Slot = slot(56);
/// The domain's pool.
pub const POOL: Slot = slot(57);
/// Empty: for a Memory that a workload makes and destroys.
pub const MADE: Slot = slot(58);
/// An endpoint of the domain's: what is derived from it is revoked.
pub const MANY: Slot = slot(59);
/// Empty: the first slot for what is derived from [`MANY`].
pub const MANY_DERIVED: Slot = slot(63);
/// How many slots: more than the kernel looks at in a step when it looks for the parent of one.
pub const MANY_COUNT: u32 = 480;
/// Empty: the first slot for copies of [`MADE`].
pub const MADE_COPIES: Slot = slot(543);
/// How many slots.
pub const MADE_COUNT: u32 = 32;
/// An endpoint of the domain's: two threads call there, and two receive.
pub const CROWD: Slot = slot(575);
/// What each of the two calls through, with a badge of its own.
pub const CROWD_CALLERS: [Slot; 2] = [slot(576), slot(577)];
/// The badges of [`CROWD_CALLERS`].
pub const CROWD_BADGES: [u64; 2] = [0x5a5a_0001, 0xa5a5_0002];
/// Empty: for the reply rights of the two that receive.
pub const CROWD_REPLIES: [Slot; 2] = [slot(578), slot(579)];
/// An endpoint that receives traps.
pub const TRAPS: Slot = slot(580);
/// See [`INSIDE_REPLY`].
pub const TRAPS_REPLY: Slot = slot(581);
/// The thread that raises traps.
pub const TRAPPING_THREAD: Slot = slot(582);
/// The thread that is stopped while it runs.
pub const STOPPED_THREAD: Slot = slot(583);
/// Slots of a table that has them all.
pub const TABLE_SLOTS: u32 = FIRST.0 + 584;
