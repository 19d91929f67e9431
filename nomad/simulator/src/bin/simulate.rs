//! Runs seeds of the simulation, one per processor at a time, and on a failure prints the command that repeats it.
//!
//! ```text
//!   simulate [--seed N] [--cases K | --for SECONDS] [--pair | --crowd | --guest | --guests] [--trace]
//! ```
//!
//! Without `--seed` the first seed is drawn from the clock. `--pair` simulates two machines and one domain instead of
//! three machines and two domains, `--crowd` two machines and five domains, `--guest` two machines of a fleet and a guest, `--guests`
//! two machines and two guests. `--trace` prints every action and every
//! crash. If a seed fails, no further seed is begun, and the exit status is 1.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nomad_simulator::faults::{Faults, Scale};
use nomad_simulator::machine::Mutant;
use nomad_simulator::random::Random;
use nomad_simulator::simulation;

/// The default number of seeds.
const CASES: u64 = 1_000;

/// The parsed arguments.
struct Request {
    first: u64,
    cases: Option<u64>,
    time: Option<Duration>,
    scale: Scale,
    is_traced: bool,
}

fn main() -> ExitCode {
    let request = match Request::parse(std::env::args().skip(1)) {
        Ok(request) => request,
        Err(why) => {
            eprintln!("simulate: {why}");
            eprintln!(
                "usage: simulate [--seed N] [--cases K | --for SECONDS] [--pair | --crowd | --guest | --guests] [--trace]"
            );
            return ExitCode::from(2);
        }
    };
    println!("simulating from seed {}", request.first);
    let began = Instant::now();
    let lanes = if request.is_traced {
        1
    } else {
        thread::available_parallelism().map_or(1, usize::from)
    };
    let (ended, failed) = request.run_all(lanes, began);
    for (seed, why) in &failed {
        report(*seed, request.scale, why);
    }
    if !failed.is_empty() {
        return ExitCode::FAILURE;
    }
    println!(
        "{ended} seeds end as they should, in {:.1?}",
        began.elapsed()
    );
    ExitCode::SUCCESS
}

fn report(seed: u64, scale: Scale, why: &str) {
    let faults = Faults::from_seed(seed, scale, &mut Random::new(seed));
    let option = match scale {
        Scale::PAIR => " --pair",
        Scale::CROWD => " --crowd",
        Scale::GUEST => " --guest",
        Scale::GUESTS => " --guests",
        _ => "",
    };
    println!("seed {seed} fails: {why}");
    println!("{faults:#?}");
    println!("again: cargo xtask sim --seed {seed} --cases 1{option}");
}

impl Request {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut request = Request {
            first: seed_from_clock(),
            cases: None,
            time: None,
            scale: Scale::DEFAULT,
            is_traced: false,
        };
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--pair" => request.scale = Scale::PAIR,
                "--crowd" => request.scale = Scale::CROWD,
                "--guest" => request.scale = Scale::GUEST,
                "--guests" => request.scale = Scale::GUESTS,
                "--trace" => request.is_traced = true,
                _ => request.set(&option, arguments.next())?,
            }
        }
        Ok(request)
    }

    fn set(&mut self, option: &str, value: Option<String>) -> Result<(), String> {
        let value = value.ok_or_else(|| format!("{option} needs a value"))?;
        let number = value.parse::<u64>();
        let number = number.map_err(|_| format!("{option} {value}: not a number"))?;
        match option {
            "--seed" => self.first = number,
            "--cases" => self.cases = Some(number),
            "--for" => self.time = Some(Duration::from_secs(number)),
            _ => return Err(format!("there is no option {option}")),
        }
        Ok(())
    }

    /// Runs seeds in parallel until enough have ended or one has failed; returns the number of seeds that ended, and
    /// those that failed.
    fn run_all(&self, lanes: usize, began: Instant) -> (u64, Vec<(u64, String)>) {
        let (next, ended) = (AtomicU64::new(0), AtomicU64::new(0));
        let failed = Mutex::new(BTreeMap::new());
        let failures = || failed.lock().expect("a seed that panics is caught");
        let lane = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if !failures().is_empty() || !self.continues(index, began.elapsed()) {
                    return;
                }
                let seed = self.first.wrapping_add(index);
                if let Err(why) = self.run(seed) {
                    failures().insert(index, (seed, why));
                }
                ended.fetch_add(1, Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            for _ in 0..lanes {
                scope.spawn(lane);
            }
        });
        let failed = failed.into_inner().expect("a seed that panics is caught");
        (ended.into_inner(), failed.into_values().collect())
    }

    fn run(&self, seed: u64) -> Result<(), String> {
        let run = || {
            if self.is_traced {
                simulation::trace(seed, self.scale)
            } else {
                simulation::run_mutant(seed, self.scale, Mutant::None)
            }
        };
        match catch_unwind(run) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failure)) => Err(format!("{failure:?}")),
            // The panic was printed to the standard error.
            Err(_) => Err("panicked".to_owned()),
        }
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

/// The fixed seeds are small numbers. Seeds drawn from the clock are far from them and from each other.
fn seed_from_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs()) * 1_000_000
}
