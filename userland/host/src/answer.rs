//! A line of an answer: [`Line`], for people and as JSON.

use std::time::Duration;

/// A line that a migration server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(String);

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Done,
    /// Not; the line says why.
    Failed,
}

impl Line {
    /// The line in a datagram. Control characters, which a terminal might obey, are dropped.
    pub fn of_datagram(datagram: &[u8]) -> Line {
        let text = String::from_utf8_lossy(datagram);
        Line(
            text.trim_end()
                .chars()
                .filter(|character| !character.is_control())
                .collect(),
        )
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// How the command ended, if this is an answer's last line.
    pub fn end(&self) -> Option<End> {
        match self.0.split([' ', ':']).next() {
            Some("done") => Some(End::Done),
            Some("failed") => Some(End::Failed),
            _ => None,
        }
    }

    /// The line as a JSON object: when it came, in microseconds since the question, what it is, and its words.
    pub fn to_json(&self, elapsed: Duration) -> String {
        let mut words = self.0.splitn(2, ' ');
        let kind = words.next().unwrap_or_default().trim_end_matches(':');
        let rest = words.next().unwrap_or_default();
        let (at, kind, rest) = (elapsed.as_micros(), quoted(kind), quoted(rest));
        format!("{{\"at_us\":{at},\"event\":{kind},\"text\":{rest}}}")
    }
}

/// A JSON string (RFC 8259, section 7). The text has no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_last_line() {
        assert_eq!(Line::of_datagram(b"done\n").end(), Some(End::Done));
        assert_eq!(
            Line::of_datagram(b"failed: no machine\n").end(),
            Some(End::Failed)
        );
        assert_eq!(Line::of_datagram(b"phase Finished\n").end(), None);
    }

    #[test]
    fn a_line_cannot_command_the_terminal_nor_leave_its_json_string() {
        let line = Line::of_datagram(b"domain \x1b[2J\"\\ x\n");
        assert_eq!(line.text(), "domain [2J\"\\ x");
        assert_eq!(
            line.to_json(Duration::from_micros(7)),
            r#"{"at_us":7,"event":"domain","text":"[2J\"\\ x"}"#
        );
    }
}
