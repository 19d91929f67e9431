//! Client for root's journal, the machine's log: [`Journal`] fetches lines, for the writer or to show them again.

use alloc::format;
use alloc::string::{String, ToString};

use runtime::Message;
use runtime::capability::{Cap, Endpoint};
use runtime::protocol::encode;
use runtime::protocol::journal::{Line, Request};
use runtime::protocol::root::{self, Refusal};

/// The client.
#[derive(Clone, Copy, Debug)]
pub struct Journal {
    endpoint: Cap<Endpoint>,
}

impl Journal {
    /// A client of the journal behind this endpoint.
    pub fn new(endpoint: Cap<Endpoint>) -> Journal {
        Journal { endpoint }
    }

    /// Reports that all lines before this number are written; returns the first unwritten one, if any.
    ///
    /// # Errors
    /// The kernel's error or root's refusal, as text.
    pub fn next(self, written: u64) -> Result<Option<Line>, String> {
        self.request(Request::Next { written })
    }

    /// Passes the kept lines, or those of one domain, to `on_line`, and returns their number. Lines added meanwhile are left out.
    ///
    /// # Errors
    /// The kernel's error or root's refusal, as text.
    pub fn show(self, domain: Option<&str>, mut on_line: impl FnMut(&str)) -> Result<u64, String> {
        let mut reader = Reader::default();
        let mut shown = 0;
        while let Some(from) = reader.next_number() {
            let Some(line) = self.request(Request::Read { from })? else {
                break;
            };
            reader.read(&line);
            if let Some(gap) = gap_notice(&line) {
                on_line(&gap);
            }
            if domain.is_none_or(|domain| domain == line.name.as_str()) {
                on_line(&text(&line));
                shown += 1;
            }
        }
        Ok(shown)
    }

    fn request(self, request: Request) -> Result<Option<Line>, String> {
        let message = Message::of(encode(&request).as_slice());
        let reply = self.endpoint.call_idempotent(&message);
        let reply = reply.map_err(|error| error.text().to_string())?;
        match root::decode_reply(reply.words()) {
            Ok(line) => Ok(Some(line)),
            Err(Refusal::NoSuchObject) => Ok(None),
            Err(refusal) => Err(refusal.to_string()),
        }
    }
}

/// A line's text without control characters, which a terminal might interpret.
pub fn text(line: &Line) -> String {
    let text = String::from_utf8_lossy(line.text.as_bytes());
    let visible: String = text
        .chars()
        .filter(|character| !character.is_control() || *character == '\t')
        .collect();
    format!("[{}] {visible}", line.name)
}

/// The notice about the dropped lines before this one, if any.
pub fn gap_notice(line: &Line) -> Option<String> {
    (line.dropped > 0).then(|| format!("({} lines were dropped)", line.dropped))
}

/// The position in the log while it is shown, and the end of the log.
#[derive(Debug, Default)]
struct Reader {
    next: u64,
    /// The end of the log when the first line was read.
    end: Option<u64>,
}

impl Reader {
    /// The number of the line to read next; `None` at the end.
    fn next_number(&self) -> Option<u64> {
        let is_done = self.end.is_some_and(|end| self.next >= end);
        (!is_done).then_some(self.next)
    }

    /// Advances past a line.
    fn read(&mut self, line: &Line) {
        self.next = line.number.saturating_add(1);
        self.end.get_or_insert(line.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::Name;
    use runtime::protocol::log::Text;

    fn line(number: u64, end: u64, text: &str) -> Line {
        Line {
            number,
            dropped: 0,
            end,
            name: Name::try_new("kv").expect("a name"),
            text: Text::of(text.as_bytes()),
        }
    }

    #[test]
    fn reads_up_to_the_end_of_the_log_at_the_first_line() {
        let mut reader = Reader::default();
        assert_eq!(reader.next_number(), Some(0));
        reader.read(&line(0, 2, ""));
        assert_eq!(reader.next_number(), Some(1));
        reader.read(&line(1, 9, ""));
        assert_eq!(reader.next_number(), None);
    }

    #[test]
    fn a_false_line_number_ends_the_reading() {
        let mut reader = Reader::default();
        reader.read(&line(u64::MAX, 0, ""));
        assert_eq!(reader.next_number(), None);
    }

    #[test]
    fn reports_how_many_lines_were_dropped() {
        assert_eq!(gap_notice(&line(7, 20, "")), None);
        let after_some = Line {
            dropped: 7,
            ..line(7, 20, "")
        };
        assert_eq!(
            gap_notice(&after_some).as_deref(),
            Some("(7 lines were dropped)")
        );
    }

    #[test]
    fn a_line_has_its_name_and_cannot_control_a_terminal() {
        assert_eq!(text(&line(0, 1, "a\u{1b}[2J\tb\u{9b}\r\n")), "[kv] a[2J\tb");
    }
}
