//! Where the subject's threads find what they were given.

use runtime::Slot;

/// An endpoint of the subject's.
pub const INSIDE: Slot = Slot(1);
/// The driver's endpoint.
pub const OUTSIDE: Slot = Slot(2);
/// Notifications of the subject's.
pub const PING: Slot = Slot(3);
/// See [`PING`].
pub const PONG: Slot = Slot(4);
/// Nobody signals it.
pub const SILENCE: Slot = Slot(5);
/// An endpoint that hears of faults.
pub const FAULTS: Slot = Slot(6);
/// The Memory in which pages are missing.
pub const HOLE: Slot = Slot(7);
/// Derived from [`PING`]: what pings go through.
pub const PING_SIGNAL: Slot = Slot(8);
/// Empty: for reply rights.
pub const INSIDE_REPLY: Slot = Slot(9);
/// See [`INSIDE_REPLY`].
pub const FAULTS_REPLY: Slot = Slot(10);
/// See [`INSIDE_REPLY`].
pub const HOLDER_REPLY: Slot = Slot(11);
/// An endpoint of the subject's: where who calls is held.
pub const HOLDER: Slot = Slot(12);
/// The thread that is stopped while it calls.
pub const HELD_THREAD: Slot = Slot(13);
/// The thread that is stopped while its faults are mended.
pub const FAULTING_THREAD: Slot = Slot(14);
/// The subject's domain.
pub const DOMAIN: Slot = Slot(15);
/// An endpoint of the subject's: what is derived from it is revoked.
pub const REVOKED: Slot = Slot(16);
/// A Memory of the subject's that gets a mapping and a pager.
pub const PAGED: Slot = Slot(17);
/// Empty: the first slot for what is derived.
pub const DERIVED: Slot = Slot(18);
/// How many slots.
pub const DERIVED_COUNT: u32 = 24;

/// An endpoint of the subject's: for long messages with capabilities.
pub const LONG: Slot = Slot(42);
/// Empty: for reply rights.
pub const LONG_REPLY: Slot = Slot(43);
/// An endpoint of the subject's: the capabilities in messages are derived from it.
pub const MARK: Slot = Slot(44);
/// Empty: what the caller derives from [`MARK`] and passes on.
pub const PASSED: [Slot; 2] = [Slot(45), Slot(46)];
/// Empty: where the called thread receives it.
pub const TAKEN: [Slot; 2] = [Slot(47), Slot(48)];
/// Empty: where the caller receives the capability in the answer.
pub const RETURNED: Slot = Slot(49);
/// An endpoint of the subject's: for messages without answers.
pub const LETTERS: Slot = Slot(50);
/// A notification of the subject's, bound to the thread that receives at [`LETTERS`].
pub const BELL: Slot = Slot(51);
/// A notification of the subject's: the answer to [`BELL`].
pub const BELL_HEARD: Slot = Slot(52);
/// A Memory of the subject's that has a pager.
pub const PAGES: Slot = Slot(53);
/// A Memory of the subject's, of which the pages in [`SOURCE_PRESENT`] are there.
pub const SOURCE: Slot = Slot(54);
/// The pages of [`SOURCE`], a bit each.
pub const SOURCE_PRESENT: u64 = 0b10_1001;
/// An endpoint of the subject's: the pager of [`PAGES`].
pub const PAGER: Slot = Slot(55);
/// Empty: for reply rights.
pub const PAGER_REPLY: Slot = Slot(56);
/// A Memory of the subject's that is filled and emptied.
pub const FILLED: Slot = Slot(57);
/// The subject's pool.
pub const POOL: Slot = Slot(58);
/// Empty: for a Memory that the subject makes and destroys.
pub const MADE: Slot = Slot(59);
/// An endpoint of the subject's: what is derived from it is revoked.
pub const MANY: Slot = Slot(60);
/// Empty: the first slot for what is derived from [`MANY`].
pub const MANY_DERIVED: Slot = Slot(64);
/// How many slots: more than the kernel looks at in a step when it looks for the parent of one.
pub const MANY_COUNT: u32 = 480;
/// Empty: the first slot for copies of [`MADE`].
pub const MADE_COPIES: Slot = Slot(544);
/// How many slots.
pub const MADE_COUNT: u32 = 32;
/// Slots of the subject's table.
pub const TABLE_SLOTS: u32 = 576;
