//! Destruction in the background, by a thread of the lowest priority.

use guest_support::worker::Page;
use runtime::abi::kind::PoolRights;
use runtime::abi::register::PageCount;
use runtime::capability::Pool;
use runtime::{Cap, Error};

use crate::fixture::{Failure, Fixture, expect, expect_refusal, require};

/// The pages of a pool that is destroyed, and of the Memory in it. Destroying them takes some hundred thousand instructions.
const POOL_PAGES: u64 = 2048;
const MEMORY_PAGES: u64 = 2000;

/// A short time, compared with that.
const MOMENT_NS: u64 = 20_000;
/// A long time, compared with that.
const WATCHED_NS: u64 = 100_000_000;

/// The number of destructions in which another thread may try to run.
const ATTEMPTS: usize = 100;

extern "C" fn spins(_: Page) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// A pool full of pages.
fn full_pool(fixture: &Fixture) -> Result<Cap<Pool>, Failure> {
    let pool = fixture.pool.split(PageCount(POOL_PAGES))?;
    pool.create_populated_memory(PageCount(MEMORY_PAGES))?;
    Ok(pool)
}

/// Passes a pool on to the thread in the background.
fn delegate(fixture: &Fixture, pool: Cap<Pool>) -> Result<(), Failure> {
    let delegated = pool.mint(PoolRights::DESTROY, 0)?;
    let added = fixture.reaper.borrow_mut().add(delegated);
    require("room in the queue", added.is_ok())
}

/// Lets the thread in the background finish; the capability is gone then.
fn wait_for_end(fixture: &Fixture, pool: Cap<Pool>) -> Result<(), Failure> {
    fixture.until(|| pool.report().is_err())?;
    expect_refusal("the report", pool.report(), Error::EmptySlot)?;
    pool.forget();
    Ok(())
}

pub fn waits(fixture: &Fixture) -> Result<(), Failure> {
    let before = fixture.pool.report()?.spent.0;
    let pool = full_pool(fixture)?;
    let spent = pool.report()?.spent.0;
    let spinner = fixture.worker()?;
    let of_spinner = fixture.pool.report()?.spent.0 - before - POOL_PAGES;
    spinner.start_thread(0, spinner.thread, spins, 1)?;
    delegate(fixture, pool)?;
    fixture.pass_time(WATCHED_NS)?;
    expect("the pages of the pool", pool.report()?.spent.0, spent)?;
    spinner.thread.stop()?;
    wait_for_end(fixture, pool)?;
    let left = fixture.pool.report()?.spent.0;
    expect("the pages that are left", left, before + of_spinner)?;
    Ok(spinner.end()?)
}

/// The speed of the processor is not known, so the length of the moment is tried.
pub fn preemption(fixture: &Fixture) -> Result<(), Failure> {
    let mut moment_ns = MOMENT_NS;
    for _ in 0..ATTEMPTS {
        let pool = full_pool(fixture)?;
        let spent = pool.report()?.spent.0;
        delegate(fixture, pool)?;
        expect("the pages of the pool", pool.report()?.spent.0, spent)?;
        fixture.pass_time(moment_ns)?;
        let left = pool.report().map(|report| report.spent.0);
        wait_for_end(fixture, pool)?;
        moment_ns = match left {
            Err(_) => moment_ns / 2,
            Ok(left) if left == spent => moment_ns * 2,
            Ok(_) => return Ok(()),
        };
    }
    Err(Failure::missing("thread that ran in the middle"))
}

pub fn finish(fixture: &Fixture) -> Result<(), Failure> {
    let before = fixture.pool.report()?.spent.0;
    let [needed, other] = [full_pool(fixture)?, empty_pool(fixture, 8)?];
    delegate(fixture, needed)?;
    delegate(fixture, other)?;
    // The thread may be in the middle of the first one.
    fixture.pass_time(MOMENT_NS)?;
    match needed.destroy() {
        Ok(()) => {}
        Err(Error::EmptySlot) => needed.forget(),
        Err(error) => return Err(error.into()),
    }
    let spent = fixture.pool.report()?.spent.0;
    require("memory that is back", spent <= before + 8)?;
    // Its slot is free for another object, which the thread must leave alone.
    let successor = empty_pool(fixture, 8)?;
    wait_for_end(fixture, other)?;
    expect("the pages of the successor", successor.report()?.total.0, 8)?;
    Ok(successor.destroy()?)
}

/// An empty pool of this size.
fn empty_pool(fixture: &Fixture, pages: u64) -> Result<Cap<Pool>, Failure> {
    Ok(fixture.pool.split(PageCount(pages))?)
}
