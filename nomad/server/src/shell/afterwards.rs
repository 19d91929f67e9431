//! What is done after everything else: [`Afterwards`].
//!
//! A line of the log is a call of root, which writes it to the machine's console letter by letter, and a domain's memory takes
//! root a long time to take back. Meanwhile a frozen domain would wait for the next step of its move, and frames that
//! came too late for one would wait to be passed on.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::cell::RefCell;

use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use nomad_protocol::TransactionId;

use crate::shell::Shell;

/// Rounds of the executor in which the other tasks go first: datagrams leave their socket in one, and the bell that sends them
/// on their way is rung at the end of it.
const ROUNDS: usize = 3;

/// Something that can wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Later {
    /// The log is told this.
    Log(String),
    /// The memory of this transaction's domain, which runs elsewhere, is given back.
    Destroy(TransactionId),
}

/// What waits until there is nothing better to do.
#[derive(Default)]
pub struct Afterwards {
    queue: RefCell<VecDeque<Later>>,
    changed: Signal<NoopRawMutex, ()>,
}

impl Afterwards {
    /// Leaves something for later.
    pub fn push(&self, later: Later) {
        self.queue.borrow_mut().push_back(later);
        self.changed.signal(());
    }

    /// Leaves a line of the log for later.
    pub fn log(&self, line: String) {
        self.push(Later::Log(line));
    }

    /// Does one thing after the other, for ever.
    pub async fn run(&self, act: impl Fn(Later)) {
        loop {
            self.changed.wait().await;
            loop {
                for _ in 0..ROUNDS {
                    yield_now().await;
                }
                let next = self.queue.borrow_mut().pop_front();
                let Some(later) = next else { break };
                act(later);
            }
        }
    }
}

/// The task that does what was left for later, for ever.
pub async fn run(shell: &'static Shell) {
    let act = |later| match later {
        Later::Log(line) => log::info!("{line}"),
        Later::Destroy(transaction) => shell.destroy(transaction),
    };
    shell.afterwards.run(act).await;
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_can_wait_does_until_the_others_had_their_turn() {
        let afterwards = Afterwards::default();
        let done = RefCell::new(Vec::new());
        let (first, second) = (Later::Log("first".into()), Later::Destroy(TransactionId(2)));
        afterwards.push(first.clone());
        afterwards.push(second.clone());
        let mut task = core::pin::pin!(afterwards.run(|later| done.borrow_mut().push(later)));
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        let mut poll = || assert!(task.as_mut().poll(&mut context).is_pending());
        for count in [0, 1] {
            for _ in 0..ROUNDS {
                poll();
                assert_eq!(done.borrow().len(), count);
            }
        }
        poll();
        assert_eq!(*done.borrow(), [first, second]);
    }
}
