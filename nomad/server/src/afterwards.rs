//! What is done after everything else: [`Afterwards`].
//!
//! A domain's memory takes root a long time to take back; meanwhile frames that came too late for it would wait to be passed
//! on. And a line of the log is a call of root, which writes it to the machine's console letter by letter: in the middle of a
//! move that is time in which a frozen domain waits.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::cell::RefCell;

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Timer};
use nomad_protocol::TransactionId;

use crate::server::Server;
use crate::turns::{TO_SAY, give_way};

/// So long nothing is left for later before the log is written: longer than steps of a move are apart that matter to its pause.
const QUIET: Duration = Duration::from_millis(300);

/// So many lines are written even if it never gets quiet.
const LINES_MAX: usize = 64;

/// Something that can wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Later {
    /// The memory of this transaction's domain, which runs elsewhere, is given back: soon, since others may need it.
    Destroy(TransactionId),
    /// The log is told this, when nothing has happened for a while.
    Log(String),
}

/// What waits until there is nothing better to do.
#[derive(Default)]
pub struct Afterwards {
    destroys: RefCell<VecDeque<TransactionId>>,
    lines: RefCell<VecDeque<String>>,
    changed: Signal<NoopRawMutex, ()>,
}

impl Afterwards {
    /// Leaves giving back a domain's memory for later.
    pub fn destroy(&self, transaction: TransactionId) {
        self.destroys.borrow_mut().push_back(transaction);
        self.changed.signal(());
    }

    /// Leaves a line of the log for later.
    pub fn log(&self, line: String) {
        self.lines.borrow_mut().push_back(line);
        self.changed.signal(());
    }

    /// Does one thing after the other, for ever; `quiet` is over when nothing has happened for long enough.
    async fn run(&self, quiet: impl AsyncFn(), act: impl Fn(Later)) {
        loop {
            self.changed.wait().await;
            self.destroy_all(&act).await;
            while !self.is_full()
                && let Either::First(()) = select(self.changed.wait(), quiet()).await
            {
                self.destroy_all(&act).await;
            }
            self.log_all(&act).await;
        }
    }

    fn is_full(&self) -> bool {
        self.lines.borrow().len() >= LINES_MAX
    }

    async fn destroy_all(&self, act: impl Fn(Later)) {
        loop {
            give_way(TO_SAY).await;
            let next = self.destroys.borrow_mut().pop_front();
            let Some(transaction) = next else { return };
            act(Later::Destroy(transaction));
        }
    }

    async fn log_all(&self, act: impl Fn(Later)) {
        loop {
            let next = self.lines.borrow_mut().pop_front();
            let Some(line) = next else { return };
            act(Later::Log(line));
            give_way(TO_SAY).await;
        }
    }
}

/// The task that does what was left for later, for ever.
pub async fn run(server: &'static Server) {
    let act = |later| match later {
        Later::Log(line) => log::info!("{line}"),
        Later::Destroy(transaction) => server.give_back(transaction),
    };
    let quiet = async || Timer::after(QUIET).await;
    server.afterwards.run(quiet, act).await;
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;
    use core::cell::Cell;
    use core::future::poll_fn;
    use core::task::{Context, Poll, Waker};

    use super::*;

    /// Runs one that is told when it is quiet, and polls it often enough for everything else.
    struct Trial {
        afterwards: Afterwards,
        is_quiet: Cell<bool>,
        done: RefCell<Vec<Later>>,
    }

    impl Trial {
        fn new() -> Trial {
            Trial {
                afterwards: Afterwards::default(),
                is_quiet: Cell::new(false),
                done: RefCell::default(),
            }
        }

        /// What it does between each two steps.
        fn watch<const N: usize>(&self, steps: [&dyn Fn(); N]) -> [Vec<Later>; N] {
            let quiet = async || {
                poll_fn(|_| match self.is_quiet.get() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
            };
            let act = |later| self.done.borrow_mut().push(later);
            let mut task = core::pin::pin!(self.afterwards.run(quiet, act));
            steps.map(|step| {
                step();
                for _ in 0..(2 * LINES_MAX * TO_SAY) {
                    let mut context = Context::from_waker(Waker::noop());
                    assert!(task.as_mut().poll(&mut context).is_pending());
                }
                self.done.take()
            })
        }
    }

    fn log(line: &str) -> Later {
        Later::Log(line.into())
    }

    #[test]
    fn memory_is_given_back_soon_and_the_log_is_written_when_it_is_quiet() {
        let trial = Trial::new();
        let done = trial.watch([
            &|| trial.afterwards.log("left".into()),
            &|| trial.afterwards.destroy(TransactionId(2)),
            &|| trial.afterwards.log("done".into()),
            &|| trial.is_quiet.set(true),
            &|| trial.afterwards.log("later".into()),
        ]);
        let expected = [
            vec![],
            vec![Later::Destroy(TransactionId(2))],
            vec![],
            vec![log("left"), log("done")],
            vec![log("later")],
        ];
        assert_eq!(done, expected);
    }

    #[test]
    fn a_log_that_gets_long_is_written_though_it_is_never_quiet() {
        let trial = Trial::new();
        let say = || trial.afterwards.log("again".into());
        let [few, many] = trial.watch([&|| (1..LINES_MAX).for_each(|_| say()), &say]);
        assert_eq!((few.len(), many.len()), (0, LINES_MAX));
    }

    #[test]
    fn the_others_go_first() {
        let afterwards = Afterwards::default();
        let done = Cell::new(0);
        afterwards.destroy(TransactionId(1));
        afterwards.destroy(TransactionId(2));
        let mut task = core::pin::pin!(afterwards.run(async || {}, |_| done.set(done.get() + 1)));
        let mut poll = || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(task.as_mut().poll(&mut context).is_pending());
        };
        for count in [0, 1] {
            for _ in 0..TO_SAY {
                poll();
                assert_eq!(done.get(), count);
            }
        }
        poll();
        assert_eq!(done.get(), 2);
    }
}
