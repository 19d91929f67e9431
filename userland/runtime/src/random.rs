//! The domain's random numbers: SHA-256 over the start page's seed and a counter.
//!
//! ```text
//! start page's seed -> Generator --- fork ----> generators of their own
//!                               \--- fill ----> getrandom, and every crate that uses it
//! ```
//!
//! Only this module reads the seed, so the random numbers that a domain reveals, such as sequence or port numbers, reveal
//! nothing about those that it keeps secret. The generator lies in the domain's memory and moves with it.

use abi::start_page::StartPage;
use sha2::{Digest, Sha256};
use spin::Mutex;

/// The number of bytes per draw.
const DRAW_BYTES: usize = 32;

/// The domain's generator, behind a lock that is never contended: one thread uses it.
static GENERATOR: Mutex<Generator> = Mutex::new(Generator::new([0; 4]));

/// A generator of random bytes.
struct Generator {
    seed: [u64; 4],
    drawn: u64,
}

impl Generator {
    const fn new(seed: [u64; 4]) -> Generator {
        Generator { seed, drawn: 0 }
    }

    /// The next bytes.
    fn draw(&mut self) -> [u8; DRAW_BYTES] {
        let mut hash = Sha256::new();
        for word in self.seed {
            hash.update(word.to_le_bytes());
        }
        hash.update(self.drawn.to_le_bytes());
        self.drawn += 1;
        hash.finalize().into()
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(DRAW_BYTES) {
            chunk.copy_from_slice(&self.draw()[..chunk.len()]);
        }
    }

    fn fork(&mut self) -> [u64; 4] {
        let drawn = self.draw();
        let word = |index: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&drawn[8 * index..][..8]);
            u64::from_le_bytes(word)
        };
        core::array::from_fn(word)
    }
}

/// Seeds the generator from the start page.
pub(crate) fn install(page: &StartPage) {
    *GENERATOR.lock() = Generator::new(page.seed);
}

/// Fills `bytes` with random numbers. On the host, where there is no start page, they are the same in every run.
pub fn fill(bytes: &mut [u8]) {
    GENERATOR.lock().fill(bytes);
}

/// Draws a seed for an independent generator.
pub fn fork() -> [u64; 4] {
    GENERATOR.lock().fork()
}

/// The backend of `getrandom` 0.3 and 0.4, selected by `--cfg getrandom_backend="custom"` in the xtask's `freestanding.rs` for
/// every crate of a domain: neither an author's crate nor its dependencies need a flag or feature.
#[cfg(target_os = "caravan")]
mod backend {
    use core::slice;

    use getrandom::Error;

    /// # Safety
    /// `bytes` is writable for `count` bytes: getrandom, the only caller, guarantees it.
    #[unsafe(no_mangle)]
    unsafe extern "Rust" fn __getrandom_v03_custom(
        bytes: *mut u8,
        count: usize,
    ) -> Result<(), Error> {
        // The bytes may be uninitialised, and a slice must not contain such bytes, so they are zeroed first.
        // SAFETY: The caller guarantees the range.
        let bytes = unsafe {
            bytes.write_bytes(0, count);
            slice::from_raw_parts_mut(bytes, count)
        };
        super::fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const SEED: [u64; 4] = [1, 2, 3, 4];

    fn words(bytes: &[u8]) -> Vec<u64> {
        let words = bytes.chunks_exact(8);
        let word = |word: &[u8]| u64::from_le_bytes(word.try_into().unwrap());
        words.map(word).collect()
    }

    #[test]
    fn draws_are_new_and_reveal_no_word_of_the_seed() {
        let mut generator = Generator::new(SEED);
        let mut bytes = [0; 200];
        generator.fill(&mut bytes);
        let mut seen = words(&bytes);
        seen.extend(generator.fork());
        seen.extend(generator.fork());
        for (index, word) in seen.iter().enumerate() {
            assert!(!SEED.contains(word));
            assert!(!seen[..index].contains(word));
        }
    }

    #[test]
    fn every_byte_is_filled_and_follows_from_the_seed() {
        let fill = |seed, count| {
            let mut bytes = [0; 70];
            Generator::new(seed).fill(&mut bytes[..count]);
            bytes
        };
        for count in [0, 1, 31, 32, 33, 64, 70] {
            let bytes = fill(SEED, count);
            assert_eq!(bytes[..count], fill(SEED, 70)[..count]);
            assert_eq!(bytes[count..], [0; 70][count..]);
        }
        assert_ne!(fill(SEED, 70), fill([1, 2, 3, 5], 70));
    }

    #[test]
    fn a_fork_differs_from_its_origin() {
        let mut origin = Generator::new(SEED);
        let mut fork = Generator::new(origin.fork());
        assert_ne!(fork.draw(), origin.draw());
    }
}
