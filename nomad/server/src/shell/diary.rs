//! What the log is told of transactions, after everything else: [`Diary`].
//!
//! A line of the log is a call of root, which writes it to the machine's console letter by letter: milliseconds, in which
//! a frozen domain would wait for the next step of its move.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::cell::RefCell;

use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;

/// Rounds of the executor in which the other tasks go first: datagrams leave their socket in one, and the bell that sends them
/// on their way is rung at the end of it.
const ROUNDS: usize = 3;

/// Lines that wait to be logged.
#[derive(Default)]
pub struct Diary {
    lines: RefCell<VecDeque<String>>,
    changed: Signal<NoopRawMutex, ()>,
}

impl Diary {
    /// Logs a line when there is nothing better to do.
    pub fn note(&self, line: String) {
        self.lines.borrow_mut().push_back(line);
        self.changed.signal(());
    }

    /// The task that logs, for ever.
    pub async fn write(&self) {
        loop {
            self.changed.wait().await;
            loop {
                for _ in 0..ROUNDS {
                    yield_now().await;
                }
                let next = self.lines.borrow_mut().pop_front();
                let Some(line) = next else { break };
                log::info!("{line}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_wait_until_the_others_had_their_turn() {
        let diary = Diary::default();
        diary.note("first".into());
        diary.note("second".into());
        let mut task = core::pin::pin!(diary.write());
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        let mut poll = || assert!(task.as_mut().poll(&mut context).is_pending());
        for waiting in [2, 1] {
            for _ in 0..ROUNDS {
                poll();
                assert_eq!(diary.lines.borrow().len(), waiting);
            }
        }
        poll();
        assert!(diary.lines.borrow().is_empty());
    }
}
