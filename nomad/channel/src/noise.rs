//! The handshake: Noise IK with 25519, ChaChaPoly and BLAKE2s.
//!
//! The initiator knows the responder's key beforehand; after two messages each side has authenticated the other. The first
//! message carries the initiator's introduction, the second carries the responder's verdict. Both are authenticated, so a
//! third party cannot change the choice of the suite.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use nomad_protocol::MachineId;
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{self, Dh, Hash, Random as Draw};
use snow::{Builder, Error, HandshakeState};

use crate::cipher::{Cipher, Suite, Suites};
use crate::introduction::{INTRODUCTION_BYTES, Introduction, VERDICT_BYTES, Verdict};
use crate::keys::Keys;
use crate::random::Random;

/// The protocol's name in Noise's notation.
const PATTERN: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";

/// Names the use of the handshake and its version; both sides must agree on it.
const PROLOGUE: &[u8] = b"caravan nomad 3";

/// Bytes of the first message: a key, an encrypted key, the payload and its tag.
pub const INITIATION_BYTES: usize = 32 + 48 + INTRODUCTION_BYTES + 16;
/// Bytes of the second message: a key, the payload and its tag.
const RESPONSE_BYTES: usize = 32 + VERDICT_BYTES + 16;

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

/// Begins a handshake; returns the first message.
///
/// # Errors
/// The error of the Noise implementation.
pub fn write_initiation(
    handshake: &mut HandshakeState,
    introduction: Introduction,
) -> Result<Vec<u8>, Error> {
    write(handshake, &introduction.to_bytes(), INITIATION_BYTES)
}

/// Reads the first message; returns the initiator's introduction.
///
/// # Errors
/// The error of the Noise implementation; [`Error::Input`] if the introduction is malformed.
pub fn read_initiation(
    handshake: &mut HandshakeState,
    message: &[u8],
) -> Result<Introduction, Error> {
    let payload = read(handshake, message)?;
    Introduction::from_bytes(payload).ok_or(Error::Input)
}

/// Completes a handshake with a verdict; returns the second message.
///
/// # Errors
/// The error of the Noise implementation.
pub fn write_response(handshake: &mut HandshakeState, verdict: Verdict) -> Result<Vec<u8>, Error> {
    write(handshake, &verdict.to_bytes(), RESPONSE_BYTES)
}

/// Reads the second message; returns the verdict.
///
/// # Errors
/// The error of the Noise implementation; [`Error::Input`] if the suite is not one of `suites`.
pub fn read_response(
    handshake: &mut HandshakeState,
    message: &[u8],
    suites: Suites,
) -> Result<Verdict, Error> {
    let payload = read(handshake, message)?;
    Verdict::from_bytes(payload, suites).ok_or(Error::Input)
}

/// The ciphers of a completed handshake: to send, and to receive.
pub fn ciphers(handshake: &mut HandshakeState, suite: Suite) -> (Cipher, Cipher) {
    let (from_initiator, from_responder) = handshake.dangerously_get_raw_split();
    let from_initiator = Cipher::new(suite, &from_initiator);
    let from_responder = Cipher::new(suite, &from_responder);
    if handshake.is_initiator() {
        (from_initiator, from_responder)
    } else {
        (from_responder, from_initiator)
    }
}

fn write(handshake: &mut HandshakeState, payload: &[u8], bytes: usize) -> Result<Vec<u8>, Error> {
    let mut message = vec![0; bytes];
    let length = handshake.write_message(payload, &mut message)?;
    message.truncate(length);
    Ok(message)
}

/// Reads a message with a payload of this size.
fn read<const BYTES: usize>(
    handshake: &mut HandshakeState,
    message: &[u8],
) -> Result<[u8; BYTES], Error> {
    let mut payload = [0; BYTES];
    if handshake.read_message(message, &mut payload)? == BYTES {
        Ok(payload)
    } else {
        Err(Error::Input)
    }
}

/// The public key of the other side of a handshake, once it is known.
pub fn peer(handshake: &HandshakeState) -> Option<[u8; 32]> {
    handshake.get_remote_static()?.try_into().ok()
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

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn types::Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}
