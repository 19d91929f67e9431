//! A DNS server that knows one name (RFC 1035): [`reply`].
//!
//! ```text
//! 0 id   2 flags   4 counts: questions, answers, authorities, others   12 question: labels, 0, type, class
//! ```

use super::{NAME, NAMED};

/// The server's port.
pub const PORT: u16 = 53;

const QUESTION: usize = 12;
/// A response to a standard query, recursion desired and available.
const RESPONSE: [u8; 2] = [0x81, 0x80];
/// The code of a response about a name that does not exist.
const NO_SUCH_NAME: u8 = 3;
const TYPE_A: [u8; 2] = [0, 1];
const TYPE_AAAA: [u8; 2] = [0, 28];
const CLASS_INTERNET: [u8; 2] = [0, 1];
/// A pointer to the question's name.
const SAME_NAME: [u8; 2] = [0xc0, QUESTION as u8];
const SECONDS_TO_LIVE: [u8; 4] = 60_u32.to_be_bytes();

/// The reply to a query with one question; `None` if the datagram is not such a query.
pub fn reply(query: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name(query)?;
    let kind: [u8; 2] = query.get(end..end + 2)?.try_into().ok()?;
    let question = query.get(QUESTION..end + 4)?;
    let addresses = match (name == NAME, kind) {
        (false, _) => None,
        (true, TYPE_A) => Some(NAMED.0.octets().to_vec()),
        (true, TYPE_AAAA) => Some(NAMED.1.octets().to_vec()),
        (true, _) => Some(Vec::new()),
    };
    let code = if addresses.is_none() { NO_SUCH_NAME } else { 0 };
    let value = addresses.unwrap_or_default();
    let count = u8::from(!value.is_empty());
    let mut bytes = [&query[..2], &[RESPONSE[0], RESPONSE[1] | code]].concat();
    bytes.extend([0, 1, 0, count, 0, 0, 0, 0]);
    bytes.extend(question);
    if count > 0 {
        bytes.extend([SAME_NAME, kind, CLASS_INTERNET].concat());
        bytes.extend(SECONDS_TO_LIVE);
        bytes.extend([0, value.len() as u8]);
        bytes.extend(value);
    }
    Some(bytes)
}

/// The name in the question, and the offset of its end.
fn name(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), QUESTION);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: [u8; 2]) -> Vec<u8> {
        let mut bytes = b"id\x01\0\0\x01\0\0\0\0\0\0".to_vec();
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend([kind, CLASS_INTERNET].concat());
        bytes
    }

    #[test]
    fn knows_the_addresses_of_one_name() {
        let four = reply(&query(NAME, TYPE_A)).expect("a reply");
        assert!(four.starts_with(b"id\x81\x80\0\x01\0\x01") && four.ends_with(&NAMED.0.octets()));
        let six = reply(&query(&NAME.to_uppercase(), TYPE_AAAA)).expect("a reply");
        assert!(six.ends_with(&NAMED.1.octets()));
    }

    #[test]
    fn another_name_does_not_exist_and_another_type_has_no_record() {
        let none = reply(&query("nobody.example", TYPE_A)).expect("a reply");
        assert!(none.starts_with(b"id\x81\x83\0\x01\0\0"));
        let text = reply(&query(NAME, [0, 16])).expect("a reply");
        assert!(text.starts_with(b"id\x81\x80\0\x01\0\0"));
    }

    #[test]
    fn other_datagrams_get_no_reply() {
        let whole = query(NAME, TYPE_A);
        assert!((0..whole.len()).all(|length| reply(&whole[..length]).is_none()));
    }
}
