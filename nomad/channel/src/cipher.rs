//! The ciphers of a session. The handshake negotiates the [`Suite`]; each direction has a [`Cipher`] with its own key.
//!
//! AES-GCM is several times faster than ChaCha20-Poly1305 where the processor has instructions for it, and several times slower
//! where it has none. So a session uses AES-GCM if both processors have the instructions.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use aes_gcm::Aes256Gcm;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};

/// Bytes that encryption adds to a message.
pub const TAG_BYTES: usize = 16;

/// A cipher that both ends of a session can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Suite {
    /// ChaCha20-Poly1305 (RFC 8439), which every machine has.
    ChaCha20Poly1305 = 1,
    /// AES-256-GCM (NIST SP 800-38D), by the processor's instructions.
    Aes256Gcm = 2,
}

/// The suites of a machine: the sum of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suites(u8);

impl Suites {
    /// The suite that every machine has.
    pub const PORTABLE: Suites = Suites(Suite::ChaCha20Poly1305 as u8);
    /// All suites.
    pub const ALL: Suites = Suites(Suites::PORTABLE.0 | Suite::Aes256Gcm as u8);

    /// The suites that this processor has instructions for, and the portable one.
    pub fn of_this_machine() -> Suites {
        if has_aes() {
            Suites::ALL
        } else {
            Suites::PORTABLE
        }
    }

    /// The suites that a peer states. Suites of later versions are ignored.
    pub fn from_byte(byte: u8) -> Suites {
        Suites(byte & Suites::ALL.0)
    }

    /// The byte that states these suites.
    pub fn to_byte(self) -> u8 {
        self.0
    }

    /// The fastest suite that is in both sets; `None` if there is none.
    pub fn best_with(self, other: Suites) -> Option<Suite> {
        let is_common = |suite: &Suite| self.0 & other.0 & *suite as u8 != 0;
        let by_speed = [Suite::Aes256Gcm, Suite::ChaCha20Poly1305];
        by_speed.into_iter().find(is_common)
    }
}

#[cfg(target_arch = "x86_64")]
fn has_aes() -> bool {
    cpufeatures::new!(instructions, "aes", "pclmulqdq");
    instructions::get()
}

#[cfg(not(target_arch = "x86_64"))]
fn has_aes() -> bool {
    false
}

/// One direction of a session: a suite and a key.
pub enum Cipher {
    /// [`Suite::ChaCha20Poly1305`].
    ChaCha20Poly1305(Box<ChaCha20Poly1305>),
    /// [`Suite::Aes256Gcm`].
    Aes256Gcm(Box<Aes256Gcm>),
}

impl Cipher {
    /// The cipher of a suite with this key.
    pub fn new(suite: Suite, key: &[u8; 32]) -> Cipher {
        match suite {
            Suite::ChaCha20Poly1305 => {
                Cipher::ChaCha20Poly1305(Box::new(ChaCha20Poly1305::new(key.into())))
            }
            Suite::Aes256Gcm => Cipher::Aes256Gcm(Box::new(Aes256Gcm::new(key.into()))),
        }
    }

    /// Encrypts a message into `sealed`, with a nonce that was never used before. `None` if `sealed` is not [`TAG_BYTES`] longer
    /// than the message.
    pub fn seal(&self, nonce: u64, message: &[u8], sealed: &mut [u8]) -> Option<()> {
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_BYTES>()?;
        let text = InOutBuf::new(message, text).ok()?;
        let nonce = &self.nonce(nonce);
        let made = match self {
            Cipher::ChaCha20Poly1305(cipher) => cipher.encrypt_inout_detached(nonce, &[], text),
            Cipher::Aes256Gcm(cipher) => cipher.encrypt_inout_detached(nonce, &[], text),
        };
        *tag = made.ok()?.into();
        Some(())
    }

    /// Decrypts a message; `None` if it is not authentic.
    pub fn open(&self, nonce: u64, sealed: &[u8]) -> Option<Vec<u8>> {
        let (text, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
        let (nonce, tag) = (&self.nonce(nonce), tag.into());
        let mut message = vec![0; text.len()];
        let text = InOutBuf::new(text, &mut message).ok()?;
        let opened = match self {
            Cipher::ChaCha20Poly1305(cipher) => {
                cipher.decrypt_inout_detached(nonce, &[], text, tag)
            }
            Cipher::Aes256Gcm(cipher) => cipher.decrypt_inout_detached(nonce, &[], text, tag),
        };
        opened.ok().map(|()| message)
    }

    /// The nonce as the Noise specification encodes it for each cipher (revision 34, section 12).
    fn nonce(&self, number: u64) -> Nonce {
        let number = match self {
            Cipher::ChaCha20Poly1305(_) => number.to_le_bytes(),
            Cipher::Aes256Gcm(_) => number.to_be_bytes(),
        };
        let mut nonce = Nonce::default();
        nonce[4..].copy_from_slice(&number);
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const SUITES: [Suite; 2] = [Suite::ChaCha20Poly1305, Suite::Aes256Gcm];

    #[test]
    fn the_fastest_common_suite_is_chosen() {
        let best = |one: Suites, other: Suites| one.best_with(other);
        assert_eq!(best(Suites::ALL, Suites::ALL), Some(Suite::Aes256Gcm));
        for (one, other) in [
            (Suites::ALL, Suites::PORTABLE),
            (Suites::PORTABLE, Suites::ALL),
        ] {
            assert_eq!(best(one, other), Some(Suite::ChaCha20Poly1305));
        }
        assert_eq!(best(Suites::ALL, Suites::from_byte(0xfc)), None);
        assert_eq!(Suites::from_byte(0xff), Suites::ALL);
    }

    #[test]
    fn only_the_same_suite_key_and_nonce_open_a_message() {
        for suite in SUITES {
            let cipher = Cipher::new(suite, &[7; 32]);
            let mut sealed = vec![0; 5 + TAG_BYTES];
            assert_eq!(cipher.seal(1 << 40, b"pages", &mut sealed), Some(()));
            assert_eq!(cipher.open(1 << 40, &sealed), Some(b"pages".to_vec()));
            assert_eq!(cipher.open(1, &sealed), None);
            assert_eq!(Cipher::new(suite, &[8; 32]).open(1 << 40, &sealed), None);
            for other in SUITES.into_iter().filter(|other| *other != suite) {
                assert_eq!(Cipher::new(other, &[7; 32]).open(1 << 40, &sealed), None);
            }
            sealed[2] ^= 1;
            assert_eq!(cipher.open(1 << 40, &sealed), None);
        }
    }

    #[test]
    fn a_buffer_of_another_length_is_refused() {
        let cipher = Cipher::new(Suite::Aes256Gcm, &[7; 32]);
        for length in [0, TAG_BYTES, 4 + TAG_BYTES, 6 + TAG_BYTES] {
            assert_eq!(cipher.seal(1, b"pages", &mut vec![0; length]), None);
            assert_eq!(cipher.open(1, &vec![0; length]), None);
        }
    }
}
