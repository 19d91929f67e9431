//! A page stream: segments of one image, each after a header of the protocol.
//!
//! ```text
//!   length  header  piece of the image up to its round record      a round
//!   length  header  piece of the image up to its seal              a freeze
//! ```

use alloc::vec::Vec;

use nomad_image::{Event, Limits, Reader};
use nomad_protocol::{DecodeError, StreamHeader};

/// The next event of a stream.
#[derive(Debug, PartialEq)]
pub enum StreamEvent<'a> {
    SegmentBegin(StreamHeader),
    Image(Event<'a>),
    /// The segment is complete.
    SegmentEnd(StreamHeader),
}

/// The reason a stream is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// A malformed header.
    #[error("a header of the page stream: {0:?}")]
    Header(DecodeError),
    /// A malformed image.
    #[error("{0}")]
    Image(nomad_image::Error),
    /// A segment's end contradicts its header.
    #[error("the page stream and its headers disagree")]
    OutOfTurn,
}

/// The reader of a page stream.
pub struct PageStream {
    state: State,
    buffer: Vec<u8>,
    reader: Reader,
}

#[derive(Clone, Copy)]
enum State {
    Length,
    Header(usize),
    Image(StreamHeader),
}

/// Bytes of the length before a header.
const LENGTH_BYTES: usize = 2;

impl PageStream {
    /// A stream of an image within these limits.
    pub fn new(limits: Limits) -> PageStream {
        PageStream {
            state: State::Length,
            buffer: Vec::new(),
            reader: Reader::new(limits),
        }
    }

    /// Limits the image from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.reader.limit(limits);
    }

    /// Reads a part of `input`; returns its length, and the event that it completed. The caller repeats this until all
    /// of the input is read.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn read<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<(usize, Option<StreamEvent<'a>>), StreamError> {
        let need = match self.state {
            State::Length => LENGTH_BYTES,
            State::Header(length) => length,
            State::Image(header) => return self.read_image(header, input),
        };
        let count = (need - self.buffer.len()).min(input.len());
        self.buffer.extend_from_slice(&input[..count]);
        if self.buffer.len() < need {
            return Ok((count, None));
        }
        let bytes = core::mem::take(&mut self.buffer);
        if let Ok(length) = <[u8; LENGTH_BYTES]>::try_from(&bytes[..])
            && matches!(self.state, State::Length)
        {
            let length = StreamHeader::length(length).map_err(StreamError::Header)?;
            self.state = State::Header(length);
            return Ok((count, None));
        }
        let header = StreamHeader::decode(&bytes).map_err(StreamError::Header)?;
        self.state = State::Image(header);
        Ok((count, Some(StreamEvent::SegmentBegin(header))))
    }

    fn read_image<'a>(
        &'a mut self,
        header: StreamHeader,
        input: &'a [u8],
    ) -> Result<(usize, Option<StreamEvent<'a>>), StreamError> {
        let (used, event) = self.reader.read(input).map_err(StreamError::Image)?;
        let ends = match (&event, header) {
            (Some(Event::Round(_, round)), StreamHeader::Round { number, .. }) => {
                round.number == number
            }
            (Some(Event::Sealed(seal)), StreamHeader::Freeze { attempt, .. }) => {
                u32::from(attempt.0) == seal.attempt
            }
            (Some(Event::Round(..) | Event::Sealed(_)), _) => return Err(StreamError::OutOfTurn),
            _ => return Ok((used, event.map(StreamEvent::Image))),
        };
        if !ends {
            return Err(StreamError::OutOfTurn);
        }
        self.state = State::Length;
        Ok((used, Some(StreamEvent::SegmentEnd(header))))
    }
}

#[cfg(test)]
mod tests {
    use identity::Digest;
    use nomad_image::{Outline, Round, Writer};
    use nomad_protocol::{Attempt, TransactionId};

    use super::*;
    use crate::samples::{description, identity};

    const TRANSACTION: TransactionId = TransactionId(77);

    fn round(number: u32) -> StreamHeader {
        StreamHeader::Round {
            transaction: TRANSACTION,
            number,
            pages: 5,
        }
    }

    fn freeze(attempt: u8) -> StreamHeader {
        StreamHeader::Freeze {
            transaction: TRANSACTION,
            attempt: Attempt(attempt),
            rounds: 1,
            digest: Digest([3; 32]),
            pages: 0,
        }
    }

    /// A stream of one round and one freeze, with these headers.
    fn stream(first: StreamHeader, second: StreamHeader) -> Vec<u8> {
        let mut out = first.encode();
        let mut image = Vec::new();
        let mut writer = Writer::new(1, &mut image);
        writer.outline(
            0,
            &Outline {
                identity: identity(),
                pool_pages: 1,
                present_pages: 0,
            },
            &mut image,
        );
        writer.round(
            0,
            Round {
                number: 0,
                data_pages: 0,
            },
            &mut image,
        );
        out.append(&mut image);
        out.extend(second.encode());
        writer.state(0, &description(), &mut image);
        writer.seal(&mut image);
        out.append(&mut image);
        out
    }

    /// The headers at which segments begin and end.
    fn read(bytes: &[u8], step: usize) -> Result<Vec<(bool, StreamHeader)>, StreamError> {
        let mut segments = PageStream::new(Limits::default());
        let mut found = Vec::new();
        for part in bytes.chunks(step) {
            let mut rest = part;
            while !rest.is_empty() {
                let (used, event) = segments.read(rest)?;
                rest = &rest[used..];
                match event {
                    Some(StreamEvent::SegmentBegin(header)) => found.push((true, header)),
                    Some(StreamEvent::SegmentEnd(header)) => found.push((false, header)),
                    Some(StreamEvent::Image(_)) | None => {}
                }
            }
        }
        Ok(found)
    }

    #[test]
    fn finds_the_segments_however_the_stream_is_cut() {
        let bytes = stream(round(0), freeze(1));
        let expected = [
            (true, round(0)),
            (false, round(0)),
            (true, freeze(1)),
            (false, freeze(1)),
        ];
        for step in [1, 3, 50, 10_000] {
            assert_eq!(read(&bytes, step).as_deref(), Ok(&expected[..]), "{step}");
        }
    }

    #[test]
    fn refuses_segments_that_end_otherwise_than_their_header_says() {
        for (first, second) in [
            (round(1), freeze(1)),
            (freeze(1), freeze(1)),
            (round(0), freeze(2)),
            (round(0), round(1)),
        ] {
            let result = read(&stream(first, second), 10_000);
            assert_eq!(result, Err(StreamError::OutOfTurn), "{first:?} {second:?}");
        }
    }

    #[test]
    fn refuses_a_header_that_is_too_long() {
        assert!(matches!(
            read(&[0xff, 0xff, 0, 0], 4),
            Err(StreamError::Header(_))
        ));
    }
}
