//! The workers' scripts. They keep their state in registers and on their stacks, since workers have no data segment.

use runtime::Error;
use runtime::abi::calls::{
    Call, DomainMap, DomainUnmap, MemoryDiscard, MemoryPopulate, Receive, ReplyAndReceive, Signal,
    Wait, Yield,
};
use runtime::abi::register::{Access, PageCount, PageIndex, UserAddress};
use runtime::abi::{MAP_STEP_BYTES, MessageInfo, PAGE_BYTES};
use runtime::entry::stop;
use runtime::system_call::invoke;

use crate::measure::{Samples, sample};
use crate::worker::PLAYGROUND;

/// The slots of the capabilities given to workers.
pub mod slots {
    use runtime::Slot;

    /// An endpoint.
    pub const ENDPOINT: Slot = Slot(1);
    /// The reply right; empty at first.
    pub const REPLY: Slot = Slot(2);
    /// The notification that the main thread waits for.
    pub const DONE: Slot = Slot(3);
    /// The workers' own notification.
    pub const WAKE: Slot = Slot(4);
    /// The domain whose faults are handled.
    pub const DOMAIN: Slot = Slot(5);
    /// The Memory that is mapped into that domain.
    pub const MEMORY: Slot = Slot(6);
}
use slots::{DOMAIN, DONE, ENDPOINT, MEMORY, REPLY, WAKE};

const DONE_FLAG: u64 = 1;
const FOR_EVER: u64 = u64::MAX;

/// Calls with this many words each way.
pub extern "C" fn calls<const WORDS: usize>(samples: Samples) -> ! {
    // SAFETY: the samples are this worker's.
    unsafe { sample(samples, |_| call::<WORDS>(), |_| {}) };
    finish()
}

/// As [`calls`], with the vector registers in use.
pub extern "C" fn calls_with_vectors(samples: Samples) -> ! {
    touch_vectors();
    calls::<0>(samples)
}

/// Replies to calls with this many words.
pub extern "C" fn replies<const WORDS: usize>(_: Samples) -> ! {
    receive();
    loop {
        reply_and_receive::<WORDS>();
    }
}

/// As [`replies`], with the vector registers in use.
pub extern "C" fn replies_with_vectors(samples: Samples) -> ! {
    touch_vectors();
    replies::<0>(samples)
}

/// Signals a notification that another worker waits for.
pub extern "C" fn signals(samples: Samples) -> ! {
    // SAFETY: the samples are this worker's.
    unsafe { sample(samples, |_| signal(), |_| {}) };
    finish()
}

/// Waits for a notification repeatedly.
pub extern "C" fn waits(_: Samples) -> ! {
    loop {
        must(invoke(Wait {
            notification: WAKE,
            deadline: FOR_EVER,
        }));
    }
}

/// Signals a notification without a waiter.
pub extern "C" fn signals_nobody(samples: Samples) -> ! {
    // SAFETY: the samples are this worker's.
    unsafe { sample(samples, |_| signal(), |_| wait()) };
    finish()
}

/// Waits for flags that are raised already.
pub extern "C" fn waits_for_raised_flags(samples: Samples) -> ! {
    signal();
    // SAFETY: the samples are this worker's.
    unsafe { sample(samples, |_| wait(), |_| signal()) };
    finish()
}

/// Yields to another thread of the same priority, which yields back.
pub extern "C" fn yields(samples: Samples) -> ! {
    // SAFETY: the samples are this worker's.
    unsafe { sample(samples, |_| must(invoke(Yield {})), |_| {}) };
    finish()
}

/// Yields back.
pub extern "C" fn yields_back(_: Samples) -> ! {
    loop {
        must(invoke(Yield {}));
    }
}

/// Touches an unmapped page, which the fault's handler maps, and unmaps it again.
pub extern "C" fn touches_unmapped(samples: Samples) -> ! {
    let unmap = || {
        must(invoke(DomainUnmap {
            domain: DOMAIN,
            address: UserAddress(PLAYGROUND),
        }))
    };
    // SAFETY: the samples are this worker's.
    unsafe { sample(samples, |_| touch(PLAYGROUND), |_| unmap()) };
    finish()
}

/// Maps a page at the address of each page fault.
pub extern "C" fn maps_where_touched(_: Samples) -> ! {
    let mut fault = receive();
    loop {
        must(invoke(DomainMap {
            domain: DOMAIN,
            memory: MEMORY,
            address: UserAddress(fault & !(MAP_STEP_BYTES - 1)),
            first_page: PageIndex(0),
            page_count: PageCount(1),
            access: Access::ReadWrite,
        }));
        fault = reply_and_receive::<0>();
    }
}

/// Touches an absent page of a Memory, which the pager populates, and discards it again.
pub extern "C" fn touches_absent(samples: Samples) -> ! {
    let discard = |index: u32| {
        must(invoke(MemoryDiscard {
            memory: MEMORY,
            first_page: PageIndex(index.into()),
            page_count: PageCount(1),
        }))
    };
    let touch_page = |index: u32| touch(PLAYGROUND + u64::from(index) * PAGE_BYTES);
    // SAFETY: the samples are this worker's.
    unsafe { sample(samples, touch_page, discard) };
    finish()
}

/// Populates the page of each fault.
pub extern "C" fn serves_as_pager(_: Samples) -> ! {
    let mut fault = receive();
    loop {
        must(invoke(MemoryPopulate {
            memory: MEMORY,
            first_page: PageIndex(fault),
            page_count: PageCount(1),
        }));
        fault = reply_and_receive::<0>();
    }
}

/// Raises an exception forever: every reply retries the instruction.
pub extern "C" fn raises(_: Samples) -> ! {
    stop()
}

/// Handles exceptions, and measures from one to the next.
pub extern "C" fn handles_exceptions(samples: Samples) -> ! {
    receive();
    // SAFETY: the samples are this worker's.
    unsafe {
        sample(
            samples,
            |_| {
                reply_and_receive::<0>();
            },
            |_| {},
        )
    };
    finish()
}

/// Runs forever.
pub extern "C" fn spins(_: Samples) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[inline(always)]
fn call<const WORDS: usize>() {
    let info = const { shape(WORDS) };
    must(invoke(Call::new(ENDPOINT, info, [0; 4])));
}

/// Replies, and returns word 1 of the next message.
#[inline(always)]
fn reply_and_receive<const WORDS: usize>() -> u64 {
    let info = const { shape(WORDS) };
    must(invoke(ReplyAndReceive::new(ENDPOINT, info, [0; 4], REPLY))).words[1]
}

/// Returns word 1 of the next message.
#[inline(always)]
fn receive() -> u64 {
    must(invoke(Receive::new(ENDPOINT, Some(REPLY)))).words[1]
}

#[inline(always)]
fn signal() {
    must(invoke(Signal {
        notification: WAKE,
        flags: 1,
    }));
}

#[inline(always)]
fn wait() {
    must(invoke(Wait {
        notification: WAKE,
        deadline: FOR_EVER,
    }));
}

#[inline(always)]
fn touch(address: u64) {
    // SAFETY: PLAYGROUND is the script's own memory; the fault is measured.
    unsafe { (address as *mut u64).write_volatile(1) };
}

fn touch_vectors() {
    // SAFETY: a register that the compiler knows to be overwritten.
    unsafe { core::arch::asm!("xorps xmm0, xmm0", out("xmm0") _, options(nomem, nostack)) };
}

const fn shape(words: usize) -> MessageInfo {
    match MessageInfo::words_only(words) {
        Ok(info) => info,
        Err(_) => panic!("a message has room for that"),
    }
}

/// Stops a worker whose call fails, so that the main thread's wait times out.
#[inline(always)]
fn must<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(_) => stop(),
    }
}

fn finish() -> ! {
    must(invoke(Signal {
        notification: DONE,
        flags: DONE_FLAG,
    }));
    spins(core::ptr::null_mut())
}
