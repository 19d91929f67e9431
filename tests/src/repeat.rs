//! Environment variables by which a randomized run can be repeated.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::splitmix::splitmix64;

/// The number in a variable, if it is set.
///
/// # Panics
///
/// If it is not a number.
pub fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    let number = text.parse().ok();
    Some(number.unwrap_or_else(|| panic!("{name} is not a number: {text}")))
}

/// A seed that no run has used before.
///
/// # Panics
///
/// If the clock is before 1970.
pub fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    splitmix64(now.expect("a clock after 1970").as_nanos() as u64)
}
