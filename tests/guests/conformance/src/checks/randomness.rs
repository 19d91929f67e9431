//! The kernel's random numbers.

use crate::fixture::{Failure, Fixture, require};

const WORDS: usize = 64;

/// Every bit is set in some words and clear in others, and all words differ: a failed generator repeats one word.
pub fn words(fixture: &Fixture) -> Result<(), Failure> {
    let mut words = [0; WORDS];
    for word in &mut words {
        *word = fixture.hardware.random()?;
    }
    let set = words.iter().fold(0, |all, word| all | word);
    let clear = words.iter().fold(0, |all, word| all | !word);
    require("word with each bit set", set == u64::MAX)?;
    require("word with each bit clear", clear == u64::MAX)?;
    words.sort_unstable();
    let differ = words.windows(2).all(|pair| pair[0] != pair[1]);
    require("difference between random words", differ)
}
