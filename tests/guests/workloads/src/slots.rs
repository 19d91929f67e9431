//! The slots of the capabilities given to the threads, from [`FIRST`] on, since a domain has other capabilities below.
//!
//! A slot whose description names no kind of object is empty at first.

use runtime::Slot;

/// The first of these slots.
pub const FIRST: Slot = Slot(256);

/// The slot of this number, counted from the first.
const fn slot(number: u32) -> Slot {
    Slot(FIRST.0 + number)
}

macro_rules! slots {
    ($($name:ident = $number:literal, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $name: Slot = slot($number);)*
    };
}

slots! {
    INSIDE = 0, "The domain's Endpoint for calls between its threads.";
    OUTSIDE = 1, "The Endpoint of a service outside the domain.";
    PING = 2, "The Notification whose signals [`PONG`] acknowledges.";
    PONG = 3, "The Notification that acknowledges [`PING`].";
    SILENCE = 4, "A Notification that is never signalled.";
    FAULTS = 5, "The Endpoint that receives faults.";
    HOLE = 6, "The Memory with missing pages.";
    PING_SIGNAL = 7, "A capability derived from [`PING`], through which it is signalled.";
    INSIDE_REPLY = 8, "The reply right for a call to [`INSIDE`].";
    FAULTS_REPLY = 9, "The reply right for a message to [`FAULTS`].";
    HOLDER_REPLY = 10, "The reply right for a call to [`HOLDER`].";
    HOLDER = 11, "The Endpoint of the thread that stops its caller.";
    HELD_THREAD = 12, "The Thread that is stopped while it calls.";
    FAULTING_THREAD = 13, "The Thread that is stopped while its faults are handled.";
    DOMAIN = 14, "The Domain itself.";
    REVOKED = 15, "An Endpoint whose derived capabilities are revoked.";
    PAGED = 16, "A Memory that gets a mapping and a pager.";
    DERIVED = 17, "The first of [`DERIVED_COUNT`] capabilities derived from [`REVOKED`].";
    LONG = 41, "The Endpoint for long messages with capabilities.";
    LONG_REPLY = 42, "The reply right for a call to [`LONG`].";
    MARK = 43, "The Endpoint from which the capabilities in messages are derived.";
    RETURNED = 48, "The capability that a caller receives with a reply.";
    LETTERS = 49, "The Endpoint for messages without replies.";
    DOORBELL = 50, "The Notification bound to the thread that receives at [`LETTERS`].";
    DOORBELL_ACK = 51, "The Notification that acknowledges [`DOORBELL`].";
    PAGES = 52, "A Memory with a pager.";
    SOURCE = 53, "A Memory with the pages [`SOURCE_PRESENT`].";
    PAGER = 54, "The Endpoint of the pager of [`PAGES`].";
    PAGER_REPLY = 55, "The reply right for a message to [`PAGER`].";
    FILLED = 56, "A Memory that is filled and emptied.";
    POOL = 57, "The domain's Pool.";
    MADE = 58, "A Memory that a workload creates and destroys.";
    MANY = 59, "An Endpoint whose many derived capabilities are revoked.";
    MANY_DERIVED = 63, "The first of [`MANY_COUNT`] capabilities derived from [`MANY`].";
    MADE_COPIES = 543, "The first of [`MADE_COUNT`] copies of [`MADE`].";
    CROWD = 575, "The Endpoint at which two threads call and two receive.";
    TRAPS = 580, "The Endpoint that receives traps.";
    TRAPS_REPLY = 581, "The reply right for a message to [`TRAPS`].";
    TRAPPING_THREAD = 582, "The Thread that raises traps.";
    STOPPED_THREAD = 583, "The Thread that is stopped while it runs.";
}

/// The number of capabilities derived from [`REVOKED`].
pub const DERIVED_COUNT: u32 = 24;
/// The capabilities that a caller derives from [`MARK`] and sends; empty at first.
pub const PASSED: [Slot; 2] = [slot(44), slot(45)];
/// The slots in which the called thread receives these capabilities; empty at first.
pub const TAKEN: [Slot; 2] = [slot(46), slot(47)];
/// The pages of [`SOURCE`], one bit each.
pub const SOURCE_PRESENT: u64 = 0b10_1001;
/// The number of capabilities derived from [`MANY`]: more siblings than one step of the kernel's search for a parent passes.
pub const MANY_COUNT: u32 = 480;
/// The number of copies of [`MADE`].
pub const MADE_COUNT: u32 = 32;
/// The capabilities to [`CROWD`] through which its two callers call.
pub const CROWD_CALLERS: [Slot; 2] = [slot(576), slot(577)];
/// The badges of [`CROWD_CALLERS`].
pub const CROWD_BADGES: [u64; 2] = [0x5a5a_0001, 0xa5a5_0002];
/// The reply rights of the two receivers; empty at first.
pub const CROWD_REPLIES: [Slot; 2] = [slot(578), slot(579)];
/// The size of a table with all of these slots.
pub const TABLE_SLOTS: u32 = FIRST.0 + 584;
