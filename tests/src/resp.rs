//! The subset of the Redis protocol (RESP 2) that the tests' clients use.

use std::io::{self, BufRead, Error, ErrorKind};

/// The longest value that is read.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// A reply that is not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `:1`
    Integer(i64),
    /// `$5`, or `$-1` for an absent value.
    Value(Option<Vec<u8>>),
}

/// A request: an array of bulk strings.
pub fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

/// Reads one reply.
///
/// # Errors
///
/// Network errors, [`ErrorKind::UnexpectedEof`] if the stream ends early or a line does not end with CRLF, and
/// [`ErrorKind::InvalidData`] for an error reply and for anything that is not a reply.
pub fn read_reply(stream: &mut impl BufRead) -> io::Result<Reply> {
    let line = read_line(stream)?;
    let invalid = || {
        Error::new(
            ErrorKind::InvalidData,
            format!("the store replied {line:?}"),
        )
    };
    let Some((kind, rest)) = line.split_at_checked(1) else {
        return Err(invalid());
    };
    let number = || rest.parse::<i64>().map_err(|_| invalid());
    match kind {
        "+" => Ok(Reply::Status(rest.to_owned())),
        ":" => Ok(Reply::Integer(number()?)),
        "$" => match usize::try_from(number()?) {
            Ok(length) if length <= VALUE_BYTES_MAX => read_value(stream, length),
            Err(_) if rest == "-1" => Ok(Reply::Value(None)),
            _ => Err(invalid()),
        },
        _ => Err(invalid()),
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn read_value(stream: &mut impl BufRead, length: usize) -> io::Result<Reply> {
    let mut value = vec![0; length + 2];
    stream.read_exact(&mut value)?;
    if !value.ends_with(b"\r\n") {
        let error = format!("no CRLF follows the {length} bytes of a value");
        return Err(Error::new(ErrorKind::InvalidData, error));
    }
    value.truncate(length);
    Ok(Reply::Value(Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<Reply, ErrorKind> {
        read_reply(&mut bytes).map_err(|error| error.kind())
    }

    #[test]
    fn a_request_is_an_array_of_bulk_strings() {
        assert_eq!(request(&["GET", "k"]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }

    #[test]
    fn reads_each_kind_of_reply() {
        assert_eq!(read(b"+OK\r\n"), Ok(Reply::Status("OK".into())));
        assert_eq!(read(b":-12\r\n"), Ok(Reply::Integer(-12)));
        assert_eq!(
            read(b"$3\r\na\r\n\r\n"),
            Ok(Reply::Value(Some(b"a\r\n".to_vec())))
        );
        assert_eq!(read(b"$-1\r\n"), Ok(Reply::Value(None)));
    }

    #[test]
    fn refuses_errors_and_malformed_replies() {
        for bytes in [
            &b"-ERR\r\n"[..],
            b":x\r\n",
            b"$-2\r\n",
            b"$1\r\nabc\r\n",
            b"\r\n",
        ] {
            assert_eq!(read(bytes), Err(ErrorKind::InvalidData), "{bytes:?}");
        }
    }

    #[test]
    fn a_truncated_reply_is_an_unexpected_end() {
        for bytes in [&b""[..], b"+O", b"$3\r\nab"] {
            assert_eq!(read(bytes), Err(ErrorKind::UnexpectedEof), "{bytes:?}");
        }
    }
}
