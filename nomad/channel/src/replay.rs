//! The replay window: which nonces were heard already.

/// Nonces that may come out of order.
const WINDOW: u64 = 64;

/// No message has a nonce from here on: the cipher keeps the last one for itself.
pub const NONCE_END: u64 = u64::MAX - 1;

/// The latest nonces heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// One above the highest heard.
    next: u64,
    /// Bit `i`: whether `next - 1 - i` was heard.
    heard: u64,
}

impl Window {
    /// Whether a nonce is new. It is not noted: only what turns out to be authentic is.
    pub fn is_new(&self, nonce: u64) -> bool {
        if nonce >= NONCE_END {
            return false;
        }
        match self.next.checked_sub(nonce + 1) {
            None => true,
            Some(age) => age < WINDOW && self.heard >> age & 1 == 0,
        }
    }

    /// Notes a nonce of an authentic message that was new.
    pub fn note(&mut self, nonce: u64) {
        match self.next.checked_sub(nonce + 1) {
            Some(age) if age < WINDOW => self.heard |= 1 << age,
            Some(_) => {}
            None => {
                let ahead = nonce + 1 - self.next;
                let kept = self
                    .heard
                    .checked_shl(u32::try_from(ahead).unwrap_or(u32::MAX));
                self.heard = kept.unwrap_or(0) | 1;
                self.next = nonce + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(window: &mut Window, nonce: u64) -> bool {
        let new = window.is_new(nonce);
        if new {
            window.note(nonce);
        }
        new
    }

    #[test]
    fn hears_each_nonce_once_in_whatever_order() {
        let mut window = Window::default();
        for nonce in [3, 0, 1, 5, 2, 4, 63, 64, 30] {
            assert!(hear(&mut window, nonce), "{nonce}");
            assert!(!hear(&mut window, nonce), "{nonce}");
        }
    }

    #[test]
    fn what_is_too_old_was_heard() {
        let mut window = Window::default();
        assert!(hear(&mut window, 100));
        assert!(!hear(&mut window, 36));
        assert!(hear(&mut window, 37));
        assert!(hear(&mut window, 1000));
        assert!(!hear(&mut window, 101));
        assert!(!hear(&mut window, 100));
    }

    #[test]
    fn the_last_nonces_are_never_used() {
        let window = Window::default();
        assert!(!window.is_new(NONCE_END) && !window.is_new(u64::MAX));
    }
}
