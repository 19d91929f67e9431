//! Domains write, clear, populate and discard pages between the rounds of a move, and the destination has the same pages.

use nomad_simulator::faults::Scale;
use nomad_simulator::history::Violation;
use nomad_simulator::machine::Mutant;
use nomad_simulator::memory::ZERO;
use nomad_simulator::simulation::{self, Failure};

const SEEDS: u64 = 500;

/// Mutations of the shipped code are caught here: `cargo xtask mutations`.
#[test]
fn every_page_arrives_as_it_was() {
    for seed in 0..SEEDS {
        simulation::run(seed).unwrap_or_else(|failure| panic!("seed {seed}: {failure:?}"));
    }
}

#[test]
fn a_discarded_page_that_comes_back_is_caught() {
    let mutant = Mutant::FreezeForgetsDiscards;
    let run = |seed| simulation::run_mutant(seed, Scale::DEFAULT, mutant).err();
    let failure = (0..SEEDS).find_map(run).expect("it is caught");
    let Failure::Violation(_, Violation::ContentsDiffer { retired, activated }) = failure else {
        panic!("{failure:?}");
    };
    let pages = 0..retired.pages.page_count();
    let [retired, activated] = [retired, activated].map(|contents| contents.pages);
    let mut reappeared = pages.filter(|page| retired.get(*page).is_none());
    assert!(reappeared.any(|page| activated.get(page).is_some()));
    // Among the pages of a run are zero pages too.
    assert!((0..retired.page_count()).any(|page| retired.get(page) == ZERO));
}
