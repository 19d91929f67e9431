//! How a run that chance has a part in is repeated: by variables of the environment.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::splitmix::splitmix64;

/// The number that a variable holds, if it is set.
///
/// # Panics
///
/// If it holds something else.
pub fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    let number = text.parse().ok();
    Some(number.unwrap_or_else(|| panic!("{name} is no number: {text}")))
}

/// A seed that no run had before.
///
/// # Panics
///
/// If the clock is before 1970.
pub fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    splitmix64(now.expect("a clock after 1970").as_nanos() as u64)
}
