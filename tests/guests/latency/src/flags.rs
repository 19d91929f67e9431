//! Entries into the kernel with the flag AC set. If the kernel did not clear the flag, SMAP would be suspended there.

use core::arch::asm;

use runtime::abi::calls::{Wait, Yield};
use runtime::abi::register::{PageCount, PageIndex, Slot};
use runtime::system_call::invoke;
use runtime::{Error, clock};

use crate::actors::{FIRST_SLOT, cast};
use crate::pages::touch;
use crate::stage::{PLAYGROUND, Stage, map};

/// The time until an actor's deadline, at which the timer interrupts.
const SLEEP_NS: u64 = 50_000_000;

/// A call, a page fault and a timer interrupt with AC set.
pub fn alignment_check(stage: &Stage) -> Result<(), Error> {
    let actors = cast(stage, 1)?;
    let notification = stage.pool.create_notification()?;
    actors.give(notification, FIRST_SLOT)?;
    let due = clock::now_ns() + SLEEP_NS;
    let wait = Wait {
        notification: Slot(FIRST_SLOT),
        deadline: due,
    };
    actors.start_at(wait, 0)?;
    stage.pause()?;
    // The page is populated after it is mapped, so it is linked when it is touched.
    let pool = stage.split(16)?;
    let memory = pool.create_memory(PageCount(1))?;
    map(stage.domain, memory, PLAYGROUND, 1)?;
    memory.populate(PageIndex(0), PageCount(1))?;
    set_alignment_check();
    let called = invoke(Yield {});
    touch(PLAYGROUND);
    while clock::now_ns() < due + SLEEP_NS {
        core::hint::spin_loop();
    }
    clear_alignment_check();
    called?;
    pool.destroy()?;
    actors.end()?;
    notification.destroy()
}

fn set_alignment_check() {
    // SAFETY: alignment is not checked while CR0.AM is clear, as the kernel leaves it.
    unsafe { asm!("pushf", "or dword ptr [rsp], 1 << 18", "popf") };
}

fn clear_alignment_check() {
    // SAFETY: it clears the flag that `set_alignment_check` has set.
    unsafe { asm!("pushf", "and dword ptr [rsp], ~(1 << 18)", "popf") };
}
