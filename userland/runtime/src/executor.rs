//! The async executor: the domain's first thread polls tasks, and waits on the domain's notification `wake` if none is ready.
//!
//! ```text
//! poll ready tasks -> fire timers -> ring a deferred doorbell and wait for a flag or the next timer -> raise the flags -> repeat
//! ```

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::any::{Any, TypeId};
use core::future::Future;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::Spawner;
use embassy_executor::raw::{self, TaskStorage};
use spin::Mutex;

use crate::capability::{Cap, Notification};
use crate::port::{Doorbell, doorbell};
use crate::{Start, events, time};

/// Whether a task became ready since the last poll.
static PENDED: AtomicBool = AtomicBool::new(false);

/// The storages of tasks, by the type of their futures. They are reused, since they must not be freed.
struct Storages(BTreeMap<TypeId, Vec<&'static dyn Any>>);

// SAFETY: Only `TaskStorage::spawn` is called on a storage, by any thread: it claims a storage atomically, and succeeds only if
// the storage holds no future.
unsafe impl Send for Storages {}

static STORAGES: Mutex<Storages> = Mutex::new(Storages(BTreeMap::new()));

/// Called by embassy when a task becomes ready. Only the executor's own thread makes tasks ready, so a flag is enough: the
/// loop checks it before it sleeps.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    PENDED.store(true, Ordering::Release);
}

/// Spawns tasks.
#[derive(Clone, Copy)]
pub struct Tasks {
    spawner: Spawner,
}

impl Tasks {
    /// Starts a task. A task's memory is never freed: when the task has ended, the next task of the same type reuses it.
    pub fn spawn<F: Future<Output = ()> + 'static>(&self, task: F) {
        let mut task = Some(task);
        let mut storages = STORAGES.lock();
        let known = storages.0.entry(TypeId::of::<F>()).or_default();
        let idle = known
            .iter()
            .filter_map(|storage| storage.downcast_ref::<TaskStorage<F>>())
            .any(|storage| self.spawn_in(storage, &mut task));
        if !idle {
            let storage: &'static TaskStorage<F> = Box::leak(Box::new(TaskStorage::new()));
            known.push(storage);
            self.spawn_in(storage, &mut task);
        }
    }

    /// Starts the task if the storage is idle; returns whether it was.
    fn spawn_in<F: Future<Output = ()> + 'static>(
        &self,
        storage: &'static TaskStorage<F>,
        task: &mut Option<F>,
    ) -> bool {
        let token = storage.spawn(|| task.take().expect("a task is started once"));
        token.map(|token| self.spawner.spawn(token)).is_ok()
    }

    /// The spawner for tasks declared with `#[embassy_executor::task]`.
    pub fn spawner(&self) -> Spawner {
        self.spawner
    }
}

/// Runs `main` as the first task, and every task it spawns, for ever.
///
/// # Panics
/// If the domain was started without `wake`.
pub fn run<M, F>(start: Start, main: M) -> !
where
    M: FnOnce(Tasks) -> F,
    F: Future<Output = ()> + 'static,
{
    run_on(start.require("wake"), main)
}

/// As [`run`], on this notification: for a domain that creates its own.
pub fn run_on<M, F>(wake: Cap<Notification>, main: M) -> !
where
    M: FnOnce(Tasks) -> F,
    F: Future<Output = ()> + 'static,
{
    let executor = leak();
    let tasks = Tasks {
        spawner: executor.spawner(),
    };
    tasks.spawn(main(tasks));
    loop {
        run_round(executor, |deadline_ns| sleep(wake, deadline_ns));
    }
}

/// A spawner for a test, and a function that runs one round without sleeping.
#[cfg(not(target_os = "caravan"))]
pub(crate) fn rounds() -> (Tasks, impl Fn()) {
    let executor = leak();
    let spawner = executor.spawner();
    let sleep = |_| {
        doorbell::ring_deferred();
        0
    };
    (Tasks { spawner }, move || run_round(executor, sleep))
}

fn leak() -> &'static raw::Executor {
    Box::leak(Box::new(raw::Executor::new(ptr::null_mut())))
}

/// Runs one round; `sleep` takes a deadline and returns the raised flags.
fn run_round(executor: &'static raw::Executor, sleep: impl FnOnce(u64) -> u64) {
    PENDED.store(false, Ordering::Release);
    // SAFETY: Only this function polls, on the domain's first thread, and no task calls it.
    unsafe { executor.poll() };
    let next_timer_ns = time::next_deadline_ns();
    // A task that became ready during the poll runs in the next round.
    let is_ready = PENDED.load(Ordering::Acquire);
    let flags = sleep(if is_ready { 0 } else { next_timer_ns });
    events::raise(flags & !events::PENDER);
}

/// Rings a deferred doorbell, and waits on `wake`.
fn sleep(wake: Cap<Notification>, deadline_ns: u64) -> u64 {
    if let Some(Doorbell {
        notification,
        flags,
    }) = doorbell::take_deferred()
        && let Ok(flags) = wake.wait_after_signal(notification, flags, deadline_ns)
    {
        return flags;
    }
    // There is no doorbell to ring, or the network switch that it belongs to is gone.
    wake.wait_until_ns(deadline_ns)
        .unwrap_or_else(|error| panic!("waiting on {wake:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::clock::Scale;
    use embassy_time::Timer;
    use std::sync::Mutex;

    /// Held by a test that runs an executor: executors share [`PENDED`] and the clock.
    static ALONE: Mutex<()> = Mutex::new(());

    /// Sets the time of this test process, which does not advance between calls.
    fn set_time_ns(now: u64) {
        clock::install_own(Scale {
            base_ns: now,
            ..Scale::default()
        });
    }

    /// Timers, flags and spawned tasks of one executor, with simulated sleeps.
    #[test]
    fn sleeps_until_the_next_timer_or_flag_and_never_while_a_task_is_ready() {
        static LOG: Mutex<std::vec::Vec<&str>> = Mutex::new(std::vec::Vec::new());
        const FLAG: u64 = 1 << 20;
        let _alone = ALONE.lock().unwrap();
        set_time_ns(1_000_000);
        let executor = leak();
        let tasks = Tasks {
            spawner: executor.spawner(),
        };
        tasks.spawn(async move {
            tasks.spawn(async {
                LOG.lock().unwrap().push("spawned");
            });
            Timer::after_micros(500).await;
            LOG.lock().unwrap().push("timer");
            events::wait(FLAG).await;
            LOG.lock().unwrap().push("flag");
        });
        let round = |flags: u64| {
            let mut slept_until = None;
            run_round(executor, |deadline_ns| {
                slept_until = Some(deadline_ns);
                flags
            });
            slept_until.unwrap()
        };
        assert_eq!(round(0), 0, "the spawned task is ready");
        assert_eq!(round(0), 1_500_000);
        set_time_ns(1_500_000);
        assert_eq!(round(0), 0, "the timer fired");
        assert_eq!(round(FLAG), u64::MAX);
        assert_eq!(round(0), u64::MAX);
        assert_eq!(*LOG.lock().unwrap(), ["spawned", "timer", "flag"]);
    }

    #[test]
    fn the_memory_of_a_finished_task_is_reused() {
        static RUNS: Mutex<usize> = Mutex::new(0);
        async fn finish() {
            *RUNS.lock().unwrap() += 1;
        }
        async fn stay() {
            core::future::pending().await
        }
        fn storages<F: Future + 'static>(_: fn() -> F) -> usize {
            let storages = STORAGES.lock();
            storages.0.get(&TypeId::of::<F>()).map_or(0, Vec::len)
        }
        let _alone = ALONE.lock().unwrap();
        let (tasks, round) = rounds();
        for _ in 0..10 {
            tasks.spawn(finish());
            tasks.spawn(stay());
            round();
        }
        assert_eq!(*RUNS.lock().unwrap(), 10);
        assert_eq!(storages(finish), 1);
        assert_eq!(storages(stay), 10);
    }
}
