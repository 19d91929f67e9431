//! Work that waits until there is nothing else to do: [`Deferred`].
//!
//! Releasing the memory of a domain that has left takes calls to root. Meanwhile frames that reach this machine for the domain
//! would wait to be forwarded. Logging a line is a call to root, and makes the console run, which writes the line to the serial
//! port. In the middle of a move, a frozen domain would wait for that.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::cell::RefCell;

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Timer};
use nomad_protocol::TransactionId;

use crate::executor_turns::{UNTIL_SENT, yield_for};
use crate::server::Server;

/// How long the deferred queue must stay unchanged before the log is written. It is longer than the gaps between those
/// steps of a move during which the domain is frozen.
const QUIET: Duration = Duration::from_millis(300);

/// The log is written once it has this many lines, even if the queue never stays unchanged for that long.
const LINES_MAX: usize = 64;

/// A piece of deferred work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Release the memory of this transaction's domain, which runs elsewhere. This happens soon, since other domains
    /// may need the memory.
    Destroy(TransactionId),
    /// Hand over to root the memory of this transaction's domain, which runs here. This happens soon, since other moves may need
    /// room.
    HandOver(TransactionId),
    /// Let root destroy a copy that was kept in case a domain returns, and is given up.
    DestroyCopy,
    /// Log this line when nothing has happened for a while.
    Log(String),
}

/// The queue of deferred work.
#[derive(Default)]
pub struct Deferred {
    /// Memory to be released.
    releases: RefCell<VecDeque<Task>>,
    lines: RefCell<VecDeque<String>>,
    changed: Signal<NoopRawMutex, ()>,
}

impl Deferred {
    /// Defers the release of a domain's memory.
    pub fn destroy(&self, transaction: TransactionId) {
        self.release(Task::Destroy(transaction));
    }

    /// Defers the hand-over of a domain's memory.
    pub fn hand_over(&self, transaction: TransactionId) {
        self.release(Task::HandOver(transaction));
    }

    /// Defers the destruction of a copy that is given up.
    pub fn destroy_copy(&self) {
        self.release(Task::DestroyCopy);
    }

    fn release(&self, task: Task) {
        self.releases.borrow_mut().push_back(task);
        self.changed.signal(());
    }

    /// Defers a line of the log.
    pub fn log(&self, line: String) {
        self.lines.borrow_mut().push_back(line);
        self.changed.signal(());
    }

    /// Executes the tasks one by one, forever. `quiet` completes when nothing has happened for long enough.
    async fn run(&self, quiet: impl AsyncFn(), execute: impl Fn(Task)) {
        loop {
            self.changed.wait().await;
            self.release_all(&execute).await;
            while !self.is_full()
                && let Either::First(()) = select(self.changed.wait(), quiet()).await
            {
                self.release_all(&execute).await;
            }
            self.log_all(&execute).await;
        }
    }

    fn is_full(&self) -> bool {
        self.lines.borrow().len() >= LINES_MAX
    }

    async fn release_all(&self, execute: impl Fn(Task)) {
        loop {
            yield_for(UNTIL_SENT).await;
            let next = self.releases.borrow_mut().pop_front();
            let Some(task) = next else { return };
            execute(task);
        }
    }

    async fn log_all(&self, execute: impl Fn(Task)) {
        loop {
            let next = self.lines.borrow_mut().pop_front();
            let Some(line) = next else { return };
            execute(Task::Log(line));
            yield_for(UNTIL_SENT).await;
        }
    }
}

/// Executes deferred work, forever.
pub async fn run(server: &'static Server) {
    let execute = |task| match task {
        Task::Log(line) => log::info!("{line}"),
        Task::Destroy(transaction) => server.give_back(transaction),
        Task::HandOver(transaction) => server.shell.borrow_mut().hand_over(transaction),
        Task::DestroyCopy => server.shell.borrow_mut().destroy_copy(),
    };
    let quiet = async || Timer::after(QUIET).await;
    server.deferred.run(quiet, execute).await;
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;
    use core::cell::Cell;
    use core::future::poll_fn;
    use core::task::{Context, Poll, Waker};

    use super::*;

    /// A queue whose quiet period ends when a test ends it. The queue is polled often enough for everything else.
    struct Fixture {
        deferred: Deferred,
        is_quiet: Cell<bool>,
        done: RefCell<Vec<Task>>,
    }

    impl Fixture {
        fn new() -> Fixture {
            Fixture {
                deferred: Deferred::default(),
                is_quiet: Cell::new(false),
                done: RefCell::default(),
            }
        }

        /// The tasks executed after each step.
        fn watch<const N: usize>(&self, steps: [&dyn Fn(); N]) -> [Vec<Task>; N] {
            let quiet = async || {
                poll_fn(|_| {
                    if self.is_quiet.get() {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            };
            let execute = |task| self.done.borrow_mut().push(task);
            let mut task = core::pin::pin!(self.deferred.run(quiet, execute));
            steps.map(|step| {
                step();
                for _ in 0..(2 * LINES_MAX * UNTIL_SENT) {
                    let mut context = Context::from_waker(Waker::noop());
                    assert!(task.as_mut().poll(&mut context).is_pending());
                }
                self.done.take()
            })
        }
    }

    fn log(line: &str) -> Task {
        Task::Log(line.into())
    }

    #[test]
    fn memory_is_released_soon_and_the_log_is_written_when_it_is_quiet() {
        let fixture = Fixture::new();
        let done = fixture.watch([
            &|| fixture.deferred.log("left".into()),
            &|| fixture.deferred.destroy(TransactionId(2)),
            &|| fixture.deferred.log("done".into()),
            &|| fixture.is_quiet.set(true),
            &|| fixture.deferred.log("later".into()),
        ]);
        let expected = [
            vec![],
            vec![Task::Destroy(TransactionId(2))],
            vec![],
            vec![log("left"), log("done")],
            vec![log("later")],
        ];
        assert_eq!(done, expected);
    }

    #[test]
    fn a_long_log_is_written_even_if_it_is_never_quiet() {
        let fixture = Fixture::new();
        let log_line = || fixture.deferred.log("again".into());
        let [few, many] = fixture.watch([&|| (1..LINES_MAX).for_each(|_| log_line()), &log_line]);
        assert_eq!((few.len(), many.len()), (0, LINES_MAX));
    }

    #[test]
    fn other_tasks_go_first() {
        let deferred = Deferred::default();
        let done = Cell::new(0);
        deferred.destroy(TransactionId(1));
        deferred.destroy(TransactionId(2));
        let mut task = core::pin::pin!(deferred.run(async || {}, |_| done.set(done.get() + 1)));
        let mut poll = || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(task.as_mut().poll(&mut context).is_pending());
        };
        for count in [0, 1] {
            for _ in 0..UNTIL_SENT {
                poll();
                assert_eq!(done.get(), count);
            }
        }
        poll();
        assert_eq!(done.get(), 2);
    }
}
