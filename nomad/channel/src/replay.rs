//! The replay window: the nonces received already (the algorithm of RFC 6479).

/// Nonces per word of the window.
const WORD: u64 = u64::BITS as u64;
/// The window's words, used in turn. One more than the window needs, since the highest nonce's word may be partly used.
const WORDS: usize = 17;
/// Nonces that may come out of order: more than a page stream has in flight.
const WINDOW: u64 = (WORDS as u64 - 1) * WORD;

/// Nonces from here on are never used: Noise reserves the last one.
pub const NONCE_END: u64 = u64::MAX - 1;

/// The latest nonces received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// One above the highest nonce received.
    next: u64,
    /// One bit per nonce, for the nonces at most [`WINDOW`] below `next`.
    received: [u64; WORDS],
}

impl Window {
    /// Whether a nonce is new. [`Window::mark_received`] records it once its message has proved authentic.
    pub fn is_new(&self, nonce: u64) -> bool {
        if nonce >= NONCE_END {
            return false;
        }
        let is_ahead = nonce >= self.next;
        let is_recent = self.next.saturating_sub(nonce) <= WINDOW;
        let (word, bit) = place(nonce);
        is_ahead || (is_recent && self.received[word] & bit == 0)
    }

    /// Records the new nonce of an authentic message.
    pub fn mark_received(&mut self, nonce: u64) {
        if nonce >= self.next {
            // The words after the highest nonce's word, up to this nonce's word, hold nonces that are too old now.
            let first = self.next.div_ceil(WORD);
            let count = (nonce / WORD + 1).saturating_sub(first).min(WORDS as u64);
            for word in 0..count {
                self.received[place((nonce / WORD - word) * WORD).0] = 0;
            }
            self.next = nonce + 1;
        }
        let (word, bit) = place(nonce);
        self.received[word] |= bit;
    }
}

/// The word and the bit of a nonce.
fn place(nonce: u64) -> (usize, u64) {
    ((nonce / WORD) as usize % WORDS, 1 << (nonce % WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(window: &mut Window, nonce: u64) -> bool {
        let new = window.is_new(nonce);
        if new {
            window.mark_received(nonce);
        }
        new
    }

    #[test]
    fn accepts_each_nonce_once_in_any_order() {
        let mut window = Window::default();
        for nonce in [3, 0, 1, 5, 2, 4, 63, 64, 30] {
            assert!(accept(&mut window, nonce), "{nonce}");
            assert!(!accept(&mut window, nonce), "{nonce}");
        }
    }

    #[test]
    fn refuses_a_nonce_older_than_the_window() {
        let mut window = Window::default();
        assert!(accept(&mut window, 5000));
        assert!(!accept(&mut window, 5000 - WINDOW));
        assert!(accept(&mut window, 5001 - WINDOW));
        assert!(accept(&mut window, 100_000));
        assert!(!accept(&mut window, 5001));
        assert!(!accept(&mut window, 5000));
    }

    #[test]
    fn agrees_with_a_list_of_all_nonces() {
        let mut window = Window::default();
        let mut all = alloc::collections::BTreeSet::new();
        let mut draw = 1_u64;
        for _ in 0..50_000 {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let highest = all.last().copied().unwrap_or(0);
            let jump = if draw >> 40 & 63 == 0 {
                3 * WINDOW
            } else {
                100
            };
            let nonce = (highest + (draw >> 33) % jump).saturating_sub(draw >> 20 & 0x7ff);
            let is_recent = nonce + WINDOW > highest;
            let expected = all.is_empty() || (is_recent && !all.contains(&nonce));
            assert_eq!(
                accept(&mut window, nonce),
                expected,
                "{nonce} after {highest}"
            );
            if expected {
                all.insert(nonce);
            }
        }
    }

    #[test]
    fn the_last_nonces_are_never_used() {
        let window = Window::default();
        assert!(!window.is_new(NONCE_END) && !window.is_new(u64::MAX));
    }
}
