//! Random words from a generator that may be exhausted temporarily: [`draw`].

/// The number of attempts with an exhausted generator.
const TRIES: u32 = 100;

/// The result of RDRAND and RDSEED: a word, and the carry flag, which is 1 if the word is random. Otherwise the word is zero.
pub(super) type Drawn = (u64, u8);

/// A random word; `None` if the generator stays exhausted. A word without the carry flag is not random.
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
        let mut answers = [(0, 0), (0, 0), (0, 0), (7, 1), (8, 1)].into_iter();
        assert_eq!(draw(|| answers.next().unwrap()), Some(7));
        assert_eq!(answers.next(), Some((8, 1)), "one attempt too many");
    }

    #[test]
    fn a_generator_that_stays_exhausted_is_given_up() {
        let mut asked = 0;
        let exhausted = || {
            asked += 1;
            (0, 0)
        };
        assert_eq!(draw(exhausted), None);
        assert_eq!(asked, TRIES);
    }
}
