//! Runs seeds of the simulation, several at a time, and on a failure prints the command that repeats it.
//!
//! ```text
//!   simulate [--seed N] [--cases K | --for SECONDS] [--jobs N] [--pair | --crowd | --guest | --guests] [--trace]
//! ```
//!
//! Without `--seed` the first seed is drawn from the clock. `--pair` simulates two machines and one domain instead of
//! three machines and two domains, `--crowd` two machines and five domains, `--guest` two machines of a fleet and a guest, `--guests`
//! two machines and two guests. `--jobs` is the number of seeds that run at the same time, one per processor by default; the outcome
//! does not depend on it. `--trace` prints every action and every crash of one seed after another. Every 30 s the program prints its
//! progress. If a seed fails, no later seed is begun, the lowest failing seed is printed, and the exit status is 1.

#![forbid(unsafe_code)]

mod campaign;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nomad_simulator::faults::{Faults, Scale};
use nomad_simulator::machine::Mutant;
use nomad_simulator::random::Random;
use nomad_simulator::simulation;

use campaign::Campaign;

const USAGE: &str = "usage: simulate [--seed N] [--cases K | --for SECONDS] [--jobs N] [--pair | --crowd | --guest | --guests] [--trace]";
/// The interval between reports of progress.
const REPORT_EVERY: Duration = Duration::from_secs(30);

/// The parsed arguments.
struct Request {
    campaign: Campaign,
    scale: Scale,
    is_traced: bool,
}

fn main() -> ExitCode {
    let request = match Request::parse(std::env::args().skip(1)) {
        Ok(request) => request,
        Err(why) => {
            eprintln!("simulate: {why}");
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!("simulating from seed {}", request.campaign.first);
    let began = Instant::now();
    let report_progress =
        |ended| println!("{ended} seeds done, no violation, {:.0?}", began.elapsed());
    let verdict = request
        .campaign
        .run(|seed| request.run(seed), report_progress);
    if let Some((seed, why)) = verdict.failed {
        report(seed, request.scale, &why);
        return ExitCode::FAILURE;
    }
    println!(
        "{} seeds end as they should, in {:.1?}",
        verdict.ended,
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
            campaign: Campaign {
                first: seed_from_clock(),
                cases: None,
                time: None,
                jobs: thread::available_parallelism().map_or(1, usize::from),
                report_every: REPORT_EVERY,
            },
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
        if request.is_traced {
            request.campaign.jobs = 1;
        }
        Ok(request)
    }

    fn set(&mut self, option: &str, value: Option<String>) -> Result<(), String> {
        let value = value.ok_or_else(|| format!("{option} needs a value"))?;
        let number = value.parse::<u64>();
        let number = number.map_err(|_| format!("{option} {value}: not a number"))?;
        match option {
            "--seed" => self.campaign.first = number,
            "--cases" => self.campaign.cases = Some(number),
            "--for" => self.campaign.time = Some(Duration::from_secs(number)),
            "--jobs" if number > 0 => self.campaign.jobs = number as usize,
            "--jobs" => return Err("--jobs 0: at least one seed must run".to_owned()),
            _ => return Err(format!("there is no option {option}")),
        }
        Ok(())
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
}

/// The fixed seeds are small numbers. Seeds drawn from the clock are far from them and from each other.
fn seed_from_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs()) * 1_000_000
}
