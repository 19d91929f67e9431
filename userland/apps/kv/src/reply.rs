//! Replies as bytes: the server's half of RESP 2.

use core::fmt::{self, Write};

use crate::account::{Account, Full};
use crate::buffer::{BASE_BYTES, Buffer};

/// When so much waits to be sent, it is sent before the next request is answered.
pub const SEND_BYTES: usize = BASE_BYTES / 2;

/// What a client hears in place of a reply that has no room.
pub const REPLY_TOO_LARGE: &str = "ERR the reply is too large";

/// The replies that wait to be sent.
#[derive(Debug)]
pub struct Replies {
    buffer: Buffer,
    /// Where the reply begins that is being written.
    begin: usize,
    /// It has no room.
    is_too_large: bool,
}

impl Replies {
    /// No replies; what is beyond a small base is on this account.
    pub fn new(account: Account) -> Replies {
        Replies {
            buffer: Buffer::new(account),
            begin: 0,
            is_too_large: false,
        }
    }

    /// What waits to be sent.
    pub fn as_slice(&self) -> &[u8] {
        self.buffer.as_slice()
    }

    /// All of it was sent.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Whether no more requests should be answered before it is sent.
    pub fn should_be_sent(&self) -> bool {
        self.buffer.len() >= SEND_BYTES
    }

    /// From here on it is another reply.
    pub fn begin(&mut self) {
        self.begin = self.buffer.len();
        self.is_too_large = false;
    }

    /// Whether the reply that is being written has had room so far. A command that writes to the store asks before it
    /// does: later there is only the choice between a lie and no answer.
    pub fn has_room(&self) -> bool {
        !self.is_too_large
    }

    /// The reply is written; one that had no room becomes an error.
    pub fn end(&mut self) {
        if self.is_too_large {
            self.replace_by_error(format_args!("{REPLY_TOO_LARGE}"));
        }
    }

    /// The reply is this error, whatever was written of it before. It begins with its class in capitals.
    pub fn replace_by_error(&mut self, text: fmt::Arguments<'_>) {
        self.buffer.truncate(self.begin);
        self.is_too_large = false;
        // It has room in the base: another reply was begun only because so little was waiting.
        self.line('-', text);
    }

    /// A word of success.
    pub fn simple(&mut self, text: &str) {
        self.line('+', format_args!("{text}"));
    }

    /// A number.
    pub fn integer(&mut self, value: i64) {
        self.line(':', format_args!("{value}"));
    }

    /// A string of any bytes.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.line('$', format_args!("{}", bytes.len()));
        self.extend(bytes);
        self.extend(b"\r\n");
    }

    /// A string, or nothing.
    pub fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.extend(b"$-1\r\n"),
        }
    }

    /// The beginning of an array of so many.
    pub fn array(&mut self, count: usize) {
        self.line('*', format_args!("{count}"));
    }

    /// The array that is nothing.
    pub fn no_array(&mut self) {
        self.extend(b"*-1\r\n");
    }

    fn line(&mut self, kind: char, text: fmt::Arguments<'_>) {
        // Writing never fails; what has no room is noted.
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
        replies.no_array();
        replies.end();
        assert_eq!(
            replies.as_slice(),
            b"*5\r\n+OK\r\n:-3\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n"
        );
    }

    #[test]
    fn a_reply_without_room_becomes_an_error_and_the_one_before_it_stays() {
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
