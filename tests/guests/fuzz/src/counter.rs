//! A domain that counts, undisturbed by the random calls: [`Counter`].

use alloc::format;

use guest_support::failure::Failure;
use guest_support::worker::{Page, Worker};
use runtime::abi::calls::Wait;
use runtime::abi::kind::NotificationRights;
use runtime::capability::{Domain, Notification, Pool};
use runtime::system_call::invoke;
use runtime::{Cap, Slot};

/// The number of consecutive checks without progress that is tolerated, since a thread of the script may have a higher priority for a
/// while.
const STILL_MAX: u32 = 64;
/// The count of one turn. Each check starts a turn, so that the machine is idle in between. Where the clock counts
/// instructions, idle time is skipped.
const TURN: u64 = 20_000;

/// The counter's words: its number, and the number's complement, which is written first.
const NUMBER: usize = 0;
const COMPLEMENT: usize = 1;
/// The slot of the notification that starts a turn.
const BEGIN: Slot = Slot(2);

/// The domain and its progress.
pub struct Counter {
    worker: Worker,
    begin: Cap<Notification>,
    turns: u64,
    counted: u64,
    still: u32,
}

/// Counts a turn per signal, forever.
extern "C" fn counts(page: Page) -> ! {
    loop {
        for _ in 0..TURN {
            let number = page.word(NUMBER) + 1;
            page.set(COMPLEMENT, !number);
            page.set(NUMBER, number);
        }
        // If the wait fails, the next turn starts too early, which a check detects.
        let _ = invoke(Wait {
            notification: BEGIN,
            deadline: u64::MAX,
        });
    }
}

impl Counter {
    /// Creates and starts the counter in a pool of its own. `own` is the guest's domain, `done` the guest's notification, and `begin`
    /// a notification for the counter alone.
    pub fn new(
        pool: Cap<Pool>,
        own: Cap<Domain>,
        done: Cap<Notification>,
        begin: Cap<Notification>,
    ) -> Result<Counter, Failure> {
        let worker = Worker::new(pool, own, done, 0)?;
        worker.set(COMPLEMENT, !0);
        let rights = NotificationRights::WAIT.into();
        worker.domain.install(begin.erase(), BEGIN, rights, 0)?;
        worker.start(counts)?;
        Ok(Counter {
            worker,
            begin,
            turns: 1,
            counted: 0,
            still: 0,
        })
    }

    /// Checks that the counter makes progress and has not counted too far, and starts another turn.
    pub fn check(&mut self) -> Result<(), Failure> {
        let counted = self.worker.word(NUMBER);
        let complement = !self.worker.word(COMPLEMENT);
        self.still = if counted == self.counted {
            self.still + 1
        } else {
            0
        };
        let is_torn = complement.wrapping_sub(counted) > 1;
        if is_torn || self.still > STILL_MAX || counted > self.turns * TURN {
            let text = format!("the counter was disturbed at {counted}");
            return Err(Failure::Other(text));
        }
        self.counted = counted;
        self.turns += 1;
        Ok(self.begin.signal(1)?)
    }

    /// Destroys the counter; returns its last number.
    pub fn end(self) -> Result<u64, Failure> {
        self.worker.end()?;
        Ok(self.counted)
    }
}
