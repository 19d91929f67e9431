//! An encrypted page stream: its own handshake, then records.
//!
//! ```text
//!   length u16 | first message of the handshake        -->
//!                                                      <--   length u16 | second message
//!   length u16 | ciphertext and tag                    -->   repeated while there are bytes to send
//! ```
//!
//! Each record's nonce is its number: a record that is reordered, repeated or altered ends the stream.

use alloc::vec::Vec;

use nomad_protocol::MachineId;
use snow::{HandshakeState, TransportState};

use crate::keys::Keys;
use crate::noise::{self, INITIATION_BYTES, RESPONSE_BYTES, TAG_BYTES};
use crate::random::Random;

/// Bytes of a record's length field.
const LENGTH_BYTES: usize = 2;
/// Most bytes in a record after its length field.
const RECORD_BYTES_MAX: usize = u16::MAX as usize;
/// Most bytes of content per record.
const CONTENT_BYTES_MAX: usize = RECORD_BYTES_MAX - TAG_BYTES;

/// The other side is not the expected machine, or its data was altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrusted;

impl From<snow::Error> for Untrusted {
    fn from(_: snow::Error) -> Untrusted {
        Untrusted
    }
}

/// Splits a stream into records.
#[derive(Debug, Default)]
pub struct RecordDecoder {
    buffer: Vec<u8>,
}

impl RecordDecoder {
    /// Consumes some of `input`; returns the number of bytes consumed, and the record that they completed, if any.
    pub fn decode<'a>(&'a mut self, input: &[u8]) -> (usize, Option<&'a [u8]>) {
        if self.is_whole() {
            self.buffer.clear();
        }
        let mut used = 0;
        while !self.is_whole() && used < input.len() {
            let count = (self.need() - self.buffer.len()).min(input.len() - used);
            self.buffer.extend_from_slice(&input[used..used + count]);
            used += count;
        }
        let record = self.is_whole().then(|| &self.buffer[LENGTH_BYTES..]);
        (used, record)
    }

    fn need(&self) -> usize {
        match self.buffer.first_chunk() {
            Some(length) => LENGTH_BYTES + usize::from(u16::from_le_bytes(*length)),
            None => LENGTH_BYTES,
        }
    }

    fn is_whole(&self) -> bool {
        self.buffer.len() >= LENGTH_BYTES && self.buffer.len() == self.need()
    }
}

/// The initiator's side, until its handshake is complete.
pub struct Initiator {
    handshake: HandshakeState,
}

impl Initiator {
    /// Begins a handshake with a machine; appends the first record to `out`.
    ///
    /// # Errors
    /// The Noise implementation rejects the keys.
    pub fn new(
        keys: &Keys,
        peer: MachineId,
        random: Random,
        out: &mut Vec<u8>,
    ) -> Result<Initiator, Untrusted> {
        let mut handshake = noise::initiator(keys, peer, random)?;
        let mut message = [0; INITIATION_BYTES];
        let length = handshake.write_message(&[], &mut message)?;
        append(&message[..length], out);
        Ok(Initiator { handshake })
    }

    /// Completes the handshake with the responder's record.
    ///
    /// # Errors
    /// The record is not from that machine.
    pub fn handle_response(mut self, record: &[u8]) -> Result<Sealer, Untrusted> {
        self.handshake.read_message(record, &mut [])?;
        let cipher = self.handshake.into_transport_mode()?;
        Ok(Sealer { cipher })
    }
}

/// Responds to an initiator's first record; appends the response to `out`, and returns the initiator's key. The caller
/// checks whether that machine takes part in the transaction.
///
/// # Errors
/// The record is not a handshake.
pub fn respond(
    keys: &Keys,
    random: Random,
    record: &[u8],
    out: &mut Vec<u8>,
) -> Result<(Opener, MachineId), Untrusted> {
    let mut handshake = noise::responder(keys, random)?;
    handshake.read_message(record, &mut [])?;
    let peer = MachineId(noise::peer(&handshake).ok_or(Untrusted)?);
    let mut message = [0; RESPONSE_BYTES];
    let length = handshake.write_message(&[], &mut message)?;
    append(&message[..length], out);
    let cipher = handshake.into_transport_mode()?;
    Ok((
        Opener {
            cipher,
            content: Vec::new(),
        },
        peer,
    ))
}

/// The sender's side: encrypts.
pub struct Sealer {
    cipher: TransportState,
}

impl Sealer {
    /// Appends records with this content to `out`.
    ///
    /// # Errors
    /// The nonces are used up.
    pub fn seal(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), Untrusted> {
        for part in content.chunks(CONTENT_BYTES_MAX) {
            let length = part.len() + TAG_BYTES;
            out.extend((length as u16).to_le_bytes());
            let start = out.len();
            out.resize(start + length, 0);
            self.cipher.write_message(part, &mut out[start..])?;
        }
        Ok(())
    }
}

/// The receiver's side: decrypts.
pub struct Opener {
    cipher: TransportState,
    content: Vec<u8>,
}

impl Opener {
    /// Decrypts the next record.
    ///
    /// # Errors
    /// It is not the record that the other side sent next.
    pub fn open(&mut self, record: &[u8]) -> Result<&[u8], Untrusted> {
        self.content.resize(record.len(), 0);
        let length = self.cipher.read_message(record, &mut self.content)?;
        Ok(&self.content[..length])
    }
}

fn append(message: &[u8], out: &mut Vec<u8>) {
    out.extend((message.len() as u16).to_le_bytes());
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::net::Ipv4Addr;

    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    const B: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

    /// Both ends of a tunnel from A to B.
    fn tunnel(secret_a: &str, secret_b: &str) -> Result<(Sealer, Opener), Untrusted> {
        let (a, b) = (Keys::new(secret_a, A), Keys::new(secret_b, B));
        let random = |n| Random::new([n, 0, 0, 0]);
        let (mut to_b, mut to_a) = (Vec::new(), Vec::new());
        let initiator = Initiator::new(&a, a.machine_at(B), random(1), &mut to_b)?;
        let mut decoder = RecordDecoder::default();
        let (_, record) = decoder.decode(&to_b);
        let (opener, peer) = respond(&b, random(2), record.expect("whole"), &mut to_a)?;
        assert_eq!(peer, a.own_id());
        let mut decoder = RecordDecoder::default();
        let (_, record) = decoder.decode(&to_a);
        Ok((initiator.handle_response(record.expect("whole"))?, opener))
    }

    fn read(opener: &mut Opener, stream: &[u8], step: usize) -> Result<Vec<u8>, Untrusted> {
        let mut decoder = RecordDecoder::default();
        let mut content = Vec::new();
        for part in stream.chunks(step) {
            let mut rest = part;
            while !rest.is_empty() {
                let (used, record) = decoder.decode(rest);
                if let Some(record) = record {
                    content.extend_from_slice(opener.open(record)?);
                }
                rest = &rest[used..];
            }
        }
        Ok(content)
    }

    #[test]
    fn carries_any_number_of_bytes_however_they_are_cut() {
        let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        for step in [1000, 65_537, 1_000_000] {
            let (mut sealer, mut opener) = tunnel("fleet", "fleet").expect("trusted");
            let mut stream = Vec::new();
            sealer.seal(&content[..7], &mut stream).expect("seals");
            sealer.seal(&content[7..], &mut stream).expect("seals");
            assert_eq!(
                read(&mut opener, &stream, step).as_deref(),
                Ok(&content[..]),
                "{step}"
            );
        }
    }

    #[test]
    fn a_machine_of_another_fleet_gets_no_tunnel() {
        assert!(tunnel("one", "two").is_err());
    }

    #[test]
    fn a_changed_missing_or_repeated_record_ends_the_stream() {
        let (mut sealer, _) = tunnel("fleet", "fleet").expect("trusted");
        let mut records = vec![Vec::new(); 3];
        records
            .iter_mut()
            .for_each(|out| sealer.seal(b"content", out).expect("seals"));
        for order in [vec![1], vec![0, 2], vec![0, 0]] {
            let (_, mut opener) = tunnel("fleet", "fleet").expect("trusted");
            let stream: Vec<u8> = order
                .iter()
                .flat_map(|index| records[*index].clone())
                .collect();
            assert_eq!(
                read(&mut opener, &stream, 4096),
                Err(Untrusted),
                "{order:?}"
            );
        }
        let (_, mut opener) = tunnel("fleet", "fleet").expect("trusted");
        records[0][9] ^= 1;
        assert_eq!(read(&mut opener, &records[0], 4096), Err(Untrusted));
    }
}
