//! The table of checks: [`CHECKS`].

mod background;
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
mod stale;
mod transfers;
mod vectors;

use crate::fixture::Check;

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
    /// Empty: the first slot for received capabilities.
    pub const RECEIVED: Slot = Slot(20);
}

macro_rules! checks {
    ($($name:literal: $check:path;)*) => {
        /// Every check, named by the property that it shows.
        pub const CHECKS: &[(&str, Check)] = &[$(($name, $check)),*];
    };
}

checks! {
    "a call keeps every register but three": calls::keep_registers;
    "an unknown call number is refused": calls::unknown_numbers;
    "arguments out of range are refused": calls::wild_arguments;
    "data is never executed": memory::data_is_never_executed;
    "code runs only where it is mapped executable": memory::code_runs_where_mapped;
    "only a writable mapping is written": memory::writes_where_mapped;
    "user code cannot read the kernel's memory": memory::kernel_memory;
    "a page fault is a message, and its reply retries the access": memory::fault_and_map;
    "an absent page goes to the Memory's pager": memory::pager;
    "a discarded page is gone at once": stale::discard;
    "an unmapped page is gone at once": stale::unmap;
    "a revoked mapping is gone at once": stale::revoke_mapping;
    "a supplied page appears in every mapping": memory::supply;
    "fresh pages are zero": memory::fresh_pages;
    "contiguous memory is zero": memory::contiguous;
    "exceptions are messages with their vector": exceptions::messages;
    "an exception without a handler stops the thread": exceptions::without_handler;
    "general registers survive preemption": registers::general;
    "vector registers survive preemption": vectors::vectors;
    "x87 control and stack survive preemption": vectors::x87;
    "MXCSR survives preemption": vectors::mxcsr;
    "a thread sees no other thread's vector registers": vectors::fresh_vectors;
    "every thread has its own FS and GS bases": segments::segment_bases;
    "bases that a thread writes itself are preserved": segments::written_bases;
    "segment selectors reveal nothing of other threads": segments::selectors;
    "the direction flag belongs to the thread": flags::direction_flag;
    "a page fault fills a table forwards": flags::direction_flag_in_a_fault;
    "alignment and nested-task flags do no harm": flags::odd_flags;
    "a higher priority runs first": scheduling::priority;
    "equal priorities share": scheduling::slices;
    "yielding early takes no time from others": scheduling::thief;
    "a wake-up preempts at once": scheduling::preemption;
    "a destruction in the background waits for every other thread": background::waits;
    "others run in the middle of a destruction in the background": background::preemption;
    "memory that is needed is back before its destruction in the background": background::finish;
    "a thread cannot raise a priority above its own": scheduling::priority_limit;
    "a stopped thread stops and continues": scheduling::stop_and_start;
    "a line that stays up interrupts once": interrupts::level;
    "flags accumulate and are taken together": notifications::flags;
    "flags are raised within a capability's badge": notifications::badge;
    "a deadline is never early": notifications::deadline;
    "waits end in the order of their deadlines": notifications::deadlines_in_order;
    "a signal wakes the first waiter": notifications::first_waiter;
    "a bound notification ends Receive": notifications::bound;
    "a notification is bound to one thread": notifications::bound_once;
    "flags raised before binding are not lost": notifications::bound_late;
    "a call carries a badge and words, a reply carries words": messages::call_and_reply;
    "long messages carry words and capabilities": transfers::long;
    "a call gets one reply": messages::reply_once;
    "a call that will get no reply fails": messages::no_reply;
    "a receiver without a reply slot gets no calls": messages::no_reply_slot;
    "callers are served in order": messages::in_order;
    "a message carries only the words of its shape": messages::unsent_words;
    "an endpoint without GRANT passes no capability": transfers::data_only;
    "a blocked thread whose capability was revoked is skipped": messages::revoked_while_blocked;
    "a call without one of its rights is refused": rights::matrix;
    "a copy has no more rights": capabilities::mint;
    "a badge is set once": capabilities::badge;
    "revoking removes the subtree only": capabilities::revoke;
    "occupied slots are not overwritten": capabilities::occupied;
    "destroying an endpoint ends its waits": ending::endpoint;
    "destroying a notification ends its waits": ending::notification;
    "a domain is destroyed whatever its threads do": ending::in_the_middle;
    "a frozen domain stops and continues": freezing::freeze;
    "all threads of a large frozen domain continue": freezing::freeze_a_crowd;
    "a freeze ends at its deadline": freezing::freeze_with_deadline;
    "a retired domain's objects are gone": ending::retire;
    "an empty pool affects only its owner": ending::empty_pool;
    "random words look random": randomness::words;
}
