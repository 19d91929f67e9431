//! A client of sessions without sockets.

use key_value::service::{Facts, Service};
use key_value::session::Session;
use key_value::settings::Settings;

/// A service with the default settings.
pub fn service() -> Service {
    service_of(Settings::default())
}

/// A service with these settings.
pub fn service_of(settings: Settings) -> Service {
    Service::new(settings, Facts::default)
}

/// Sends all bytes in pieces of this size; returns the replies.
pub fn send(service: &mut Service, session: &mut Session, bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut replies = Vec::new();
    for mut input in bytes.chunks(piece) {
        while !input.is_empty() && !session.is_over() {
            let taken = session.receive(service, input);
            let sent = session.to_send();
            assert!(taken > 0 || !sent.is_empty(), "stuck at {input:?}");
            replies.extend_from_slice(sent);
            session.sent();
            input = &input[taken..];
        }
    }
    replies
}

/// The replies to these bytes in a new session.
pub fn replies(bytes: &[u8]) -> Vec<u8> {
    let mut service = service();
    let mut session = Session::open(&mut service);
    send(&mut service, &mut session, bytes, usize::MAX)
}

/// A request in the encoding that clients use.
pub fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}
