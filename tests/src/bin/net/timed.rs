//! The figures in wall time, from machines that run in real time, and their memory.
//!
//! The systems' machines run at the same time, each on its own segment, and take turns: the host may have other work, which then slows
//! down all of them. Each measurement is repeated, and its best result is printed.

use harness::fleet::LIMIT;

use crate::figures::Figures;
use crate::memory;
use crate::nic::Nic;
use crate::site::Site;
use crate::system::System;

/// The number of measurements of which the best is printed.
const REPETITIONS: usize = 3;
/// The size of a value in bulk transfers.
const BULK_BYTES: u32 = 256 << 10;
/// The number of echo requests one after the other, and that of echo requests of which several are in flight.
const ROUND_TRIPS: usize = 1_000;
const FRAMES: usize = 20_000;
const WINDOW: usize = 32;

/// A measurement, which is repeated.
struct Measurement {
    /// The figure.
    name: &'static str,
    unit: &'static str,
    decimals: usize,
    /// The better one of two results.
    better: fn(f64, f64) -> f64,
    run: fn(&mut Site) -> f64,
}

const MEASUREMENTS: [Measurement; 11] = [
    time("round_trip.echo", round_trip_of_an_echo),
    rate("echoes", ("frames/s", 0), echoes_per_s),
    time("round_trip.set", |site| {
        site.load("-n 3000 -c 1 -t set").median_ms
    }),
    requests("rate.set.1", |site| {
        requests_per_s(site, "-n 3000 -c 1 -t set")
    }),
    requests("rate.get.1", |site| {
        requests_per_s(site, "-n 3000 -c 1 -t get")
    }),
    requests("rate.set.50", |site| {
        requests_per_s(site, "-n 15000 -c 50 -t set")
    }),
    requests("rate.get.50", |site| {
        requests_per_s(site, "-n 15000 -c 50 -t get")
    }),
    requests("rate.set.50.pipeline_16", |site| {
        requests_per_s(site, "-n 50000 -c 50 -P 16 -t set")
    }),
    requests("rate.get.50.pipeline_16", |site| {
        requests_per_s(site, "-n 50000 -c 50 -P 16 -t get")
    }),
    // A transfer of large values to the store, and one from it.
    rate("bulk_in", ("MB/s", 2), |site| bulk_mb_per_s(site, "set")),
    rate("bulk_out", ("MB/s", 2), |site| bulk_mb_per_s(site, "get")),
];

/// A time in ms, of which the shortest is the best.
const fn time(name: &'static str, run: fn(&mut Site) -> f64) -> Measurement {
    Measurement {
        name,
        unit: "ms",
        decimals: 3,
        better: f64::min,
        run,
    }
}

/// A rate, of which the highest is the best.
const fn rate(
    name: &'static str,
    (unit, decimals): (&'static str, usize),
    run: fn(&mut Site) -> f64,
) -> Measurement {
    Measurement {
        name,
        unit,
        decimals,
        better: f64::max,
        run,
    }
}

const fn requests(name: &'static str, run: fn(&mut Site) -> f64) -> Measurement {
    rate(name, ("requests/s", 0), run)
}

/// Prints the figures of a card under each of these systems.
pub fn measure(nic: Nic, systems: &[System<'_>], figures: &mut [Figures]) {
    let mut sites = Vec::new();
    for (system, figures) in systems.iter().zip(figures.iter_mut()) {
        let mut site = Site::start(nic, *system, |options| options);
        site.await_pong();
        let boot_ms = site.started.elapsed().as_secs_f64() * 1e3;
        figures.print("boot", format!("{boot_ms:.0}"), "ms");
        site.settle();
        memory::print(figures, &mut site, *system);
        site.pinger.resolve(LIMIT);
        sites.push(site);
    }
    for measurement in MEASUREMENTS {
        let results = best(&mut sites, measurement.better, measurement.run);
        for (result, figures) in results.into_iter().zip(figures.iter_mut()) {
            let Measurement {
                name,
                unit,
                decimals,
                ..
            } = measurement;
            figures.print(name, format!("{result:.decimals$}"), unit);
        }
    }
}

/// The best result of several runs for each subject. The subjects take turns.
fn best<T>(
    subjects: &mut [T],
    better: fn(f64, f64) -> f64,
    run: impl Fn(&mut T) -> f64,
) -> Vec<f64> {
    let mut results: Vec<f64> = subjects.iter_mut().map(&run).collect();
    for _ in 1..REPETITIONS {
        for (subject, result) in subjects.iter_mut().zip(&mut results) {
            *result = better(*result, run(subject));
        }
    }
    results
}

/// The median, in ms.
fn round_trip_of_an_echo(site: &mut Site) -> f64 {
    let echoes = site.pinger.ping(ROUND_TRIPS, 1);
    echoes.round_trips[ROUND_TRIPS / 2].as_secs_f64() * 1e3
}

fn echoes_per_s(site: &mut Site) -> f64 {
    FRAMES as f64 / site.pinger.ping(FRAMES, WINDOW).elapsed.as_secs_f64()
}

fn requests_per_s(site: &Site, load: &str) -> f64 {
    site.load(load).requests_per_s
}

fn bulk_mb_per_s(site: &Site, test: &str) -> f64 {
    let row = site.load(&format!("-n 200 -c 1 -d {BULK_BYTES} -t {test}"));
    row.requests_per_s * f64::from(BULK_BYTES) / 1e6
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn subjects_take_turns_and_the_best_result_of_each_counts() {
        let order = RefCell::new(String::new());
        // Each subject has its name and its next results.
        let mut subjects = [('a', vec![2.0, 9.0, 5.0]), ('b', vec![4.0, 1.0, 3.0])];
        let most = best(&mut subjects, f64::max, |(name, results)| {
            order.borrow_mut().push(*name);
            results.pop().expect("three results")
        });
        assert_eq!(most, [9.0, 4.0]);
        assert_eq!(order.into_inner(), "ababab");
    }
}
