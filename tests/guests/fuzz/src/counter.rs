//! A domain that counts, and that nothing may disturb: [`Counter`].

use guest_support::worker::{Page, Worker};
use runtime::abi::calls::Wait;
use runtime::abi::kind::NotificationRights;
use runtime::capability::{Domain, Notification, Pool};
use runtime::system_call::invoke;
use runtime::{Cap, Slot};

use crate::failure::Failure;

/// Looks in a row at which it may stand still. A thread of the script's can have a higher priority for a while.
const PATIENCE: u32 = 64;
/// How far it counts in a turn. Each look begins one: a machine that is idle in between wastes nothing where its time is the
/// number of its instructions.
const TURN: u64 = 20_000;

/// The counter's words: its number, and the number's complement, written before it.
const NUMBER: usize = 0;
const COMPLEMENT: usize = 1;
/// The slot of its table with the notification that begins a turn.
const BEGIN: Slot = Slot(2);

/// The domain, and how far it has come.
pub struct Counter {
    worker: Worker,
    begin: Cap<Notification>,
    turns: u64,
    counted: u64,
    still: u32,
}

/// Counts a turn each time that it may, for ever.
extern "C" fn counts(page: Page) -> ! {
    loop {
        for _ in 0..TURN {
            let number = page.word(NUMBER) + 1;
            page.set(COMPLEMENT, !number);
            page.set(NUMBER, number);
        }
        // If a wait fails, the next turn begins too early, which a look notices.
        let _ = invoke(Wait {
            notification: BEGIN,
            deadline: u64::MAX,
        });
    }
}

impl Counter {
    /// Makes it in a pool of its own, and lets it begin. `own` is the guest's domain; `done` and `begin` are the guest's, and
    /// `begin` is for the counter alone.
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

    /// Looks whether it goes on, and counts no further than it may, and lets it count another turn.
    pub fn look(&mut self) -> Result<(), Failure> {
        let counted = self.worker.word(NUMBER);
        let complement = !self.worker.word(COMPLEMENT);
        self.still = if counted == self.counted {
            self.still + 1
        } else {
            0
        };
        let is_torn = complement.wrapping_sub(counted) > 1;
        if is_torn || self.still > PATIENCE || counted > self.turns * TURN {
            return Err(Failure::Counter(counted));
        }
        self.counted = counted;
        self.turns += 1;
        Ok(self.begin.signal(1)?)
    }

    /// Ends it. Returns how far it has counted.
    pub fn end(self) -> Result<u64, Failure> {
        self.worker.end()?;
        Ok(self.counted)
    }
}
