//! The conversion between an object's serial number and its public [`ObjectId`]: [`IdentityKeys`].
//!
//! Serial numbers count the objects of the whole machine in the order of creation. If they were public, a creator of two
//! objects could see from their numbers how many other objects were created in between. That would be a covert channel
//! between domains that share nothing. So the public identity is the encrypted serial number. The cipher is a Feistel
//! network of 32-bit halves, and its random keys are generated when the kernel starts. Encryption is a permutation, so
//! identities are as unique as serial numbers.
//!
//! ```text
//!   left, right = right, left XOR mix(right, key)      for each key
//! ```

use abi::register::ObjectId;

const ROUNDS: usize = 6;

/// The identities that are not an object's: 0 for no object, `u64::MAX` for the end of a list.
const RESERVED: [u64; 2] = [0, u64::MAX];

/// The secret keys that encrypt serial numbers.
#[derive(Clone, Copy)]
pub struct IdentityKeys([u64; ROUNDS]);

impl IdentityKeys {
    /// Generates keys from a source of unpredictable numbers.
    pub fn generate(mut random: impl FnMut() -> u64) -> IdentityKeys {
        IdentityKeys(core::array::from_fn(|_| random()))
    }

    /// The identity of the object with this serial number.
    pub fn identity(&self, serial: u64) -> ObjectId {
        ObjectId(past_reserved(serial, |number| self.encrypt(number)))
    }

    /// The serial number of the object with this identity; an arbitrary number if there is no such object.
    pub fn serial(&self, id: ObjectId) -> u64 {
        past_reserved(id.0, |number| self.decrypt(number))
    }

    fn encrypt(&self, number: u64) -> u64 {
        let forth = |(left, right), key: &u64| (right, left ^ mix(right, *key));
        join(self.0.iter().fold(split(number), forth))
    }

    fn decrypt(&self, number: u64) -> u64 {
        let back = |(left, right), key: &u64| (right ^ mix(left, *key), left);
        join(self.0.iter().rev().fold(split(number), back))
    }
}

/// Applies a permutation repeatedly until the result is not reserved (cycle walking). This is a permutation too, and it
/// leaves the reserved numbers unchanged.
fn past_reserved(number: u64, permute: impl Fn(u64) -> u64) -> u64 {
    if RESERVED.contains(&number) {
        return number;
    }
    let mut next = permute(number);
    while RESERVED.contains(&next) {
        next = permute(next);
    }
    next
}

fn split(number: u64) -> (u32, u32) {
    ((number >> 32) as u32, number as u32)
}

fn join((left, right): (u32, u32)) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

/// The round function: two multiplications, so that every bit of the half and of the key affects every bit of the result.
fn mix(half: u32, key: u64) -> u32 {
    let mixed = (u64::from(half) ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Weak keys, counted up from a seed.
    fn keys(seed: u64) -> IdentityKeys {
        let mut next = seed;
        IdentityKeys::generate(|| {
            next += 1;
            next.wrapping_mul(0xbf58_476d_1ce4_e5b9)
        })
    }

    #[test]
    fn decrypting_an_identity_returns_its_serial_number() {
        for seed in 0..4 {
            let keys = keys(seed);
            let numbers = (1..10_000).chain([1 << 32, 1 << 40, u64::MAX - 1]);
            let mut seen = BTreeSet::new();
            for serial in numbers {
                let id = keys.identity(serial);
                assert_eq!(keys.serial(id), serial);
                assert!(!RESERVED.contains(&id.0) && seen.insert(id));
            }
        }
    }

    #[test]
    fn the_reserved_identities_are_not_decrypted() {
        for reserved in RESERVED {
            assert_eq!(keys(1).serial(ObjectId(reserved)), reserved);
        }
    }

    #[test]
    fn a_reserved_result_is_permuted_again() {
        // One cycle: 5, 0, the end of a list, 6. The other numbers stay.
        let permute = |number| match number {
            5 => 0,
            0 => u64::MAX,
            u64::MAX => 6,
            6 => 5,
            other => other,
        };
        assert_eq!(past_reserved(5, permute), 6);
        assert_eq!(past_reserved(6, permute), 5);
        assert_eq!(past_reserved(7, permute), 7);
    }

    #[test]
    fn identities_reveal_neither_order_nor_distance() {
        let keys = keys(7);
        let shown: Vec<u64> = (1..=1_000).map(|serial| keys.identity(serial).0).collect();
        let rising = shown.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((400..600).contains(&rising), "{rising} of 999 rise");
        let distances: BTreeSet<u64> = shown
            .windows(2)
            .map(|pair| pair[1].wrapping_sub(pair[0]))
            .collect();
        assert_eq!(distances.len(), 999, "no distance occurs twice");
    }

    #[test]
    fn other_keys_give_other_identities() {
        let same =
            (1..1_000).filter(|serial| keys(1).identity(*serial) == keys(2).identity(*serial));
        assert_eq!(same.count(), 0);
    }

    #[test]
    fn every_bit_of_the_half_and_of_the_key_affects_every_bit_of_the_result() {
        let mut changed = [0; 64];
        for number in 0..2_000_u64 {
            let half = (number as u32).wrapping_mul(0x9e37_79b9);
            let key = number.wrapping_mul(0x2545_f491_4f6c_dd1d);
            for (bit, changed) in changed.iter_mut().enumerate() {
                *changed |= mix(half, key) ^ mix(half, key ^ 1 << bit);
            }
        }
        assert_eq!(changed, [u32::MAX; 64]);
    }
}
