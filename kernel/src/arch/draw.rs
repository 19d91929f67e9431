//! Words from a generator that may have none to give at the moment: [`draw`].

/// How often a generator that has nothing to give is asked again.
const TRIES: u32 = 100;

/// What RDRAND and RDSEED leave: a word, and the carry flag, which is 1 if the word is random. It is zero otherwise.
pub(super) type Drawn = (u64, u8);

/// A random word; none if the generator never has one. What comes without the carry flag is no random word.
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
    fn a_generator_that_is_exhausted_is_asked_again() {
        let mut answers = [(0, 0), (0, 0), (0, 0), (7, 1), (8, 1)].into_iter();
        assert_eq!(draw(|| answers.next().unwrap()), Some(7));
        assert_eq!(answers.next(), Some((8, 1)), "asked once too often");
    }

    #[test]
    fn a_generator_that_never_has_a_word_is_given_up() {
        let mut asked = 0;
        let exhausted = || {
            asked += 1;
            (0, 0)
        };
        assert_eq!(draw(exhausted), None);
        assert_eq!(asked, TRIES);
    }
}
