//! What the tasks that send pages have to do: [`Jobs`].
//!
//! A transaction has a sender of its own from its first job on until its stream is closed, so that two moves do not end each
//! other's streams. One that finds no sender free waits for one.

use alloc::collections::VecDeque;
use core::cell::{Cell, RefCell};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use nomad_protocol::TransactionId;
use nomad_shell::{Job, JobKind};

/// Page streams that may go out at once.
pub const SENDERS_MAX: usize = 2;
/// Jobs that may wait for a sender. A transaction leaves one, and closes its stream.
const JOBS_MAX: usize = 4;

/// A sender has more to do than a transaction may leave to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overfull;

/// The jobs of all senders.
pub struct Jobs {
    senders: [Sender; SENDERS_MAX],
    waiting: RefCell<VecDeque<Job>>,
}

struct Sender {
    serves: Cell<Option<TransactionId>>,
    jobs: Channel<NoopRawMutex, Job, JOBS_MAX>,
}

impl Default for Jobs {
    /// Nothing to do, and every sender free.
    fn default() -> Jobs {
        let sender = || Sender {
            serves: Cell::new(None),
            jobs: Channel::new(),
        };
        Jobs {
            senders: core::array::from_fn(|_| sender()),
            waiting: RefCell::default(),
        }
    }
}

impl Jobs {
    /// Leaves a job to the sender of its transaction, or to one that is free.
    ///
    /// # Errors
    /// [`Overfull`]: the job is dropped.
    pub fn leave(&self, job: Job) -> Result<(), Overfull> {
        let serving = |whom| {
            self.senders
                .iter()
                .find(|sender| sender.serves.get() == whom)
        };
        if let Some(own) = serving(Some(job.transaction)) {
            return own.jobs.try_send(job).map_err(|_| Overfull);
        }
        let mut waiting = self.waiting.borrow_mut();
        if job.kind == JobKind::Close {
            // It waits for its turn no more, or has no stream.
            waiting.retain(|waiting| waiting.transaction != job.transaction);
            return Ok(());
        }
        match serving(None) {
            Some(free) => free.begin(job),
            None => {
                waiting.push_back(job);
                Ok(())
            }
        }
    }

    /// What this sender is to do next.
    pub async fn next(&self, sender: usize) -> Job {
        self.senders[sender].jobs.receive().await
    }

    /// This sender has closed its stream, and is free for another transaction.
    pub fn finish(&self, sender: usize) {
        let sender = &self.senders[sender];
        while sender.jobs.try_receive().is_ok() {}
        sender.serves.set(None);
        if let Some(job) = self.waiting.borrow_mut().pop_front() {
            // Nothing else is left to a sender that was free.
            let _ = sender.begin(job);
        }
    }
}

impl Sender {
    fn begin(&self, job: Job) -> Result<(), Overfull> {
        self.serves.set(Some(job.transaction));
        self.jobs.try_send(job).map_err(|_| Overfull)
    }
}

#[cfg(test)]
mod tests {
    use core::task::Poll;
    use embassy_futures::poll_once;

    use super::*;

    fn job(transaction: u128, kind: JobKind) -> Job {
        let transaction = TransactionId(transaction);
        Job { transaction, kind }
    }

    fn round(transaction: u128) -> Job {
        job(transaction, JobKind::Round(0))
    }

    /// What a sender finds to do, if anything.
    fn next(jobs: &Jobs, sender: usize) -> Option<Job> {
        match poll_once(jobs.next(sender)) {
            Poll::Ready(job) => Some(job),
            Poll::Pending => None,
        }
    }

    #[test]
    fn each_transaction_has_a_sender_of_its_own() {
        let jobs = Jobs::default();
        for left in [
            round(1),
            round(2),
            job(1, JobKind::Round(1)),
            job(2, JobKind::Close),
        ] {
            assert_eq!(jobs.leave(left), Ok(()));
        }
        assert_eq!(next(&jobs, 0), Some(round(1)));
        assert_eq!(next(&jobs, 0), Some(job(1, JobKind::Round(1))));
        assert_eq!(next(&jobs, 1), Some(round(2)));
        assert_eq!(next(&jobs, 1), Some(job(2, JobKind::Close)));
        assert_eq!((next(&jobs, 0), next(&jobs, 1)), (None, None));
    }

    #[test]
    fn one_too_many_waits_until_a_sender_is_free() {
        let jobs = Jobs::default();
        for left in 1..=4 {
            assert_eq!(jobs.leave(round(left)), Ok(()));
        }
        assert_eq!(jobs.leave(job(3, JobKind::Close)), Ok(()));
        assert_eq!(next(&jobs, 1), Some(round(2)));
        jobs.finish(1);
        assert_eq!(next(&jobs, 1), Some(round(4)));
        assert_eq!(next(&jobs, 0), Some(round(1)));
    }

    #[test]
    fn what_was_left_for_a_stream_that_broke_is_dropped() {
        let jobs = Jobs::default();
        assert_eq!(jobs.leave(round(1)), Ok(()));
        jobs.finish(0);
        assert_eq!(jobs.leave(job(1, JobKind::Close)), Ok(()));
        assert_eq!(next(&jobs, 0), None);
    }

    #[test]
    fn a_transaction_that_leaves_too_much_is_refused() {
        let jobs = Jobs::default();
        for _ in 0..JOBS_MAX {
            assert_eq!(jobs.leave(round(1)), Ok(()));
        }
        assert_eq!(jobs.leave(round(1)), Err(Overfull));
    }
}
