//! Random words from a generator that may be exhausted temporarily: [`draw`].

/// The number of attempts with an exhausted generator.
const TRIES: u32 = 100;

/// The result of RDRAND and RDSEED: a word, and the carry flag. The word is random if the flag is 1, and zero otherwise.
pub(super) type Drawn = (u64, u8);

/// A random word; `None` if the generator stays exhausted.
pub(super) fn draw(mut generator: impl FnMut() -> Drawn) -> Option<u64> {
    (0..TRIES).find_map(|_| match generator() {
        (value, 1) => Some(value),
        _ => {
            core::hint::spin_loop();
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exhausted_generator_is_retried() {
        let mut words = [(0, 0), (0, 0), (0, 0), (7, 1), (8, 1)].into_iter();
        assert_eq!(draw(|| words.next().unwrap()), Some(7));
        assert_eq!(words.next(), Some((8, 1)), "one attempt too many");
    }

    #[test]
    fn a_generator_that_stays_exhausted_is_tried_only_a_few_times() {
        let mut attempts = 0;
        let exhausted = || {
            attempts += 1;
            (0, 0)
        };
        assert_eq!(draw(exhausted), None);
        assert_eq!(attempts, TRIES);
    }
}
