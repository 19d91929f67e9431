//! A request: a command's name and its arguments.

use alloc::vec::Vec;

use crate::account::{Account, Full};
use crate::buffer::Buffer;

/// The maximum number of arguments of a request, the command's name included.
pub const ARGUMENTS_MAX: usize = 4096;
/// The number of arguments whose memory is kept between requests.
const ARGUMENTS_USUAL: usize = 64;

/// A request whose memory is reused: it is filled, read and cleared, so that requests of usual size allocate nothing.
#[derive(Debug)]
pub struct Request {
    bytes: Buffer,
    /// The start and end of each argument.
    spans: Vec<(u32, u32)>,
    is_too_large: bool,
}

impl Request {
    /// Creates an empty request, charged to this account beyond a small base.
    pub fn new(account: Account) -> Request {
        Request {
            bytes: Buffer::new(account),
            spans: Vec::new(),
            is_too_large: false,
        }
    }

    /// The number of arguments, the command's name included.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// The argument at this index, or nothing if there is none. Index 0 is the command's name.
    pub fn argument(&self, index: usize) -> &[u8] {
        self.spans
            .get(index)
            .map_or(&[], |span| self.bytes_of(span))
    }

    /// The arguments from this index on.
    pub fn arguments_from(&self, index: usize) -> impl Iterator<Item = &[u8]> + Clone {
        let spans = self.spans.get(index..).unwrap_or(&[]);
        spans.iter().map(|span| self.bytes_of(span))
    }

    /// Whether the request did not fit, so that it is incomplete.
    pub fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// The number of bytes of all arguments so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Removes all arguments.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.spans.shrink_to(ARGUMENTS_USUAL);
        self.is_too_large = false;
    }

    /// Begins the next argument, which has this length if it arrives whole.
    pub fn begin_argument(&mut self, length: usize) {
        if self.spans.len() >= ARGUMENTS_MAX || self.spans.try_reserve(1).is_err() {
            self.overflow();
        }
        if !self.is_too_large {
            let here = self.bytes.len() as u32;
            self.spans.push((here, here));
            self.bytes.announce(length);
        }
    }

    /// Appends bytes to the last argument. If they do not fit, the request becomes too large.
    pub fn extend_argument(&mut self, bytes: &[u8]) {
        if self.is_too_large {
            return;
        }
        match (self.bytes.extend(bytes), self.spans.last_mut()) {
            (Ok(()), Some(span)) => span.1 = self.bytes.len() as u32,
            _ => self.overflow(),
        }
    }

    /// Appends bytes of a line that is not yet split into arguments.
    ///
    /// # Errors
    /// [`Full`].
    pub fn extend_line(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.bytes.extend(bytes)
    }

    /// Splits the line into arguments at white space.
    pub fn split_line(&mut self) {
        let is_space = |bytes: &[u8], at: usize| bytes[at].is_ascii_whitespace();
        let mut at = 0;
        let length = self.bytes.len();
        while at < length && self.spans.len() < ARGUMENTS_MAX {
            let bytes = self.bytes.as_slice();
            let begin = (at..length).find(|&at| !is_space(bytes, at));
            let Some(begin) = begin else { return };
            let end = (begin..length).find(|&at| is_space(bytes, at));
            at = end.unwrap_or(length);
            self.spans.push((begin as u32, at as u32));
        }
    }

    fn overflow(&mut self) {
        self.is_too_large = true;
        self.bytes.clear();
    }

    fn bytes_of(&self, &(begin, end): &(u32, u32)) -> &[u8] {
        // A request that overflowed has no bytes left.
        let range = begin as usize..end as usize;
        self.bytes.as_slice().get(range).unwrap_or(&[])
    }
}
