//! Encoding replies: the server's half of RESP 2.

use core::fmt::{self, Write};

use crate::account::{Account, Full};
use crate::buffer::{BASE_BYTES, Buffer};

/// Once this many bytes are pending, they are sent before the next request is executed.
pub const SEND_BYTES: usize = BASE_BYTES / 2;

/// The error that replaces a reply that does not fit.
pub const REPLY_TOO_LARGE: &str = "ERR the reply is too large";

/// The replies to be sent.
#[derive(Debug)]
pub struct Replies {
    buffer: Buffer,
    /// The offset of the current reply.
    begin: usize,
    /// Whether the current reply did not fit.
    is_too_large: bool,
}

impl Replies {
    /// Creates an empty buffer, charged to this account beyond a small base.
    pub fn new(account: Account) -> Replies {
        Replies {
            buffer: Buffer::new(account),
            begin: 0,
            is_too_large: false,
        }
    }

    /// The bytes to be sent.
    pub fn as_slice(&self) -> &[u8] {
        self.buffer.as_slice()
    }

    /// Removes all bytes, after they were sent.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Whether the bytes should be sent before further requests are executed.
    pub fn should_be_sent(&self) -> bool {
        self.buffer.len() >= SEND_BYTES
    }

    /// Begins the next reply.
    pub fn begin(&mut self) {
        self.begin = self.buffer.len();
        self.is_too_large = false;
    }

    /// Whether the current reply has fit so far. `SET` with `GET` checks this before it changes the store, since a reply that
    /// does not fit becomes an error.
    pub fn has_room(&self) -> bool {
        !self.is_too_large
    }

    /// Ends the reply. A reply that did not fit becomes an error.
    pub fn end(&mut self) {
        if self.is_too_large {
            self.replace_by_error(format_args!("{REPLY_TOO_LARGE}"));
        }
    }

    /// Replaces the current reply by this error, which begins with its class in capitals.
    pub fn replace_by_error(&mut self, text: fmt::Arguments<'_>) {
        self.buffer.truncate(self.begin);
        self.is_too_large = false;
        // The error fits the base, since a reply is begun only if few bytes are pending.
        self.line('-', text);
    }

    /// Writes a simple string.
    pub fn simple(&mut self, text: &str) {
        for part in ["+", text, "\r\n"] {
            self.extend(part.as_bytes());
        }
    }

    /// Writes an integer.
    pub fn integer(&mut self, value: i64) {
        self.line(':', format_args!("{value}"));
    }

    /// Writes a bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.line('$', format_args!("{}", bytes.len()));
        self.extend(bytes);
        self.extend(b"\r\n");
    }

    /// Writes a bulk string, or null.
    pub fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.extend(b"$-1\r\n"),
        }
    }

    /// Writes the header of an array of `count` elements.
    pub fn array(&mut self, count: usize) {
        self.line('*', format_args!("{count}"));
    }

    /// Writes the null array.
    pub fn null_array(&mut self) {
        self.extend(b"*-1\r\n");
    }

    fn line(&mut self, kind: char, text: fmt::Arguments<'_>) {
        // Writing never fails; an overflow is recorded.
        let _ = write!(self, "{kind}{text}\r\n");
    }

    fn extend(&mut self, bytes: &[u8]) {
        if !self.is_too_large && self.buffer.extend(bytes) == Err(Full) {
            self.is_too_large = true;
        }
    }
}

impl Write for Replies {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::BUFFER_BYTES_MAX;

    #[test]
    fn writes_every_kind() {
        let mut replies = Replies::new(Account::new(0));
        replies.begin();
        replies.array(5);
        replies.simple("OK");
        replies.integer(-3);
        replies.bulk(b"a\r\nb");
        replies.optional(None);
        replies.null_array();
        replies.end();
        assert_eq!(
            replies.as_slice(),
            b"*5\r\n+OK\r\n:-3\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n"
        );
    }

    #[test]
    fn a_reply_that_does_not_fit_becomes_an_error_and_earlier_replies_stay() {
        let mut replies = Replies::new(Account::new(0));
        replies.begin();
        replies.simple("OK");
        replies.end();
        replies.begin();
        replies.array(2);
        replies.bulk(&[0; BUFFER_BYTES_MAX]);
        replies.integer(1);
        replies.end();
        replies.begin();
        replies.integer(2);
        replies.end();
        assert_eq!(
            replies.as_slice(),
            b"+OK\r\n-ERR the reply is too large\r\n:2\r\n"
        );
    }
}
