//! The backend of the `log` crate: sends lines to the service behind the capability `log`.
//!
//! A line is one call, as [`crate::protocol::log`] packs it; longer text becomes several lines. The program that provides
//! the service sets a sink for its own lines, and may set a function to call after a panic was logged. With neither service nor
//! sink, lines are dropped.

use core::fmt::{self, Write};

use abi::register::Slot;
use log::{LevelFilter, Log, Metadata, Record};
use spin::Mutex;

use crate::capability::{Cap, Endpoint};
use crate::message::Message;
use crate::protocol::log::TEXT_BYTES_MAX;

/// The maximum length of a line in bytes, so that it fits one call with its line end.
pub const LINE_BYTES_MAX: usize = TEXT_BYTES_MAX - 1;

/// Receives one line, without its line end.
pub type Sink = fn(&str);

static SINK: Mutex<Option<Sink>> = Mutex::new(None);
static AFTER_PANIC: Mutex<Option<fn()>> = Mutex::new(None);
static ENDPOINT: Mutex<Slot> = Mutex::new(Slot::NONE);
static LOGGER: Logger = Logger;

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            match record.level() {
                log::Level::Info => line(*record.args()),
                level => line(format_args!("{level}: {}", record.args())),
            }
        }
    }

    fn flush(&self) {}
}

/// Installs the logger, with this endpoint if there is one.
pub(crate) fn install(endpoint: Option<Cap<Endpoint>>, level: LevelFilter) {
    *ENDPOINT.lock() = endpoint.map_or(Slot::NONE, Cap::slot);
    // This fails only if a logger is set already, which can only be this one.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(level);
}

/// Redirects all further lines to `sink`.
pub fn set_sink(sink: Sink) {
    *SINK.lock() = Some(sink);
}

/// Sets the function that is called after a panic was logged, as the program's last action.
pub fn set_after_panic(act: fn()) {
    *AFTER_PANIC.lock() = Some(act);
}

/// Logs a panic.
#[cfg_attr(
    not(target_os = "caravan"),
    expect(dead_code, reason = "a host has a panic handler of its own")
)]
pub(crate) fn panicked(message: fmt::Arguments<'_>) {
    line(message);
    let act = *AFTER_PANIC.lock();
    if let Some(act) = act {
        act();
    }
}

/// Logs one line, regardless of the level.
pub fn line(text: fmt::Arguments<'_>) {
    let mut line = Line::<LINE_BYTES_MAX, _>::new(emit);
    // The writer never fails. If formatting a value fails, the line ends there.
    let _ = line.write_fmt(text);
    line.end();
}

fn emit(text: &str) {
    let sink = *SINK.lock();
    let endpoint = *ENDPOINT.lock();
    match sink {
        Some(sink) => sink(text),
        None if endpoint != Slot::NONE => {
            // The program continues without its log service.
            let _ = Cap::<Endpoint>::from_slot(endpoint).call_idempotent(&packed(text));
        }
        None => {}
    }
}

/// The call for a line.
fn packed(line: &str) -> Message {
    let mut ended = heapless::Vec::<u8, TEXT_BYTES_MAX>::new();
    // Both fit: a line is a byte shorter than a call's text.
    let _ = ended.extend_from_slice(line.as_bytes());
    let _ = ended.push(b'\n');
    Message::new().bytes(&ended)
}

/// Splits text into pieces of at most `N` bytes, between characters and at line ends.
struct Line<const N: usize, F: FnMut(&str)> {
    text: heapless::String<N>,
    emit: F,
}

impl<const N: usize, F: FnMut(&str)> Line<N, F> {
    fn new(emit: F) -> Self {
        Line {
            text: heapless::String::new(),
            emit,
        }
    }

    fn end(&mut self) {
        if !self.text.is_empty() {
            (self.emit)(&self.text);
            self.text.clear();
        }
    }
}

impl<const N: usize, F: FnMut(&str)> Write for Line<N, F> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if character == '\n' {
                self.end();
                continue;
            }
            if self.text.push(character).is_err() {
                self.end();
                // An empty line has room for one character.
                let _ = self.text.push(character);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn pieces<const N: usize>(text: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut line = Line::<N, _>::new(|piece: &str| pieces.push(String::from(piece)));
        line.write_str(text).unwrap();
        line.end();
        pieces
    }

    #[test]
    fn cuts_long_lines_between_characters() {
        assert_eq!(pieces::<8>("caravan"), ["caravan"]);
        assert_eq!(pieces::<8>("caravanserai"), ["caravans", "erai"]);
        assert_eq!(pieces::<4>("aäöü"), ["aä", "öü"]);
    }

    #[test]
    fn cuts_at_line_ends_and_emits_no_empty_line() {
        assert_eq!(pieces::<16>("one\ntwo\n\n"), ["one", "two"]);
        assert!(pieces::<16>("").is_empty());
    }

    #[test]
    fn the_longest_line_is_one_valid_call() {
        let line = "x".repeat(LINE_BYTES_MAX);
        let message = packed(&line);
        let text = crate::protocol::log::unpack(message.words()).unwrap();
        assert_eq!(text.as_bytes(), [line.as_bytes(), b"\n"].concat());
    }
}
