//! Runs of many seeds, several at a time: [`Campaign`].
//!
//! Seeds are begun in ascending order. After a failure no later seed is begun, and every earlier one is finished. So the lowest
//! failing seed is the same for any number of threads.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The default number of seeds.
const CASES: u64 = 1_000;

/// The seeds to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// The first seed.
    pub first: u64,
    /// The number of seeds.
    pub cases: Option<u64>,
    /// The time after which no further seed is begun.
    pub time: Option<Duration>,
    /// The number of seeds that run at the same time.
    pub jobs: usize,
    /// The interval between reports of progress.
    pub report_every: Duration,
}

/// The result of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The number of seeds that have ended.
    pub ended: u64,
    /// The lowest failing seed and the reason, if a seed has failed.
    pub failed: Option<(u64, String)>,
}

/// The state that the threads share.
struct Progress {
    began: Instant,
    next: AtomicU64,
    ended: AtomicU64,
    /// The failures by index.
    failed: Mutex<BTreeMap<u64, String>>,
}

impl Campaign {
    /// Runs seeds until enough have ended or one has failed. Calls `report` from time to time with the number of seeds that
    /// have ended.
    pub fn run(
        &self,
        run: impl Fn(u64) -> Result<(), String> + Sync,
        report: impl Fn(u64),
    ) -> Verdict {
        let progress = Progress {
            began: Instant::now(),
            next: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failed: Mutex::default(),
        };
        let (job_ends, ends) = channel::<()>();
        thread::scope(|scope| {
            let (progress, run) = (&progress, &run);
            for _ in 0..self.jobs {
                let job_ends = job_ends.clone();
                scope.spawn(move || {
                    self.run_job(progress, run);
                    drop(job_ends);
                });
            }
            drop(job_ends);
            // Nothing is ever sent: the channel is closed when all jobs have ended.
            while ends.recv_timeout(self.report_every) == Err(RecvTimeoutError::Timeout) {
                report(progress.ended.load(Ordering::Relaxed));
            }
        });
        let failed = progress.failed.into_inner();
        let mut failed = failed.expect("no job panics while it has the lock");
        let lowest = failed.pop_first();
        Verdict {
            ended: progress.ended.into_inner(),
            failed: lowest.map(|(index, why)| (self.seed(index), why)),
        }
    }

    fn run_job(&self, progress: &Progress, run: impl Fn(u64) -> Result<(), String>) {
        let failed = || {
            let failed = progress.failed.lock();
            failed.expect("no job panics while it has the lock")
        };
        loop {
            let index = progress.next.fetch_add(1, Ordering::Relaxed);
            let lowest = failed().keys().next().copied();
            let is_over = lowest.is_some_and(|lowest| lowest < index);
            if is_over || !self.continues(index, progress.began.elapsed()) {
                return;
            }
            if let Err(why) = run(self.seed(index)) {
                failed().insert(index, why);
            }
            progress.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn seed(&self, index: u64) -> u64 {
        self.first.wrapping_add(index)
    }

    fn continues(&self, seeds: u64, elapsed: Duration) -> bool {
        match (self.cases, self.time) {
            (None, Some(time)) => elapsed < time,
            (cases, time) => {
                seeds < cases.unwrap_or(CASES) && time.is_none_or(|time| elapsed < time)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;

    const FIRST: u64 = 7;

    fn campaign(jobs: usize) -> Campaign {
        Campaign {
            first: FIRST,
            cases: Some(20),
            time: None,
            jobs,
            report_every: Duration::from_millis(1),
        }
    }

    #[test]
    fn every_seed_is_run_once_by_any_number_of_jobs() {
        for jobs in [1, 2, 5] {
            let ran = Mutex::new(Vec::new());
            let run = |seed| {
                ran.lock().expect("a list").push(seed);
                Ok(())
            };
            let verdict = campaign(jobs).run(run, |_| ());
            let mut ran = ran.into_inner().expect("a list");
            ran.sort_unstable();
            assert!(ran.into_iter().eq(FIRST..FIRST + 20));
            let (ended, failed) = (20, None);
            assert_eq!(verdict, Verdict { ended, failed });
        }
    }

    #[test]
    fn the_lowest_failing_seed_is_reported_even_if_a_later_one_fails_first() {
        let (lowest, later) = (FIRST + 3, FIRST + 4);
        let (has_failed, failure) = (Mutex::new(false), Condvar::new());
        let run = |seed| {
            let mut has_failed = has_failed.lock().expect("a flag");
            if seed == later {
                *has_failed = true;
                failure.notify_all();
            }
            if seed == lowest {
                // Ends only after the later seed has failed.
                let wait = |has_failed: &mut bool| !*has_failed;
                drop(failure.wait_while(has_failed, wait));
            }
            match seed {
                _ if seed < lowest => Ok(()),
                _ => Err(format!("{seed}")),
            }
        };
        let verdict = campaign(2).run(run, |_| ());
        assert_eq!(verdict.failed, Some((lowest, lowest.to_string())));
    }

    #[test]
    fn progress_is_reported_while_seeds_run() {
        let reported = (Mutex::new(false), Condvar::new());
        // The last seed ends only after a report.
        let run = |seed| {
            if seed == FIRST + 19 {
                let guard = reported.0.lock().expect("a flag");
                let wait = |has_reported: &mut bool| !*has_reported;
                drop(reported.1.wait_while(guard, wait));
            }
            Ok(())
        };
        let report = |ended| {
            if ended == 19 {
                *reported.0.lock().expect("a flag") = true;
                reported.1.notify_all();
            }
        };
        assert_eq!(campaign(2).run(run, report).ended, 20);
    }
}
