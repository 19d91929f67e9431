//! The largest domain that may move: as many threads, objects and capabilities as the migration server takes. It says in which
//! incarnation it runs, so that a test can follow.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
runtime::entry!(crowd::main);

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod crowd {
    use abi::THREADS_MAX;
    use runtime::capability::{Domain, Notification, Pool};
    use runtime::{Cap, Error, Start, clock, log};

    /// Threads, this one included.
    const THREADS: usize = THREADS_MAX;
    /// Capabilities: a little fewer than its `CAPABILITIES_MAX`, since there are some at the start.
    const CAPABILITIES: usize = 4_000;
    /// The slots of the domain's table.
    const SLOTS: u32 = 4_096;
    /// How long it waits before it looks at its incarnation again.
    const LOOK_NS: u64 = 50_000_000;

    /// The program.
    pub fn main(start: Start) -> ! {
        let silence = grow(&start).unwrap_or_else(|error| panic!("cannot grow: {error}"));
        log::info!("has {THREADS} threads and {CAPABILITIES} capabilities");
        let mut said = u64::MAX;
        loop {
            if clock::incarnation() != said {
                said = clock::incarnation();
                log::info!("runs in incarnation {said}");
            }
            // Nobody signals it.
            let _ = silence.wait_until_ns(clock::now_ns() + LOOK_NS);
        }
    }

    fn grow(start: &Start) -> Result<Cap<Notification>, Error> {
        let (pool, domain): (Cap<Pool>, Cap<Domain>) =
            (start.require("pool"), start.require("domain"));
        domain.grow(SLOTS)?;
        for _ in 1..THREADS {
            domain.create_thread()?;
        }
        for _ in THREADS..CAPABILITIES {
            pool.create_notification()?;
        }
        pool.create_notification()
    }
}
