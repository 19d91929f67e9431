//! Invariants that hold between system calls: accounts add up, and queues agree with their threads' phases.

use abi::PRIORITY_MAX;
use capabilities::Storage;

use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{
    Domain, DomainState, Endpoint, Header, Notification, Object, PendingWaiters, Phase, Pool,
    Thread,
};
use crate::scheduler::Queue;

mod derivation;
mod interrupts;

/// The objects of a pool, the oldest first.
pub fn objects(pool: Ref<Pool>) -> impl Iterator<Item = Object> {
    core::iter::successors(pool.first(), |object| object.header().next.get())
}

/// Every object of the kernel except the root pool.
pub fn all_objects(kernel: &Kernel) -> Vec<Object> {
    let mut all: Vec<Object> = objects(kernel.root_pool).collect();
    let mut next = 0;
    while let Some(object) = all.get(next).copied() {
        if let Object::Pool(pool) = object {
            all.extend(objects(pool));
        }
        next += 1;
    }
    all
}

pub fn threads(kernel: &Kernel) -> Vec<Ref<Thread>> {
    let thread = |object| match object {
        Object::Thread(thread) => Some(thread),
        _ => None,
    };
    all_objects(kernel).into_iter().filter_map(thread).collect()
}

/// Checks every invariant.
pub fn check(kernel: &Kernel) {
    check_accounts(kernel);
    derivation::check_writers(kernel);
    derivation::check_authority(kernel);
    check_ready(kernel);
    interrupts::check_interrupts(kernel);
    check_bookmark(kernel.root_pool);
    for object in all_objects(kernel) {
        match object {
            Object::Thread(thread) => check_thread(kernel, thread),
            Object::Endpoint(endpoint) => check_endpoint(endpoint),
            Object::Notification(notification) => check_notification(notification),
            Object::Pool(pool) => check_bookmark(pool),
            Object::Domain(domain) => {
                check_mappings(domain);
                check_settling(kernel, domain);
            }
            _ => {}
        }
    }
}

/// Every frame is either free or accounted for.
fn check_accounts(kernel: &Kernel) {
    let pools = all_objects(kernel)
        .into_iter()
        .filter_map(|object| match object {
            Object::Pool(pool) => Some(pool),
            _ => None,
        });
    let own = |pool: Ref<Pool>| {
        let reserved = objects(pool).map(|object| match object {
            Object::Pool(child) => child.limit,
            _ => 0,
        });
        let paid = pool.domain.get().map_or(0, |it| it.paid_slot_frames());
        pool.used() - reserved.sum::<u64>() - u64::from(paid)
    };
    let spent: u64 = pools.chain([kernel.root_pool]).map(own).sum();
    assert_eq!(kernel.frames.free() + spent, kernel.root_pool.limit);
}

/// The threads in a ready queue have its priority, and the occupied queues are marked.
fn check_ready(kernel: &Kernel) {
    for priority in 0..=PRIORITY_MAX {
        let (queue, is_occupied) = kernel.scheduler.ready(priority);
        assert_eq!(is_occupied, !queue.is_empty(), "priority {priority}");
        for thread in members(queue) {
            assert!(thread.is_runnable());
            assert_eq!(thread.priority.get(), priority);
        }
    }
}

/// A pool's bookmark, the position of its last search, is an object that is still in the pool's list.
fn check_bookmark(pool: Ref<Pool>) {
    if let Some(bookmark) = pool.bookmark() {
        assert!(objects(pool).any(|object| object == bookmark));
    }
}

fn check_thread(kernel: &Kernel, thread: Ref<Thread>) {
    let is_current = kernel.scheduler.current() == Some(thread);
    let queued = thread.link.queued.get();
    match thread.phase.get() {
        Phase::Ready => {
            assert_eq!(queued, thread.is_runnable() && !is_current);
            let (ready, _) = kernel.scheduler.ready(thread.priority.get());
            assert!(!queued || members(ready).contains(&thread));
        }
        Phase::Sending { endpoint, .. } | Phase::SendingFault { endpoint, .. } => {
            assert!(members(&endpoint.senders).contains(&thread));
        }
        Phase::Receiving { endpoint, .. } => {
            assert!(members(&endpoint.receivers).contains(&thread));
        }
        Phase::Waiting { notification, .. } => {
            assert!(members(&notification.waiters).contains(&thread));
        }
        Phase::Awaiting | Phase::AwaitingFault { .. } => assert!(!queued),
    }
    if let Some(next) = thread.link.next.get() {
        assert_eq!(next.link.previous.get(), Some(thread));
    }
    if let Some(previous) = thread.link.previous.get() {
        assert_eq!(previous.link.next.get(), Some(thread));
    }
    let may_run = !thread.held.get() && !thread.stopped.get();
    assert!(may_run || !queued && !is_current);
    let waits = matches!(thread.phase.get(), Phase::Waiting { .. });
    assert!(waits || thread.deadline_ticks.get().is_none());
    if let Some(notification) = thread.bound() {
        assert_eq!(notification.bound.get(), Some(thread));
    }
}

/// Whether it belongs to a retired domain whose outside waiters have all failed.
fn has_no_waiters(header: &Header) -> bool {
    let domain = header.pool.and_then(|pool| pool.domain.get());
    header.is_retired()
        && domain.is_none_or(|domain| domain.pending_waiters.get() == PendingWaiters::None)
}

fn check_endpoint(endpoint: Ref<Endpoint>) {
    assert!(endpoint.senders.is_empty() || endpoint.receivers.is_empty());
    let is_empty = endpoint.senders.is_empty() && endpoint.receivers.is_empty();
    assert!(is_empty || !has_no_waiters(&endpoint.header));
    for thread in members(&endpoint.senders) {
        let there = match thread.phase.get() {
            Phase::Sending { endpoint, .. } | Phase::SendingFault { endpoint, .. } => endpoint,
            phase => panic!("a sender is in phase {phase:?}"),
        };
        assert_eq!(there, endpoint);
    }
    for thread in members(&endpoint.receivers) {
        assert!(
            matches!(thread.phase.get(), Phase::Receiving { endpoint: at, .. } if at == endpoint)
        );
    }
}

fn check_notification(notification: Ref<Notification>) {
    let waiters = members(&notification.waiters);
    assert!(waiters.is_empty() || notification.flags.get() == 0);
    assert!(waiters.is_empty() || !has_no_waiters(&notification.header));
    for thread in waiters {
        assert!(
            matches!(thread.phase.get(), Phase::Waiting { notification: at, .. } if at == notification)
        );
    }
    if let Some(thread) = notification.bound.get() {
        let slot = thread.bound_notification();
        let held = SlotStorage.slot(slot).capability();
        let held = held.map(|capability| capability.object);
        assert_eq!(held, Some(Object::Notification(notification)));
    }
}

/// Threads follow the state of their domain, except those that are yet to be settled. The timer continues an unfinished freeze,
/// thaw or destruction.
fn check_settling(kernel: &Kernel, domain: Ref<Domain>) {
    let first = domain.first_unsettled();
    let settled: Vec<_> = domain
        .threads()
        .take_while(|thread| Some(*thread) != first)
        .collect();
    let follows = |thread: &Ref<Thread>| thread.held.get() != domain.is_running();
    assert!(settled.iter().all(follows));
    let all_settled = settled.len() == domain.thread_count.get();
    assert_eq!(
        all_settled,
        first.is_none(),
        "an unsettled thread is in the domain's list"
    );
    let deadline = domain.deadline_ticks.get();
    let is_retired = domain.pool().is_retired();
    match domain.state() {
        DomainState::Destroying => {}
        state => assert_eq!(is_retired, state == DomainState::Retired),
    }
    let fails_waiters = domain.state() == DomainState::Destroying && is_retired;
    match domain.state() {
        _ if !domain.is_settled() => assert!(deadline.is_some()),
        _ if fails_waiters && domain.pending_waiters.get() != PendingWaiters::None => {
            assert!(deadline.is_some());
        }
        DomainState::Frozen => assert_eq!(deadline, domain.thaw_ticks.get()),
        DomainState::Running | DomainState::Retired | DomainState::Destroying => {
            assert_eq!(deadline, None);
        }
    }
    let earliest = kernel.scheduler.timers.domains.earliest();
    assert!(deadline.is_none_or(|deadline| earliest.is_some_and(|earliest| earliest <= deadline)));
}

/// A domain's mappings are disjoint and in ascending order, and each is in the list of its Memory.
fn check_mappings(domain: Ref<Domain>) {
    let mut end = 0;
    for mapping in domain.mappings() {
        assert!(mapping.start() >= end);
        end = mapping.end();
        let memory = mapping.memory.get().expect("a mapping has a Memory");
        let mut in_memory = core::iter::successors(memory.first_mapping.get(), |mapping| {
            mapping.next_in_memory.get()
        });
        assert!(in_memory.any(|other| other == mapping));
    }
}

/// The members of a queue, whose links must agree.
fn members(queue: &Queue) -> Vec<Ref<Thread>> {
    let members: Vec<_> =
        core::iter::successors(queue.first(), |thread| thread.link.next.get()).collect();
    let mut before = None;
    for thread in &members {
        assert!(thread.link.queued.get());
        assert_eq!(thread.link.previous.get(), before);
        before = Some(*thread);
    }
    members
}
