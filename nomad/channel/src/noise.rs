//! The handshake: Noise IK with 25519, ChaChaPoly and BLAKE2s.
//!
//! The initiator knows the responder's key beforehand; after two messages each side has authenticated the other.

use alloc::boxed::Box;

use nomad_protocol::MachineId;
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random as Draw};
use snow::{Builder, Error, HandshakeState};

use crate::keys::{Keys, PrivateKey};
use crate::random::Random;

/// The protocol's name in Noise's notation.
const PATTERN: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";

/// Names the use of the handshake and its version; both sides must agree on it.
const PROLOGUE: &[u8] = b"caravan nomad 1";

/// Bytes of the first message, without a payload: a key, an encrypted key, a tag.
pub const INITIATION_BYTES: usize = 32 + 48 + 16;
/// Bytes of the second message: a key and a tag.
pub const RESPONSE_BYTES: usize = 32 + 16;
/// Bytes that encryption adds to a message.
pub const TAG_BYTES: usize = 16;

/// Begins a handshake with a machine.
///
/// # Errors
/// The error of the Noise implementation.
pub fn initiator(keys: &Keys, peer: MachineId, random: Random) -> Result<HandshakeState, Error> {
    builder(random)?
        .local_private_key(keys.own().as_bytes())?
        .remote_public_key(&peer.0)?
        .prologue(PROLOGUE)?
        .build_initiator()
}

/// Prepares to respond to a handshake.
///
/// # Errors
/// The error of the Noise implementation.
pub fn responder(keys: &Keys, random: Random) -> Result<HandshakeState, Error> {
    builder(random)?
        .local_private_key(keys.own().as_bytes())?
        .prologue(PROLOGUE)?
        .build_responder()
}

/// The public key of the other side of a handshake, once it is known.
pub fn peer(handshake: &HandshakeState) -> Option<[u8; 32]> {
    handshake.get_remote_static()?.try_into().ok()
}

/// The public key that belongs to a private key.
pub(crate) fn public_key(private: &PrivateKey) -> [u8; 32] {
    let mut curve = DefaultResolver
        .resolve_dh(&DHChoice::Curve25519)
        .expect("the curve is built in");
    curve.set(private.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(curve.pubkey());
    key
}

fn builder<'a>(random: Random) -> Result<Builder<'a>, Error> {
    let params: NoiseParams = PATTERN.parse()?;
    Ok(Builder::with_resolver(
        params,
        Box::new(Resolver { random }),
    ))
}

/// The built-in algorithms, with our own random numbers.
struct Resolver {
    random: Random,
}

struct Source(Random);

impl Draw for Source {
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Error> {
        for chunk in into.chunks_mut(32) {
            chunk.copy_from_slice(&self.0.draw()[..chunk.len()]);
        }
        Ok(())
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Draw>> {
        // Called once per handshake, for which the generator was forked.
        Some(Box::new(Source(self.random.clone())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}
