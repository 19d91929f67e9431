//! The jobs of the tasks that send pages: [`Jobs`].
//!
//! A transaction has a sender of its own from its first job until its stream is closed, so that two moves do not end each
//! other's streams. It waits if no sender is free.

use alloc::collections::VecDeque;
use core::cell::{Cell, RefCell};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::channel::Channel;
use nomad_protocol::TransactionId;
use nomad_shell::{Job, JobKind};

/// Page streams that are sent at once, at most.
pub const SENDERS_MAX: usize = 2;
/// The most jobs queued per sender. A transaction queues one, and the one that closes its stream.
const JOBS_MAX: usize = 4;

/// A transaction has queued more jobs than a sender takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

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
    /// No job, and every sender free.
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
    /// Queues a job for the sender of its transaction, or for a free one.
    ///
    /// # Errors
    /// [`QueueFull`]: the job is dropped.
    pub fn push(&self, job: Job) -> Result<(), QueueFull> {
        let serving = |transaction| {
            self.senders
                .iter()
                .find(|sender| sender.serves.get() == transaction)
        };
        if let Some(own) = serving(Some(job.transaction)) {
            return own.jobs.try_send(job).map_err(|_| QueueFull);
        }
        let mut waiting = self.waiting.borrow_mut();
        if job.kind == JobKind::Close {
            // Either it was still waiting for a sender, or it has no stream.
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

    /// The next job of this sender.
    pub async fn next(&self, sender: usize) -> Job {
        self.senders[sender].jobs.receive().await
    }

    /// This sender has closed its stream, and is free for another transaction.
    pub fn finish(&self, sender: usize) {
        let sender = &self.senders[sender];
        while sender.jobs.try_receive().is_ok() {}
        sender.serves.set(None);
        if let Some(job) = self.waiting.borrow_mut().pop_front() {
            // The queue of a free sender is empty.
            let _ = sender.begin(job);
        }
    }
}

impl Sender {
    fn begin(&self, job: Job) -> Result<(), QueueFull> {
        self.serves.set(Some(job.transaction));
        self.jobs.try_send(job).map_err(|_| QueueFull)
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

    /// A sender's next job, if it has one.
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
            assert_eq!(jobs.push(left), Ok(()));
        }
        assert_eq!(next(&jobs, 0), Some(round(1)));
        assert_eq!(next(&jobs, 0), Some(job(1, JobKind::Round(1))));
        assert_eq!(next(&jobs, 1), Some(round(2)));
        assert_eq!(next(&jobs, 1), Some(job(2, JobKind::Close)));
        assert_eq!((next(&jobs, 0), next(&jobs, 1)), (None, None));
    }

    #[test]
    fn a_transaction_waits_until_a_sender_is_free() {
        let jobs = Jobs::default();
        for left in 1..=4 {
            assert_eq!(jobs.push(round(left)), Ok(()));
        }
        assert_eq!(jobs.push(job(3, JobKind::Close)), Ok(()));
        assert_eq!(next(&jobs, 1), Some(round(2)));
        jobs.finish(1);
        assert_eq!(next(&jobs, 1), Some(round(4)));
        assert_eq!(next(&jobs, 0), Some(round(1)));
    }

    #[test]
    fn jobs_of_a_broken_stream_are_dropped() {
        let jobs = Jobs::default();
        assert_eq!(jobs.push(round(1)), Ok(()));
        jobs.finish(0);
        assert_eq!(jobs.push(job(1, JobKind::Close)), Ok(()));
        assert_eq!(next(&jobs, 0), None);
    }

    #[test]
    fn a_transaction_that_queues_too_many_jobs_is_refused() {
        let jobs = Jobs::default();
        for _ in 0..JOBS_MAX {
            assert_eq!(jobs.push(round(1)), Ok(()));
        }
        assert_eq!(jobs.push(round(1)), Err(QueueFull));
    }
}
