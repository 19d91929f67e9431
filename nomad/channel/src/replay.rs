//! The replay window: the nonces received already.

/// Nonces that may come out of order.
const WINDOW: u64 = 64;

/// Nonces from here on are never used: the cipher reserves the last one.
pub const NONCE_END: u64 = u64::MAX - 1;

/// The latest nonces received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// One above the highest nonce received.
    next: u64,
    /// Bit `i`: whether `next - 1 - i` was received.
    received: u64,
}

impl Window {
    /// Whether a nonce is new. It is recorded only when its message has proved authentic, by [`Window::mark_received`].
    pub fn is_new(&self, nonce: u64) -> bool {
        if nonce >= NONCE_END {
            return false;
        }
        match self.next.checked_sub(nonce + 1) {
            None => true,
            Some(age) => age < WINDOW && self.received >> age & 1 == 0,
        }
    }

    /// Records the new nonce of an authentic message.
    pub fn mark_received(&mut self, nonce: u64) {
        match self.next.checked_sub(nonce + 1) {
            Some(age) if age < WINDOW => self.received |= 1 << age,
            Some(_) => {}
            None => {
                let ahead = nonce + 1 - self.next;
                let kept = self
                    .received
                    .checked_shl(u32::try_from(ahead).unwrap_or(u32::MAX));
                self.received = kept.unwrap_or(0) | 1;
                self.next = nonce + 1;
            }
        }
    }
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
        assert!(accept(&mut window, 100));
        assert!(!accept(&mut window, 36));
        assert!(accept(&mut window, 37));
        assert!(accept(&mut window, 1000));
        assert!(!accept(&mut window, 101));
        assert!(!accept(&mut window, 100));
    }

    #[test]
    fn the_last_nonces_are_never_used() {
        let window = Window::default();
        assert!(!window.is_new(NONCE_END) && !window.is_new(u64::MAX));
    }
}
