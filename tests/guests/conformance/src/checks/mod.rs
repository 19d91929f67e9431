//! The table of checks: [`CHECKS`].

mod calls;
mod capabilities;
mod ending;
mod exceptions;
mod flags;
mod freezing;
mod interrupts;
mod memory;
mod messages;
mod notifications;
mod randomness;
mod registers;
mod rights;
mod scheduling;
mod segments;
mod vectors;

use crate::bed::Check;

/// The slots of the capabilities given to workers.
pub mod given {
    use runtime::Slot;

    pub const ENDPOINT: Slot = Slot(2);
    /// Empty: for reply rights.
    pub const REPLY: Slot = Slot(3);
    pub const NOTIFICATION: Slot = Slot(4);
    pub const MEMORY: Slot = Slot(5);
    pub const DOMAIN: Slot = Slot(6);
    pub const THREAD: Slot = Slot(7);
    /// Empty: for capabilities that are received, one behind the other.
    pub const RECEIVED: Slot = Slot(20);
}

/// All of them, with what each shows.
pub const CHECKS: &[(&str, Check)] = &[
    (
        "a call keeps every register but three",
        calls::keep_registers,
    ),
    (
        "a number that no call has is refused",
        calls::unknown_numbers,
    ),
    ("arguments out of range are refused", calls::wild_arguments),
    ("data is never executed", memory::data_is_never_executed),
    (
        "code runs where it is mapped to run",
        memory::code_runs_where_mapped,
    ),
    (
        "a mapping is written only if it allows that",
        memory::writes_where_mapped,
    ),
    (
        "the kernel's memory is not the user's",
        memory::kernel_memory,
    ),
    (
        "a page fault is a message, and its answer tries again",
        memory::fault_and_map,
    ),
    ("an absent page goes to the Memory's pager", memory::pager),
    ("a discarded page is gone at once", memory::discard),
    ("an unmapped page is gone at once", memory::unmap),
    ("a revoked mapping is gone at once", memory::revoke_mapping),
    ("a page supplied appears in every mapping", memory::supply),
    ("fresh pages are zero", memory::fresh_pages),
    ("contiguous memory is zero", memory::contiguous),
    (
        "exceptions are messages with their vector",
        exceptions::messages,
    ),
    (
        "an exception without a handler stops the thread",
        exceptions::without_handler,
    ),
    ("general registers survive preemption", registers::general),
    ("vector registers survive preemption", vectors::vectors),
    ("x87 control and stack survive preemption", vectors::x87),
    ("MXCSR survives preemption", vectors::mxcsr),
    (
        "a thread finds no other thread's vector registers",
        vectors::fresh_vectors,
    ),
    (
        "FS and GS have bases of the thread's own",
        segments::segment_bases,
    ),
    (
        "bases that a thread gives itself are kept",
        segments::written_bases,
    ),
    (
        "segment selectors reveal nothing of other threads",
        segments::selectors,
    ),
    (
        "the direction flag is the thread's own",
        flags::direction_flag,
    ),
    (
        "a page fault fills a table forwards",
        flags::direction_flag_in_a_fault,
    ),
    (
        "alignment and nested-task flags do no harm",
        flags::odd_flags,
    ),
    ("a higher priority runs first", scheduling::priority),
    ("equal priorities share", scheduling::slices),
    (
        "giving up a slice early takes nothing from others",
        scheduling::thief,
    ),
    ("a wake-up preempts at once", scheduling::preemption),
    (
        "nobody raises a priority above his own",
        scheduling::priority_limit,
    ),
    (
        "a stopped thread stands still and goes on",
        scheduling::stop_and_start,
    ),
    ("a line that stays up interrupts once", interrupts::level),
    ("flags gather and are taken whole", notifications::flags),
    (
        "flags are raised within a capability's badge",
        notifications::badge,
    ),
    ("a deadline is never early", notifications::deadline),
    (
        "deadlines end waits in their order",
        notifications::deadlines_in_order,
    ),
    (
        "a signal wakes the first waiter",
        notifications::first_waiter,
    ),
    ("a bound notification ends Receive", notifications::bound),
    (
        "a notification is bound to one thread",
        notifications::bound_once,
    ),
    (
        "flags raised before binding are not lost",
        notifications::bound_late,
    ),
    (
        "a call brings badge and words, an answer words",
        messages::call_and_answer,
    ),
    ("long messages bring words and capabilities", messages::long),
    ("an answer is given once", messages::answer_once),
    (
        "a caller learns that nobody will answer",
        messages::nobody_answers,
    ),
    (
        "a receiver without room for answers gets no calls",
        messages::no_reply_slot,
    ),
    ("callers are met in their order", messages::in_order),
    (
        "a message brings the words of its shape and no more",
        messages::unsaid_words,
    ),
    (
        "a channel for data passes no capability",
        messages::data_only,
    ),
    (
        "a blocked thread whose capability was revoked is passed over",
        messages::revoked_while_blocked,
    ),
    ("every right that a call needs is needed", rights::matrix),
    ("a copy has no more rights", capabilities::mint),
    ("a badge is set once", capabilities::badge),
    (
        "revoking takes the subtree and no more",
        capabilities::revoke,
    ),
    ("slots in use are not overwritten", capabilities::occupied),
    ("ending an endpoint ends its waits", ending::endpoint),
    ("ending a notification ends its waits", ending::notification),
    (
        "a domain ends whatever its threads do",
        ending::in_the_middle,
    ),
    ("a frozen domain stands still and goes on", freezing::freeze),
    (
        "all threads of a frozen crowd go on",
        freezing::freeze_a_crowd,
    ),
    (
        "a freeze ends at its deadline",
        freezing::freeze_with_deadline,
    ),
    ("a retired domain's objects are gone", ending::retire),
    ("an empty pool is its owner's error", ending::empty_pool),
    ("random words look random", randomness::words),
];
